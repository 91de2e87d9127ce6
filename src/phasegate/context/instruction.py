"""What the agent is told at a step: where it is, what to do, what it may edit, what the step leaves on."""

from __future__ import annotations

from phasegate.context.tokens import clipped, fitting
from phasegate.gates.interface import Moment, Verdict
from phasegate.ledger.state import Note, Question
from phasegate.plain import line
from phasegate.workflow.definition import Step, Workflow

TASKS, NOTES, ANSWERS, QUESTIONS = 240, 130, 90, 300
"""Tokens that each list may take of what a session begins with; a command shows the rest."""

ROW = 55
"""Tokens of one row."""


def where(moment: Moment) -> str:
    """One line: phase, step and loop."""
    listed, run = moment.listed, moment.run
    phase = f"phase {line(run.phase, 40)}" + (f" ({clipped(line(listed.title, 80), 25)})" if listed else "")
    loops = f", loop {moment.phase.loops}" if moment.phase.loops else ""
    lane = f", lane {moment.lane}" if moment.lane != "standard" else ""
    return f"{phase}, kind {moment.kind}{lane}, step {run.step}{loops}" if run.phase else f"step {run.step}"


def instruction(moment: Moment, workflow: Workflow) -> str:
    """The whole instruction for the present step, in Markdown."""
    step = workflow.step(moment.run.step)
    parts = [f"phasegate: {where(moment)}.", step.does or _resting(moment, step)]
    if step.does:
        parts.append(f"You may edit: {may_edit(workflow, step, moment.kind)}.")
        parts += _lane(moment)
        parts += _warned(moment) + _tasks(moment) + _notes(moment) + _answers(moment)
        parts.append(
            f"When it is done run `phasegate done`. The skill `phasegate` with `{step.name}`, or `phasegate next`, "
            "shows this again."
        )
    return "\n".join(part for part in parts if part)


def _lane(moment: Moment) -> list[str]:
    """What the lane means now: how far a trivial change may go, or why it is another lane than at first."""
    limits, record = moment.settings.lanes, moment.phase
    if moment.lane == "trivial":
        return [f"A small change: at most {limits.trivial_lines} lines in {limits.trivial_files} files of source and "
                "configuration; more takes the steps of a standard phase."]  # fmt: skip
    return [f"It goes by the lane {moment.lane}: {clipped(line(record.lane_why, 200), 40)}."] if record.lane_why else []


def _warned(moment: Moment) -> list[str]:
    """What rules that warn said last in this phase."""
    said = {rule: told for rule, told in moment.run.ruled.items() if told.mode == "warn" and told.says != "pass"}
    rows = [clipped(f"- {line(rule, 60)}: {line(told.why, 300)}", ROW) for rule, told in said.items()]
    return (
        ["Rules of this project warn (nothing is shut by them):", *fitting(rows, NOTES, "`phasegate why`")]
        if rows
        else []
    )


def may_edit(workflow: Workflow, step: Step, kind: str) -> str:
    """What may be edited in `step` of a phase of `kind`, in words."""
    rows: dict[str, tuple[str, ...]] = {row.name: row.may_edit for row in workflow.kinds}
    open_ = [entry for entry in step.may_edit if entry in rows.get(kind, (entry,)) or "/" in entry or "*" in entry]
    return ", ".join(open_) or "nothing"


def _resting(moment: Moment, step: Step) -> str:
    if step.ends:
        return "The run is complete. Nothing is left to do."
    waiting = [clipped(f"- {q.id}: {line(q.text)}", ROW) for q in moment.state.open_questions()]
    return "\n".join(["Waiting for a person. You may stop.", *fitting(waiting, QUESTIONS, "`phasegate answer list`")])


def _tasks(moment: Moment) -> list[str]:
    listed = moment.listed
    if listed is None or not listed.tasks:
        return []
    linked = {True: " (linked)", False: ""}
    rows = [
        clipped(f"- {line(task.id, 40)} {line(task.text)}", ROW) + linked[_is_linked(moment, task.id)]
        for task in listed.tasks
    ]
    detail = [f"Its detail file: {clipped(line(listed.detail, 100), 25)}"] if listed.detail else []
    return ["Tasks of the phase:", *fitting(rows, TASKS, clipped(line(moment.state.plan_path, 100), 20)), *detail]


def _is_linked(moment: Moment, task: str) -> bool:
    """Whether evidence of the tree as it is, or as the run last saw it, is linked to the task."""
    linked = (moment.state.evidence.get(id_) for id_ in moment.phase.links.get(task, ()))
    return any(evidence.speaks_for(moment.subject or moment.run.subject) for evidence in linked if evidence)


def _notes(moment: Moment) -> list[str]:
    notes = moment.state.open_notes(moment.run.phase)
    if not notes:
        return []
    return ["Open notes:", *fitting([*map(_note, notes)], NOTES, "`phasegate note list`")]


def _note(note: Note) -> str:
    place = f" at {line(note.file, 100)}:{note.line}" if note.file else ""
    category = f", {note.category}" if note.category else ""
    return clipped(f"- {note.id} ({note.kind}, {note.severity}{category}){place}: {line(note.text)}", ROW)


def _answers(moment: Moment) -> list[str]:
    answered = [q for q in moment.state.questions.values() if q.phase == moment.run.phase and q.verdict]
    rows = [_answer(question) for question in reversed(answered[-3:])]
    return ["A person answered:", *fitting(rows, ANSWERS, "`phasegate log show`")] if answered else []


def _answer(question: Question) -> str:
    words = f": {line(question.words, 400)}" if question.words else ""
    said = f"{question.verdict}d".replace("rejectd", "rejected")
    return clipped(f"- {question.id} {said}{words} (asked: {line(question.text)})", ROW)


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
