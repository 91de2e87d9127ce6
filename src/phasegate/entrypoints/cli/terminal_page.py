"""A page on a terminal: quiet, at most 100 columns, references beside what they show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

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
    Tile,
    Tone,
    Words,
    references,
)

WIDEST = 100
NARROW = 76
"""Below this many columns tiles stand in two rows, and tables give up their references."""

TONES: dict[Tone, str] = {"plain": "", "good": "green", "wait": "yellow", "bad": "red"}
MARKS: dict[Tone, str] = {"plain": "·", "good": "✓", "wait": "?", "bad": "!"}
CROWDED = 6
"""From how many columns on only what must be said is said."""

REFS_SHOWN = 2
BAR = 28


def drawn(page: Page, *, width: int, colour: bool) -> str:
    """The page as text with the terminal's own colours, or none."""
    out = StringIO()
    console = Console(
        file=out, width=min(width, WIDEST), force_terminal=colour, no_color=not colour, highlight=False, markup=False,
        emoji=False, color_system="standard" if colour else None, legacy_windows=False,
    )  # fmt: skip
    console.print(Padding(Group(*_page(page, min(width, WIDEST) - 4)), (1, 2)))
    return "\n".join(row.rstrip() for row in out.getvalue().splitlines())


def _page(page: Page, width: int) -> Iterator[RenderableType]:
    yield Text(line(f"{page.title} · {page.period}" + (f" · {page.about}" if page.about else ""), 300), "dim")
    yield Text(line(page.headline, 400), f"bold {TONES[page.tone]}".strip())
    yield Text()
    yield from _tiles(page.tiles, width)
    for section in page.sections:
        yield from _section(section, width)
    if not references(page):
        return
    yield Text()
    yield Text("@21 is an event of the ledger: `phasegate why @21`. An id like ev-1a2b is an observation: "
               "`phasegate evidence show ev-1a2b`.", "dim")  # fmt: skip


def _tiles(tiles: tuple[Tile, ...], width: int) -> Iterator[RenderableType]:
    """The glance: label, figure and note below each other, in one row or two."""
    in_a_row = len(tiles) if width >= NARROW else (len(tiles) + 1) // 2
    for start in range(0, len(tiles), in_a_row or 1):
        grid = Grid.grid(padding=(0, 2, 0, 0), expand=True)
        for _ in tiles[start : start + in_a_row]:
            grid.add_column(ratio=1)
        grid.add_row(*(_tile(tile) for tile in tiles[start : start + in_a_row]))
        yield grid
        yield Text()


def _tile(tile: Tile) -> Text:
    shown = Text().append(line(tile.label, 40) + "\n", "dim")
    shown.append(tile.value.lead, "dim")
    shown.append(line(tile.value.text, 40), f"bold {TONES[tile.tone]}".strip())
    note = _words(tile.note)
    shown.append("\n").append_text(Text(note.plain))
    ref = _refs(tile.value.refs, tile.value.more, most=1)
    return shown.append(f"\n{ref}", "dim") if ref else shown


def _section(section: Section, width: int) -> Iterator[RenderableType]:
    title = Text(line(section.title, 80), "bold")
    title.append(" " + "─" * max(0, width - len(title) - 1), "dim")
    yield title
    for block in section.blocks:
        yield _block(block, width)
        yield Text()


def _block(block: Block, width: int) -> RenderableType:
    match block:
        case Say(words=said, tone=tone):
            shown = _sentence(said)
            shown.style = TONES[tone]
            return shown
        case Entries(entries=entries, ranked=ranked):
            return _entries(entries, ranked)
        case Table():
            return _table(block, width)
        case Bars():
            return _bars(block, width)


def _entries(entries: tuple[Entry, ...], ranked: bool) -> RenderableType:
    grid = Grid.grid(padding=(0, 1, 0, 0))
    grid.add_column(justify="right")
    grid.add_column()
    airy = not ranked and any(len(entry.rows) + len(entry.commands) > 1 for entry in entries)
    for number, entry in enumerate(entries, 1):
        mark = Text(f"{number}" if ranked else MARKS[entry.tone], TONES[entry.tone] or "dim")
        rows = [_sentence(entry.title), *map(_sentence, entry.rows)]
        broad = max((len(command.does) for command in entry.commands), default=0)
        rows += [_command(command.does.ljust(broad), command.text) for command in entry.commands]
        grid.add_row(mark, Group(*rows, *([Text()] if airy and number < len(entries) else [])))
    return grid


