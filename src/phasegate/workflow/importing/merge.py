"""Puts drafts into a plan as new phases behind its last: only what is not there yet, each task with its source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from phasegate.errors import Failure
from phasegate.workflow.importing.draft import Draft, DraftPhase, DraftTask, LeftOut, left_out
from phasegate.workflow.importing.known import Known, imported, matched, origin, reworded
from phasegate.workflow.importing.markup import link_from, written
from phasegate.workflow.plan import Kind
from phasegate.workflow.plan_blocks import LABEL
from phasegate.workflow.plan_phases import MAX_BOXES, PlanEmpty, read
from phasegate.workflow.plan_writing import NewTask, PhaseUnwritable, add_phase

BEGINNING = "# Plan\n"
_NUMBER = re.compile(r"(?:[Tt]ask[ \t]+)?\w+(?:\.[0-9]+)+")


class NewPhase(Struct, frozen=True):
    """A phase as it was added to the plan."""

    id: str
    title: str
    kind: Kind
    blocked_by: tuple[str, ...]
    source: str
    tasks: tuple[DraftTask, ...]


class Merged(Struct, frozen=True):
    """The plan with what is new in it, the phases that are new, and what is not in it."""

    text: str
    phases: tuple[NewPhase, ...]
    left_out: tuple[LeftOut, ...]


def merge(before: str, path: str, drafts: Iterable[Draft], *, kind: Kind | None = None) -> Merged:
    """The plan `before` at `path`, with what `drafts` add to it; all that was there keeps its bytes.

    What is ticked is left out: a box that phasegate did not tick would be put back, and a phase that has one closes
    only on evidence for it. `kind` is for every new phase, whatever its heading says.
    """
    merging = _Merging(before, path, kind)
    for draft in drafts:
        merging.add(draft)
    return Merged(merging.text if merging.phases else before, tuple(merging.phases), tuple(merging.left))


class _Merging:
    """The plan as it grows."""

    def __init__(self, before: str, path: str, kind: Kind | None) -> None:
        self.text = before if before.strip() else BEGINNING
        self.path, self.kind = path, kind
        self.known = self._imported()
        self.boxes = 0
        self.phases: list[NewPhase] = []
        self.left: list[LeftOut] = []

    def _imported(self) -> list[Known]:
        try:
            return imported(read(self.text, self.path))
        except PlanEmpty:
            return []

    def add(self, draft: Draft) -> None:
        """Add what `draft` has and the plan has not."""
        self.left.extend(draft.left_out)
        there = matched(draft.source.label, draft.phases, self.known)
        ids: dict[int, str] = {}
        for number, phase in enumerate(draft.phases):
            known = {task: there[number, place] for place, task in enumerate(phase.tasks) if (number, place) in there}
            for task, one in known.items():
                self._compare(draft, task, one)
            tasks = self._open(draft, [task for task in phase.tasks if task not in known])
            if known:
                ids[phase.line] = next(iter(known.values())).phase
            if tasks and (id_ := self._add(draft, phase, tasks, [ids[at] for at in phase.blocked_by if at in ids])):
                ids[phase.line] = id_

    def _compare(self, draft: Draft, task: DraftTask, one: Known) -> None:
        if reworded(task, one):
            self._leave(draft, task, "in the plan in other words")
        elif task.done and not one.done:
            self._leave(draft, task, "ticked here, open in the plan, where phasegate ticks what it saw done")

    def _leave(self, draft: Draft, task: DraftTask, why: str) -> None:
        told = left_out(draft.source, task.line, task.text, why)
        self.left.append(LeftOut(task.label or told.label, told.line, told.text, told.why))

    def _open(self, draft: Draft, tasks: Sequence[DraftTask]) -> list[DraftTask]:
        """The tasks that are still to do."""
        for task in tasks:
            if task.done:
                self._leave(draft, task, "already ticked")
        return [task for task in tasks if not task.done]

    def _add(self, draft: Draft, phase: DraftPhase, tasks: list[DraftTask], blocked_by: list[str]) -> str:
        """Add one phase, without the tasks that cannot be written; its id, or "" when nothing was added."""
        kind = self.kind or phase.kind
        if self.boxes + len(tasks) > MAX_BOXES:
            self._leave(draft, tasks[0], f"makes it more than {MAX_BOXES:,} tasks, with all that follow in this list")
            return ""
        notes = [written(note.text) for note in phase.notes if not LABEL.match(note.text)]
        for notes_too, title in ((notes, phase.title), ([], phase.title), ([], f"{phase.title}, {draft.source.label}")):
            try:
                self.text = add_phase(
                    self.text, title=written(title, "Phase 1: "), kind=kind, path=self.path, notes=notes_too,
                    tasks=self._written(draft, tasks), blocked_by=list(dict.fromkeys(blocked_by)),
                )  # fmt: skip
                break
            except PhaseUnwritable as problem:
                why = problem.message
        else:
            return self._without_the_worst(draft, phase, tasks, blocked_by, why)
        added = read(self.text, self.path).plan.phases[-1]
        self.boxes += len(tasks)
        self.phases.append(NewPhase(added.id, added.title, kind, added.blocked_by, draft.source.label, tuple(tasks)))
        return added.id

    def _without_the_worst(
        self, draft: Draft, phase: DraftPhase, tasks: list[DraftTask], blocked_by: list[str], why: str
    ) -> str:
        """Leave out the tasks that cannot stand in a plan, alone or beside the others, and try with the rest."""
        fine = [task for task in tasks if self._stands_alone(draft, task)]
        told = "its words would read as something else in a plan"
        if len(fine) == len(tasks):
            fine = [task for task in tasks if not _NUMBER.match(task.text)]
            told = "its number would be that of another task"
        if len(fine) == len(tasks):
            fine, told = [], why
        for task in tasks:
            if task not in fine:
                self._leave(draft, task, told)
        return self._add(draft, phase, fine, blocked_by) if fine else ""

    def _stands_alone(self, draft: Draft, task: DraftTask) -> bool:
        try:
            text = add_phase(BEGINNING, title="Alone", kind="feature", tasks=self._written(draft, [task]))
        except Failure:
            return False
        return [one.text for one in read(text, self.path).plan.phases[0].tasks] == [task.text]

    def _written(self, draft: Draft, tasks: Sequence[DraftTask]) -> list[NewTask]:
        here = {task.line for task in tasks}
        folder = self.path.rpartition("/")[0]
        rows = []
        for task in tasks:
            label = task.label or draft.source.label
            shown = written(origin(label, task.line), "From ")
            target = task.label or draft.source.target
            link = f"[{shown}]({link_from(folder, target, task.line)})" if target else shown
            depth = sum(line in here for line in task.above)
            rows.append(NewTask(written(task.text, "[ ] "), depth, (f"From {link}",)))
        return rows
