"""What stands behind a decision: found in the ledger by whatever name a person has for it, and put into words."""

from __future__ import annotations

import sys

import msgspec

from phasegate.context.instruction import may_edit, where
from phasegate.context.sentences import observed, sentence
from phasegate.engine.advance import facts_of
from phasegate.engine.judge import shown_views
from phasegate.engine.moments import moment_of
from phasegate.entrypoints.cli.log import utc
from phasegate.errors import Exit, Failure
from phasegate.gates.catalog import CATALOG, ask
from phasegate.gates.interface import Moment, Verdict, some
from phasegate.ledger.custody import CallForged, ChangeUngoverned, HooksMissed, WatchPutBack
from phasegate.ledger.event import Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    CallAsked,
    CallRefused,
    ChangeHeld,
    ChangePutBack,
    ChangeSettled,
    GateSaid,
    PhaseClosed,
    PhaseDeferred,
    StepEntered,
    StopRefused,
)
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import Note, PhaseRecord, Question, State
from phasegate.plain import line
from phasegate.policy.edits import WATCHED, Grounds, object_to
from phasegate.rules.rule import BUILT_IN, LEAD
from phasegate.wiring import RealDesk
from phasegate.workflow.definition import Step
from phasegate.workflow.next import gates_of, transition

WAYS = {
    "own-files": "Say it through a command: `phasegate note`, `phasegate evidence link`, `phasegate record -- CMD`. "
    "A person may edit these files.",
    "secret": "Keep the value outside the tree and name an environment variable instead.",
    "watched": "A person looks with `phasegate answer held` and accepts it or puts it back: `phasegate answer settle`.",
    "ungoverned": "A person looks with `phasegate answer held` and accepts it or puts it back: "
    "`phasegate answer settle`.",
    "ci": "A person looks with `phasegate answer held` and accepts it or puts it back: `phasegate answer settle`.",
    "caller": "Use the client's own tools; a session that is open twice goes on in the one opened first.",
    "after-the-end": "A person brings it back by the command that was named, or begins another run.",
    "plan-demands-less": "Undo it, or let a person accept it: `phasegate answer settle PATH`.",
    "plan-unreadable": "Mend the plan: `phasegate plan check` names what is wrong.",
    "too-large": "Write it in parts, or let a person make an exception: `phasegate waiver add file PATH`.",
    "binary": "Give it the name of what it is, or let a person make an exception: `phasegate waiver add file PATH`.",
    "generated": "Run the tool that writes it, or let a person make an exception: `phasegate waiver add file PATH`.",
    "outside": "Write it below the root, or let a person name the place: `limits.outside` in phasegate.toml.",
    "hooks": "A person takes the hooks out in an orderly way: `phasegate uninstall`; `phasegate pause` stops the run.",
}
"""The permitted way for the rules whose way does not depend on the step."""

REASONS = {
    "": "the step has one way on",
    "start": "the run began",
    "otherwise": "no other way out of the step applied",
    "@asked": "back to the step that asked",
    "@answered": "a person answered its question",
    "@person": "a person changed the step",
    "@free": "a phase that was blocked became free",
}
"""What the words in a transition stand for where they are not conditions."""

TAB = "\t"
"""Between the parts of a failure as a step keeps it."""

RECENT = 3
"""How many decisions about one path or call are told."""

Told = tuple[str, ...]
Past = list[tuple[Event, Fact]]


class NothingToExplain(Failure):
    """Nothing in this project goes by the name that `why` was asked about."""

    code = "nothing-to-explain"
    exit_code = Exit.USAGE


class Explanation(msgspec.Struct, frozen=True):
    """A decision in words: what was decided, by which rule, because of what, on which evidence, what is permitted."""

    what: str
    rule: str = ""
    because: Told = ()
    evidence: Told = ()
    permitted: Told = ()
    position: int = 0
    id: str = ""


def present(opened: RealDesk) -> list[Explanation]:
    """The newest refusal, and what keeps the present step open."""
    state, past = opened.state(), _past(opened)
    refusals = [pair for pair in past if isinstance(pair[1], CallRefused | ChangePutBack | ChangeHeld | WatchPutBack)]
    told = [_event(opened, state, past, *refusals[-1])] if refusals else [Explanation("Nothing was refused so far.")]
    return [*told, *_present_step(opened, state)]


