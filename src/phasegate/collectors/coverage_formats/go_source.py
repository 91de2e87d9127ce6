"""Where the code of a Go file lies: a cover profile names blocks, and a comment or a brace in a block does not run."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from msgspec import Struct

_TOKEN = re.compile(
    rb"""(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))"""
    rb"""|(?P<code>`[^`]*(?:`|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|[^\s{}();,`"'/]+|/)"""
    rb"""|(?P<brace>[{}();,])"""
    rb"""|(?P<space>\s+)""",
    re.DOTALL,
)
_NO_STATEMENT = frozenset({b"else"})

Point = tuple[int, int]
"""Line and column, both from 1; columns count bytes, as Go does."""


class Source(Struct, frozen=True):
    """The places of all code in one file, in order: where each piece begins, and the line on which it ends."""

    begins: tuple[Point, ...]
    ends: tuple[int, ...]

    @property
    def lines(self) -> frozenset[int]:
        """Lines that hold more than comments, braces and `else`; of a text over several lines, all."""
        pieces = zip(self.begins, self.ends, strict=True)
        return frozenset(line for (first, _), last in pieces for line in range(first, last + 1))

    def within(self, begin: Point, end: Point) -> tuple[Point, Point]:
        """The part from `begin` to before `end` that holds code; all of it when none does."""
        first, after = bisect_left(self.begins, begin), bisect_left(self.begins, end)
        if first >= after:
            return begin, end
        return self.begins[first], (self.ends[after - 1], self.begins[after - 1][1])


def source_of(content: bytes) -> Source:
    """The code in a Go file."""
    pieces = [*_pieces(content)]
    return Source(tuple(begin for begin, _ in pieces), tuple(end for _, end in pieces))


def _pieces(content: bytes) -> Iterator[tuple[Point, int]]:
    line, line_begins = 1, 0
    for token in _TOKEN.finditer(content):
        breaks = token[0].count(b"\n")
        if token.lastgroup == "code" and token[0] not in _NO_STATEMENT:
            yield (line, token.start() - line_begins + 1), line + breaks
        if breaks:
            line += breaks
            line_begins = token.start() + token[0].rindex(b"\n") + 1
