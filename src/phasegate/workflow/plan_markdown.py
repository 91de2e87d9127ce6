"""Read a plan written in Markdown, and rewrite nothing in it but check boxes and their evidence links.

What is a phase: one word names phases, the first of *Phase, Milestone, Sprint, Stage, Step, Task* that, with a number
behind it, begins a heading (or a top-level list item) with check boxes under it. Where no such word is used, numbered
headings with boxes are phases; where none is numbered, each heading with boxes directly under it. A phase reaches to
the next heading of its level; headings inside it group its tasks. Every box is a task of the phase around it.
Whatever could be read in two ways is refused with its line; fences, comments and front matter are never read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import quote

from markdown_it import MarkdownIt
from msgspec import Struct

from phasegate.errors import Exit, Failure
from phasegate.workflow.plan import Kind, Plan, blanked
from phasegate.workflow.plan_blocks import BOX, LINK, MAX_CHARACTERS, Block, Mark, PlanUnreadable
from phasegate.workflow.plan_phases import NAMED, NUMBERED, PlanEmpty, Reading, read

__all__ = [
    "PhaseUnwritable",
    "PlanEmpty",
    "PlanMoved",
    "PlanUnreadable",
    "StatusFound",
    "add_phase",
    "blanked",
    "new_plan",
    "parse_plan",
    "status_in_phase_file",
    "tick",
    "untick",
]

_STATUS = re.compile(r"^[\W_]*(?:current |overall )?status\b[\W_]*:[\W_]*(\w.*|[✅☑✔🔄⏳🚧].*)$", re.IGNORECASE)
_STATUS_MARK = re.compile(r"[✅☑✔]\ufe0f?[\W_]*(?:done|completed?)?[\W_]*$", re.IGNORECASE)
_STATUS_WORD = re.compile(r"[(\[](?:done|completed?|in progress)[)\]][\W_]*$", re.IGNORECASE)


class PlanMoved(Failure):
    """The plan file no longer has the boxes it had when it was read."""

    code = "plan-moved"
    exit_code = Exit.STATE_MOVED


class PhaseUnwritable(Failure):
    """A phase was asked for whose texts would change the plan around it."""

    code = "phase-unwritable"


class StatusFound(Struct, frozen=True):
    """A line of a phase file that claims status; status belongs in the plan."""

    line: int
    text: str


def parse_plan(text: str, *, path: str) -> Plan:
    """The plan that `text` lists. `PlanUnreadable` names `path` and line; `PlanEmpty` when no phase is listed."""
    return read(text, path).plan


def tick(text: str, plan: Plan, *, boxes: Collection[str], evidence: str = "") -> str:
    """`text` with these open boxes ticked, and a link to `evidence` behind each; what is ticked already stays."""
    lines = text.split("\n")
    link = f" ([evidence]({quote(evidence, safe='/:@+,~=&;-._', errors='surrogateescape')}))" if evidence else ""
    for mark in _marks(text, plan, boxes):
        if not mark.done:
            _set(lines, mark, "x", link)
    return "\n".join(lines)


def untick(text: str, plan: Plan, *, boxes: Collection[str]) -> str:
    """`text` with these boxes open again and their evidence links gone."""
    lines = text.split("\n")
    for mark in _marks(text, plan, boxes):
        if mark.done:
            _set(lines, mark, " ", "")
    return "\n".join(lines)


def _marks(text: str, plan: Plan, boxes: Collection[str]) -> list[Mark]:
    """Where `boxes` are in `text` now. A phase without a box of its own stands for all its tasks."""
    reading = read(text, plan.path)
    known, now = _texts(plan), _texts(reading.plan)
    wanted = dict.fromkeys(boxes)
    for phase in plan.phases:
        if phase.id in wanted and phase.id not in reading.marks:
            wanted.update(dict.fromkeys(task.id for task in phase.tasks))
    for id in wanted:
        if id not in known or known[id] != now.get(id):
            raise PlanMoved(f"{plan.path} no longer has {id} as it was read.", hint="Read the plan again.")
    return [reading.marks[id] for id in wanted if id in reading.marks]


def _texts(plan: Plan) -> dict[str, str]:
    return {phase.id: phase.title for phase in plan.phases} | {
        t.id: t.text for phase in plan.phases for t in phase.tasks
    }


def _set(lines: list[str], mark: Mark, state: str, link: str) -> None:
    line = lines[mark.line]
    box = next(re.finditer(r"\[[ xX]\]", line) if BOX.match(line.removeprefix("\ufeff")) else _heading_boxes(line))
    lines[mark.line] = f"{line[: box.start()]}[{state}]{line[box.end() :]}"
    last = LINK.sub("", lines[mark.last])
    end = len(_before_closing(last))
    lines[mark.last] = f"{last[:end]}{link}{last[end:]}"


def _before_closing(line: str) -> str:
    """`line` without its last blanks and, in a heading, without the #s that close it."""
    text = line.rstrip("\r").rstrip(" \t")
    if line.lstrip("\ufeff ").startswith("#") and (bare := text.rstrip("#")).endswith((" ", "\t")):
        text = bare.rstrip(" \t")
    return text


