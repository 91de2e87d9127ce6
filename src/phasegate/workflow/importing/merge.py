"""Puts drafts into a plan as new phases behind its last: only what is not there yet, each task with its source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, structs

from phasegate.errors import Failure
from phasegate.workflow.importing.draft import Draft, DraftPhase, DraftTask, LeftOut, left_out
from phasegate.workflow.importing.known import Known, imported, matched, origin, reworded
from phasegate.workflow.importing.markup import link_from, written
from phasegate.workflow.plan import Kind
from phasegate.workflow.plan_blocks import LABEL, MAX_CHARACTERS
from phasegate.workflow.plan_phases import MAX_BOXES, PlanEmpty, read
from phasegate.workflow.plan_writing import NewPhase, NewTask, PhaseUnwritable, add_phases

BEGINNING = "# Plan\n"
_NUMBER = re.compile(r"(?:[Tt]ask[ \t]+)?\w+(?:\.[0-9]+)+")


class NewlyIn(Struct, frozen=True):
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
    phases: tuple[NewlyIn, ...]
    left_out: tuple[LeftOut, ...]


def merge(before: str, path: str, drafts: Iterable[Draft], *, kind: Kind | None = None) -> Merged:
    """The plan `before` at `path`, with what `drafts` add to it; all that was there keeps its bytes.

    What is ticked is left out: a box that phasegate did not tick would be put back, and a phase that has one closes
    only on evidence for it. `kind` is for every new phase, whatever its heading says.
    """
    merging = _Merging(before, path, kind)
    for draft in drafts:
        merging.collect(draft)
    merging.write(merging.wanted)
    return Merged(merging.text if merging.phases else before, tuple(merging.phases), tuple(merging.left))


class _Wanted(Struct, frozen=True):
    """A phase to be written: what is new of `phase`, and what it waits for, as ids or other wanted phases."""

    draft: Draft
    phase: DraftPhase
    tasks: tuple[DraftTask, ...]
    waits: tuple[str | _Wanted, ...]

    @property
    def key(self) -> tuple[str, int]:
        """What it is called among all that is wanted, whatever is left out of it."""
        return self.draft.source.label, self.phase.line


class _Merging:
    """The plan as it grows."""

    def __init__(self, before: str, path: str, kind: Kind | None) -> None:
        self.text = before if before.strip() else BEGINNING
        self.path, self.kind = path, kind
        self.known = self._imported()
        self.wanted: list[_Wanted] = []
        self.ids: dict[tuple[str, int], str] = {}  # of the phases that were wanted and written
        self.phases: list[NewlyIn] = []
        self.left: list[LeftOut] = []

    def _imported(self) -> list[Known]:
        try:
            return imported(read(self.text, self.path))
        except PlanEmpty:
            return []

    def collect(self, draft: Draft) -> None:
        """Find what `draft` has and the plan has not."""
        self.left.extend(draft.left_out)
        there = matched(draft.source.label, draft.phases, self.known)
        names: dict[int, str | _Wanted] = {}
        for number, phase in enumerate(draft.phases):
            known = {task: there[number, place] for place, task in enumerate(phase.tasks) if (number, place) in there}
            for task, one in known.items():
                self._compare(draft, task, one)
            tasks = self._open(draft, [task for task in phase.tasks if task not in known])
            if known:
                names[phase.line] = next(iter(known.values())).phase
            if tasks:
                waits = tuple(names[at] for at in phase.blocked_by if at in names)
                names[phase.line] = wanted = _Wanted(draft, phase, tasks, waits)
                self.wanted.append(wanted)

    def _compare(self, draft: Draft, task: DraftTask, one: Known) -> None:
        if reworded(task, one):
            self._leave(draft, task, "in the plan in other words")
        elif task.done and not one.done:
            self._leave(draft, task, "ticked here, open in the plan, where phasegate ticks what it saw done")

    def _leave(self, draft: Draft, task: DraftTask, why: str) -> None:
        told = left_out(draft.source, task.line, task.text, why)
        self.left.append(LeftOut(task.label or told.label, told.line, told.text, told.why))

    def _open(self, draft: Draft, tasks: Sequence[DraftTask]) -> tuple[DraftTask, ...]:
        """The tasks that are still to do."""
        for task in tasks:
            if task.done:
                self._leave(draft, task, "already ticked")
        return tuple(task for task in tasks if not task.done)

    def write(self, wanted: Sequence[_Wanted]) -> None:
        """Write all at once; where that cannot be, each half, so that what spoils it is found and left out."""
        if not wanted:
            return
        try:
            self._add(wanted)
        except PhaseUnwritable as problem:
            if len(wanted) == 1:
                self._write_less(wanted[0], problem.message)
            else:
                self.write(wanted[: len(wanted) // 2])
                self.write(wanted[len(wanted) // 2 :])

    def _add(self, wanted: Sequence[_Wanted], *, notes: bool = True, suffix: str = "") -> None:
        places = {one.key: place for place, one in enumerate(wanted)}
        new = [self._new(one, places, notes, suffix) for one in wanted]
        if sum(len(phase.tasks) for phase in self.phases) + sum(len(one.tasks) for one in wanted) > MAX_BOXES:
            raise PhaseUnwritable(f"The plan would have more than {MAX_BOXES:,} tasks.", hint="Import less at once.")
        text, added = add_phases(self.text, new, path=self.path)
        said = [[task.text for task in phase.tasks] for phase in added]
        if said != [[task.text for task in one.tasks] for one in wanted]:
            raise PhaseUnwritable("Some words would read as others in a plan.", hint="Import less at once.")
        self.text = text
        for one, phase in zip(wanted, added, strict=True):
            self.ids[one.key] = phase.id
            source = one.draft.source.label
            self.phases.append(NewlyIn(phase.id, phase.title, phase.kind, phase.blocked_by, source, one.tasks))

    def _new(self, one: _Wanted, places: Mapping[tuple[str, int], int], notes: bool, suffix: str) -> NewPhase:
        waits: list[str | int] = []
        for other in one.waits:
            if isinstance(other, str):
                waits.append(other)
            elif other.key in self.ids:
                waits.append(self.ids[other.key])
            elif other.key in places:
                waits.append(places[other.key])
        said = tuple(written(note.text) for note in one.phase.notes if not LABEL.match(note.text)) if notes else ()
        title = written(one.phase.title + suffix, "Phase 1: ")
        tasks = self._tasks(one.draft, one.tasks)
        return NewPhase(title, self.kind or one.phase.kind, tasks, tuple(dict.fromkeys(waits)), said)

    def _write_less(self, one: _Wanted, why: str) -> None:
        """Write a phase without its notes, under a longer title, or without the tasks that spoil it."""
        for suffix in ("", f", {one.draft.source.label}"):
            try:
                return self._add([one], notes=False, suffix=suffix)
            except PhaseUnwritable:
                continue
        fine = [task for task in one.tasks if self._stands_alone(one.draft, task)]
        if len(fine) < len(one.tasks):
            for task in one.tasks:
                if task not in fine:
                    self._leave(one.draft, task, "its words would read as something else in a plan")
            return self._write_apart(one, fine)
        numbered = [task for task in fine if _NUMBER.match(task.text)]
        if numbered and len(fine) > 1 and len(self.text) < MAX_CHARACTERS // 2:
            # A number in front is an id in a plan, and two are the same: in phases of their own they are not.
            rest = [task for task in fine if task not in numbered] or numbered[: len(numbered) // 2]
            self._write_apart(one, rest)
            return self._write_apart(one, [task for task in fine if task not in rest])
        for task in one.tasks:
            self._leave(one.draft, task, why)
        return None

    def _write_apart(self, one: _Wanted, tasks: Sequence[DraftTask]) -> None:
        if tasks:
            self.write([structs.replace(one, tasks=tuple(tasks))])

    def _stands_alone(self, draft: Draft, task: DraftTask) -> bool:
        try:
            _, (alone,) = add_phases(BEGINNING, [NewPhase("Alone", "feature", self._tasks(draft, [task]))])
        except Failure:
            return False
        return [one.text for one in alone.tasks] == [task.text]

    def _tasks(self, draft: Draft, tasks: Sequence[DraftTask]) -> tuple[NewTask, ...]:
        here = {task.line for task in tasks}
        folder = self.path.rpartition("/")[0]
        rows = []
        for task in tasks:
            shown = written(origin(task.label or draft.source.label, task.line), "From ")
            target = task.label or draft.source.target
            link = f"[{shown}]({link_from(folder, target, task.line)})" if target else shown
            depth = sum(line in here for line in task.above)
            rows.append(NewTask(written(task.text, "[ ] "), depth, (f"From {link}",)))
        return tuple(rows)
