"""On which line each value of a TOML text stands, which no TOML reader at hand tells."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import NamedTuple

Path = tuple[str | int, ...]
"""The way to a value through keys and positions, such as ("step", 2, "then", 0, "to")."""

# Each kind of string matches even when it is never closed, and nothing is tried twice: hostile text takes linear time.
_TOKEN = re.compile(
    r'''(?P<string>"""(?:[^"\\]++|\\[\s\S]|"{1,2}(?!"))*+(?:"{3,5})?|"(?:[^"\\\n]++|\\.)*+"?'''
    r"""|'''(?:[^']++|'{1,2}(?!'))*+(?:'{3,5})?|'[^'\n]*+'?)"""
    r"""|(?P<skip>[ \t\r]++|\#[^\n]*+)|(?P<newline>\n)|(?P<mark>[\[\]{},=.])|(?P<bare>[^\s\[\]{},=."'\#]++)"""
)


class _Token(NamedTuple):
    text: str
    line: int


_END = _Token("", 0)


def lines_of(text: str) -> dict[Path, int]:
    """The line of every value in `text`, which tomllib has accepted; tables and arrays stand where they begin."""
    return _Walk(text).document()


def nesting(text: str) -> int:
    """How many brackets are open at once, or parts in one key, at most; an upper bound, for any text."""
    deepest = depth = parts = 0
    for token in _TOKEN.finditer(text):
        match token.group():
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth = max(0, depth - 1)
            case ".":
                parts += 1
            case "\n" | "=" | ",":
                parts = 0
        deepest = max(deepest, depth, parts)
    return deepest


def line_at(lines: Mapping[Path, int], path: Path) -> int:
    """The line of `path`, else of the nearest value around it, else 1."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Walk:
    """Goes through the tokens once. It never asks whether they are legal: tomllib did."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.position = 0
        self.lines: dict[Path, int] = {}
        self.newest: dict[Path, int] = {}  # of each array of tables, the position of its newest one

    def document(self) -> dict[Path, int]:
        table: Path = ()
        while (token := self.peek()) is not _END:
            if token.text == "\n":
                self.position += 1
            elif token.text == "[":
                table = self.header()
            else:
                self.pair(table)
        return self.lines

    def header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path of the table that it opens."""
        line = self.take().line
        if many := self.peek().text == "[":
            self.position += 1
        *parents, last = self.keys()
        self.position += 2 if many else 1
        path: Path = ()
        for key in parents:
            path = self.enter((*path, key), line)
        path = (*path, last)
        self.lines.setdefault(path, line)
        if many:
            self.newest[path] = self.newest.get(path, -1) + 1
        return self.enter(path, line)

    def enter(self, path: Path, line: int) -> Path:
        """The table at `path`: in an array of tables, its newest."""
        self.lines.setdefault(path, line)
        if path in self.newest:
            path = (*path, self.newest[path])
            self.lines.setdefault(path, line)
        return path

    def pair(self, table: Path) -> None:
        """`a.b = value`."""
        line = self.peek().line
        for key in self.keys():
            table = (*table, key)
            self.lines.setdefault(table, line)
        self.position += 1
        self.value(table)

    def keys(self) -> list[str]:
        found = [self.key()]
        while self.peek().text == ".":
            self.position += 1
            found.append(self.key())
        return found

    def key(self) -> str:
        text = self.take().text
        return next(iter(tomllib.loads(f"{text} = 0"))) if text[0] in "\"'" else text

    def value(self, path: Path) -> None:
        self.lines.setdefault(path, self.peek().line)
        if self.peek().text == "[":
            self.array(path)
        elif self.peek().text == "{":
            self.inline_table(path)
        else:
            while self.peek() is not _END and self.peek().text not in ("\n", ",", "]", "}"):
                self.position += 1

    def array(self, path: Path) -> None:
        count = 0
        self.position += 1
        while (token := self.peek()).text != "]":
            if token.text in ("\n", ","):
                self.position += 1
            else:
                self.value((*path, count))
                count += 1
        self.position += 1

    def inline_table(self, path: Path) -> None:
        self.position += 1
        while (token := self.peek()).text != "}":
            if token.text in ("\n", ","):
                self.position += 1
            else:
                self.pair(path)
        self.position += 1

    def peek(self) -> _Token:
        return self.tokens[self.position] if self.position < len(self.tokens) else _END

    def take(self) -> _Token:
        self.position += 1
        return self.tokens[self.position - 1]


def _tokens(text: str) -> list[_Token]:
    found = []
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skip":
            found.append(_Token(match.group(), line))
        if match.lastgroup in ("newline", "string"):
            line += match.group().count("\n")
    return found