def explain(opened: RealDesk, id_: str) -> list[Explanation]:
    """Everything that goes by the name `id_`, the likeliest meaning first; NothingToExplain when nothing does."""
    state = opened.state()
    if state.planned(id_) or id_ in state.phases:
        return [_phase(opened, state, _past(opened), id_)]
    if id_ in state.notes:
        return [_note(state, state.notes[id_])]
    if id_ in state.questions:
        return [_question(state.questions[id_])]
    if id_ in state.evidence:
        return [_evidence(opened, state, id_)]
    if id_ in CATALOG or id_ == "kind_gates" or id_.startswith(LEAD):
        return _gate(opened, state, id_)
    past = _past(opened)
    found = _at_position(past, id_) or _by_call(past, id_) or _by_path(past, id_)
    if not found:
        raise NothingToExplain(
            f"Nothing here goes by the name {line(id_, 80)!r}.",
            hint="Name a phase, note, question, evidence, gate, tool call or path, "
            "or a position of `phasegate log show`.",
        )
    return [_event(opened, state, past, event, fact) for event, fact in reversed(found[-RECENT:])]


def _past(opened: RealDesk) -> Past:
    """Every event whose content was not erased, with its fact."""
    return [(event, fact) for event in opened.project.log.read() if (fact := fact_of(event)) is not None]


# -- what happened ----------------------------------------------------------------------------------------------------


def _at_position(past: Past, id_: str) -> Past:
    number = id_.removeprefix("@")
    if not (number.isascii() and number.isdecimal()):
        return []
    return [pair for pair in past if str(pair[0].position) == number.lstrip("0")]


def _by_call(past: Past, id_: str) -> Past:
    """The decisions about a tool call: that it was refused, or what it left behind; else that it was let through."""
    judged: Past = [
        (e, f) for e, f in past if isinstance(f, CallRefused | ChangePutBack | WatchPutBack) and f.call == id_
    ]
    asked: Past = [(e, f) for e, f in past if isinstance(f, CallAsked) and f.call == id_]
    return judged or asked


def _by_path(past: Past, id_: str) -> Past:
    return [
        (event, fact)
        for event, fact in past
        if (isinstance(fact, ChangePutBack | ChangeHeld | ChangeSettled | WatchPutBack) and fact.path == id_)
        or (isinstance(fact, ChangeUngoverned) and id_ in fact.paths)
        or (isinstance(fact, CallRefused) and id_ in fact.paths)
    ]


def _event(opened: RealDesk, state: State, past: Past, event: Event, fact: Fact) -> Explanation:
    """One event; decisions are explained, anything else is told."""
    what = f"Event {event.position}, {utc(event.clock.ms)}, by {event.actor.kind} {line(event.actor.name, 60)}: "
    what += _told(fact)
    match fact:
        case CallRefused():
            told = _refused(opened, state, past, event, fact)
        case ChangePutBack() | ChangeHeld():
            told = _changed(opened, state, past, event, fact)
        case WatchPutBack():
            told = _put_back_beside(past, event, fact)
        case CallForged():
            told = _forged(fact)
        case HooksMissed() | ChangeUngoverned():
            told = Explanation("", _rule("ungoverned"), permitted=(WAYS["ungoverned"],))
        case StepEntered():
            told = _entered(opened, state, past, event, fact)
        case StopRefused():
            way = "Do what the step asks for, then `phasegate done`; `phasegate why` says what is missing now."
            told = Explanation("", "a turn handed to the plan ends when its step is done", permitted=(way,))
        case _:
            told = Explanation("")
    return msgspec.structs.replace(told, what=what, position=event.position, id=event.id)


def _told(fact: Fact) -> str:
    """The sentence of a fact, without what its explanation says on lines of its own."""
    match fact:
        case CallRefused(tool=tool, paths=paths, command=command):
            on = f" on {some([line(path) for path in paths])}" if paths else f", `{line(command)}`" if command else ""
            return f"{line(tool, 60)} was refused{on}."
        case ChangePutBack(path=path):
            return f"a change of {line(path)} was put back."
        case WatchPutBack(path=path):
            return f"the watched file {line(path)} was put back."
        case ChangeHeld(path=path):
            return f"a change of {line(path)} is held."
        case _:
            return f"{sentence(fact)}."


