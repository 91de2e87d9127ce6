"""The pages people read: a deferred phase, and an error file; built from typed fields only."""

from __future__ import annotations

from collections.abc import Sequence

from phasegate.gates.interface import Verdict
from phasegate.ledger.state import Note, PhaseRecord, RunRecord, State
from phasegate.plain import line, paragraph


def deferral(state: State, run: RunRecord, phase: PhaseRecord, why: str, question: str, said: str = "") -> str:
    """What was tried, on what evidence, and the one question a person must answer; `said` by the last session."""
    listed = state.planned(phase.id)
    title = line(listed.title if listed else phase.id, 100)
    parts = [f"# Deferred: phase {line(phase.id, 40)}, {title}", "", f"The phase is not done: {line(why, 400)}.", ""]
    parts += ["## What was tried", "", *_tried(run, phase), ""]
    if said.strip():
        parts += ["## What the last session said", "", f"> {line(said, 1000)}", ""]
    parts += ["## What stands open", "", *_open(state, phase), ""]
    parts += ["## Evidence", "", *_evidence(state, phase), ""]
    parts += ["## The question", "", line(question, 600), ""]
    parts += ["Answer with `phasegate answer approve ID \"WORDS\"` or `phasegate answer reject ID \"WORDS\"`; "
              "`phasegate answer list` shows the id.", ""]  # fmt: skip
    return "\n".join(parts)


def _tried(run: RunRecord, phase: PhaseRecord) -> list[str]:
    steps = [visit for visit in run.trail if visit.phase == phase.id]
    rows = [f"{number}. {visit.step}" + (" (counted a loop)" if visit.loop else "")
            for number, visit in enumerate(steps, 1)]  # fmt: skip
    return rows[-30:] or ["Nothing yet."]


def _open(state: State, phase: PhaseRecord) -> list[str]:
    """The tasks that are not done, with the evidence that is linked to them, and the notes."""
    listed = state.planned(phase.id)
    tasks = [task for task in listed.tasks if task.id not in state.imported] if listed else []
    rows = [f"- task {line(task.id, 40)}: {line(task.text, 400)} ({_linked(phase, task.id)})" for task in tasks[:50]]
    rows += [f"- and {len(tasks) - 50} tasks more"] if len(tasks) > 50 else []
    return [*rows, *_notes(state.open_notes(phase.id))] or ["- nothing"]


def _linked(phase: PhaseRecord, task: str) -> str:
    return ", ".join(phase.links.get(task, ())) or "without evidence"


def _notes(notes: list[Note]) -> list[str]:
    return [f"- {note.kind}, {note.severity}: {line(note.text, 400)}" for note in notes[:30]]


def _evidence(state: State, phase: PhaseRecord) -> list[str]:
    rows = []
    for evidence in state.evidence.values():
        if evidence.phase == phase.id:
            artifacts = ", ".join(f"{artifact.name} {artifact.sha256[:12]}" for artifact in evidence.artifacts)
            rows.append(
                f"- {evidence.id} by {line(evidence.collector, 60)} on tree {evidence.subject[:12]}: {artifacts}"
            )
    return rows[-20:] or ["- none"]


def closure(state: State, phase: PhaseRecord, verdicts: Sequence[Verdict]) -> str:
    """Why a phase could close: what each of its gates said, and which task was shown by what."""
    listed = state.planned(phase.id)
    title = line(listed.title if listed else phase.id, 100)
    parts = [f"# Closed: phase {line(phase.id, 40)}, {title}", "", "## What the gates said", ""]
    for verdict in verdicts:
        ids = f" ({', '.join(verdict.evidence)})" if verdict.evidence else ""
        parts.append(f"- {verdict.gate}: {'; '.join(line(reason, 300) for reason in verdict.reasons)}{ids}")
    tasks = listed.tasks if listed else ()
    parts += ["", "## Tasks", ""]
    parts += [f"- {task.id} {line(task.text)}: {', '.join(phase.links.get(task.id, ()))}" for task in tasks]
    return "\n".join([*parts, ""])


def error_file(note: Note) -> str:
    """One error as a file under `logs/errors/`."""
    place = f"{line(note.file, 200)}:{note.line}" if note.file else "no file"
    status = "resolved" if note.resolved else "active"
    parts = [
        f"# {note.id}", "", f"- status: {status}", f"- source: {note.author}", f"- phase: {line(note.phase, 40)}",
        f"- severity: {note.severity}", f"- place: {place}", f"- remedy: {line(note.remedy, 300) or 'none known'}",
    ]  # fmt: skip
    if note.resolved:
        parts.append(f"- resolved: {line(note.resolved, 300)}")
    return "\n".join([*parts, "", paragraph(note.text), ""])


def error_index(notes: list[Note]) -> str:
    """The index of the errors that are active."""
    rows = [f"- [{note.id}](active/{note.id}.md) {line(note.text)}" for note in notes]
    return "\n".join(["# Active errors", "", *(rows or ["None."]), ""])
