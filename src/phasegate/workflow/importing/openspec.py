"""Reads why an OpenSpec change is proposed, which its first phase then says."""

from __future__ import annotations

import re

import msgspec

from phasegate.workflow.importing.draft import LONGEST, Draft, DraftNote
from phasegate.workflow.importing.outline import outline

_WHY = re.compile(r"^\W*(?:why|motivation|problem|purpose)\b", re.IGNORECASE)


def with_why(draft: Draft, proposal: str) -> Draft:
    """`draft` with the first paragraph of the proposal's "Why" as a note of its first phase."""
    note = _why(proposal)
    if note is None or not draft.phases:
        return draft
    first = msgspec.structs.replace(draft.phases[0], notes=(note, *draft.phases[0].notes))
    return msgspec.structs.replace(draft, phases=(first, *draft.phases[1:]))


def _why(proposal: str) -> DraftNote | None:
    asked = False
    for row in outline(proposal):
        if row.what == "heading":
            asked = bool(_WHY.match(row.text))
        elif asked and row.what == "prose" and row.text and len(row.text) <= LONGEST:
            return DraftNote(row.text, row.line)
    return None
