"""Write one more phase into a plan, as its last one is written; every byte that was there stays.

What is written is read back: a title or a task whose words would mean something else in Markdown is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from phasegate.errors import Failure
from phasegate.workflow.plan import Kind, Phase
from phasegate.workflow.plan_blocks import Block
from phasegate.workflow.plan_phases import NAMED, NUMBERED, PlanEmpty, Reading, read


class PhaseUnwritable(Failure):
    """A phase was asked for whose texts would change the plan around it."""

    code = "phase-unwritable"


class NewTask(Struct, frozen=True):
    """A check box to be written, in Markdown; `beneath` goes under it as plain items, `depth` 0 is outermost."""

    text: str
    depth: int = 0
    beneath: tuple[str, ...] = ()


class NewPhase(Struct, frozen=True):
    """A phase to be written; its texts are Markdown, and each of `notes` becomes a paragraph above the tasks.

    `blocked_by` are ids of phases that the plan has, or places (from 0) of earlier ones among those written with it.
    """

    title: str
    kind: Kind
    tasks: tuple[NewTask, ...]
    blocked_by: tuple[str | int, ...] = ()
    notes: tuple[str, ...] = ()


def add_phase(text: str, *, title: str, kind: Kind, tasks: Sequence[str], path: str = "plan") -> str:
    """`text` with one more phase behind its last, written as that one is; all that was there keeps its bytes."""
    return add_phases(text, [NewPhase(title, kind, tuple(map(NewTask, tasks)))], path=path)[0]


def add_phases(text: str, phases: Sequence[NewPhase], *, path: str = "plan") -> tuple[str, tuple[Phase, ...]]:
    """`text` with more phases behind its last, written as that one is, and how a plan reads them."""
    try:
        before: Reading | None = read(text, path)
    except PlanEmpty:
        before = None
    result, ids = _inserted(text, before, phases)
    return result, _refuse_unless_added(before, result, phases, ids, path)


def _inserted(text: str, before: Reading | None, phases: Sequence[NewPhase]) -> tuple[str, list[str]]:
    """`text` with `phases` in it, and the ids that they should have."""
    eol = "\r" if "\r\n" in text else ""
    lines = text.split("\n")
    at, style = _behind_last(lines, before), _Style(lines, before)
    ids = [style.id_of(phase, place) for place, phase in enumerate(phases)]
    new: list[str] = []
    for place, phase in enumerate(phases):
        blockers = [ids[one] if isinstance(one, int) else one for one in phase.blocked_by]
        written = style.written(phase, place, list(dict.fromkeys(blockers)))
        new += [*([""] if new and not style.is_list else []), *written]
    gap = [""] if at and lines[at - 1].strip() and not new[0].startswith(("- ", "* ", "+ ")) else []
    after = [""] if at < len(lines) and lines[at].strip() else []
    added = [line + eol for line in (*gap, *new, *after)]
    if at == len(lines) and at and eol:
        lines[-1], added[-1] = lines[-1] + eol, added[-1].removesuffix(eol)
    return "\n".join([*lines[:at], *added, *lines[at:]]), ids


def new_plan(title: str, *phases: tuple[str, Kind, Sequence[str]]) -> str:
    """A fresh plan file with these phases, each a title, a kind and its tasks."""
    text = f"# {' '.join(title.split())}\n"
    for name, kind, tasks in phases:
        text = add_phase(text, title=name, kind=kind, tasks=tasks)
    return text


def _behind_last(lines: Sequence[str], reading: Reading | None) -> int:
    """The line, from 0, before which a new phase goes: behind the last one, before blank lines and rules there."""
    end = reading.spans[-1].end if reading else 0
    at = reading.blocks[end].line if reading and end < len(reading.blocks) else len(lines)
    while at and (
        not lines[at - 1].strip()
        or (re.fullmatch(r" {0,3}(?:-[ -]*|\*[ *]*|_[ _]*)\s*", lines[at - 1]) and at > 1 and not lines[at - 2].strip())
    ):
        at -= 1
    return at


class _Style:
    """How the last phase of a plan is written, and so those that follow it."""

    def __init__(self, lines: Sequence[str], reading: Reading | None) -> None:
        head = reading.blocks[reading.spans[-1].head] if reading else Block("heading", "Phase 0: ", 0, 2)
        numbers = [int(id.split(".")[0]) for id in _ids(reading) if id.split(".")[0].isdigit()]
        self.head, self.line = head, lines[head.line] if reading else "## "
        self.number = max(numbers, default=0) + 1
        self.before, self.behind = _around_number(head)
        self.bullet = _bullet(lines, reading)
        self.is_list = head.what == "item"

    def id_of(self, phase: NewPhase, place: int) -> str:
        """The id that a plan will read."""
        if self.behind:
            return str(self.number + place)
        title = " ".join(phase.title.split())
        try:
            return read(f"## {title}\n\n- [ ] task\n", "the title").plan.phases[0].id
        except Failure as problem:
            raise _unwritable(problem) from problem

    def written(self, phase: NewPhase, place: int, blocked_by: Sequence[str]) -> list[str]:
        """The lines of the phase at `place` among the new ones."""
        name = f"{self.before}{self.number + place}{self.behind} " if self.behind else ""
        name += " ".join(phase.title.split())
        label = f"Kind: {phase.kind}" + (f" · Blocked by: {', '.join(blocked_by)}" if blocked_by else "")
        notes = [" ".join(note.split()) for note in phase.notes]
        if self.is_list:
            lead, indent = _item_lead(self.line, place)
            name = f"**{name}**" if self.head.strong else name
            beneath = [f"{indent}{self.bullet} {text}" for text in (label, *notes)]
            box = "[ ] " if self.head.mark else ""
            return [f"{lead}{box}{name}", *beneath, *_listed(phase.tasks, self.bullet, indent)]
        paragraphs = [line for text in (label, *notes) for line in (text, "")]
        return [*self._heading(name), "", *paragraphs, *_listed(phase.tasks, self.bullet, "")]

    def _heading(self, name: str) -> list[str]:
        if not self.line.lstrip("\ufeff ").startswith("#"):
            return [name, ("=" if self.head.level == 1 else "-") * max(len(name), 3)]
        return [f"{'#' * self.head.level} {name}{' [ ]' if self.head.mark else ''}"]


def _ids(reading: Reading | None) -> list[str]:
    return [phase.id for phase in reading.plan.phases] if reading else []


def _listed(tasks: Sequence[NewTask], bullet: str, indent: str) -> list[str]:
    rows = []
    for task in tasks:
        lead = f"{indent}{'  ' * task.depth}"
        rows.append(f"{lead}{bullet} [ ] {' '.join(task.text.split())}")
        rows.extend(f"{lead}  {bullet} {text}" for text in task.beneath)
    return rows


def _around_number(head: Block) -> tuple[str, str]:
    """What stands before the number of a phase and what separates it from the title; "" where phases have none."""
    for pattern in [*NAMED.values(), NUMBERED]:
        if name := pattern.match(head.text):
            lead = re.sub(r"^[\W_]+", "", head.text[: name.start(1)])
            rest = re.match(r"[ \t]*[:.)—–-]?[ \t]*", head.text[name.end(1) :])
            return lead, (rest[0].rstrip() if rest else "") or ":"
    return "", ""


def _bullet(lines: Sequence[str], reading: Reading | None) -> str:
    last = next((phase.tasks[-1] for phase in reversed(reading.plan.phases) if phase.tasks), None) if reading else None
    marker = re.match(r"\ufeff?[ \t]*([-*+])", lines[last.line - 1]) if last else None
    return marker[1] if marker else "-"


def _item_lead(line: str, place: int) -> tuple[str, str]:
    marker = re.match(r"\ufeff?[ \t]*([-*+]|[0-9]+[.)])[ \t]+", line)
    lead = marker[1] if marker else "-"
    if lead[:-1].isdigit():
        lead = f"{int(lead[:-1]) + 1 + place}{lead[-1]}"
    return f"{lead} ", " " * (len(lead) + 1)


def _refuse_unless_added(
    before: Reading | None, result: str, phases: Sequence[NewPhase], ids: Sequence[str], path: str
) -> tuple[Phase, ...]:
    """Read the result back: what a title or task text means in Markdown must not change the plan around it."""
    known = before.plan.phases if before else ()
    try:
        there = read(result, path).plan.phases
    except Failure as problem:
        raise _unwritable(problem) from problem
    added = there[len(known) :]
    if (
        there[: len(known)] != known
        or len(added) != len(phases)
        or not all(_is(one, phase, ids) for one, phase in zip(added, phases, strict=True))
    ):
        raise PhaseUnwritable(
            "This phase cannot be written into the plan: its texts would read as something else.",
            hint="Use a plain title and at least one plain task.",
        )
    return added


def _unwritable(problem: Failure) -> PhaseUnwritable:
    return PhaseUnwritable(
        f"This phase cannot be written into the plan: with it, {problem.message}",
        hint="Use a plain title and at least one plain task.",
    )


def _is(one: Phase, phase: NewPhase, ids: Sequence[str]) -> bool:
    blockers = [ids[other] if isinstance(other, int) else other for other in phase.blocked_by]
    return (
        one.kind == phase.kind
        and one.blocked_by == tuple(dict.fromkeys(blockers))
        and [task.done for task in one.tasks] == [False] * len(phase.tasks)
    )
