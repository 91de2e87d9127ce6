"""What a gate is: it looks at a moment and says pass, fail or unknown, with reasons and a remedy."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from phasegate.evidence.items import CoverageSeen, Evidence, NoCoverage, TestsSeen
from phasegate.evidence.tests import red_in_each
from phasegate.ledger.state import PhaseRecord, RunRecord, State, Visit, utc_date
from phasegate.rules.deciding import Decision
from phasegate.settings import Settings
from phasegate.workflow.plan import Phase

Says = Literal["pass", "fail", "unknown"]


class Verdict(msgspec.Struct, frozen=True):
    """What a gate says; `evidence` are the ids it read. Unknown never passes."""

    gate: str
    says: Says
    reasons: tuple[str, ...] = ()
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    waived: str = ""
    """The exception by which a person lets the gate pass, whatever it said by itself."""
    decided: Decision | None = None
    """What a rule came to, where it is one that spoke; a rule that only observes or warns passes, whatever it says."""

    @property
    def passes(self) -> bool:
        """Whether the gate is open."""
        return self.says == "pass"


class Start(msgspec.Struct, frozen=True):
    """The tests on the tree a phase starts from, by every complete run on it: red in each, the most that passed."""

    red: frozenset[str]
    passed: int
    evidence: tuple[str, ...]


class Moment(msgspec.Struct, frozen=True):
    """What gates look at: the state, the run and its phase, and the digest of the tree as it is now ("" = unknown).

    `changed` are the files that differ from the phase's start; None: not known, or no rule asks. `now_ms` is the
    clock's time; 0: that of the newest event, for what is decided about the past.
    """

    state: State
    run: RunRecord
    settings: Settings
    subject: str
    changed: tuple[str, ...] | None = None
    now_ms: int = 0

    @property
    def phase(self) -> PhaseRecord:
        """What happened to the run's phase so far."""
        return self.state.record_of(self.run.phase)

    @property
    def listed(self) -> Phase | None:
        """The run's phase as the plan lists it."""
        return self.state.planned(self.run.phase)

    @property
    def kind(self) -> str:
        """The kind of the run's phase."""
        return self.state.kind_of(self.run.phase)

    @property
    def today(self) -> str:
        """The UTC date; the clock cannot be set back behind the newest event."""
        return utc_date(max(self.now_ms, self.state.now_ms))

    @property
    def lane(self) -> str:
        """The lane that the run's phase goes by."""
        return self.phase.lane

    def tests(self, subject: str) -> tuple[Evidence, TestsSeen] | None:
        """The newest recorded test run on `subject`."""
        found = self.state.newest(TestsSeen, subject=subject)
        return (found, found.seen) if found and isinstance(found.seen, TestsSeen) else None

    def baseline(self) -> Start | None:
        """The tests when the phase began; a later run on that tree can take from what is known red, never add to it."""
        found = complete_runs(self.state, self.phase.subject)
        seen = [evidence.seen for evidence in found if isinstance(evidence.seen, TestsSeen)]
        if not seen:
            return None
        red = red_in_each([test.id for test in tests.red] for tests in seen)
        return Start(red, max(tests.passed for tests in seen), tuple(evidence.id for evidence in found))

    def coverage(self, subject: str) -> tuple[Evidence, CoverageSeen | NoCoverage] | None:
        """The newest recorded coverage on `subject`, or the record that there is none."""
        found = self.state.newest((CoverageSeen, NoCoverage), subject=subject)  # type: ignore[arg-type]
        return (found, found.seen) if found and isinstance(found.seen, CoverageSeen | NoCoverage) else None

    def entered(self, step: str) -> Visit | None:
        """The newest visit of `step` in this run, as far as the run remembers."""
        return next((visit for visit in reversed(self.run.trail) if visit.step == step), None)


def complete_runs(state: State, subject: str) -> list[Evidence]:
    """Every complete test run recorded on `subject`, oldest first."""
    runs = [evidence for evidence in state.evidence.values() if evidence.speaks_for(subject)]
    return [evidence for evidence in runs if isinstance(evidence.seen, TestsSeen) and evidence.seen.complete]


class Gate(Protocol):
    """Looks at evidence. Never runs anything: collectors do that."""

    def __call__(self, moment: Moment) -> Verdict:
        """What the gate says now; its name is filled in by the catalogue."""
        ...


def passed(*reasons: str, evidence: tuple[str, ...] = ()) -> Verdict:
    """An open gate."""
    return Verdict("", "pass", reasons, evidence=evidence)


def failed(*reasons: str, remedy: str, evidence: tuple[str, ...] = ()) -> Verdict:
    """A shut gate, and what opens it."""
    return Verdict("", "fail", reasons, remedy, evidence)


def unknown(*reasons: str, remedy: str, evidence: tuple[str, ...] = ()) -> Verdict:
    """A gate that cannot tell, and what would let it."""
    return Verdict("", "unknown", reasons, remedy, evidence)


def some(items: tuple[str, ...] | list[str], most: int = 5) -> str:
    """The first items as a list in prose, and how many more there are."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
