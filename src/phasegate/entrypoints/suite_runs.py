"""Runs all suites on a private tree: with the phase's own infrastructure first, with a changed one only if need be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from phasegate.collectors.interface import Mutation, SuiteRun
from phasegate.collectors.suites import OPENLY
from phasegate.engine import checks
from phasegate.entrypoints import infrastructure, mutating
from phasegate.entrypoints.infrastructure import Changed
from phasegate.entrypoints.private_runs import Private, private
from phasegate.evidence.levels import Infrastructure, Layer
from phasegate.evidence.tests import Baseline, TestRun, newly_red, tried_again
from phasegate.ledger.state import RunRecord, State
from phasegate.settings import Tests
from phasegate.wiring import RealDesk, run_tests

Say = Callable[[str], None]
MOST_FLAKY = 20
"""Newly red tests above this number are no flaky ones: nothing runs again."""
LAYER = "infrastructure of the phase's start"


class Ran(Struct, frozen=True):
    """What the suites showed, and the changed infrastructure that this hangs on and nobody has approved.

    `mutation` is what was asked about small changes of the changed lines.
    """

    result: SuiteRun
    pending: tuple[Infrastructure, ...] = ()
    mutation: Mutation | None = None


def run(
    desk: RealDesk, state: State, of: RunRecord | None, start: str, tree: str, scratch: str, say: Say,
    others: Mapping[str, Tests],
) -> Ran:  # fmt: skip
    """Run every suite on `tree`; `start` is the tree whose infrastructure is trusted ("" = there is none)."""
    suites = desk.settings.all_suites() | dict(others)
    with private(desk, suites) as place:
        before, _ = checks.baseline_of(desk, state, of) or (None, "")
        asked = mutating.wanted(desk, start, tree, before)
        runs = _Runs(desk, place, tree, scratch, say, others, before, asked)
        if place is None:
            return Ran(runs.settled({}), mutation=asked)
        found = infrastructure.changed(desk, start, tree, suites)
        pending = infrastructure.unapproved(found, state, desk.today())
        if not pending:
            return Ran(_with_layer(runs.settled({}), _nothing_pending(start, found)), mutation=asked)
        return replace(runs.in_turn(pending), mutation=asked)


def _nothing_pending(start: str, found: tuple[Changed, ...]) -> Layer:
    if not start:
        return Layer(LAYER, False, "no phase is under way, so there is no start to compare with")
    return Layer(LAYER, True, f"{len(found)} changed files are approved" if found else "it has not changed")


class _Runs:
    """Runs of the same tree, with one infrastructure or another."""

    def __init__(
        self, desk: RealDesk, place: Private | None, tree: str, scratch: str, say: Say, others: Mapping[str, Tests],
        before: Baseline | None, mutation: Mutation | None,
    ) -> None:  # fmt: skip
        self._before = before
        self._mutation = mutation if mutation is not None and mutation.lines else None
        self._desk, self._place, self._tree = desk, place, tree
        self._scratch, self._say, self._others = scratch, say, others

    def once(self, instead: Mapping[str, Changed]) -> SuiteRun:
        """Run with the files of `instead` as they were at the start."""
        if self._place is None:
            return run_tests(self._desk.project, self._scratch, self._say, self._others, OPENLY)
        way = self._place.hold(self._desk, self._tree, {path: each.before for path, each in instead.items()})
        way = replace(way, mutation=self._mutation if way.inside is not None else None)
        result = run_tests(self._desk.project, self._scratch, self._say, self._others, way)
        why = self._place.why_changed() if way.inside is not None else ""
        return replace(result, tests=replace(result.tests, complete=False, why_incomplete=why)) if why else result

    def settled(self, instead: Mapping[str, Changed]) -> SuiteRun:
        """The same, again as often as the settings allow while tests are newly red, to know which of them are flaky."""
        result = self.once(instead)
        for _ in range(self._desk.settings.evidence.reruns):
            doubtful = self._newly_red(result.tests)
            if not doubtful or not result.tests.complete or len(doubtful) > MOST_FLAKY:
                break
            self._say(f"{len(doubtful)} tests are newly red; running again, to know what is flaky")
            again = self.once(instead)
            result = replace(result, tests=tried_again(result.tests, again.tests, doubtful))
        return result

    def _newly_red(self, run: TestRun) -> tuple[str, ...]:
        return tuple(test.id for test in newly_red(self._before, run)) if self._before is not None else run.red

    def in_turn(self, pending: tuple[Changed, ...]) -> Ran:
        """As it was at the start; and as it is now, when that shows something else and is not yet as good."""
        names = ", ".join(each.told.path for each in pending[:5])
        told = tuple(each.told for each in pending)
        mixed = [each.told.path for each in pending if each.mixed]
        if mixed:
            said = f"{', '.join(mixed[:5])} cannot be put back without the tests in it; a person has to approve it"
            return Ran(_with_layer(self.settled({}), Layer(LAYER, False, said)), told)
        first = self.settled({each.path: each for each in pending})
        if first.tests.complete and first.tests.green and not self._newly_red(first.tests):
            said = f"as good as at the start without the changes to {names}"
            return Ran(_with_layer(first, Layer(LAYER, True, said)))
        self._say(f"red with {names} as before; running again with what is there now")
        second = self.settled({})
        if infrastructure.alike(first.tests, second.tests):
            return Ran(_with_layer(second, Layer(LAYER, True, f"the changes to {names} change no result")))
        layer = Layer(LAYER, True, f"the result hangs on the changes to {names}, which a person has to approve")
        return Ran(_with_layer(second, layer), told)


def _with_layer(result: SuiteRun, layer: Layer) -> SuiteRun:
    levels = tuple(
        replace(level, layers=(*level.layers, layer)) if level.level == "private" else level
        for level in result.tests.levels
    )
    return replace(result, tests=replace(result.tests, levels=levels))
