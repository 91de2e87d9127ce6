"""Other projects of the work tree that a change touches: their suites run too, against what was red there before."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

import msgspec

from phasegate.engine.checks import RUN_ARTIFACT
from phasegate.errors import Failure
from phasegate.evidence.items import TestsSeen
from phasegate.evidence.tests import TestRun, among
from phasegate.settings import Tests
from phasegate.wiring import RealDesk, project_at
from phasegate.workspace.place import NotInitialised


class Other(msgspec.Struct, frozen=True):
    """A suite of another project: the name it runs under here, and its tests that were red when phasegate came."""

    name: str
    tests: Tests
    red: frozenset[str]


def touched(desk: RealDesk, paths: Iterable[str]) -> tuple[Other, ...]:
    """The suites of the other projects that one of `paths` (names in this project) lies in."""
    changed = list(paths)
    folders = [folder for folder in desk.settings.elsewhere if any(_lies_in(path, folder, desk) for path in changed)]
    return tuple(other for folder in sorted(folders) for other in _suites(desk, folder))


def _lies_in(path: str, folder: str, desk: RealDesk) -> bool:
    """Whether `folder` is the deepest project that has the path."""
    return next((each for each in desk.settings.elsewhere if path.startswith(each)), "") == folder


def _suites(desk: RealDesk, folder: str) -> list[Other]:
    suites = desk.settings.elsewhere[folder].all_suites()
    base = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "root"
    red = _red(desk, folder)
    return [
        Other(
            f"{base}-{name}" if name else base,
            msgspec.structs.replace(tests, directory=os.path.normpath(os.path.join(folder, tests.directory))),
            frozenset(id.removeprefix(f"{name}: ") for id in red if not name or id.startswith(f"{name}: ")),
        )
        for name, tests in suites.items()
    ]


def _red(desk: RealDesk, folder: str) -> frozenset[str]:
    """The tests that the other project's own ledger knows as red or flaky since it was adopted."""
    try:
        project = project_at(os.path.normpath(os.path.join(desk.worktree, folder)), os.environ)
    except (NotInitialised, Failure):
        return frozenset()
    try:
        other = RealDesk(project, desk.actor)
        state = other.state()
        taken = state.evidence.get(state.baseline.tests) if state.baseline is not None else None
        kept = [each for each in taken.artifacts if each.name == RUN_ARTIFACT] if taken is not None else []
        red = msgspec.json.decode(other.kept(kept[0]), type=TestRun).red if kept else ()
        return frozenset(red) | frozenset(state.baseline.flaky if state.baseline is not None else ())
    finally:
        project.close()


def judged(tests: TestsSeen, others: Iterable[Other]) -> TestsSeen:
    """`tests` with those of other projects measured by their own baselines: none of them is new here."""
    for other in others:
        start = f"{other.name}: "
        theirs = [test.id for test in tests.red if test.id.startswith(start)]
        known = tuple(id for id in theirs if among(id.removeprefix(start), other.red))
        tests = msgspec.structs.replace(
            tests,
            new=tuple(id for id in tests.new if not id.startswith(start)),
            newly_red=(*(id for id in tests.newly_red if not id.startswith(start)), *(set(theirs) - {*known})),
            excused=(*tests.excused, *known),
        )
    return tests