def _command(does: str, text: str) -> Text:
    """On a line of its own, not wrapped by us: it is there to be copied."""
    shown = Text(overflow="fold").append(f"{line(does, 60).ljust(len(does))}  " if does else "", "dim")
    return shown.append(line(text, 400), "cyan")


def _table(table: Table, width: int) -> RenderableType:
    """Without links to files, which a terminal cannot show; references in a column of their own."""
    shown = [at for at, _ in enumerate(table.columns) if not any(isinstance(row[at][:1], tuple) and
             row[at] and isinstance(row[at][0], Doc) for row in table.rows)]  # fmt: skip
    grid = Grid(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    for at in shown:
        column = table.columns[at]
        grid.add_column(line(column.title, 40), justify="right" if column.numeric else "left", no_wrap=column.numeric)
    wide = width >= NARROW and any(_row_refs(row, 1) for row in table.rows)
    if wide:
        grid.add_column("shown by", style="dim", no_wrap=True)
    for row in table.rows:
        cells = [_words(row[at] if len(shown) < CROWDED else _loud(row[at])) for at in shown]
        grid.add_row(*cells, *([_row_refs(row, 1 if len(shown) > 4 else REFS_SHOWN)] if wide else []))
    return grid


def _loud(cell: Words) -> Words:
    """What must be said where there is little room."""
    return tuple(bit for bit in cell if not isinstance(bit, Quiet)) or cell


def _row_refs(row: tuple[Words, ...], most: int) -> str:
    """The first reference of each figure of a row, as far as there is room."""
    cited = [bit for cell in row for bit in cell if isinstance(bit, Cited)]
    first = list(dict.fromkeys(ref for bit in cited for ref in bit.refs[:1]))
    return _refs(first[:most], 0, most)


def _bars(bars: Bars, width: int) -> RenderableType:
    grid = Grid.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "right", "left", "left"):
        grid.add_column(justify=justify, no_wrap=True)
    longest = BAR if width >= NARROW else BAR // 3
    grid.add_row(Text(line(bars.title, 40), "dim"))
    for bar in bars.bars:
        length = max(1, round(bar.share * longest))
        grid.add_row(
            _words(bar.label), Text("━" * length, "blue"), line(bar.value.lead + bar.value.text, 40),
            Text(line(bar.note, 40), "dim"), Text(_refs(bar.value.refs, bar.value.more, most=1), "dim"),
        )  # fmt: skip
    return grid


def _sentence(said: Words) -> Text:
    """Words, and at their end what shows them: references between words would be in the way."""
    shown = _words(said)
    cited = [bit for bit in said if isinstance(bit, Cited)]
    beside = [_refs(bit.refs, bit.more) for bit in cited]
    return shown.append(f"  {' '.join(filter(None, beside))}", "dim") if any(beside) else shown


def _words(said: Words) -> Text:
    shown = Text()
    for bit in said:
        shown.append_text(_bit(bit))
    return shown


def _bit(bit: Bit) -> Text:
    match bit:
        case Plain(text=raw):
            return Text(_spaced(raw))
        case Strong(text=raw):
            return Text(_spaced(raw), "bold")
        case Quiet(text=raw):
            return Text(_spaced(raw), "dim")
        case Code(text=raw):
            return Text(line(raw, 400), "cyan")
        case Cited():
            return Text(bit.lead + line(bit.text, 200), "dim" if bit.why else "")
        case Doc(file=file, text=raw):
            return Text(f"{line(raw, 200)}: ").append(line(file.path, 400), "cyan")


def _refs(refs: Iterable[str], more: int, most: int = REFS_SHOWN) -> str:
    named = [line(ref, 40) for ref in refs]
    left = len(named) - most + more
    return " ".join(named[:most]) + (f" +{left}" if left > 0 else "")


def _spaced(raw: str) -> str:
    """`line` takes the spaces at the ends away; they belong to the sentence."""
    return " " * (raw[:1] == " ") + line(raw, 1200) + " " * (raw[-1:] == " " and len(raw) > 1)
