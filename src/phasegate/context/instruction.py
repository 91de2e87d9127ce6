"""What the agent is told at a step: where it is, what to do, what it may edit, what the step leaves on."""

from __future__ import annotations

from phasegate.context.plain import line
from phasegate.gates.interface import Moment, Verdict
from phasegate.ledger.state import Note, Question
from phasegate.workflow.definition import Step, Workflow

TASKS_SHOWN = 12
NOTES_SHOWN = 6


def where(moment: Moment) -> str:
    """One line: phase, step and loop."""
    listed, run = moment.listed, moment.run
    phase = f"phase {line(run.phase, 40)}" + (f" ({line(listed.title, 80)})" if listed else "")
    loops = f", loop {moment.phase.loops}" if moment.phase.loops else ""
    return f"{phase}, kind {moment.kind}, step {run.step}{loops}" if run.phase else f"step {run.step}"


def instruction(moment: Moment, workflow: Workflow) -> str:
    """The whole instruction for the present step, in Markdown."""
    step = workflow.step(moment.run.step)
    parts = [f"phasegate: {where(moment)}.", step.does or _resting(moment, step)]
    if step.does:
        parts.append(f"You may edit: {may_edit(workflow, step, moment.kind)}.")
        parts += _tasks(moment) + _notes(moment) + _answers(moment)
        parts.append("When it is done run `phasegate done`. `phasegate next` shows this again.")
    return "\n".join(part for part in parts if part)


def may_edit(workflow: Workflow, step: Step, kind: str) -> str:
    """What may be edited in `step` of a phase of `kind`, in words."""
    rows: dict[str, tuple[str, ...]] = {row.name: row.may_edit for row in workflow.kinds}
    open_ = [entry for entry in step.may_edit if entry in rows.get(kind, (entry,)) or "/" in entry or "*" in entry]
    return ", ".join(open_) or "nothing"


def _resting(moment: Moment, step: Step) -> str:
    if step.ends:
        return "The plan is complete. Nothing is left to do."
    waiting = [f"- {q.id}: {line(q.text)}" for q in moment.state.open_questions()]
    return "Waiting for a person. You may stop.\n" + "\n".join(waiting)


def _tasks(moment: Moment) -> list[str]:
    listed = moment.listed
    if listed is None or not listed.tasks:
        return []
    rows = [f"- {task.id} {line(task.text)}" + (" (linked)" if task.id in moment.phase.links else "")
            for task in listed.tasks]  # fmt: skip
    more = [f"- and {len(rows) - TASKS_SHOWN} more in {moment.state.plan_path}"] if len(rows) > TASKS_SHOWN else []
    detail = [f"Its detail file: {line(listed.detail)}"] if listed.detail else []
    return ["Tasks of the phase:", *rows[:TASKS_SHOWN], *more, *detail]


def _notes(moment: Moment) -> list[str]:
    notes = moment.state.open_notes(moment.run.phase)
    if not notes:
        return []
    more = [f"- and {len(notes) - NOTES_SHOWN} more: `phasegate note list`"] if len(notes) > NOTES_SHOWN else []
    return ["Open notes:", *(_note(note) for note in notes[:NOTES_SHOWN]), *more]


def _note(note: Note) -> str:
    place = f" at {line(note.file, 100)}:{note.line}" if note.file else ""
    category = f", {note.category}" if note.category else ""
    return f"- {note.id} ({note.kind}, {note.severity}{category}){place}: {line(note.text)}"


def _answers(moment: Moment) -> list[str]:
    answered = [q for q in moment.state.questions.values() if q.phase == moment.run.phase and q.verdict]
    return ["A person answered:", *(_answer(question) for question in answered[-3:])] if answered else []


def _answer(question: Question) -> str:
    words = f": {line(question.words, 400)}" if question.words else ""
    return f"- {question.id} ({line(question.text)}) {question.verdict}d{words}".replace("rejectd", "rejected")


def unmet(verdicts: tuple[Verdict, ...]) -> str:
    """Which gates are not open, why, and what opens each."""
    rows = []
    for verdict in verdicts:
        if not verdict.passes:
            reasons = "; ".join(line(reason, 400) for reason in verdict.reasons)
            rows.append(f"- {verdict.gate} {'fails' if verdict.says == 'fail' else 'cannot tell'}: {reasons}.")
            if verdict.remedy:
                rows.append(f"  {line(verdict.remedy, 300)}")
    return "\n".join(rows)
