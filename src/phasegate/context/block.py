"""The block phasegate keeps in CLAUDE.md: at most 30 lines, no times, no ids; and the text around it left alone."""

from __future__ import annotations

from phasegate.context.instruction import where
from phasegate.context.tokens import clipped, fitting
from phasegate.gates.interface import Moment
from phasegate.plain import line

BEGIN = b"<!-- phasegate:begin -->"
END = b"<!-- phasegate:end -->"
FILES = {"claude_md": "CLAUDE.md", "local": "CLAUDE.local.md"}
"""Where the block stands, by the setting `render`; with `off` nowhere."""

MOST_LINES = 30
ERRORS, HELD, TO_DO, ROW = 110, 50, 80, 40
"""Tokens of the errors, the held changes, what is to be done, and one row."""


def idle_lines() -> list[str]:
    """What the block says without an active run."""
    return ["## phasegate", "", "No run is active. `phasegate start` begins one; `phasegate status` shows the plan."]


def run_lines(moment: Moment, does: str) -> list[str]:
    """What the block says in a run."""
    lines = ["## phasegate", "", f"- At: {where(moment)}", f"- To do: {clipped(line(does, 300), TO_DO)}"]
    errors = [note for note in moment.state.open_notes(moment.run.phase) if note.kind != "discovery"]
    rows = [clipped(f"- Open {note.kind}: {line(note.text)}", ROW) for note in errors]
    lines += fitting(rows, ERRORS, "`phasegate note list`")
    held = [clipped(f"- Held change: {line(path)}", ROW) for path in sorted(moment.run.held)]
    lines += fitting(held, HELD, "`phasegate status`")
    lines += [
        "",
        "phasegate decides when a step is done, by evidence it records itself. Run `phasegate next` for the",
        "instruction in full, `phasegate done` to end a step, `phasegate why` to see why something was refused.",
    ]
    return lines[:MOST_LINES]


def with_block(document: bytes, lines: list[str]) -> bytes:
    """`document` with the block replaced, or appended after an empty line; everything outside it byte for byte.

    Marks that are not one whole block (a merge conflict, a quotation) leave nothing to replace: the document stays as
    it is, or every rendering would append another block.
    """
    begin, end = _span(document)
    newline = _newline(document, begin)
    block = BEGIN + newline + newline.join(_unmarked(text) for text in lines) + newline + END
    if begin >= 0:
        return document[:begin] + block + document[end:]
    if BEGIN in document or END in document:
        return document
    return document + newline + block + newline if document else block + newline


def without_block(document: bytes) -> bytes:
    """`document` as it was before `with_block` first touched it."""
    begin, end = _span(document)
    if begin < 0:
        return document
    newline = _newline(document, begin)
    before, after = document[:begin], document[end:]
    if before.endswith(newline) and after.startswith(newline):
        before, after = before[: -len(newline)], after[len(newline) :]
    elif not before and after.startswith(newline):
        after = after[len(newline) :]
    return before + after


def blanked(document: bytes) -> bytes:
    """`document` with the inside of the block left out, for the subject digest."""
    begin, end = _span(document)
    return document if begin < 0 else document[:begin] + BEGIN + END + document[end:]


def _newline(document: bytes, begin: int) -> bytes:
    """How the block's lines end, where there is one; else how the document's do."""
    windows = document.startswith(b"\r\n", begin + len(BEGIN)) if begin >= 0 else b"\r\n" in document
    return b"\r\n" if windows else b"\n"


def _unmarked(text: str) -> bytes:
    """A line of the block that cannot be taken for its marks, whoever wrote the text in it."""
    return text.encode("utf-8", "replace").replace(b"<!--", b"<! --").replace(b"-->", b"-- >")


def _span(document: bytes) -> tuple[int, int]:
    """Where the block begins and ends; (-1, -1) without exactly one whole block."""
    begin, end = document.find(BEGIN), document.find(END)
    whole = 0 <= begin < end and document.count(BEGIN) == 1 and document.count(END) == 1
    return (begin, end + len(END)) if whole else (-1, -1)
