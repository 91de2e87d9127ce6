"""Reads a TODO list that is plain text: bulleted, numbered, in the todo.txt form, or a line each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from phasegate.workflow.importing.draft import (
    LONGEST,
    Draft,
    DraftPhase,
    DraftTask,
    LeftOut,
    Source,
    clean,
    left_out,
)
from phasegate.workflow.importing.kinds import kind_of
from phasegate.workflow.importing.sections import FINISHED, MARKED_DONE, REJECTED

_BULLET = re.compile(
    r"^(?P<indent>[ \t]*)(?:(?P<box>\[[ xX]?\])|"
    r"(?:[-*+•◦‣o>~]|--|::|->|=>|\(?[0-9]{1,3}[.)]|\(?[a-z]\))(?:[ \t]+(?P<inner>\[[ xX]?\])|(?=[ \t])))"
    r"[ \t]+(?P<text>\S.*)$"
)
_TIGHT = re.compile(r"^(?P<indent>[ \t]*)(?:[-*+•]|[0-9]{1,3}[.)、])(?P<text>[^\W_\d].*)$")
_UNDERLINE = re.compile(r"^[ \t]*([=\-~*#_])\1{2,}[ \t]*$")
_HASH = re.compile(r"^(?:#{1,6}|={1,6}|\*{2,6})[ \t]*(\S.*?)[ \t]*(?:#+|=+|\*+)?$")
_TODO_TXT = re.compile(r"^(?:x \d{4}-\d\d-\d\d |\([A-Z]\) )")
_TODO_TXT_LEAD = re.compile(r"^(?P<done>x )?(?:\([A-Z]\) )?(?:\d{4}-\d\d-\d\d ){0,2}")
_WRAPPED = 60


class _Line(Struct, frozen=True):
    """A line with what it is; a heading has its title, an item its words and how far in it stands."""

    number: int
    what: str
    text: str
    indent: int = 0
    done: bool = False


def draft(source: Source) -> Draft:
    """A phase for each heading with items under it; without one, the name of the file is the title."""
    lines = [line.rstrip().expandtabs(4) for line in source.text.removeprefix("\ufeff").splitlines()]
    reader = _Reader(source)
    for line in _classified(lines):
        reader.take(line)
    return reader.draft()


def _classified(lines: list[str]) -> Iterator[_Line]:
    """Each line that is not blank as heading, item, more of the line above, or prose."""
    todo_txt = any(_TODO_TXT.match(line) for line in lines)
    bulleted = any(_BULLET.match(line) or _TIGHT.match(line) for line in lines)
    fresh, full = True, False  # whether the line above is none, and whether it is as long as a line gets
    for number, text in enumerate(lines, 1):
        after = lines[number] if number < len(lines) else ""
        if not text.strip() or _UNDERLINE.match(text):
            fresh = True
        elif todo_txt:
            lead = _TODO_TXT_LEAD.match(text)
            yield _Line(number, "item", text[lead.end() :] if lead else text, 0, bool(lead and lead["done"]))
        elif (title := _title(text, after)) and (fresh or not bulleted):
            yield _Line(number, "heading", title)
            fresh = True
        elif bullet := _BULLET.match(text) or _TIGHT.match(text):
            box = (bullet.groupdict().get("box") or bullet.groupdict().get("inner") or "").lower()
            yield _Line(number, "item", bullet["text"], len(bullet["indent"]), box == "[x]")
            fresh = False
        elif bulleted:
            yield _Line(number, "prose" if fresh else "more", text.strip(), len(text) - len(text.lstrip()))
        else:
            yield _Line(number, "more" if full and not fresh else "item", text.strip())
            fresh = False
        full = len(text) >= _WRAPPED


def _title(text: str, after: str) -> str:
    """The title that a line is: underlined, marked, or ending in a colon at the margin; "" when it is none."""
    if _UNDERLINE.match(after) and not text[0].isspace() and not _BULLET.match(text):
        return text.strip()
    if (match := _HASH.match(text)) and not _BULLET.match(text):
        return match[1].rstrip(":")
    if text.endswith(":") and not text[0].isspace() and len(text) <= _WRAPPED and not _BULLET.match(text):
        return text.rstrip(":").strip()
    return ""


class _Reader:
    """Puts the lines under their headings."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.title, self.line = source.group or source.label.rpartition("/")[2], 0
        self.found: list[DraftPhase] = []
        self.tasks: list[DraftTask] = []
        self.around: list[tuple[int, int]] = []  # indent and line of the items around the present one
        self.left: list[LeftOut] = []

    def take(self, line: _Line) -> None:
        match line.what:
            case "heading":
                self._close()
                self.title, self.line = clean(line.text), line.number
            case "item":
                self._item(line)
            case "more" if self.tasks:
                last = self.tasks[-1]
                self.tasks[-1] = DraftTask(f"{last.text} {clean(line.text)}", last.line, last.done, last.above)
            case _:
                self.left.append(left_out(self.source, line.number, line.text, "prose"))

    def _item(self, line: _Line) -> None:
        while self.around and self.around[-1][0] >= line.indent:
            self.around.pop()
        text = clean(line.text)
        if REJECTED.match(self.title) or not re.search(r"\w", text):
            why = "an item without words" if not re.search(r"\w", text) else "stands under what is not to be done"
            self.left.append(left_out(self.source, line.number, line.text, why))
            return
        done = line.done or bool(MARKED_DONE.search(text) or FINISHED.match(self.title))
        self.tasks.append(DraftTask(text, line.number, done, tuple(number for _, number in self.around)))
        self.around.append((line.indent, line.number))

    def _close(self) -> None:
        long = [task for task in self.tasks if len(task.text) > LONGEST]
        self.left += [left_out(self.source, t.line, t.text, f"longer than {LONGEST:,} characters") for t in long]
        if tasks := tuple(task for task in self.tasks if task not in long):
            self.found.append(DraftPhase(self.title[:LONGEST], self.line, kind_of(self.title), tasks))
        self.tasks, self.around = [], []

    def draft(self) -> Draft:
        self._close()
        if not self.found:
            self.left.append(left_out(self.source, 0, self.source.label, "nothing in it reads as a task"))
        return Draft(self.source, tuple(self.found), tuple(self.left))
