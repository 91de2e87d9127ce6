"""What a drive says while it works: lines for people, one JSON object a line for scripts, a countdown on a terminal."""

from __future__ import annotations

import datetime
import json
import sys

from phasegate.plain import line


class Teller:
    """Speaks on stderr, so that stdout stays the result."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._terminal = not as_json and sys.stderr.isatty()
        self._counting = False

    def say(self, what: str, **more: object) -> None:
        """Something happened."""
        self._clear()
        if self._as_json:
            print(json.dumps({"said": line(what, 1000), **more}, ensure_ascii=True), file=sys.stderr, flush=True)
        else:
            print(f"phasegate: {line(what, 1000)}", file=sys.stderr, flush=True)

    def waits(self, why: str, until_ms: int, attempt: int) -> None:
        """A wait began."""
        self.say(f"{why}: waiting until {clock(until_ms)}", waits_for=why, until_ms=until_ms, attempt=attempt)

    def counts(self, why: str, left_ms: int) -> None:
        """How long a wait still takes, in the same line of a terminal."""
        if self._terminal:
            minutes, seconds = divmod(max(0, left_ms) // 1000, 60)
            hours, minutes = divmod(minutes, 60)
            print(
                f"\r\x1b[2Kphasegate: {why}: {hours}:{minutes:02}:{seconds:02} left",
                end="",
                file=sys.stderr,
                flush=True,
            )
            self._counting = True

    def _clear(self) -> None:
        if self._counting:
            print("\r\x1b[2K", end="", file=sys.stderr)
            self._counting = False


def clock(ms: int) -> str:
    """A time as people here read it."""
    return datetime.datetime.fromtimestamp(ms / 1000).astimezone().strftime("%H:%M:%S %Z on %d %B")
