"""The links and images of a Markdown document that lead to files, with the line they stand in."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import Struct

LARGEST = 2 * 1024 * 1024
"""Characters of a document that is read; a larger one is generated."""

_PARSER = MarkdownIt("commonmark").enable("table")


class Link(Struct, frozen=True):
    """A link as written, its target decoded and without its fragment, and the line (from 1) its block begins in."""

    written: str
    path: str
    line: int


def links(text: str) -> tuple[Link, ...]:
    """Every link of `text` that names a file: no address with a scheme, no anchor of the document itself."""
    if len(text) > LARGEST:
        return ()
    return tuple(_of(_PARSER.parse(text)))


def _of(tokens: list[Token]) -> Iterator[Link]:
    for token in tokens:
        line = token.map[0] + 1 if token.map else 1
        for child in token.children or ():
            line += child.type in ("softbreak", "hardbreak")
            target = child.attrGet("href") or child.attrGet("src")
            if isinstance(target, str) and (path := _path(target)):
                yield Link(target, path, line)


def _path(target: str) -> str:
    """The path a target names; "" when it names none."""
    written = target.partition("#")[0].partition("?")[0]
    if not written or written.startswith(("//", "mailto:")) or ":" in written.partition("/")[0]:
        return ""
    return unquote(written)
