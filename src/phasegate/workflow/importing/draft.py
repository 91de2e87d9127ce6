"""What an importer makes of one source: phases in the source's own words, and all that it did not take, with why."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from phasegate.plain import line
from phasegate.workflow.plan import Kind

Form = Literal["spec-kit", "openspec", "readme", "todo", "checklist", "issue"]
FORMS: tuple[Form, ...] = get_args(Form)

LONGEST = 1000
"""Characters of a title or a task; what is longer is prose, and is listed instead."""


class Source(Struct, frozen=True):
    """A text to read and what it is. `label` names it in links (a path, or an issue), `target` is where they lead."""

    label: str
    text: str
    form: Form
    target: str = ""
    group: str = ""


class DraftTask(Struct, frozen=True):
    """One thing to do, from `line` of its source; `above` are the lines of the items around it.

    `label` is the path that it is from where the source is many files.
    """

    text: str
    line: int
    done: bool = False
    above: tuple[int, ...] = ()
    label: str = ""


class DraftNote(Struct, frozen=True):
    """A sentence that a source says about a phase: its goal, its checkpoint."""

    text: str
    line: int


class DraftPhase(Struct, frozen=True):
    """A phase as its source has it; `blocked_by` are the lines of the headings of the phases that it waits for."""

    title: str
    line: int
    kind: Kind
    tasks: tuple[DraftTask, ...]
    notes: tuple[DraftNote, ...] = ()
    blocked_by: tuple[int, ...] = ()


class LeftOut(Struct, frozen=True):
    """Something that is not in the draft, and why; line 0 is the source as a whole."""

    label: str
    line: int
    text: str
    why: str


class Draft(Struct, frozen=True):
    """What was made of one source."""

    source: Source
    phases: tuple[DraftPhase, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def clean(text: str) -> str:
    """`text` on one line, without what steers a terminal or hides."""
    return line(text, len(text) + 1)


def left_out(source: Source, number: int, text: str, why: str) -> LeftOut:
    """`text` at line `number` of `source` as something not taken, shortened for a list."""
    return LeftOut(source.label, number, line(text, 100), why)
