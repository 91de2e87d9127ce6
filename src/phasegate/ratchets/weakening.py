"""One place where a tree checks less than the one before it: what it is called, what it was, and what it is now."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

Kind = Literal[
    "test-gone", "test-off", "test-alone", "test-emptied", "cases-fewer", "check-gone", "check-weaker",
    "check-muffled", "check-conditional", "code-mocked", "expectation-changed", "snapshot-rewritten", "data-changed",
    "coverage-omitted", "threshold-lowered", "run-narrowed", "condition-changed", "product-asks", "product-in-tests",
]  # fmt: skip

TOLD: frozenset[Kind] = frozenset(("expectation-changed", "data-changed", "condition-changed"))
"""What a person is told and nothing is shut for: it may be just what was asked for, and nobody else can say."""

LONGEST = 300


class Weakening(msgspec.Struct, frozen=True):
    """A test, a check or a setting that demands less. `line` is in the new file, 0 where it is not there."""

    kind: Kind
    path: str
    line: int
    test: str
    was: str
    now: str

    @property
    def told(self) -> bool:
        """Whether it is only for a person to read."""
        return self.kind in TOLD

    @property
    def words(self) -> str:
        """What happened, in one line."""
        where = f"{self.test}: " if self.test else ""
        return f"{where}was {self.was[:LONGEST]!r}, is {self.now[:LONGEST]!r}" if self.was else f"{where}{self.now}"

    @property
    def fingerprint(self) -> str:
        """The same while the same thing is weakened in the same way, wherever its lines are."""
        parts = (self.kind, self.path, self.test, self.was, self.now)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


class Change(msgspec.Struct, frozen=True):
    """One file that differs: its bytes before and after, None where there is no such file."""

    path: str
    before: bytes | None
    after: bytes | None


class Unread(msgspec.Struct, frozen=True):
    """A file that could hold tests, or settings of them, and could not be compared."""

    path: str
    why: str


class Renamed(msgspec.Struct, frozen=True):
    """A test that goes on under another name or in another file, and checks no less: `path::name`, `::` within it."""

    was: str
    now: str


class Looked(msgspec.Struct, frozen=True):
    """What a comparison came to; `files` counts those that were compared, `renamed` are tests that lost nothing."""

    files: int
    found: tuple[Weakening, ...]
    unread: tuple[Unread, ...] = ()
    renamed: tuple[Renamed, ...] = ()
