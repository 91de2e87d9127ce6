"""Reads TODO and FIXME comments out of source files: one phase of each, the comments in their own words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from phasegate.workflow.importing.draft import LONGEST, Draft, DraftPhase, DraftTask, LeftOut, Source, clean, left_out
from phasegate.workflow.importing.kinds import kind_of

LONGEST_LINE = 2000
MARKS = ("FIXME", "TODO")
_COMMENT = re.compile(
    r"(?:^|(?<=\s)|(?<=[;{}(),]))(?:#+|//+!?|/\*+|\*|--+|;+|<!--|%+|\{-|\"{3}|'{3})[ \t]*@?(TODO|FIXME)\b"
    r"(?:[ \t]*[(\[][^()\[\]]{0,60}[)\]])?[ \t]*[:\-–—]*[ \t]*(.*)$"
)
_CLOSING = re.compile(r"[ \t]*(?:\*+/|--+>|-\}|\"{3}|'{3})[ \t]*$")


def draft(files: Iterable[Source]) -> Draft:
    """The comments of all `files`; one that says nothing behind its mark is listed."""
    tasks: dict[str, list[DraftTask]] = {}
    left: list[LeftOut] = []
    for file in files:
        for number, text in enumerate(file.text.splitlines(), 1):
            if not any(mark in text for mark in MARKS) or not (match := _COMMENT.search(text[:LONGEST_LINE])):
                continue
            said = clean(_CLOSING.sub("", match[2]))
            if re.search(r"\w", said) and len(said) <= LONGEST and len(text) <= LONGEST_LINE:
                tasks.setdefault(match[1], []).append(DraftTask(said, number, label=file.label))
            else:
                left.append(left_out(file, number, text.strip(), "a comment that does not say what is to be done"))
    phases = tuple(DraftPhase(mark, 0, kind_of(mark), tuple(tasks[mark])) for mark in MARKS if mark in tasks)
    return Draft(Source("comments", "", "todo"), phases, tuple(left))
