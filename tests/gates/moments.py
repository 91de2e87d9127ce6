"""Moments for gates to look at: a phase with two tasks, started on `before` and now on `now`."""

from __future__ import annotations

from phasegate.evidence.findings import Finding, seen
from phasegate.evidence.items import CoverageSeen, Evidence, RedTest, Seen, TestsSeen
from phasegate.evidence.levels import Assurance
from phasegate.gates.interface import Moment, complete_runs
from phasegate.ledger.state import Note, PhaseRecord, Question, RunRecord, State, Visit
from phasegate.settings import Settings
from phasegate.workflow.plan import Kind, Phase, Task

BEFORE, NOW = "before", "now"


class World:
    """A state to be put together bit by bit."""

    def __init__(self, kind: Kind = "feature", step: str = "implement", no_new_behaviour: bool = False) -> None:
        tasks = (Task("1.1", "One", False, 3), Task("1.2", "Two", False, 4))
        phase = Phase("1", "One", kind, True, "", tasks, (), no_new_behaviour, 1, False, "", "")
        self.run = RunRecord("run", "/w", "start", "default", step, phase="1")
        self.record = PhaseRecord("1", "started", kind, "run", BEFORE, "tree")
        self.state = State(plan=(phase,), runs={"run": self.run}, phases={"1": self.record}, position=9)
        self.settings = Settings()

    def at(self, subject: str = NOW) -> Moment:
        return Moment(self.state, self.run, self.settings, subject)

    def saw(self, seen: Seen, subject: str = NOW, assurance: Assurance = "recorded") -> str:
        id = f"ev-{len(self.state.evidence)}"
        self.state.evidence[id] = Evidence(id, seen, subject, assurance, "pytest", "1", "run")
        return id

    def tests(self, *red: str, subject: str = NOW, cause: str = "assertion", collected: int = 5, **more: object) -> str:
        more.setdefault("newly_red", red)
        more.setdefault("compared_to", self._start())
        found = tuple(RedTest(id, cause) for id in red)
        whole = {"complete": True, "collected": collected, "passed": collected - len(red), "red": found, **more}
        return self.saw(TestsSeen("pytest", **whole), subject)  # type: ignore[arg-type]

    def baseline(self, *red: str, **more: object) -> str:
        return self.tests(*red, subject=BEFORE, newly_red=(), **more)  # type: ignore[arg-type]

    def _start(self) -> str:
        """The run that a later one is compared with, as the runner does it: the newest on the tree of the start."""
        runs = complete_runs(self.state, BEFORE)
        return runs[-1].id if runs else ""

    def covered(self, *, subject: str = NOW, part: int = 9, whole: int = 10, **more: object) -> str:
        return self.saw(CoverageSeen("coverage", part, whole, **more), subject)  # type: ignore[arg-type]

    def compared(self, *weak: Finding, subject: str = NOW, against: str = "tree", **more: object) -> str:
        return self.saw(seen("ratchets", 3, weak, least="low", against=against, **more), subject)  # type: ignore[arg-type]

    def note(self, kind: str = "uncertainty", severity: str = "major", category: str = "", about: str = "") -> Note:
        id = f"note-{len(self.state.notes)}"
        note = Note(id, "run", "1", kind, severity, "?", "", 0, "", category, about, "agent", 0, 5)  # type: ignore[arg-type]
        self.state.notes[id] = note
        return note

    def question(self, note: str, verdict: str = "") -> Question:
        id = f"q-{len(self.state.questions)}"
        self.state.questions[id] = Question(id, "run", "?", note, "1", "", 0, verdict)
        return self.state.questions[id]

    def visited(self, step: str, subject: str) -> None:
        self.run.trail.append(Visit(step, "1", subject, "", False, 3, 0))

    def link(self, *ids: str) -> None:
        self.record.links = {"1.1": ids, "1.2": ids}
