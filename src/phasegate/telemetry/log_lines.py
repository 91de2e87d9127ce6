"""Log lines as JSON beside the ledger, never in it: one id joins a line with its call and events; redacted, rotated.

The standard `logging` costs a hook more than the rest of its imports, so this writes the lines itself.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Literal

import msgspec

from phasegate.policy.secrets import redact

Level = Literal["debug", "info", "warning", "error"]
LEVELS: dict[str, int] = {"debug": 0, "info": 1, "warning": 2, "error": 3}
NAME = "phasegate.jsonl"
LARGEST = 5 * 1024 * 1024
OLD_KEPT = 3


class LogLines:
    """Appends lines to `directory`/phasegate.jsonl. What cannot be written is dropped: a log never stops a hook."""

    def __init__(self, directory: str, *, least: str = "info", call: str = "", echo: bool = False) -> None:
        self._path = os.path.join(directory, NAME)
        self._least = LEVELS.get(least, 1)
        self._call = call
        self._echo = echo

    def write(self, level: Level, message: str, **fields: Any) -> None:
        """One line: UTC time, level, message, the id of the call, and the fields."""
        if LEVELS[level] < self._least:
            return
        moment = time.time_ns()
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment // 10**9)) + f".{moment // 10**6 % 1000:03d}Z"
        line = _encoded({"at": at, "level": level, "message": message, "call": self._call, **fields})
        shown = redact(line)[0]
        if self._echo:
            sys.stderr.write(f"{shown}\n")
        try:
            self._append(shown.encode() + b"\n")
        except OSError:
            return

    def _append(self, line: bytes) -> None:
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            full = os.fstat(descriptor).st_size + len(line) > LARGEST
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
        if full:
            self._rotate()

    def _rotate(self) -> None:
        for number in range(OLD_KEPT, 0, -1):
            older = f"{self._path}.{number - 1}" if number > 1 else self._path
            if os.path.exists(older):
                os.replace(older, f"{self._path}.{number}")


def _encoded(line: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(line).decode()
    except UnicodeEncodeError:  # a path or an argument that is no text
        import json

        return json.dumps(line, separators=(",", ":"), default=str)


def least_level(environment: str, verbose: int = 0) -> str:
    """The level from `PHASEGATE_LOG` (debug, info, warning, error) and `-v`, whichever tells more."""
    named = environment.strip().lower()
    level = LEVELS.get(named, 1)
    return next(name for name, value in LEVELS.items() if value == max(0, level - verbose))
