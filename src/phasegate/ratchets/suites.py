"""The tests of one file, whatever its language: each with its checks, its cases, and what switches it off."""

from __future__ import annotations

from typing import Literal

import msgspec

Op = Literal[
    "==", "~", ">=", ">", "<=", "<", "!=", "in", "has", "like", "raises", "called", "own", "true", "something",
    "other", "empty",
]  # fmt: skip
"""How a check looks at its subject. `~`: nearly equal; `in`: one of; `has`: contains; `like`: a pattern or a part;
`own`: a check the project wrote itself; `true`: truthy or falsy; `something`: there at all; `empty`: cannot fail."""


class Unreadable(Exception):
    """A file that is no program of its language, or that goes too deep to be read; says why."""


class Endless(Unreadable):
    """A parser would go on and on, or too deep: no other grammar is tried."""


class Check(msgspec.Struct, frozen=True):
    """One assertion: what it is about, how it looks at it and for which value, its words as written.

    `about` and `key` are the subject and the whole with local names resolved, so that renaming changes neither;
    `shape` is the key without its literals. `muffled` says what keeps it from failing the test, `when` on which
    condition alone it is made. `tolerance` belongs to `~`; `through` names the helper that makes it.
    """

    subject: str
    op: Op
    value: str
    words: str
    line: int
    about: str = ""
    key: str = ""
    shape: str = ""
    muffled: str = ""
    when: str = ""
    tolerance: float = 0.0
    through: str = ""


class Switch(msgspec.Struct, frozen=True):
    """Words that keep a test from running or from counting; `always`, or on a condition that a machine decides.

    With `seen` a run shows well enough whether it does: a module is there or not.
    """

    words: str
    line: int
    always: bool = True
    seen: bool = False


class Test(msgspec.Struct, frozen=True):
    """One test, or a function that tests call. `alone` are words that switch all others off.

    `lines` are its statements as written, `body` the same with names resolved. `cases` are the rows it is run over,
    when they can be read. `calls` are names it uses and how often, `mocks` what it puts something else in the place of.
    """

    __test__ = False

    name: str
    line: int
    lines: tuple[str, ...]
    checks: tuple[Check, ...]
    off: str = ""
    alone: str = ""
    off_line: int = 0
    table: bool = False
    """Whether it is run over a table of cases, and so can stand for several."""
    switches: tuple[Switch, ...] = ()
    body: str = ""
    cases: tuple[str, ...] | None = None
    calls: dict[str, int] = {}
    mocks: tuple[str, ...] = ()
    shadowed: int = 0
    """The line of an earlier test of the same name that this one replaces; 0 when there is none."""

    def words(self) -> frozenset[str]:
        """Every word of it."""
        return frozenset(word for text in self.lines for word in words_of(text))

    @property
    def live(self) -> tuple[Check, ...]:
        """The checks that can fail."""
        return tuple(check for check in self.checks if not check.muffled and check.op != "empty")


class Suite(msgspec.Struct, frozen=True):
    """The tests of one file by name, in order; `off` are words that switch all of them off.

    `helpers` are functions that check something, or put something in the place of code, and are no tests.
    """

    tests: dict[str, Test]
    off: str = ""
    off_line: int = 0
    switches: tuple[Switch, ...] = ()
    helpers: dict[str, Test] = {}


def words_of(text: str) -> list[str]:
    """The words of a text, in order."""
    return "".join(char if char.isalnum() or char == "_" else " " for char in text).split()
