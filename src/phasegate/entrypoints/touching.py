"""Other projects of the work tree that a change touches: their suites run too, compared with what they were there."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence

import msgspec

from phasegate.engine.checks import RUN_ARTIFACT
from phasegate.errors import Failure
from phasegate.evidence.items import Artifact, Evidence, TestsSeen
from phasegate.evidence.tests import Baseline, TestRun, among, baseline
from phasegate.ledger.state import State
from phasegate.settings import Tests
from phasegate.wiring import RealDesk, project_at

NAMED = re.compile(r"[a-z0-9-]+: ")
"""How the id of a test begins that is of a suite with a name: the project's own, or of yet another one."""


class Other(msgspec.Struct, frozen=True):
    """A suite of another project: the name it runs under here, and its tests as that project last vouched for them.

    The ids of `before` are those that the suite's tests have here; None when that project knows nothing of them.
    """

    name: str
    tests: Tests
    before: Baseline | None


def touched(desk: RealDesk, paths: Iterable[str], seen: Collection[str], before_ms: int | None) -> tuple[Other, ...]:
    """The suites of the other projects that one of `paths` (names in this project) lies in.

    And those that one of `seen` (ids of tests) is of, so that taking a change back does not lose it. What the other
    projects closed before `before_ms`, or ever, is what they vouch for.
    """
    changed = list(paths)
    return tuple(
        suite
        for folder in sorted(desk.settings.elsewhere)
        for suite in _suites(desk, folder, before_ms)
        if any(_lies_in(path, folder, desk) for path in changed) or any(_is_of(id, suite) for id in seen)
    )


def is_elsewhere(path: str, desk: RealDesk) -> bool:
    """Whether another project has the path."""
    return path.startswith(tuple(desk.settings.elsewhere))


def _lies_in(path: str, folder: str, desk: RealDesk) -> bool:
    """Whether `folder` is the deepest project that has the path."""
    return next((each for each in desk.settings.elsewhere if path.startswith(each)), "") == folder


def _is_of(id: str, suite: Other) -> bool:
    return id.startswith(f"{suite.name}: ")


def _suites(desk: RealDesk, folder: str, before_ms: int | None) -> list[Other]:
    base = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "root"
    before = _vouched(desk, folder, before_ms)
    return [
        Other(
            f"{base}-{name}" if name else base,
            msgspec.structs.replace(tests, directory=os.path.normpath(os.path.join(folder, tests.directory))),
            _named(before, name, f"{base}-{name}" if name else base) if before is not None else None,
        )
        for name, tests in desk.settings.elsewhere[folder].all_suites().items()
    ]


def _named(before: Baseline, there: str, here: str) -> Baseline:
    """The part of a project's baseline that is of its suite `there`, under the name that the suite has here."""
    start = f"{there}: " if there else ""

    def renamed(ids: frozenset[str]) -> frozenset[str]:
        own = [id for id in ids if (id.startswith(start) if start else not NAMED.match(id))]
        return frozenset(f"{here}: {id.removeprefix(start)}" for id in own)

    return Baseline(renamed(before.listed), renamed(before.ran), renamed(before.red))


def _vouched(desk: RealDesk, folder: str, before_ms: int | None) -> Baseline | None:
    """What the other project's own ledger knows: the tests it last closed a phase on, or as they were at adoption."""
    try:
        project = project_at(os.path.normpath(os.path.join(desk.worktree, folder)), os.environ)
    except Failure:
        return None
    try:
        other = RealDesk(project, desk.actor)
        state = other.state()
        kept = [artifact for artifact in _newest(state, before_ms) if artifact.name == RUN_ARTIFACT]
        if not kept:
            return None
        found = baseline([msgspec.json.decode(other.kept(kept[0]), type=TestRun)])
        flaky = frozenset(state.baseline.flaky if state.baseline is not None else ())
        return msgspec.structs.replace(found, red=found.red | flaky)
    finally:
        project.close()


def _newest(state: State, before_ms: int | None) -> Sequence[Artifact]:
    """What is kept of the newest run that is the baseline, or stands behind a phase closed by then.

    No other: a run that an agent had made there since may list less.
    """
    for evidence in reversed(state.evidence.values()):
        if _complete(evidence) and (
            (state.baseline is not None and evidence.id == state.baseline.tests)
            or _closed(state, evidence.phase, before_ms)
        ):
            return evidence.artifacts
    return ()


def _complete(evidence: Evidence) -> bool:
    return isinstance(evidence.seen, TestsSeen) and evidence.seen.complete and evidence.assurance != "claimed"


def _closed(state: State, phase: str, before_ms: int | None) -> bool:
    closed_ms = state.record_of(phase).closed_ms if phase else 0
    return bool(closed_ms) and (before_ms is None or closed_ms < before_ms)


def with_theirs(own: Baseline | None, others: Sequence[Other], run: TestRun) -> Baseline | None:
    """The baseline of this project together with those of the others; None as long as `own` is.

    No test of theirs is new here: whoever owns the project knows it.
    """
    if own is None:
        return None
    listed, ran, red = set(own.listed), set(own.ran), set(own.red)
    for other in others:
        listed.update(result.id for result in run.results if _is_of(result.id, other))
        if other.before is not None:
            listed |= other.before.listed
            ran |= other.before.ran
            red |= other.before.red
    theirs = {test.id for test in run.hollow if any(_is_of(test.id, other) for other in others)}
    return msgspec.structs.replace(
        own, listed=frozenset(listed), ran=frozenset(ran), red=frozenset(red),
        hollow=own.hollow | theirs if own.hollow is not None else None,
    )  # fmt: skip


def excused(others: Sequence[Other], run: TestRun) -> tuple[str, ...]:
    """The red tests of other projects that were red there before."""
    return tuple(
        id
        for other in others
        for id in run.red
        if other.before is not None and _is_of(id, other) and among(id, other.before.red)
    )
