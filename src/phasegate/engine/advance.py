"""Leaving a step: its gates are asked, one transition applies, and the engine passes through steps without an agent."""

from __future__ import annotations

import msgspec

from phasegate.context.report import deferral
from phasegate.engine import closing, doubts, exceptions, lanes, ruling
from phasegate.engine.circles import circling
from phasegate.engine.desk import Desk, Observation
from phasegate.engine.driving import waits_for_supervisor
from phasegate.engine.judge import shown_views, write_own
from phasegate.engine.moments import moment_of
from phasegate.engine.views import area_of, refresh
from phasegate.errors import Exit, Failure
from phasegate.evidence import manifest
from phasegate.evidence.items import Artifact, CommandSeen, Evidence
from phasegate.gates.catalog import ask
from phasegate.gates.interface import Moment, Verdict
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    BaselineMoved,
    EvidenceRecorded,
    PhaseDeferred,
    PhaseReopened,
    PhaseStarted,
    QuestionAsked,
    QuestionWithdrawn,
    RunEnded,
    StepEntered,
    TreeObserved,
)
from phasegate.ledger.state import Question, RunRecord, State
from phasegate.rules.rule import LEAD
from phasegate.workflow.definition import ASKED, Step, Transition
from phasegate.workflow.next import gates_of, transition
from phasegate.workflow.plan import Phase

CATEGORIES = ("strategic", "research", "implement")
TAKES = "take_next_phase"
BASELINE = "baseline_known"
SMALL_LANE = "trivial"
"""Where a task without a plan begins, if the workflow says at which step."""

MOST_STEPS = 60
"""Steps one call may pass through; a validated definition needs far fewer."""


class RunLost(Failure):
    """The run that a command speaks of has ended or belongs to another work tree."""

    code = "no-active-run"
    exit_code = Exit.USAGE


class RunIsPaused(Failure):
    """A step cannot be ended while the run is paused."""

    code = "run-paused"
    exit_code = Exit.USAGE


class CannotPark(Failure):
    """A phase cannot be set aside, for the workflow has no step that does it."""

    code = "cannot-park"
    exit_code = Exit.WAITING_FOR_PERSON