def _heading_boxes(line: str) -> Iterator[re.Match[str]]:
    yield from re.finditer(r"(?<=[ \t])\[[ xX]\](?=[ \t\r]|$)", line)


def status_in_phase_file(text: str) -> tuple[StatusFound, ...]:
    """The lines of a phase's own file that claim status: ticked boxes, `Status:` lines, tick emoji, evidence links."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    tokens = MarkdownIt("commonmark").parse("\n".join(lines[: MAX_CHARACTERS // 8]))
    hidden = {
        number
        for token in tokens
        if token.type == "fence" or token.content.startswith("<!--")
        for number in range(*(token.map or (0, 0)))
    }
    return tuple(
        StatusFound(number + 1, line.strip())
        for number, line in enumerate(lines)
        if number not in hidden and _claims_status(line)
    )


def _claims_status(line: str) -> bool:
    start, end = line[:200], line[-80:]
    box = BOX.match(line)
    return bool(
        (box and box[2] != " ")
        or _STATUS.match(start)
        or re.match(r"\W*[✅☑✔]", start)
        or _STATUS_MARK.search(end)
        or (line.startswith("#") and _STATUS_WORD.search(end))
        or LINK.search(line)
    )


def add_phase(text: str, *, title: str, kind: Kind, tasks: Sequence[str], path: str = "plan") -> str:
    """`text` with one more phase behind its last, written as that one is; all that was there keeps its bytes."""
    try:
        before: Reading | None = read(text, path)
    except PlanEmpty:
        before = None
    eol = "\r" if "\r\n" in text else ""
    lines = text.split("\n")
    at, new = _behind_last(lines, before), _written(lines, before, " ".join(title.split()), kind, tasks)
    gap = [""] if at and lines[at - 1].strip() and not new[0].startswith(("- ", "* ", "+ ")) else []
    after = [""] if at < len(lines) and lines[at].strip() else []
    added = [line + eol for line in (*gap, *new, *after)]
    if at == len(lines) and at and eol:
        lines[-1], added[-1] = lines[-1] + eol, added[-1].removesuffix(eol)
    result = "\n".join([*lines[:at], *added, *lines[at:]])
    _refuse_unless_added(before, result, kind, len(tasks), path)
    return result


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


def _written(lines: Sequence[str], reading: Reading | None, title: str, kind: Kind, tasks: Sequence[str]) -> list[str]:
    head = reading.blocks[reading.spans[-1].head] if reading else Block("heading", "Phase 0: ", 0, 2)
    name = _numbered_like(head, reading) + title
    texts = [" ".join(task.split()) for task in tasks]
    bullet = _bullet(lines, reading)
    if head.what == "item":
        lead, indent = _item_lead(lines[head.line])
        name = f"**{name}**" if head.strong else name
        box = "[ ] " if head.mark else ""
        return [
            f"{lead}{box}{name}",
            f"{indent}{bullet} Kind: {kind}",
            *(f"{indent}{bullet} [ ] {text}" for text in texts),
        ]
    heading = [f"{'#' * head.level} {name}"]
    if reading and not lines[head.line].lstrip("\ufeff ").startswith("#"):
        heading = [name, ("=" if head.level == 1 else "-") * max(len(name), 3)]
    elif head.mark:
        heading = [f"{heading[0]} [ ]"]
    return [*heading, "", f"Kind: {kind}", "", *(f"{bullet} [ ] {text}" for text in texts)]


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


def _refuse_unless_added(before: Reading | None, result: str, kind: Kind, tasks: int, path: str) -> None:
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
        or added.kind != kind
        or added.blocked_by
        or [t.done for t in added.tasks] != [False] * tasks
    ):
        raise PhaseUnwritable(
            "This phase cannot be written into the plan: its texts would read as something else.",
            hint="Use a plain title and at least one plain task.",
        )
