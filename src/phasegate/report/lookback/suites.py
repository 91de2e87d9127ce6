"""The tests of one file, whatever its language: each with its checks, and whether it is switched off."""

from __future__ import annotations

from typing import Literal

import msgspec

Op = Literal["==", ">=", ">", "<=", "<", "in", "has", "true", "something", "empty", "other"]
"""How a check looks at its subject. `in`: one of; `has`: contains; `empty`: cannot fail; `other`: not compared."""


class Check(msgspec.Struct, frozen=True):
    """One assertion: what it is about, how it looks at it and for which value, its words as written."""

    subject: str
    op: Op
    value: str
    words: str
    line: int


class Test(msgspec.Struct, frozen=True):
    """One test: `off` are the words that switch it off, `alone` those that switch all others off."""

    name: str
    line: int
    lines: tuple[str, ...]
    checks: tuple[Check, ...]
    off: str = ""
    alone: str = ""
    off_line: int = 0
    table: bool = False
    """Whether it is run over a table of cases, and so can stand for several."""

    def words(self) -> frozenset[str]:
        return frozenset(word for text in self.lines for word in _words(text))


class Suite(msgspec.Struct, frozen=True):
    """The tests of one file by name, in order; `off` are words that switch all of them off."""

    tests: dict[str, Test]
    off: str = ""
    off_line: int = 0


def _words(text: str) -> list[str]:
    return "".join(char if char.isalnum() or char == "_" else " " for char in text).split()
