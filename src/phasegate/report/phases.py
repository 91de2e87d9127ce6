"""Which phases closed on what, which wait for a person and why; and what each of them changed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from phasegate.ledger.driving import AttemptChosen, PhaseCommitted
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    ChangePutBack,
    PathsRehashed,
    PhaseClosed,
    PhaseDeferred,
    PhaseReopened,
    PhaseStarted,
    RunStarted,
    StepEntered,
    TreeObserved,
    ViewRendered,
)
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.report import observations
from phasegate.report.gathering import Seen
from phasegate.report.observations import Observations
from phasegate.report.values import Chosen, Closed, Deferred, Figure, File, event, figure, unknown
from phasegate.settings import Settings

MOST_NAMED = 50
"""An observation names this many changed paths at most; one that names so many may have left some out."""

OF_TESTS = frozenset({"tests_ran", "no_new_red", "red_first", "same_tests"})
"""Gates that read test runs."""


class _Work(msgspec.Struct):
    """What is known of the work on one phase."""

    paths: dict[str, str] = msgspec.field(default_factory=dict)
    loops: list[str] = msgspec.field(default_factory=list)
    cut: bool = False


class Phases:
    """Phases as they are taken up, change files, close, are deferred and committed."""

    takes: tuple[type[Fact], ...] = (
        RunStarted, PhaseStarted, StepEntered, ViewRendered, PathsRehashed, TreeObserved, ChangePutBack,
        PhaseClosed, PhaseDeferred, PhaseReopened, PhaseCommitted, AttemptChosen,
    )  # fmt: skip

    def __init__(self) -> None:
        self.worktrees: dict[str, str] = {}
        self.runs_of: dict[str, set[str]] = {}
        self.closings: dict[str, str] = {}
        self._views: set[str] = set()
        self._in: dict[str, str] = {}
        self._work: dict[str, _Work] = {}
        self._fresh: dict[str, str] = {}
        self._undone: set[tuple[str, str]] = set()
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
            case PhaseStarted(phase=phase, run=run):
                self._in[run] = phase
            case ViewRendered(path=path):
                self._views.add(path)
            case StepEntered() as entered:
                self._entered(entered, seen.position)
            case PathsRehashed() | TreeObserved() | ChangePutBack():
                self._changed(seen.fact, seen.position)
            case _:
                self._settled(seen)

    def _entered(self, fact: StepEntered, position: int) -> None:
        self._in[fact.run] = fact.phase
        if fact.loop:
            self._of(fact.phase).loops.append(event(position))

    def _changed(self, fact: Fact, position: int) -> None:
        run = getattr(fact, "run", "")
        work = self._of(self._in.get(run, ""))
        match fact:
            case PathsRehashed(blobs=blobs):
                work.paths.update(dict.fromkeys(blobs, event(position)))
                self._undone -= {(run, path) for path in blobs}
            case TreeObserved(changed=changed):
                self._observed(work, run, changed, position)
            case ChangePutBack(path=path):
                before = self._fresh.get(path, "")
                work.paths.pop(path, None)
                work.paths.update({path: before} if before else {})
                self._undone.add((run, path))

    def _observed(self, work: _Work, run: str, changed: tuple[str, ...], position: int) -> None:
        """What differs in the tree, less what differs only because it was put back since the last look."""
        back = {path for path in changed if (run, path) in self._undone}
        self._undone -= {(run, path) for path in back}
        news = [path for path in changed if path not in self._views and path not in back]
        self._fresh = {path: work.paths.get(path, "") for path in news}
        work.paths.update(dict.fromkeys(news, event(position)))
        work.cut = work.cut or len(changed) >= MOST_NAMED

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

    def _of(self, phase: str) -> _Work:
        return self._work.setdefault(phase, _Work())

    def attempts(self) -> tuple[Chosen, ...]:
        """The choices among attempts, oldest first."""
        return tuple(self._chosen)

    def ids(self) -> tuple[str, ...]:
        """The phases that closed, in the order in which they did."""
        return tuple(self._closed)

    def closed(self, state: State, settings: Settings, seen: Observations, took: Mapping[str, Figure]) -> list[Closed]:
        """The phases that closed, in the order in which they did."""
        return [self._one(state, settings, seen, took, *pair) for pair in self._closed.values()]

    def _one(
        self, state: State, settings: Settings, observed: Observations, took: Mapping[str, Figure], seen: Seen,
        fact: PhaseClosed,
    ) -> Closed:  # fmt: skip
        asked = {gate.gate for gate in fact.gates}
        found = observed.on(fact.subject, tuple(id for gate in fact.gates for id in gate.evidence))
        passed, red, doubt = observations.passed_and_red(found, bool(asked & OF_TESTS))
        share, lines, unmeasured, doubted = observations.of_changed_lines(found, "covered" in asked)
        shut = [f"the gate {gate.gate} said {gate.says}" for gate in fact.gates if gate.says != "pass"]
        work = self._of(fact.phase)
        committed, commit_ref = self._commits.get(fact.phase, (None, ""))
        return Closed(
            fact.phase, title(state, fact.phase), state.kind_of(fact.phase), seen.at, event(seen.position),
            File(self.worktrees.get(fact.run, ""), fact.manifest), passed, red, share, lines, unmeasured,
            _files(work, settings), figure(len(work.loops), work.loops), _took(took, fact.phase),
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
        loops = self._of(phase).loops
        return figure(len(loops), loops)

    def loops(self) -> dict[str, list[str]]:
        """The loops of each phase, by the events that count them."""
        return {phase: work.loops for phase, work in self._work.items() if work.loops}


def title(state: State, phase: str) -> str:
    """What the plan calls a phase."""
    listed = state.planned(phase)
    return line(listed.title, 120) if listed else ""


def _took(took: Mapping[str, Figure], phase: str) -> Figure:
    return took.get(phase) or unknown("no step was entered for it since this report begins")


def _files(work: _Work, settings: Settings) -> Figure:
    """The files that changed, less phasegate's own and the plan."""
    refs = [ref for path, ref in work.paths.items() if settings.class_of(path) not in ("own", "plan")]
    return Figure(len(refs), *_distinct(refs), least=work.cut)


def _distinct(refs: list[str]) -> tuple[tuple[str, ...], int]:
    made = figure(0, list(dict.fromkeys(refs)))
    return made.refs, made.more
