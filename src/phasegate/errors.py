"""Failures we expect: each has a code, a cause in its message, a remedy in its hint, and an exit code.

Rooms define their own subclasses beside the code that raises them; the catalogue in `docs/reference/errors.md` is
generated from all of them. Anything raised that is not a `Failure` is a bug of ours.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """What the `phasegate` commands say with their exit code; a contract (`hook` has its client's codes)."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    BUG = 3
    STATE_MOVED = 4
    WAITING_FOR_PERSON = 5
    LIMIT_REACHED = 6
    CANNOT_TELL = 7
    INTERRUPTED = 130


class Failure(Exception):
    """A failure we expect. `code` is a stable kebab-case name, `hint` the next thing its reader can do."""

    code: ClassVar[str] = "failure"
    exit_code: ClassVar[Exit] = Exit.USAGE

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message
