"""What a kill may not break: the ledger, the archive, the plan, the views, and the way through the steps."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from project import FILES, FORBIDDEN, PLAN, Project
from trials import Lost

from phasegate import wiring
from phasegate.engine import plan_watch
from phasegate.engine.views import wanted_views
from phasegate.evidence import manifest
from phasegate.ledger import facts as f
from phasegate.ledger.chain import EMPTY, verify
from phasegate.ledger.fact import Fact
from phasegate.ledger.fold import fold
from phasegate.ledger.log import Head
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import State
from phasegate.workflow.plan_markdown import parse_plan

LITTER = (".phasegate", ".tmp", ".lock")


class Promises:
    """What a kill may not break, checked against a fold of the whole ledger that is kept beside it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.whole = State()
        self._head = EMPTY
        self._facts: set[tuple[str, ...]] = set()
        self._acknowledged: set[tuple[str, ...]] = set()
        self._step = ""
        self._visits: set[tuple[str, str]] = set()

    def acknowledge(self, *facts: tuple[str, ...]) -> None:
        """A call that came back said this was so; from now on it is in the ledger, whatever happens."""
        self._acknowledged.update(facts)

    @property
    def acknowledged(self) -> int:
        """How many effects were acknowledged so far."""
        return len(self._acknowledged)

    def check(self) -> State:
        """What holds at every instant, also straight after a kill; returns the state."""
        with self._project.opened() as desk:
            fresh = list(desk.project.log.read(self._head.position))
            shown = desk.state()
            if broken := verify(fresh, after=self._head):
                raise Lost(f"position {broken.position} {broken.why}: {broken.message}")
            for event in fresh:
                fact = fact_of(event)
                if fact is not None:
                    self._keep_to_the_way(fact)
                    self._facts.add(named(fact))
                fold([event], self.whole)
            if fresh:
                self._head = Head(fresh[-1].position, fresh[-1].hash)
            if shown != self.whole:
                raise Lost("the state from a snapshot differs from the fold of the whole ledger")
            if missing := self._acknowledged - self._facts:
                raise Lost(f"acknowledged, and not in the ledger: {sorted(missing)[:3]}")
            self._check_boxes(desk, exactly=False)
        self._check_notes()
        return shown

    def check_settled(self) -> State:
        """What holds as well once a command has come back: nothing is half done any more."""
        state = self.check()
        with self._project.opened() as desk:
            self._check_boxes(desk, exactly=True)
            for path, content in wanted_views(desk, state, state.run_in(desk.worktree)).items():
                if desk.files.read(path) != content:
                    raise Lost(f"the view {path} is not what the ledger says")
        for record in state.phases.values():
            if record.status == "publishing":
                raise Lost(f"phase {record.id} is closed and a command left it unpublished")
            original = f"{manifest.folder('project', record.id)}/{manifest.NAME}"
            if record.status == "closed" and self._project.read(original) is not None:
                raise Lost(f"phase {record.id} is closed and {original} is still there")
        return state

    def check_end(self, phases: int) -> None:
        """The plan is complete, every archive is whole, and nothing lies about."""
        state = self.check_settled()
        open_ = [phase.id for phase in state.plan if not state.is_closed(phase.id)]
        if open_ or len(state.plan) != phases:
            raise Lost(f"the run is over and phases are open: {open_}")
        for record in state.phases.values():
            self._check_archive(f.FileKept(file.path, file.sha256) for file in record.files)
            if record.loops:
                raise Lost(f"phase {record.id} counts {record.loops} loops, and nothing ever went wrong in it")
        if state.open_questions() and len({q.text for q in state.questions.values()}) != len(state.questions):
            raise Lost("a question is asked twice")
        self._check_litter()
        if (self._project.read(FORBIDDEN) or b"").decode() != FILES[FORBIDDEN]:
            raise Lost(f"{FORBIDDEN} was changed in a step that forbids it, and still is")

    def _keep_to_the_way(self, fact: Fact) -> None:
        """Each phase is started and closed once, and its steps are entered once, each from the one before."""
        match fact:
            case f.StepEntered():
                visit = (fact.phase, fact.step)
                if fact.came_from != self._step or visit in self._visits:
                    raise Lost(f"step {fact.step} of phase {fact.phase} entered from {fact.came_from}, at {self._step}")
                if fact.step == "categorize_uncertainties":
                    raise Lost(f"phase {fact.phase} was sent back ({fact.why}), and nothing was wrong in it")
                self._visits.add(visit)
                self._step = fact.step
            case f.PhaseStarted() | f.PhaseClosed() if named(fact) in self._facts:
                raise Lost(f"{type(fact).__name__} twice for phase {fact.phase}")
            case f.PhaseClosed():
                self._check_archive(fact.files)
            case f.ChangeHeld() if fact.path != FORBIDDEN:
                raise Lost(f"{fact.path} is held ({fact.rule}: {fact.why})")
            case f.ChangePutBack() if fact.path != FORBIDDEN:
                raise Lost(f"{fact.path} was put back ({fact.rule})")
            case _:
                pass

    def _check_archive(self, files: Iterable[f.FileKept]) -> None:
        for file in files:
            content = self._project.read(file.path)
            if content is None or hashlib.sha256(content).hexdigest() != file.sha256:
                raise Lost(f"{file.path} of an archive is {'gone' if content is None else 'another'}")

    def _check_boxes(self, desk: wiring.RealDesk, *, exactly: bool) -> None:
        """No box is ticked that the ledger has not; `exactly`: and all that it has."""
        plan = parse_plan((self._project.read(PLAN) or b"").decode(), path=PLAN)
        ticked = {phase.id for phase in plan.phases if phase.done}
        ticked |= {task.id for phase in plan.phases for task in phase.tasks if task.done}
        right = plan_watch.boxes_of_closed(self.whole)
        if ticked - right or (exactly and ticked != right):
            raise Lost(f"the plan shows {sorted(ticked - right)} too much and {sorted(right - ticked)} too little")

    def _check_notes(self) -> None:
        texts = [(note.phase, note.text) for note in self.whole.notes.values()]
        if len(texts) != len(set(texts)):
            raise Lost(f"a note is there twice: {max(texts, key=texts.count)}")

    def _check_litter(self) -> None:
        for base in (self._project.root, self._project.state_home):
            for folder, _, names in os.walk(base):
                for name in names:
                    if name.endswith(LITTER) and "/hooks" not in folder:
                        raise Lost(f"{os.path.join(folder, name)} was left behind")


def named(fact: Fact) -> tuple[str, ...]:
    """What a fact is known by, for comparing with what was acknowledged."""
    kind = type(fact).__name__
    match fact:
        case f.EvidenceRecorded():
            return kind, fact.evidence.id
        case f.TaskLinked():
            return (kind, fact.phase, fact.task, *fact.evidence)
        case f.StepEntered():
            return kind, fact.phase, fact.step
        case f.CallAsked() | f.CallReturned():
            return kind, fact.call
        case f.NoteAdded() | f.NoteResolved():
            return kind, fact.note
        case f.PhaseStarted() | f.PhaseClosed() | f.ClosurePublished():
            return kind, fact.phase
        case f.QuestionAsked():
            return kind, fact.question
        case f.SessionBegan() | f.StopRefused() | f.PromptTaken():
            return kind, fact.session
        case _:
            return (kind,)