class Outcome(msgspec.Struct, frozen=True):
    """What trying to leave a step came to: the steps entered, and the verdicts that hold it where it is."""

    state: State
    entered: tuple[str, ...] = ()
    held_by: tuple[Verdict, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether another step was entered."""
        return bool(self.entered)


def run_of(desk: Desk, state: State) -> RunRecord:
    """The run of this work tree that has not ended."""
    run = state.run_in(desk.worktree)
    if run is None:
        raise RunLost("No run is active in this work tree.", hint="Begin one with `phasegate start`.")
    return run


def leave(desk: Desk, state: State, seen: Observation) -> Outcome:
    """Leave the present step if its gates are open, and go on to the next step that needs the agent."""
    state = closing.publish(desk, state)
    over = exceptions.expired(desk, state)
    state = desk.record(over, relying_on=None) if over else state
    run = run_of(desk, state)
    step = desk.workflow.step(run.step)
    if run.status == "paused":
        raise RunIsPaused("The run is paused.", hint="A person takes it up again with `phasegate resume`.")
    if step.rests:
        return _resume(desk, state, seen)
    if run.held:
        return Outcome(state, held_by=ask(("nothing_held",), moment_of(desk, state, run, seen)))
    if step.ends:  # entered, and interrupted before the run was ended
        return Outcome(refresh(desk, _act(desk, state, step, seen)), (step.name,))
    if waits_for_supervisor(state, run):
        return Outcome(state, held_by=(_waiting(state, run),))
    if _baseline_moves(desk, state, run, step, seen):
        state = desk.record([BaselineMoved(run.phase, seen.subject, seen.tree)], relying_on=state)
        run = run_of(desk, state)
    moved = lanes.risen(desk, state, run, seen)
    if moved is not None:
        state = desk.record([moved], relying_on=state)
        run = run_of(desk, state)
    moment = moment_of(desk, state, run, seen)
    resolved = doubts.settled(moment)
    if resolved:
        state = desk.record(resolved, relying_on=state)
        run = run_of(desk, state)
        moment = moment_of(desk, state, run, seen)
    if step.passes_through:
        return _walk(desk, state, seen, ())
    verdicts = ask(step.leaves_when, moment)
    state = ruling.told(desk, moment, step.name, verdicts)
    if not all(verdict.passes for verdict in verdicts):
        return Outcome(state, held_by=tuple(verdict for verdict in verdicts if not verdict.passes))
    return _walk(desk, state, seen, ())


def _waiting(state: State, run: RunRecord) -> Verdict:
    """What holds a step while the supervisor has yet to put away the phase before: the tree must stay as it is."""
    return Verdict(
        "phase_committed", "unknown", (waits_for_supervisor(state, run),),
        "Call `phasegate wait`, then `phasegate done`.",
    )  # fmt: skip


def _baseline_moves(desk: Desk, state: State, run: RunRecord, step: Step, seen: Observation) -> bool:
    """Whether the tree changed before anybody could work on the phase: it starts from the tree as it is now.

    Nobody could test the tree of its start any more, so its baseline would stay unknown for ever. Nothing is moved once
    a step that may edit was entered, or while the tests of the start are known.
    """
    record = state.record_of(run.phase)
    if BASELINE not in step.leaves_when or not seen.subject or seen.subject == record.subject or run.held:
        return False
    idle = all(not desk.workflow.step(v.step).may_edit for v in run.trail if v.phase == run.phase)
    (verdict,) = ask((BASELINE,), moment_of(desk, state, run, seen))
    return idle and not record.loops and not verdict.passes


def _walk(desk: Desk, state: State, seen: Observation, entered: tuple[str, ...]) -> Outcome:
    """Take transitions until a step needs the agent, rests or ends."""
    for _ in range(MOST_STEPS):
        run = run_of(desk, state)
        step = desk.workflow.step(run.step)
        moment = moment_of(desk, state, run, seen)
        verdicts = ask(gates_of(desk.workflow, step, moment.kind, moment.lane), moment)
        taken = transition(step, facts_of(desk, moment, verdicts))
        state = ruling.told(desk, moment, step.name, verdicts)
        if taken is None:
            return Outcome(refresh(desk, state), entered, tuple(v for v in verdicts if not v.passes))
        phase = next_phase(state, desk.worktree) if TAKES in step.acts else None
        asked = _step_that_asked(desk, state, phase)
        if phase is not None and asked:
            return _at_answer(desk, state, phase, asked, seen, entered)
        if not entered and _closes_too_early(desk, state, step, seen):
            state = _step_back(desk, state, seen)
            continue
        state, wanted = _approvals_wanted(desk, state, taken, seen)
        if wanted:
            return Outcome(refresh(desk, state), entered, wanted)
        state = _act(desk, state, step, seen)
        state = _enter(desk, state, taken, verdicts, seen)
        entered = (*entered, run_of(desk, state).step)
        target = desk.workflow.step(entered[-1])
        if target.ends:
            state = _act(desk, state, target, seen)
        if not target.passes_through:
            return Outcome(refresh(desk, state), entered)
    raise AssertionError(f"passed through {MOST_STEPS} steps without meeting the agent")


def _approvals_wanted(
    desk: Desk, state: State, taken: Transition, seen: Observation
) -> tuple[State, tuple[Verdict, ...]]:  # fmt: skip
    """What other people's approval alone keeps from passing behind `taken`: that is waited for, and is no doubt."""
    if taken.to == ASKED or not desk.workflow.step(taken.to).passes_through:
        return state, ()
    step = desk.workflow.step(taken.to)
    moment = moment_of(desk, state, run_of(desk, state), seen)
    verdicts = ask(gates_of(desk.workflow, step, moment.kind, moment.lane), moment)
    shut = tuple(verdict for verdict in verdicts if not verdict.passes)
    onward = transition(step, facts_of(desk, moment, verdicts))
    if not shut or onward is None or not onward.otherwise or not needs_others(moment, shut):
        return state, ()
    return ruling.told(desk, moment, step.name, verdicts), shut


def needs_others(moment: Moment, shut: tuple[Verdict, ...]) -> bool:
    """Whether all that is shut are rules that demand approvals."""
    rules = [moment.settings.rules.rule(verdict.gate.removeprefix(LEAD)) for verdict in shut]
    return bool(rules) and all(rule is not None and rule.approvals is not None for rule in rules)


def facts_of(desk: Desk, moment: Moment, verdicts: tuple[Verdict, ...]) -> dict[str, str]:
    """Every gate's verdict and the value of every fact that a condition may name."""
    named = desk.workflow.closing_gates(moment.kind, moment.lane)
    says: dict[str, str] = {verdict.gate: verdict.says for verdict in verdicts}
    says["kind_gates"] = "pass" if all(says.get(gate) == "pass" for gate in named) else "fail"
    says["kind"], says["lane"] = moment.kind, moment.lane
    open_ = {note.category for note in moment.state.open_notes(moment.run.phase)}
    says["category"] = next((category for category in CATEGORIES if category in open_), "none")
    says["must_escalate"] = "yes" if circling(moment.run, moment.phase, desk.workflow) else "no"
    says["phases_left"] = phases_left(moment.state, desk.worktree)
    return says


def phases_left(state: State, worktree: str) -> str:
    """Whether a phase can be taken up ("yes"), only ones that wait for a person or for those ("blocked"), or none."""
    if next_phase(state, worktree) is not None:
        return "yes"
    return (
        "blocked" if any(not state.is_closed(phase.id) for phase in state.phases_of(state.run_in(worktree))) else "no"
    )


def next_phase(state: State, worktree: str) -> Phase | None:
    """The first phase that is open, not blocked, and not being worked on in another work tree."""
    for phase in state.phases_of(state.run_in(worktree)):
        record = state.record_of(phase.id)
        if state.is_closed(phase.id) or record.status == "deferred":
            continue
        holder = state.runs.get(record.run)
        taken = holder is not None and holder.status != "ended" and holder.worktree != worktree
        if not (record.status == "started" and taken) and all(state.is_closed(id) for id in phase.blocked_by):
            return phase
    return None


def take(desk: Desk, state: State, run: RunRecord, seen: Observation) -> State:
    """Begin the next phase; nothing when none can be taken up."""
    phase = next_phase(state, desk.worktree)
    if phase is None or (run.phase == phase.id and state.record_of(phase.id).status == "started"):
        return state
    lane = SMALL_LANE if phase.id == run.small and desk.workflow.lane(SMALL_LANE).start else "standard"
    started = PhaseStarted(phase.id, run.id, state.kind_of(phase.id), seen.subject, seen.tree, lane)
    return desk.record([started], relying_on=state)


def _act(desk: Desk, state: State, step: Step, seen: Observation) -> State:
    """What the engine does by itself at `step`; each action may be repeated after an interruption."""
    for action in step.acts:
        run = run_of(desk, state)
        match action:
            case "archive_spike":
                state = _archive_spike(desk, state, run, seen)
            case "close_phase":
                state = closing.close(desk, state, run, seen, _kind_verdicts(desk, state, run, seen))
            case "ask_approval":
                state = lanes.ask_approval(desk, state, run, seen)
            case "take_next_phase":
                state = take(desk, state, run, seen)
            case "defer_phase":
                state = _defer(desk, state, run, step=run.asked_from or run.step)
            case "end_run":
                state = desk.record([RunEnded(run.id, "complete")], relying_on=state)
    return state


def _kind_verdicts(desk: Desk, state: State, run: RunRecord, seen: Observation) -> tuple[Verdict, ...]:
    moment = moment_of(desk, state, run, seen)
    return ask(desk.workflow.closing_gates(moment.kind, moment.lane), moment)


def _enter(desk: Desk, state: State, taken: Transition, verdicts: tuple[Verdict, ...], seen: Observation) -> State:
    """Record that a step was entered, with the doubts that led to it when it counts a loop."""
    run = run_of(desk, state)
    name = (run.asked_from or desk.workflow.start) if taken.to == ASKED else taken.to
    step = desk.workflow.step(name)
    why = "@asked" if taken.to == ASKED else ", ".join(map(str, taken.when)) or ("otherwise" if taken.otherwise else "")
    failure = state.failure_on(seen.subject) if step.counts_loop else ""
    facts: list[Fact] = [StepEntered(run.id, name, run.step, why, run.phase, seen.subject, step.counts_loop, failure)]
    facts += [
        QuestionWithdrawn(question.id, run.id, f"the agent left {question.step}")
        for question in state.open_questions()
        if question.run == run.id and not question.phase and not question.note and question.step == run.step
    ]
    if step.counts_loop:
        facts += doubts.raised(desk, moment_of(desk, state, run, seen), verdicts)
    return desk.record(facts, relying_on=state)


def _archive_spike(desk: Desk, state: State, run: RunRecord, seen: Observation) -> State:
    """Keep what a spike changed, as evidence of kind command, so that its archive holds it."""
    record = state.record_of(run.phase)
    patch = desk.tree.difference(record.tree, seen.tree)
    artifact: Artifact = desk.keep("spike.patch", patch)
    if any(artifact in evidence.artifacts for evidence in state.evidence.values()):
        return state
    evidence = Evidence(
        desk.new_id("ev"), CommandSeen(("phasegate", "archive-spike"), 0, 0.0), seen.subject, "recorded",
        "phasegate", run.phase, run.id, (artifact,), seen.tree,
    )  # fmt: skip
    return desk.record([EvidenceRecorded(evidence)], relying_on=None)


def _defer(desk: Desk, state: State, run: RunRecord, *, step: str, why: str = "", said: str = "") -> State:
    """Defer the phase: the report for a person, and the one question, unless the agent has asked one already."""
    record = state.record_of(run.phase)
    if record.status == "deferred":
        return state
    why = why or circling(run, record, desk.workflow) or "it could not be settled"
    listed = state.planned(record.id)
    question = (
        f"Phase {record.id} ({listed.title if listed else record.id}) is stuck: {why}. Shall it be taken up again?\n"
        f"Yes takes it up at {step}, where it stood, with its loops counted anew; no does so too, and your words tell "
        "the agent what to do instead. Until you answer, it stays deferred."
    )
    open_ = [q for q in state.open_questions() if q.run == run.id and q.phase == record.id and q.note]
    asks = open_[-1] if open_ and open_[-1].step == step else None
    report = f"{manifest.folder(area_of(desk, state, record), record.id)}/deferred.md"
    text = deferral(state, run, record, why, asks.text if asks else question, said)
    state = write_own(desk, state, report, text.encode())
    facts: list[Fact] = []
    if asks is None:
        facts.append(QuestionAsked(desk.new_id("q"), run.id, question, phase=record.id, step=step))
    id_ = asks.id if asks is not None else facts[0].question  # type: ignore[attr-defined]
    return desk.record([*facts, PhaseDeferred(record.id, run.id, why, report, id_)], relying_on=state)


def park(desk: Desk, state: State, why: str, seen: Observation, said: str = "") -> Outcome:
    """Defer the phase at whatever step it is, and go on with one that does not depend on it, if there is one.

    `said` are the last words of the client, for the report.
    """
    run = run_of(desk, state)
    defers = next((step.name for step in desk.workflow.steps if "defer_phase" in step.acts), "")
    if not defers or not run.phase:
        raise CannotPark(
            f"The workflow {desk.workflow.name} has no step that defers a phase, and {why}.",
            hint="A person takes it up: `phasegate status`, then `phasegate drive` again.",
        )
    state = _defer(desk, state, run, step=run.step, why=why, said=said)
    parked = StepEntered(run.id, defers, run.step, "@parked", run.phase, seen.subject)
    return _walk(desk, desk.record([parked], relying_on=state), seen, (defers,))


def _resume(desk: Desk, state: State, seen: Observation) -> Outcome:
    """Out of waiting: to the step that asked, once its question is answered, or to a phase that became free."""
    run = run_of(desk, state)
    for phase in state.phases_of(run):
        asked = _step_that_asked(desk, state, phase)
        if asked and not state.is_closed(phase.id):
            return _at_answer(desk, state, phase, asked, seen, ())
    if next_phase(state, desk.worktree) is not None:
        entered = StepEntered(run.id, run.asked_from or desk.workflow.start, run.step, "@free", run.phase, seen.subject)
        return _walk(desk, desk.record([entered], relying_on=state), seen, (entered.step,))
    return Outcome(state)


def _at_answer(
    desk: Desk, state: State, phase: Phase, step: str, seen: Observation, entered: tuple[str, ...]
) -> Outcome:
    """The phase is taken up again and goes on at `step`; one append, so that no kill leaves it at another."""
    run = run_of(desk, state)
    started = PhaseStarted(phase.id, run.id, state.kind_of(phase.id), seen.subject, seen.tree)
    back = StepEntered(run.id, step, run.step, "@answered", phase.id, seen.subject)
    return Outcome(refresh(desk, desk.record([started, back], relying_on=state)), (*entered, step))


def _closes_too_early(desk: Desk, state: State, step: Step, seen: Observation) -> bool:
    """Whether a closing that was interrupted finds a gate shut: the tree changed before anybody came back."""
    run = run_of(desk, state)
    if "close_phase" not in step.acts or state.is_closed(run.phase) or not run.asked_from:
        return False
    return any(not verdict.passes for verdict in _kind_verdicts(desk, state, run, seen))


def _step_back(desk: Desk, state: State, seen: Observation) -> State:
    """Back to the step that let the phase close, which asks its gates again."""
    run = run_of(desk, state)
    back = StepEntered(run.id, run.asked_from, run.step, "@again", run.phase, seen.subject)
    return desk.record([back], relying_on=state)


def _step_that_asked(desk: Desk, state: State, phase: Phase | None) -> str:
    """Where a phase goes on that an answer opened again: the step that deferred it; "" for any other phase."""
    if phase is None or state.record_of(phase.id).status != "open":
        return ""
    about = state.record_of(phase.id).question
    asked = [
        q.step
        for q in state.questions.values()
        if q.phase == phase.id and q.verdict and not q.subject and _defers(q, about)
    ]
    return asked[-1] if asked and any(step.name == asked[-1] for step in desk.workflow.steps) else ""


def observe(desk: Desk, state: State) -> tuple[State, Observation]:
    """Digest the tree outside a hook; recorded only where the run knows no tree yet.

    Once it knows one, what differs from it is still to be judged: a command called in the middle of an agent's shell
    call must not make what that call wrote look known.
    """
    run = state.run_in(desk.worktree)
    seen = desk.tree.observe(shown_views(desk, state))
    if run is not None and not run.tree:
        state = desk.record([TreeObserved(run.id, seen.tree, seen.subject)], relying_on=state)
    return state, seen


def reopened(state: State, question: str) -> list[Fact]:
    """What an answer changes beside itself: a phase that was deferred with this question may be taken up again."""
    asked = state.questions[question]
    record = state.record_of(asked.phase)
    deferred = asked.phase and _defers(asked, record.question) and record.status == "deferred"
    return [PhaseReopened(asked.phase)] if deferred else []


def _defers(asked: Question, about: str) -> bool:
    """Whether this is the question that a deferred phase waits for."""
    return asked.id == about if about else not asked.note
