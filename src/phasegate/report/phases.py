"""Which phases closed on what, which wait for a person and why; and what each of them changed."""

from __future__ import annotations

from collections.abc import Mapping

from phasegate.ledger.driving import AttemptChosen, PhaseCommitted
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    PhaseClosed,
    PhaseDeferred,
    PhaseReopened,
    RunStarted,
    StepEntered,
)
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.report import observations
from phasegate.report.gathering import Seen
from phasegate.report.observations import Observations
from phasegate.report.values import Chosen, Closed, Deferred, Figure, File, event, figure, unknown

OF_TESTS = frozenset({"tests_ran", "no_new_red", "red_first", "same_tests"})
"""Gates that read test runs."""


class Phases:
    """Phases as they are taken up, change files, close, are deferred and committed."""

    takes: tuple[type[Fact], ...] = (
        RunStarted, StepEntered, PhaseClosed, PhaseDeferred, PhaseReopened, PhaseCommitted, AttemptChosen,
    )  # fmt: skip

    def __init__(self) -> None:
        self.worktrees: dict[str, str] = {}
        self.runs_of: dict[str, set[str]] = {}
        self.closings: dict[str, str] = {}
        self._looped: dict[str, list[str]] = {}
        self._commits: dict[str, tuple[PhaseCommitted, str]] = {}
        self.winners: set[str] = set()
        self._deferred: dict[str, tuple[Seen, PhaseDeferred]] = {}
        self.begin(0)

    def begin(self, at: int) -> None:
        self._closed: dict[str, tuple[Seen, PhaseClosed]] = {}
        self._chosen: list[Chosen] = []

    def take(self, seen: Seen) -> None:
        match seen.fact:
            case RunStarted(run=run, worktree=worktree):
                self.worktrees[run] = worktree
                self.runs_of.setdefault(worktree, set()).add(run)
            case StepEntered(phase=phase, loop=True):
                self._looped.setdefault(phase, []).append(event(seen.position))
            case _:
                self._settled(seen)

    def _settled(self, seen: Seen) -> None:
        match seen.fact:
            case PhaseClosed() as closed:
                self._closed[closed.phase] = (seen, closed)
                self.closings[closed.phase] = event(seen.position)
                self._deferred.pop(closed.phase, None)
            case PhaseDeferred() as deferred:
                self._deferred[deferred.phase] = (seen, deferred)
            case PhaseReopened(phase=phase):
                self._deferred.pop(phase, None)
            case PhaseCommitted() as committed:
                self._commits[committed.phase] = (committed, event(seen.position))
            case AttemptChosen(winner=winner) as chosen:
                self.winners.add(winner)
                kept = tuple(chosen.archived.values())
                self._chosen.append(Chosen(chosen.phase, winner, line(chosen.why, 400), kept, event(seen.position)))

    def attempts(self) -> tuple[Chosen, ...]:
        """The choices among attempts, oldest first."""
        return tuple(self._chosen)

    def ids(self) -> tuple[str, ...]:
        """The phases that closed, in the order in which they did."""
        return tuple(self._closed)

    def closed(self, state: State, seen: Observations, took: Mapping[str, Figure]) -> list[Closed]:
        """The phases that closed, in the order in which they did."""
        return [self._one(state, seen, took, *pair) for pair in self._closed.values()]

    def _one(
        self, state: State, observed: Observations, took: Mapping[str, Figure], seen: Seen,
        fact: PhaseClosed,
    ) -> Closed:  # fmt: skip
        asked = {gate.gate for gate in fact.gates}
        found = observed.on(fact.subject, tuple(id for gate in fact.gates for id in gate.evidence))
        passed, red, doubt = observations.passed_and_red(found, bool(asked & OF_TESTS))
        share, lines, unmeasured, doubted = observations.of_changed_lines(found, "covered" in asked)
        shut = [f"the gate {gate.gate} said {gate.says}" for gate in fact.gates if gate.says != "pass"]
        committed, commit_ref = self._commits.get(fact.phase, (None, ""))
        return Closed(
            fact.phase, title(state, fact.phase), state.kind_of(fact.phase), seen.at, event(seen.position),
            File(self.worktrees.get(fact.run, ""), fact.manifest), passed, red, share, lines, unmeasured,
            _files(fact, event(seen.position)), self._loops(fact.phase), _took(took, fact.phase),
            tuple(text for text in (doubt, doubted, *shut) if text), committed.commit if committed else "",
            committed.branch if committed else "", commit_ref,
        )  # fmt: skip

    def deferred(self, state: State, took: Mapping[str, Figure]) -> list[Deferred]:
        """The phases that wait for a person now, the longest-waiting first."""
        return [
            Deferred(
                fact.phase, title(state, fact.phase), seen.at, event(seen.position), line(fact.why, 400),
                File(self.worktrees.get(fact.run, ""), fact.report), self._loops(fact.phase), _took(took, fact.phase),
            )
            for seen, fact in self._deferred.values()
        ]  # fmt: skip

    def _loops(self, phase: str) -> Figure:
        loops = self._looped.get(phase, [])
        return figure(len(loops), loops)

    def loops(self) -> dict[str, list[str]]:
        """The loops of each phase, by the events that count them."""
        return dict(self._looped)


def title(state: State, phase: str) -> str:
    """What the plan calls a phase."""
    listed = state.planned(phase)
    return line(listed.title, 120) if listed else ""


def _took(took: Mapping[str, Figure], phase: str) -> Figure:
    return took.get(phase) or unknown("no step was entered for it since this report begins")


def _files(fact: PhaseClosed, ref: str) -> Figure:
    """The files that changed, as they were counted when the phase closed."""
    return unknown("its trees could not be compared", (ref,)) if fact.changed is None else figure(fact.changed, (ref,))
