"""Write one more phase into a plan, as its last one is written; every byte that was there stays.

What is written is read back: a title or a task whose words would mean something else in Markdown is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from phasegate.errors import Failure
from phasegate.workflow.plan import Kind
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


def add_phase(
    text: str,
    *,
    title: str,
    kind: Kind,
    tasks: Sequence[str | NewTask],
    blocked_by: Sequence[str] = (),
    notes: Sequence[str] = (),
    path: str = "plan",
) -> str:
    """`text` with one more phase behind its last, written as that one is; all that was there keeps its bytes.

    `blocked_by` are ids of phases that `text` has; each of `notes` becomes a paragraph above the tasks.
    """
    try:
        before: Reading | None = read(text, path)
    except PlanEmpty:
        before = None
    boxes = [task if isinstance(task, NewTask) else NewTask(task) for task in tasks]
    new = _New(" ".join(title.split()), kind, boxes, blocked_by, notes)
    result = _inserted(text, before, new)
    _refuse_unless_added(before, result, new, path)
    return result


class _New(Struct, frozen=True):
    """The phase that is asked for."""

    title: str
    kind: Kind
    tasks: Sequence[NewTask]
    blocked_by: Sequence[str]
    notes: Sequence[str]

    def label(self) -> str:
        return f"Kind: {self.kind}" + (f" · Blocked by: {', '.join(self.blocked_by)}" if self.blocked_by else "")


def _inserted(text: str, before: Reading | None, phase: _New) -> str:
    eol = "\r" if "\r\n" in text else ""
    lines = text.split("\n")
    at, new = _behind_last(lines, before), _written(lines, before, phase)
    gap = [""] if at and lines[at - 1].strip() and not new[0].startswith(("- ", "* ", "+ ")) else []
    after = [""] if at < len(lines) and lines[at].strip() else []
    added = [line + eol for line in (*gap, *new, *after)]
    if at == len(lines) and at and eol:
        lines[-1], added[-1] = lines[-1] + eol, added[-1].removesuffix(eol)
    return "\n".join([*lines[:at], *added, *lines[at:]])


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


def _written(lines: Sequence[str], reading: Reading | None, phase: _New) -> list[str]:
    head = reading.blocks[reading.spans[-1].head] if reading else Block("heading", "Phase 0: ", 0, 2)
    name = _numbered_like(head, reading) + phase.title
    bullet = _bullet(lines, reading)
    if head.what == "item":
        lead, indent = _item_lead(lines[head.line])
        name = f"**{name}**" if head.strong else name
        box = "[ ] " if head.mark else ""
        beneath = [phase.label(), *(" ".join(note.split()) for note in phase.notes)]
        return [
            f"{lead}{box}{name}",
            *(f"{indent}{bullet} {text}" for text in beneath),
            *_listed(phase.tasks, bullet, indent),
        ]
    heading = [f"{'#' * head.level} {name}"]
    if reading and not lines[head.line].lstrip("\ufeff ").startswith("#"):
        heading = [name, ("=" if head.level == 1 else "-") * max(len(name), 3)]
    elif head.mark:
        heading = [f"{heading[0]} [ ]"]
    notes = [line for note in phase.notes for line in (" ".join(note.split()), "")]
    return [*heading, "", phase.label(), "", *notes, *_listed(phase.tasks, bullet, "")]


def _listed(tasks: Sequence[NewTask], bullet: str, indent: str) -> list[str]:
    rows = []
    for task in tasks:
        lead = f"{indent}{'  ' * task.depth}"
        rows.append(f"{lead}{bullet} [ ] {' '.join(task.text.split())}")
        rows.extend(f"{lead}  {bullet} {text}" for text in task.beneath)
    return rows


def _numbered_like(head: Block, reading: Reading | None) -> str:
    """What stands before the title: the word, the next number and the separator, as `head` has them."""
    numbers = (
        [int(id.split(".")[0]) for id in (p.id for p in reading.plan.phases) if id.split(".")[0].isdigit()]
        if reading
        else []
    )
    for pattern in [*NAMED.values(), NUMBERED]:
        if name := pattern.match(head.text):
            lead = re.sub(r"^[\W_]+", "", head.text[: name.start(1)])
            rest = re.match(r"[ \t]*[:.)—–-]?[ \t]*", head.text[name.end(1) :])
            separator = rest[0] if rest and rest[0].strip() else ": "
            return f"{lead}{max(numbers, default=0) + 1}{separator.rstrip()} "
    return ""


def _bullet(lines: Sequence[str], reading: Reading | None) -> str:
    last = next((phase.tasks[-1] for phase in reversed(reading.plan.phases) if phase.tasks), None) if reading else None
    marker = re.match(r"\ufeff?[ \t]*([-*+])", lines[last.line - 1]) if last else None
    return marker[1] if marker else "-"


def _item_lead(line: str) -> tuple[str, str]:
    marker = re.match(r"\ufeff?[ \t]*([-*+]|[0-9]+[.)])[ \t]+", line)
    lead = marker[1] if marker else "-"
    if lead[:-1].isdigit():
        lead = f"{int(lead[:-1]) + 1}{lead[-1]}"
    return f"{lead} ", " " * (len(lead) + 1)


def _refuse_unless_added(before: Reading | None, result: str, phase: _New, path: str) -> None:
    """Read the result back: what a title or task text means in Markdown must not change the plan around it."""
    known = before.plan.phases if before else ()
    try:
        *others, added = read(result, path).plan.phases
    except Failure as problem:
        raise PhaseUnwritable(
            f"This phase cannot be written into the plan: with it, {problem.message}",
            hint="Use a plain title and at least one plain task.",
        ) from problem
    if (
        tuple(others) != known
        or added.kind != phase.kind
        or added.blocked_by != tuple(dict.fromkeys(phase.blocked_by))
        or [task.done for task in added.tasks] != [False] * len(phase.tasks)
    ):
        raise PhaseUnwritable(
            "This phase cannot be written into the plan: its texts would read as something else.",
            hint="Use a plain title and at least one plain task.",
        )