def _refused(opened: RealDesk, state: State, past: Past, event: Event, fact: CallRefused) -> Explanation:
    evidence = [f"tool call {fact.call}"] if fact.call else []
    at = _step_before(past, event, fact.run)
    evidence += _at_step(at)
    ways = _ways(opened, state, fact.rule, fact.paths, at[1].phase if at else "")
    return Explanation("", _rule(fact.rule), (fact.reason,), tuple(evidence), ways)


def _changed(opened: RealDesk, state: State, past: Past, event: Event, fact: ChangePutBack | ChangeHeld) -> Explanation:
    at = _step_before(past, event, fact.run)
    ways = _ways(opened, state, fact.rule, (fact.path,), at[1].phase if at else "")
    if isinstance(fact, ChangePutBack):
        asked = next((f for _, f in past if isinstance(f, CallAsked) and f.call == fact.call), None)
        said = f": {sentence(asked)}" if asked else ""
        call = (f"tool call {fact.call}{said}",) if fact.call else ()
        kept = (f"`{fact.command}` brings back what the file held.",) if fact.command else ()
        because = ("exactly one call could have made the change, so it could be undone safely",)
        return Explanation("", _rule(fact.rule), because, (*call, *_at_step(at)), (*ways, *kept))
    later = [f for e, f in past if isinstance(f, ChangeSettled) and e.position > event.position]
    settle = f"Undo it by hand, or let a person accept it: `phasegate answer settle {line(fact.path)}`."
    way = "It is settled since." if any(f.path == fact.path for f in later) else f"{settle} Until then no gate opens."
    return Explanation("", _rule(fact.rule), (fact.why,), tuple(_at_step(at)), (way, *ways))


def _put_back_beside(past: Past, event: Event, fact: WatchPutBack) -> Explanation:
    asked = next((f for _, f in past if isinstance(f, CallAsked) and f.call == fact.call), None)
    evidence = ((f"tool call {fact.call}: {sentence(asked)}",) if asked else ()) + tuple(
        _at_step(_step_before(past, event, fact.run))
    )
    because = (fact.why, "exactly one call could have made the change, and the file is one that nobody else writes")
    kept = f"A person may change it; `{fact.command}` brings back what it held."
    return Explanation("", _rule(WATCHED), because, evidence, (kept,))


def _forged(fact: CallForged) -> Explanation:
    above = f"the programs above it: {some([line(each, 60) for each in fact.above])}"
    return Explanation("", _rule("caller"), (fact.why,), (above,), (WAYS["caller"],))


def _rule(name: str) -> str:
    if name.startswith(LEAD):
        return f"{name}: a rule of this project; `phasegate policy docs` lists them all"
    return f"{name}: {BUILT_IN[name]}" if name in BUILT_IN else name


def _ways(opened: RealDesk, state: State, rule: str, paths: Told, phase: str) -> Told:
    """How what was refused may be done."""
    if rule != "step":
        return (WAYS[rule],) if rule in WAYS else ()
    kind = state.kind_of(phase) if phase else ""
    return tuple(_way(opened, path, kind) for path in paths[:RECENT])


def _way(opened: RealDesk, path: str, kind: str) -> str:
    workflow = opened.workflow
    steps = [
        step.name
        for step in workflow.steps
        if step.does and object_to(path, Grounds(opened.settings, workflow, step.name, kind)) is None
    ]
    if not steps:
        return f"No step of a {kind} phase edits {line(path)}. Put the change into a phase of another kind."
    return f"{line(path)} may be edited in {' and '.join(steps)}; `phasegate done` ends the present step."


def _step_before(past: Past, event: Event, run: str) -> tuple[Event, StepEntered] | None:
    """The step the run was in when `event` was recorded."""
    entered = [(e, f) for e, f in past if isinstance(f, StepEntered) and f.run == run and e.position < event.position]
    return entered[-1] if run and entered else None


