"""Everything the ratchets say of the changes between two trees."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from phasegate.ratchets import aware, omissions, recorded, replaced
from phasegate.ratchets.compare import compare_tests
from phasegate.ratchets.languages import ELSEWHERE, could_hold_tests
from phasegate.ratchets.settings_files import is_settings
from phasegate.ratchets.thresholds import compare_settings
from phasegate.ratchets.weakening import Change, Looked


def concerns(path: str) -> bool:
    """Whether a change of this file can weaken what is tested."""
    asked = (could_hold_tests, is_settings, omissions.concerns, recorded.concerns, aware.concerns)
    return not ELSEWHERE.search(path) and any(question(path) for question in asked)


def look(changes: Iterable[Change]) -> Looked:
    """What the changed files check, run or demand less than before."""
    changes = [change for change in changes if concerns(change.path)]
    tests, settings = compare_tests(changes), compare_settings(changes)
    others = (
        question(changes) for question in (omissions.omissions, recorded.rewritten, aware.asked, replaced.replaced)
    )
    found = (*tests.found, *settings.found, *chain.from_iterable(others))
    return Looked(len(changes), found, (*tests.unread, *settings.unread), tests.renamed)
