"""Which manifests and archived files say what the ledger says; every other one is a claim and opens nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from phasegate.engine.desk import Desk
from phasegate.engine.views import wanted_views
from phasegate.errors import Failure
from phasegate.evidence import manifest
from phasegate.ledger.state import State

FOLDERS = ("investigations", "archive/investigations")
"""Where manifests lie: of open phases, and of closed ones."""

Says = Literal["recorded", "stale", "claimed", "unreadable", "missing"]


class Standing(msgspec.Struct, frozen=True):
    """How far a manifest can be believed; only `recorded` is what the ledger holds."""

    path: str
    says: Says
    why: str


def standings(desk: Desk, state: State, found: Mapping[str, bytes | None]) -> tuple[Standing, ...]:
    """The standing of every manifest `found` (path -> content, None when it cannot be read), and of those missing."""
    wanted = wanted_views(desk, state, state.run_in(desk.worktree))
    rendered = {path: _sha256(content) for path, content in wanted.items() if path.endswith(f"/{manifest.NAME}")}
    archived = archived_manifests(state)
    shown = state.views.get(desk.worktree, {})
    there = [_standing(path, content, rendered, archived, shown) for path, content in sorted(found.items())]
    gone = sorted((rendered | archived).keys() - found.keys())
    missing = (Standing(path, "missing", "the ledger has it, the work tree has not") for path in gone)
    return (*there, *missing, *_beside(desk, state, set(found)))


def _beside(desk: Desk, state: State, found: set[str]) -> Iterator[Standing]:
    """What else lies in the archives that are here, and is not as it was when its phase closed."""
    for record in state.phases.values():
        for file in record.files if record.manifest in found else ():
            if file.path == record.manifest:
                continue
            try:
                content = desk.files.read(file.path)
            except Failure as failure:
                yield Standing(file.path, "unreadable", failure.message)
                continue
            if content is None:
                yield Standing(file.path, "missing", "it was archived when its phase closed")
            elif _sha256(content) != file.sha256:
                yield Standing(file.path, "claimed", "it was changed after its phase was closed")


def archived_manifests(state: State) -> dict[str, str]:
    """The manifest of every closed phase, with the digest recorded when it was closed."""
    return {
        file.path: file.sha256
        for record in state.phases.values()
        for file in record.files
        if file.path.endswith(f"/{manifest.NAME}")
    }


def _standing(
    path: str, content: bytes | None, rendered: Mapping[str, str], archived: Mapping[str, str], shown: Mapping[str, str]
) -> Standing:
    if content is None:
        return Standing(path, "unreadable", "it is too large, or no regular file")
    digest = _sha256(content)
    if digest in (rendered.get(path), archived.get(path)):
        return Standing(path, "recorded", "it says what the ledger says")
    if path not in archived and shown.get(path) == digest:
        return Standing(path, "stale", "phasegate wrote it, and the ledger says something else now")
    try:
        manifest.read(content)
    except msgspec.DecodeError as problem:
        return Standing(path, "unreadable", f"it is no manifest: {problem}")
    if path in rendered or path in archived:
        return Standing(path, "claimed", "it was changed by another hand")
    return Standing(path, "claimed", "this ledger recorded nothing like it")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