def _at_step(at: tuple[Event, StepEntered] | None) -> list[str]:
    if at is None:
        return ["no run was active"]
    event, entered = at
    return [f"event {event.position}: the run was in step {entered.step} of phase {line(entered.phase, 40)}"]


def _entered(opened: RealDesk, state: State, past: Past, event: Event, fact: StepEntered) -> Explanation:
    """A transition: its condition, what was known of the tree then, and what the step asks for."""
    rule = REASONS.get(fact.why, fact.why)
    left, step = _step(opened, fact.came_from), _step(opened, fact.step)
    kind = state.kind_of(fact.phase)
    asked = gates_of(opened.workflow, left, kind, state.record_of(fact.phase).lane) if left else ()
    because = [f"leaving {left.name} asks {some(asked, 12)}"] if left and asked else []
    if fact.loop:
        because.append("the step counts one loop of the phase")
    if fact.failure:
        because.append(f"red then: {some([row.partition(TAB)[0] for row in fact.failure.splitlines() if TAB in row])}")
    evidence = [f"{item.id}: {observed(item)}" for item in state.evidence.values() if item.subject == fact.subject]
    permitted = [f"{step.does} You may edit: {may_edit(opened.workflow, step, kind)}."] if step and step.does else []
    return Explanation("", rule, tuple(because), tuple(evidence[-RECENT:]), tuple(permitted))


def _step(opened: RealDesk, name: str) -> Step | None:
    return next((step for step in opened.workflow.steps if step.name == name), None)


# -- what is now ------------------------------------------------------------------------------------------------------


def _moment(opened: RealDesk, state: State) -> Moment | None:
    """The run of this work tree and the tree as it is; nothing is recorded."""
    run = state.run_in(opened.worktree)
    if run is None:
        return None
    seen = opened.tree.observe(shown_views(opened, state))
    return moment_of(opened, state, run, seen)


def _present_step(opened: RealDesk, state: State) -> list[Explanation]:
    moment = _moment(opened, state)
    if moment is None:
        return [Explanation("No run is active in this work tree.", permitted=("Begin one: `phasegate start`.",))]
    step = opened.workflow.step(moment.run.step)
    if step.rests:
        asked = tuple(f"{question.id}: {question.text}" for question in state.open_questions())
        way = "A person answers: `phasegate answer list`."
        return [Explanation(f"The run waits: {where(moment)}.", "it goes on when a person answered", asked, (), (way,))]
    verdicts = ask(step.leaves_when, moment)
    shut = [_verdict(opened, moment, verdict) for verdict in verdicts if not verdict.passes]
    if shut:
        return [Explanation(f"What keeps the step open, {where(moment)}:"), *shut]
    return [_next(opened, moment, step)]


def _next(opened: RealDesk, moment: Moment, step: Step) -> Explanation:
    """Nothing holds the step: where it would lead, and which gates say so."""
    verdicts = ask(gates_of(opened.workflow, step, moment.kind, moment.lane), moment)
    taken = transition(step, facts_of(opened, moment, verdicts))
    because = tuple(f"{v.gate} {_says(v)}: {'; '.join(v.reasons)}" for v in verdicts if v.gate in CATALOG)
    leads = f"`phasegate done` would lead to {taken.to}." if taken else "No way out of the step applies now."
    condition = f"it leaves when {some(step.leaves_when, 12)} pass" if step.leaves_when else "it waits for no gate"
    return Explanation(f"Nothing keeps the step open, {where(moment)}.", condition, because, (), (leads,))


def _says(verdict: Verdict) -> str:
    return {"pass": "passes", "fail": "fails", "unknown": "cannot tell"}[verdict.says]


def _verdict(opened: RealDesk, moment: Moment, verdict: Verdict) -> Explanation:
    evidence = [
        f"{id_}: {observed(moment.state.evidence[id_])}" if id_ in moment.state.evidence else id_
        for id_ in verdict.evidence
    ]
    ways = (verdict.remedy,) if verdict.remedy else ()
    return Explanation(
        f"The gate {verdict.gate} {_says(verdict)}.",
        _opens(verdict.gate),
        verdict.reasons,
        tuple(evidence),
        ways,
        id=verdict.gate,
    )


