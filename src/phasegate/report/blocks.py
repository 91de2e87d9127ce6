"""A page as data: sections of blocks, blocks of words. The terminal, Markdown and HTML draw the same page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from phasegate.report.values import Figure, File, position_of
from phasegate.report.words import UNKNOWN, number

Tone = Literal["plain", "good", "wait", "bad"]
"""What a glance should tell: all is well, a person is waited for, something went wrong; or nothing of the kind."""


class Plain(msgspec.Struct, frozen=True, tag="plain"):
    """Text as it is."""

    text: str


class Strong(msgspec.Struct, frozen=True, tag="strong"):
    """What the eye should find."""

    text: str


class Quiet(msgspec.Struct, frozen=True, tag="quiet"):
    """What may be passed over."""

    text: str


class Code(msgspec.Struct, frozen=True, tag="code"):
    """A path, a test, a command, an id: to be read letter by letter."""

    text: str


class Cited(msgspec.Struct, frozen=True, tag="cited"):
    """What the ledger shows, with the references that lead there and how many more there are; or why it is unknown.

    `lead` stands before it, for what bounds it only: "≥ ".
    """

    text: str
    refs: tuple[str, ...] = ()
    more: int = 0
    why: str = ""
    lead: str = ""


class Doc(msgspec.Struct, frozen=True, tag="doc"):
    """A file of a work tree to open."""

    file: File
    text: str


Bit = Plain | Strong | Quiet | Code | Cited | Doc
Words = tuple[Bit, ...]


class Tile(msgspec.Struct, frozen=True):
    """One figure of the glance: what it counts, the figure, and what else belongs to it."""

    label: str
    value: Cited
    note: Words
    tone: Tone = "plain"


class Say(msgspec.Struct, frozen=True, tag="say"):
    """A sentence or two."""

    words: Words
    tone: Tone = "plain"


class Command(msgspec.Struct, frozen=True):
    """A command to copy, and what it does."""

    text: str
    does: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One thing of a list: what it is, more about it, and the commands that settle it."""

    title: Words
    rows: tuple[Words, ...] = ()
    commands: tuple[Command, ...] = ()
    tone: Tone = "plain"


class Entries(msgspec.Struct, frozen=True, tag="entries"):
    """A list; `ranked` when its order says what is first."""

    entries: tuple[Entry, ...]
    ranked: bool = False


class Column(msgspec.Struct, frozen=True):
    """A column of a table: of numbers, of sentences, or of short words."""

    title: str
    numeric: bool = False
    prose: bool = False


class Table(msgspec.Struct, frozen=True, tag="table"):
    """Rows of cells."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Words, ...], ...]


class Bar(msgspec.Struct, frozen=True):
    """A share of the longest bar, from 0 to 1."""

    label: Words
    share: float
    value: Cited
    note: str = ""


class Bars(msgspec.Struct, frozen=True, tag="bars"):
    """Amounts to compare by eye."""

    title: str
    bars: tuple[Bar, ...]


Block = Say | Entries | Table | Bars


class Section(msgspec.Struct, frozen=True):
    """A heading and what stands under it; `anchor` names it within the page."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    tone: Tone = "plain"


class Page(msgspec.Struct, frozen=True):
    """A whole page. `period` and `about` stand small beside the title, the headline says it all in a sentence."""

    title: str
    period: str
    about: str
    headline: str
    tone: Tone
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]


def words(*parts: str | Bit | Words) -> Words:
    """Texts and bits in a row."""
    made: list[Bit] = []
    for part in parts:
        if isinstance(part, tuple):
            made += part
        elif not isinstance(part, str):
            made.append(part)
        elif part:
            made.append(Plain(part))
    return tuple(made)


def joined(parts: Sequence[Words], separator: str = ", ") -> Words:
    """`parts` with `separator` between them."""
    made: list[Bit] = []
    for part in parts:
        made += [Plain(separator), *part] if made else part
    return tuple(made)


def codes(texts: Sequence[str], most: int = 4) -> Words:
    """The first texts letter by letter, and how many more there are."""
    shown = joined([(Code(text),) for text in texts[:most]])
    return words(shown, f" and {len(texts) - most} more" if len(texts) > most else "")


def cite(figure: Figure, shown: Callable[[float], str] = number, tail: str = "") -> Cited:
    """A figure as a citation; what is unknown is said to be."""
    if figure.value is None:
        return Cited(UNKNOWN, figure.refs, figure.more, figure.why)
    lead = "≥ " if figure.least else ""
    return Cited(f"{shown(figure.value)}{tail}", figure.refs, figure.more, lead=lead)


def look_at(ref: str) -> str:
    """The command that shows what a reference names."""
    return f"phasegate why {ref}" if position_of(ref) else f"phasegate evidence show {ref}"


def references(page: Page) -> tuple[str, ...]:
    """Every reference of the page once, in the order of reading."""
    found: dict[str, None] = {}
    for bit in _bits(page):
        if isinstance(bit, Cited):
            found.update(dict.fromkeys(bit.refs))
    return tuple(found)


def _bits(page: Page) -> list[Bit]:
    bits: list[Bit] = []
    for tile in page.tiles:
        bits += [tile.value, *tile.note]
    for section in page.sections:
        for block in section.blocks:
            bits += _of_block(block)
    return bits


def _of_block(block: Block) -> list[Bit]:
    match block:
        case Say(words=said):
            return list(said)
        case Entries(entries=entries):
            return [bit for entry in entries for row in (entry.title, *entry.rows) for bit in row]
        case Table(rows=rows):
            return [bit for row in rows for cell in row for bit in cell]
        case Bars(bars=bars):
            return [bit for bar in bars for bit in (*bar.label, bar.value)]
