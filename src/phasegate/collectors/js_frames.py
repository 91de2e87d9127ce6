"""What our reporters for JavaScript's test tools write: the tests there are, how each ended, what a file threw."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from phasegate.collectors.frames import Frame, Language

Ended = Literal["passed", "failed", "skipped", "todo", "xfailed", "xpassed", "unrun"]


class Thrown(Struct, frozen=True):
    """What was thrown. `frames` are (file, line), innermost first; `asserted` when the tool says it is a claim's."""

    name: str = ""
    message: str = ""
    code: str = ""
    asserted: bool = False
    hook: bool = False
    failure: str = ""
    frames: tuple[tuple[str, int], ...] = ()
    cause: Thrown | None = None


class Start(Frame, frozen=True, tag="start", kw_only=True):
    tool: str
    version: str
    node: str
    root: str


class Plan(Frame, frozen=True, tag="plan", kw_only=True):
    """How many files the tool is going to run."""

    count: int


class Load(Frame, frozen=True, tag="load", kw_only=True):
    file: str


class Listed(Struct, frozen=True):
    """A test: its key in this run, and the titles it stands under, its own last (none: the file is the test)."""

    key: str
    titles: tuple[str, ...]


class Inventory(Frame, frozen=True, tag="inventory", kw_only=True):
    file: str
    tests: tuple[Listed, ...]
    project: str = ""


class Enter(Frame, frozen=True, tag="enter", kw_only=True):
    """A test begins; without a key its tool names it by file and titles only."""

    key: str
    file: str
    titles: tuple[str, ...]


class Result(Frame, frozen=True, tag="result", kw_only=True):
    key: str
    outcome: Ended
    errors: tuple[Thrown, ...] = ()
    hook: bool = False
    timeout: bool = False
    seconds: float = 0.0
    line: int = 0
    tries: int = 1
    deselected: bool = False


class Finish(Frame, frozen=True, tag="finish", kw_only=True):
    """A file is over; `errors` are what kept it from being loaded, or went wrong in it outside of any test."""

    file: str
    tests: int
    errors: tuple[Thrown, ...] = ()
    skipped: bool = False


class Trouble(Frame, frozen=True, tag="trouble", kw_only=True):
    """Errors outside of any test: of a file's hook, of the test with `key` after it had ended, or of nobody's."""

    file: str
    errors: tuple[Thrown, ...]
    hook: bool = False
    key: str = ""


class End(Frame, frozen=True, tag="end", kw_only=True):
    """What the tool itself counted; -1 where it does not count it."""

    ok: bool
    why: str = ""
    files: int = -1
    tests: int = -1
    passed: int = -1
    failed: int = -1
    failures: int = 0


AnyFrame = Start | Plan | Load | Inventory | Enter | Result | Finish | Trouble | End
LANGUAGE: Language[AnyFrame] = Language(msgspec.json.Decoder(AnyFrame), Start, End)


def counted(line: bytes) -> tuple[int, int]:
    """How many tests a line announces, and how many it ends."""
    frame = LANGUAGE.decoded(line)
    return (len(frame.tests), 0) if isinstance(frame, Inventory) else (0, int(isinstance(frame, Result)))