def _opens(name: str) -> str:
    """When a gate is open, in the words of its own file."""
    if name.startswith(LEAD):
        return "what a rule of this project demands is there"
    gate = CATALOG.get(name)
    return (sys.modules[gate.__module__].__doc__ or "").strip() if gate is not None else "every gate of the kind passes"


def _gate(opened: RealDesk, state: State, name: str) -> list[Explanation]:
    """A gate (or all of the phase's kind) asked now, and where it counts."""
    moment = _moment(opened, state)
    if moment is None:
        return [Explanation(f"The gate {name} is not asked: no run is active.", _opens(name), id=name)]
    names = opened.workflow.closing_gates(moment.kind, moment.lane) if name == "kind_gates" else (name,)
    step = opened.workflow.step(moment.run.step)
    told = [_verdict(opened, moment, verdict) for verdict in ask(names, moment)]
    if name in step.leaves_when:
        counts = f"The step {step.name} leaves on it."
    elif name in gates_of(opened.workflow, step, moment.kind, moment.lane) or name == "kind_gates":
        counts = "It decides where the step leads, or that the phase closes."
    else:
        steps = [
            row.name
            for row in opened.workflow.steps
            if name in gates_of(opened.workflow, row, moment.kind, moment.lane)
        ]
        counts = f"It is asked in {' and '.join(steps)}." if steps else "This workflow never asks it."
    return [msgspec.structs.replace(each, because=(*each.because, counts)) for each in told]


def _note(state: State, note: Note) -> Explanation:
    place = f" at {note.file}:{note.line}" if note.file else ""
    category = f", {note.category}" if note.category else ""
    what = f"{note.id} ({note.kind}, {note.severity}{category}){place}, by {note.author}: {line(note.text, 400)}"
    if note.resolved:
        return Explanation(what, "it is settled", (note.resolved,), position=note.position, id=note.id)
    about = note.about.partition(":")[2]
    asked = next((question for question in state.questions.values() if question.note == note.id), None)
    if note.about.startswith(("test:", "gate:")):
        rule, way = f"nobody settles it by saying so; it is settled when {about} passes", note.remedy
    elif note.category == "strategic" and (asked is None or asked.open):
        rule = "it is strategic: the documents say it first, then a person settles it"
        way = f"`phasegate answer approve {asked.id} WORDS`" if asked else f'`phasegate note ask {note.id} "QUESTION"`'
    else:
        rule, way = "it is settled by saying how", f'`phasegate note resolve {note.id} "HOW"`'
    closes = note.severity == "strategic" or (note.kind != "discovery" and note.severity != "minor")
    holds = f"it keeps phase {note.phase} from closing" if closes and note.phase else "it keeps nothing from closing"
    return Explanation(what, rule, (holds,), permitted=(way,) if way else (), position=note.position, id=note.id)


def _question(question: Question) -> Explanation:
    what = f"{question.id}, asked {utc(question.at_ms)}: {line(question.text, 500)}"
    waits = tuple(f"{name} {value} waits for it" for name, value in
                  (("note", question.note), ("phase", question.phase), ("step", question.step)) if value)  # fmt: skip
    if question.open:
        ways = (f'A person answers: `phasegate answer approve {question.id} "WORDS"`, or `reject`.',)
        return Explanation(what, "a person decides, never an agent", waits, (), ways, id=question.id)
    words = f", saying: {question.words}" if question.words else ""
    answer = f"{question.by} answered {question.verdict}{words} ({question.approval} approval)"
    return Explanation(what, "a person decided", (answer,), id=question.id)


def _evidence(opened: RealDesk, state: State, id_: str) -> Explanation:
    item = state.evidence[id_]
    seen = opened.tree.observe(shown_views(opened, state))
    fresh = item.speaks_for(seen.subject)
    what = f"{id_}, {item.assurance} by {line(item.collector, 60)}: {observed(item)}"
    because = "it speaks for the tree as it is" if fresh else "it was made on another tree, or only claimed"
    kept = tuple(f"{artifact.name} {artifact.sha256[:12]}, {artifact.size} bytes" for artifact in item.artifacts)
    ways = () if fresh else ("`phasegate check tests` records what holds now.",)
    return Explanation(what, "evidence counts for exactly the tree it was made on", (because,), kept, ways, id=id_)


