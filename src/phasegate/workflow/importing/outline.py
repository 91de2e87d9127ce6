"""Markdown as an outline for importers: headings, list items with their boxes, and the rest; lines count from 1.

Unlike the reader of plans it refuses nothing: what it cannot place comes out as something that importers list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import Struct

from phasegate.workflow.importing.draft import clean

Box = Literal["none", "open", "done", "odd"]

_BOX = re.compile(r"^\\?\[([^\[\]\n]{0,3})\\?\][ \t]+(?=\S)")
_SIGN = re.compile(r"^([☐☑✅✔🗹])\ufe0f?[ \t]*(?=\S)")
_OPEN, _DONE = frozenset(["", " ", "/", "☐"]), frozenset("xX✓✔✅☑🗹*")


class Row(Struct, frozen=True):
    """One block. `above` are the lines of the items around it; `level` is a heading's, 7 a bold line's."""

    what: Literal["heading", "item", "prose", "table", "code", "quote"]
    text: str
    line: int
    level: int = 0
    box: Box = "none"
    above: tuple[int, ...] = ()
    struck: bool = False


def outline(text: str) -> list[Row]:
    """The blocks of `text` in their order; front matter, comments and raw HTML are none."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines[: _front_matter(lines)] = [""] * _front_matter(lines)
    return _Walk().rows(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse("\n".join(lines)))


class _Walk:
    """Goes through the tokens once, with the items it is inside of."""

    def __init__(self) -> None:
        self.found: list[Row] = []
        self.items: list[int] = []
        self.waiting = False  # the innermost item has no text yet
        self.quotes = 0

    def rows(self, tokens: Sequence[Token]) -> list[Row]:
        for before, token in zip([None, *tokens], tokens, strict=False):
            start = token.map[0] + 1 if token.map else 0
            match token.type:
                case "list_item_open":
                    self.items.append(start)
                    self.waiting = True
                case "list_item_close":
                    self.items.pop()
                    self.waiting = False
                case "blockquote_open" | "blockquote_close":
                    self.quotes += token.nesting
                case "fence" | "code_block":
                    self._add("code", token.content.strip().split("\n")[0], start)
                case "inline" if before is not None:
                    self._inline(before, token, start)
        return self.found

    def _add(self, what: Literal["table", "code", "quote", "prose"], text: str, line: int) -> None:
        self.found.append(Row(what, clean(text), line, above=tuple(self.items)))
        self.waiting = False

    def _inline(self, before: Token, token: Token, line: int) -> None:
        text, struck = _seen(token)
        if before.type == "heading_open":
            self.found.append(Row("heading", clean(text), line, int(before.tag[1:]), above=tuple(self.items)))
            self.waiting = False
        elif before.type in ("th_open", "td_open"):
            self._add("table", text, line)
        elif self.quotes:
            self._add("quote", text, line)
        elif self.waiting:
            self._item(text, line, struck)
        elif not self.items and _all_bold(token):
            self.found.append(Row("heading", clean(text).rstrip(" :"), line, 7))
        else:
            for offset, part in _sentences(token.content, text):
                self._add("prose", part, line + offset)

    def _item(self, text: str, line: int, struck: bool) -> None:
        box: Box = "none"
        if found := _BOX.match(text) or _SIGN.match(text):
            state = found[1].strip() or " "
            box = "open" if state in _OPEN else "done" if state in _DONE else "odd"
            text = text[found.end() :] if box != "odd" else text
        # The line of the item itself: a list that begins inside another has its first paragraph on the same line.
        self.found.append(Row("item", clean(text), line, box=box, above=tuple(self.items[:-1]), struck=struck))
        self.items[-1] = line
        self.waiting = False


def _front_matter(lines: Sequence[str]) -> int:
    if lines[0].rstrip() != "---":
        return 0
    return next((number + 1 for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), 0)


def _seen(inline: Token) -> tuple[str, bool]:
    """What a reader sees of a paragraph, and whether all of it is struck through; code keeps its back ticks."""
    parts: list[str] = []
    depth, bare = 0, False
    for child in inline.children or []:
        depth += {"s_open": 1, "s_close": -1}.get(child.type, 0)
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "code_inline":
            parts.append(f"`{child.content}`")
        elif child.type in ("text", "text_special", "image"):
            parts.append(child.content)
        else:
            continue
        word = re.sub(r"^\[.{0,3}\]", "", parts[-1]) if len(parts) == 1 else parts[-1]
        bare = bare or (not depth and bool(word.strip(" \n.")))
    text = "".join(parts)
    return text, bool(text.strip()) and not bare and "~~" in inline.content


def _sentences(raw: str, text: str) -> list[tuple[int, str]]:
    """The lines of a paragraph joined, save where one begins with a bold label; each with its offset."""
    found: list[tuple[int, str]] = []
    for offset, (source, part) in enumerate(zip(raw.split("\n"), text.split("\n"), strict=False)):
        if found and not source.lstrip().startswith(("**", "__")):
            found[-1] = (found[-1][0], f"{found[-1][1]} {part}")
        else:
            found.append((offset, part))
    return found


def _all_bold(inline: Token) -> bool:
    """Whether a paragraph is one bold line, as people write who spare a heading."""
    return "\n" not in inline.content and bool(
        re.fullmatch(r"(\*\*|__)(?:(?!\1).)+\1[ \t]*:?[ \t]*", inline.content) and not inline.content.endswith(".**")
    )
