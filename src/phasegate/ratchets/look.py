"""Everything the ratchets say of the changes between two trees."""

from __future__ import annotations

from collections.abc import Iterable

from phasegate.ratchets.compare import compare_tests
from phasegate.ratchets.languages import could_hold_tests
from phasegate.ratchets.weakening import Change, Looked


def concerns(path: str) -> bool:
    """Whether a change of this file can weaken what is tested."""
    return could_hold_tests(path)


def look(changes: Iterable[Change]) -> Looked:
    """What the changed files check, run or demand less than before."""
    return compare_tests(change for change in changes if could_hold_tests(change.path))