# -- phases -----------------------------------------------------------------------------------------------------------


def _phase(opened: RealDesk, state: State, past: Past, id_: str) -> Explanation:
    """Why a phase is closed, deferred, worked on or open."""
    record, listed = state.record_of(id_), state.planned(id_)
    title = f"Phase {id_} ({line(listed.title, 100)})" if listed else f"Phase {id_}"
    kind = state.kind_of(id_)
    if record.status in ("closed", "publishing"):
        return _closed(state, past, record, f"{title}, {kind}, is closed.")
    if id_ in state.imported:
        because = ("its box was ticked before the ledger was born",)
        return Explanation(f"{title} is done.", "what was ticked before is accepted, not proved", because, id=id_)
    if record.status == "deferred":
        return _deferred(state, past, record, f"{title}, {kind}, is deferred: not done, and not worked on.")
    if record.status == "started":
        return _started(opened, state, record, title)
    blocked = [other for other in (listed.blocked_by if listed else ()) if not state.is_closed(other)]
    because = (f"it is blocked by phase {', '.join(blocked)}",) if blocked else ("its turn has not come",)
    rule = "phases are taken in the order of the plan, each when the ones it is blocked by are closed"
    return Explanation(f"{title}, {kind}, is open.", rule, because, permitted=("`phasegate start`",), id=id_)


def _closed(state: State, past: Past, record: PhaseRecord, what: str) -> Explanation:
    closed = [(event, fact) for event, fact in past if isinstance(fact, PhaseClosed) and fact.phase == record.id]
    event, fact = closed[-1]
    because = (f"closed {utc(event.clock.ms)} on the tree {fact.subject[:12]}",)
    gates = [_said(said) for said in fact.gates]
    kept = f"{len(fact.files)} archived in {fact.archive}"
    rule = f"a {state.kind_of(record.id)} phase closes when every gate of its kind passes"
    return Explanation(what, rule, because, (*gates, kept), position=event.position, id=record.id)


def _said(said: GateSaid) -> str:
    waived = f", by the exception {said.waived}" if said.waived else ""
    return f"{said.gate}: {said.says}{waived}" + (f" ({', '.join(said.evidence)})" if said.evidence else "")


def _deferred(state: State, past: Past, record: PhaseRecord, what: str) -> Explanation:
    found = [(event, fact) for event, fact in past if isinstance(fact, PhaseDeferred) and fact.phase == record.id]
    event, fact = found[-1]
    question = state.questions.get(fact.question)
    evidence = (f"the report: {fact.report}", f"event {event.position}")
    if question is not None and question.open:
        ways = (f'A person answers {question.id}: `phasegate answer approve {question.id} "WORDS"`.',)
    else:
        ways = ("Its question is answered; the run takes it up again by itself.",)
    rule = "a phase that goes round in circles is put to a person"
    return Explanation(what, rule, (fact.why,), evidence, ways, event.position, record.id)


def _started(opened: RealDesk, state: State, record: PhaseRecord, title: str) -> Explanation:
    kind = state.kind_of(record.id)
    rule = f"a {kind} phase closes when every gate of its kind passes"
    moment = _moment(opened, state)
    if moment is None or moment.run.phase != record.id:
        elsewhere = (f"the run {record.run} began it and is not active in this work tree",)
        return Explanation(f"{title}, {kind}, is not closed.", rule, elsewhere, id=record.id)
    verdicts = ask(opened.workflow.closing_gates(kind, record.lane), moment)
    shut = tuple(f"{v.gate} {_says(v)}: {'; '.join(v.reasons)}" for v in verdicts if not v.passes)
    because = shut or ("every gate passes; it closes at its step",)
    evidence = tuple(f"{v.gate} passes: {'; '.join(v.reasons)}" for v in verdicts if v.passes)
    ways = tuple(dict.fromkeys(v.remedy for v in verdicts if v.remedy and not v.passes))
    what = f"{title}, {kind}, is being worked on, at step {moment.run.step}."
    return Explanation(what, rule, because, evidence, ways, id=record.id)
