"""A page as one self-contained HTML file: no script, nothing loaded; whatever others wrote stays text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from phasegate.plain import line
from phasegate.report.blocks import (
    Bars,
    Bit,
    Block,
    Cited,
    Code,
    Column,
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
    Words,
    look_at,
)
from phasegate.report.record import Linked, Told
from phasegate.report.style import CSS

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is loaded and no script runs, whatever the page might come to hold (Content Security Policy Level 3)."""


def html(page: Page, linked: Linked, told: Mapping[str, Told]) -> str:
    """`page` as HTML; `linked` finds files, `told` says what each reference names."""
    period = " · ".join(filter(None, (page.period, page.about)))
    body = [
        f'<header><p class="period"><strong>{text(page.title)}</strong> · {text(period)}</p>'
        f'<h1 class="{page.tone}">{text(page.headline)}</h1></header>',
        _glance(page.tiles, told),
        *(_section(section, linked, told) for section in page.sections),
        _record(told),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(page.title)}: {text(page.headline)}</title>\n<style>\n{CSS}</style>\n</head>\n"
        f"<body>\n<main>\n{_rows(body)}\n</main>\n</body>\n</html>\n"
    )


def text(raw: str) -> str:
    """Text of others on one line, with the spaces around it, so that nothing in it is markup."""
    lead, tail = " " * (raw[:1] == " "), " " * (raw[-1:] == " " and len(raw) > 1)
    return f"{lead}{escape(line(raw, 1200))}{tail}"


def anchor(ref: str) -> str:
    """The name of a reference within the page."""
    return "r" + re.sub(r"[^a-z0-9-]", "", ref.lower())


def _rows(parts: list[str]) -> str:
    return "\n".join(part for part in parts if part)


def _glance(tiles: tuple[Tile, ...], told: Mapping[str, Told]) -> str:
    shown = "".join(
        f'<div class="tile {tile.tone}"><dt>{text(tile.label)}</dt><dd><span class="value">'
        f'{_cited(tile.value, told)}</span><span class="note">{_words(tile.note, None, told)}</span></dd></div>'
        for tile in tiles
    )
    return f'<dl class="glance">{shown}</dl>' if tiles else ""


def _section(section: Section, linked: Linked, told: Mapping[str, Told]) -> str:
    blocks = _rows([_block(block, linked, told) for block in section.blocks])
    return f'<section id="{section.anchor}"><h2>{text(section.title)}</h2>\n{blocks}\n</section>'


def _block(block: Block, linked: Linked, told: Mapping[str, Told]) -> str:
    match block:
        case Say(words=said, tone=tone):
            return f'<p class="say {tone}">{_words(said, linked, told)}</p>'
        case Entries(entries=entries, ranked=ranked):
            tag = "ol" if ranked else "ul"
            inner = _rows([_entry(entry, linked, told) for entry in entries])
            return f'<{tag} class="entries">\n{inner}\n</{tag}>'
        case Table():
            return _table(block, linked, told)
        case Bars():
            return _bars(block, linked, told)


def _entry(entry: Entry, linked: Linked, told: Mapping[str, Told]) -> str:
    rows = "".join(f"<p>{_words(row, linked, told)}</p>" for row in entry.rows)
    commands = "".join(
        f'<p class="command"><span>{text(command.does)}</span><code>{text(command.text)}</code></p>'
        for command in entry.commands
    )
    return f'<li class="{entry.tone}"><p class="title">{_words(entry.title, linked, told)}</p>{rows}{commands}</li>'


def _table(table: Table, linked: Linked, told: Mapping[str, Told]) -> str:
    """Each cell knows its column's title, for a screen too narrow for columns."""
    heads = "".join(f"<th{_class(column)}>{text(column.title)}</th>" for column in table.columns)
    rows = [
        "<tr>"
        + "".join(
            f'<td{_class(column)} data-is="{text(column.title)}">{_words(cell, linked, told)}</td>'
            for column, cell in zip(table.columns, row, strict=True)
        )
        + "</tr>"
        for row in table.rows
    ]
    slim = " slim" if all(column.numeric for column in table.columns[1:]) else ""
    return f'<table class="figures{slim}"><thead><tr>{heads}</tr></thead><tbody>\n{_rows(rows)}\n</tbody></table>'


def _class(column: Column) -> str:
    return ' class="n"' if column.numeric else ' class="prose"' if column.prose else ""


def _bars(bars: Bars, linked: Linked, told: Mapping[str, Told]) -> str:
    rows = [
        f'<li><span class="label">{_words(bar.label, linked, told)}</span><span class="track">'
        f'<span class="bar" style="width:{max(0.0, min(1.0, bar.share)) * 100:.1f}%"></span></span>'
        f'<span class="n">{_cited(bar.value, told)}</span><span class="note">{text(bar.note)}</span></li>'
        for bar in bars.bars
    ]
    return f'<h3>{text(bars.title)}</h3>\n<ul class="bars">\n{_rows(rows)}\n</ul>'


def _words(said: Words, linked: Linked | None, told: Mapping[str, Told]) -> str:
    return "".join(_bit(bit, linked, told) for bit in said)


def _bit(bit: Bit, linked: Linked | None, told: Mapping[str, Told]) -> str:
    match bit:
        case Plain(text=raw):
            return text(raw)
        case Strong(text=raw):
            return f"<strong>{text(raw)}</strong>"
        case Quiet(text=raw):
            return f'<span class="quiet">{text(raw)}</span>'
        case Code(text=raw):
            return f"<code>{text(raw)}</code>"
        case Cited():
            return _cited(bit, told)
        case Doc(file=file, text=raw):
            target = linked(file) if linked else ""
            path = text(file.path)
            return (
                f'<a href="{escape(target)}" title="{path}">{text(raw)}</a>' if target
                else f"{text(raw)} <code>{path}</code>"
            )  # fmt: skip


def _cited(bit: Cited, told: Mapping[str, Told]) -> str:
    """A figure leads to its entry in the record at the end of the page."""
    lead = f'<span class="lead">{text(bit.lead)}</span>' if bit.lead else ""
    if not bit.refs or bit.refs[0] not in told:
        title = f' title="{text(bit.why)}"' if bit.why else ""
        return f'<span class="unknown"{title}>{text(bit.text)}</span>' if title else lead + text(bit.text)
    more = f" and {len(bit.refs) - 1 + bit.more} more" if len(bit.refs) + bit.more > 1 else ""
    why = f"{line(bit.why, 200)}: " if bit.why else ""
    title = f"{why}{look_at(bit.refs[0])}{more}"
    return f'<a class="cited" href="#{anchor(bit.refs[0])}" title="{text(title)}">{lead}{text(bit.text)}</a>'


def _record(told: Mapping[str, Told]) -> str:
    if not told:
        return ""
    rows = [
        f'<tr id="{anchor(ref)}"><td><code>{text(look_at(ref))}</code></td><td>{text(each.when)}</td>'
        f"<td>{text(each.what)}</td></tr>"
        for ref, each in told.items()
    ]
    return (
        '<section id="record"><h2>Where the figures come from</h2>\n<p class="quiet">Each figure above leads to its '
        "line here: what was recorded, when, and the command that shows it whole.</p>\n"
        f"<table><tbody>\n{_rows(rows)}\n</tbody></table>\n</section>"
    )
