"""Does a change leave alone what was archived when the phases before it closed?"""

from __future__ import annotations

import os
from collections.abc import Iterator

from phasegate.entrypoints.ledgers_seen import ARCHIVE, Change
from phasegate.evidence import manifest
from phasegate.gates.interface import Verdict, some

GATE = "archives"


def archives_stay(change: Change) -> tuple[Verdict, ...]:
    """A failure when a file was changed, added or removed where the base has a closed phase; else nothing is said."""
    closed = tuple(path.removesuffix(manifest.NAME) for path in _closed(change))
    touched = [path.removeprefix(change.prefix) for path in _touched(change) if path.startswith(closed)]
    if not touched:
        return ()
    return (
        Verdict(
            GATE, "fail", (f"changed after their phase was closed: {some(touched)}",),
            f"Bring them back from {change.base[:12]}: `git checkout {change.base[:12]} -- PATH`.",
        ),
    )  # fmt: skip


def _closed(change: Change) -> Iterator[str]:
    """The manifests of the phases that were closed in the base."""
    listed = _names(change, "ls-tree", "-r", change.base)
    return (path for path in listed if path.endswith(f"/{manifest.NAME}"))


def _touched(change: Change) -> Iterator[str]:
    return _names(change, "diff", "--no-renames", change.base, change.head)


def _names(change: Change, *asked: str) -> Iterator[str]:
    """The files below the archives that git lists."""
    command, *words = asked
    listing = change.repository.run(command, "--name-only", "-z", *words, "--", f"{change.prefix}{ARCHIVE}")
    return (os.fsdecode(path) for path in listing.output.split(b"\0") if path)
