"""A page as Markdown that reads well unrendered too; whatever others wrote stays text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from phasegate.plain import line
from phasegate.report.blocks import (
    Bars,
    Bit,
    Block,
    Cited,
    Code,
    Doc,
    Entries,
    Entry,
    Page,
    Plain,
    Quiet,
    Say,
    Section,
    Strong,
    Table,
    Words,
    look_at,
)
from phasegate.report.record import Linked, Told

SPECIAL = re.compile(r"([\\`*\[\]<>&|~#!]|(?<![^\W_])_|_(?![^\W_]))")
"""What could be read as markup within a line (GitHub Flavored Markdown, section 6); not an underscore within a word."""

AUTOLINK = re.compile(r"(?i)\b(www)\.|(://)|(\w)@(?=\w)")
"""What would become a link by itself (section 6.9)."""

MARKS = {"plain": "", "good": "✓ ", "wait": "? ", "bad": "! "}

RECORD = "where-the-figures-come-from"


def markdown(page: Page, linked: Linked, told: Mapping[str, Told]) -> str:
    """`page` as Markdown; `linked` finds files, `told` says what each reference names."""
    parts = [f"# {text(page.title)}", text(page.headline).join(("**", "**")),
             text(" · ".join(filter(None, (page.period, page.about)))), _glance(page)]  # fmt: skip
    for section in page.sections:
        parts += _section(section, linked)
    parts += [f"## {RECORD.replace('-', ' ').capitalize()}", _record(told), _targets(told)] if told else []
    return "\n\n".join(part for part in parts if part) + "\n"


def text(raw: str) -> str:
    """Text of others on one line, so that nothing in it is markup."""
    escaped = SPECIAL.sub(r"\\\1", line(raw, 1200))
    return AUTOLINK.sub(_unlinked, escaped)


def _unlinked(found: re.Match[str]) -> str:
    if found[1]:
        return f"{found[1]}\\."
    return "\\://" if found[2] else f"{found[3]}\\@"


def code(raw: str, *, cell: bool = False) -> str:
    """Text of others as a code span, fenced by more backticks than it holds."""
    shown = line(raw, 400) or " "
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    spanned = f"{fence}{pad}{shown}{pad}{fence}"
    return spanned.replace("|", "\\|") if cell else spanned


def _glance(page: Page) -> str:
    if not page.tiles:
        return ""
    heads = " | ".join(text(tile.label) for tile in page.tiles)
    values = " | ".join(f"**{_bit(tile.value, None, cell=True)}**" for tile in page.tiles)
    notes = " | ".join(_words(tile.note, None, cell=True) for tile in page.tiles)
    return f"| {heads} |\n|{'---|' * len(page.tiles)}\n| {values} |\n| {notes} |"


def _section(section: Section, linked: Linked) -> list[str]:
    return [f"## {text(section.title)}", *(_block(block, linked) for block in section.blocks)]


def _block(block: Block, linked: Linked) -> str:
    match block:
        case Say(words=said, tone=tone):
            return MARKS[tone].rstrip() + " " * bool(MARKS[tone]) + _words(said, linked)
        case Entries(entries=entries, ranked=ranked):
            rows = [_entry(entry, f"{number}." if ranked else "-", linked) for number, entry in enumerate(entries, 1)]
            return "\n".join(rows)
        case Table():
            return _table(block, linked)
        case Bars():
            return _bars(block, linked)


def _entry(entry: Entry, mark: str, linked: Linked) -> str:
    rows = [_words(entry.title, linked), *(_words(row, linked) for row in entry.rows)]
    rows += [f"{text(command.does) + ': ' if command.does else ''}{code(command.text)}" for command in entry.commands]
    return f"{mark} " + ("\\\n" + " " * (len(mark) + 1)).join(rows)


def _table(table: Table, linked: Linked) -> str:
    rows = ["| " + " | ".join(text(column.title) or " " for column in table.columns) + " |"]
    rows.append("|" + "|".join("---:" if column.numeric else "---" for column in table.columns) + "|")
    rows += ["| " + " | ".join(_words(cell, linked, cell=True) for cell in row) + " |" for row in table.rows]
    return "\n".join(rows)


def _bars(bars: Bars, linked: Linked) -> str:
    rows = [f"| {text(bars.title)} | | |", "|---|---:|---|"]
    rows += [f"| {_words(bar.label, linked, cell=True)} | {_bit(bar.value, linked, cell=True)} | {text(bar.note)} |"
             for bar in bars.bars]  # fmt: skip
    return "\n".join(rows)


def _words(said: Words, linked: Linked | None, *, cell: bool = False) -> str:
    return "".join(_bit(bit, linked, cell=cell) for bit in said)


def _bit(bit: Bit, linked: Linked | None, *, cell: bool = False) -> str:
    match bit:
        case Plain(text=raw) | Quiet(text=raw):
            return _spaced(raw, text(raw))
        case Strong(text=raw):
            return _spaced(raw, f"**{text(raw)}**") if line(raw) else ""
        case Code(text=raw):
            return code(raw, cell=cell)
        case Cited():
            return _cited(bit)
        case Doc(file=file, text=raw):
            target = linked(file) if linked else ""
            return f"[{text(raw)}](<{target}>)" if target else f"{text(raw)} ({code(file.path, cell=cell)})"


def _spaced(raw: str, shown: str) -> str:
    """Spaces at the ends belong to the sentence; `line` takes them away."""
    lead, tail = " " * (raw[:1] == " "), " " * (raw[-1:] == " " and len(raw) > 1)
    return f"{lead}{shown}{tail}"


def _cited(bit: Cited) -> str:
    """A figure with its reference, which is defined at the end of the page, as a link to what it names."""
    shown = text(bit.lead + bit.text)
    return f"[{shown}][{label(bit.refs[0])}]" if bit.refs else shown


def label(ref: str) -> str:
    """A reference as the label of a link."""
    return re.sub(r"[^@\w.-]", "", ref)


def _targets(told: Mapping[str, Told]) -> str:
    return "\n".join(f'[{label(ref)}]: #{RECORD} "{text(look_at(ref))}"' for ref in told)


def _record(told: Mapping[str, Told]) -> str:
    rows = ["| | recorded | what | shown by |", "|---|---|---|---|"]
    rows += [f"| {code(ref, cell=True)} | {text(each.when)} | {text(each.what)} | {code(look_at(ref), cell=True)} |"
             for ref, each in told.items()]  # fmt: skip
    return "\n".join(rows)
