"""Read a plan written in Markdown, and rewrite nothing in it but check boxes and their evidence links.

What is a phase: one word names phases, the first of *Phase, Milestone, Sprint, Stage, Step, Task* that, with a number
behind it, begins a heading (or a top-level list item) with check boxes under it. Where no such word is used, numbered
headings with boxes are phases; where none is numbered, each heading with boxes directly under it. A phase reaches to
the next heading of its level; headings inside it group its tasks. Every box is a task of the phase around it.
Whatever could be read in two ways is refused with its line; fences, comments and front matter are never read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import quote

from msgspec import Struct

from phasegate.errors import Exit, Failure
from phasegate.workflow.plan import Plan, blanked
from phasegate.workflow.plan_blocks import BOX, LINK, MAX_CHARACTERS, Mark, PlanUnreadable
from phasegate.workflow.plan_phases import PlanEmpty, read

__all__ = [
    "PlanEmpty",
    "PlanMoved",
    "PlanUnreadable",
    "StatusFound",
    "blanked",
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
    from markdown_it import MarkdownIt

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
