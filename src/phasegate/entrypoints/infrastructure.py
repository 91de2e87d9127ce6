"""Which files decide how tests run and were changed since a tree, and whether a person has approved what they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from phasegate.collectors.private.language import Language, language
from phasegate.engine.desk import Change
from phasegate.evidence.levels import Infrastructure
from phasegate.evidence.tests import TestRun
from phasegate.infrastructure.files import Files
from phasegate.infrastructure.javascript import module_of
from phasegate.ledger.state import State
from phasegate.settings import Tests
from phasegate.syntax import JAVASCRIPT
from phasegate.wiring import RealDesk, source_roots
from phasegate.workspace.names import Names
from phasegate.workspace.private_tree import Blob

LARGEST = 4 << 20


class Changed(NamedTuple):
    """A file of infrastructure that differs from the tree a phase began on; `mixed`: it holds tests now as well."""

    told: Infrastructure
    path: str
    before: Blob | None
    mixed: bool = False


def changed(desk: RealDesk, start: str, now: str, suites: Mapping[str, Tests]) -> tuple[Changed, ...]:
    """The infrastructure of `suites` that differs between two trees, in so far as it can change a result."""
    if not start or start == now:
        return ()
    known = [found for name in {suite.runner for suite in suites.values()} if (found := language(name)) is not None]
    differing = [change for change in desk.tree.changes(start, now) if not change.too_large]
    modules = _modules(desk, start, differing)
    plain = [change for change in differing if _is_infrastructure(desk, change, known, modules)]
    loaded = {name for change in plain for name in _plugins(desk, change, known)}
    named = _around(desk, start, now, known) if len(plain) < len(differing) else frozenset()
    others = [change for change in differing if change not in plain]
    by_name = [change for change in others if change.path in named or _is_plugin(change.path, loaded)]
    names = Names(desk.project.where.prefix)
    return tuple(_told(desk, change, names, known) for change in [*plain, *by_name])


def _modules(desk: RealDesk, start: str, differing: Iterable[Change]) -> frozenset[str]:
    """The modules of JavaScript that were there: a new file that goes by the name of one stands in its place."""
    if not any(not change.before and change.path.endswith(JAVASCRIPT) for change in differing):
        return frozenset()
    names = Names(desk.project.where.prefix)
    return frozenset(module_of(names.name(path)) for path in desk.tree.whole.listing(start))


def _around(desk: RealDesk, start: str, now: str, known: Iterable[Language]) -> frozenset[str]:
    """What either tree names as running around its tests."""
    names, roots = Names(desk.project.where.prefix), source_roots(desk.project)
    found = set[str]()
    for tree in (start, now):
        blobs = {names.name(path): blob for path, (_, blob) in desk.tree.whole.listing(tree).items()}
        files = Files(blobs, partial(_read_of, desk, blobs), roots)
        found |= {path for each in known for path in each.around(files)}
    return frozenset(found)


def _is_infrastructure(desk: RealDesk, change: Change, known: Iterable[Language], modules: Collection[str]) -> bool:
    new = not change.before and module_of(change.path) not in modules
    tests = desk.settings.class_of(change.path) == "tests"
    return any(
        each.infrastructure(change.path, tests=tests, new=new)
        and each.telling(change.path, _read(desk, change.before))
        != each.telling(change.path, _read(desk, change.after))
        for each in known
    )


def _plugins(desk: RealDesk, change: Change, known: Iterable[Language]) -> Iterator[str]:
    for each in known:
        for blob in filter(None, (change.before, change.after)):
            yield from each.plugins(change.path, _read(desk, blob))


def _is_plugin(path: str, names: set[str]) -> bool:
    plain = path.removesuffix(".py").removesuffix("/__init__")
    return path.endswith(".py") and any(plain == name or plain.endswith(f"/{name}") for name in names)


def _read(desk: RealDesk, blob: str) -> bytes:
    return desk.tree.blob(blob)[: LARGEST + 1] if blob else b""


def _read_of(desk: RealDesk, blobs: Mapping[str, str], path: str) -> bytes:
    return _read(desk, blobs[path])


def _told(desk: RealDesk, change: Change, names: Names, known: Iterable[Language]) -> Changed:
    mixed = bool(change.after) and any(each.mixed(change.path, _read(desk, change.after)) for each in known)
    before = (change.mode_before, change.before) if change.before else None
    return Changed(Infrastructure(change.path, change.before, change.after), names.path(change.path), before, mixed)


def unapproved(found: Iterable[Changed], state: State, today: str) -> tuple[Changed, ...]:
    """Those that no person has approved as they are."""
    return tuple(each for each in found if state.waiver_for("infrastructure", (each.told.subject,), today) is None)


def alike(one: TestRun, other: TestRun) -> bool:
    """Whether two runs come to the same, test by test."""
    return one.complete == other.complete and _outcomes(one) == _outcomes(other)


def _outcomes(run: TestRun) -> dict[str, tuple[str, str]]:
    return {result.id: (result.outcome, result.cause) for result in run.results}
