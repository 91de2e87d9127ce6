"""What commands print: words for people, one JSON value for scripts, failures with their remedy."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import msgspec

from phasegate.errors import Failure
from phasegate.telemetry.log_lines import LogLines
from phasegate.workspace import place


def say(text: str) -> None:
    """Print `text` for a person; characters the terminal cannot show are replaced."""
    stream = sys.stdout
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), file=stream, flush=True)


def progress(text: str) -> None:
    """Say how far something is, on stderr, so that stdout stays the result."""
    print(text, file=sys.stderr, flush=True)


def give(value: Any) -> None:
    """Print `value` as one line of JSON."""
    print(msgspec.json.encode(value).decode(), flush=True)


def fail(failure: Failure, *, as_json: bool) -> None:
    """Say what failed and the next thing to do."""
    if as_json:
        give({"error": failure.code, "message": failure.message, "hint": failure.hint, "exit": int(failure.exit_code)})
        return
    print(f"phasegate: {failure.message}\n  {failure.hint}\n  ({failure.code})", file=sys.stderr)


def bug(problem: BaseException) -> None:
    """Say that it is our fault and where the trace lies; never show a traceback."""
    trace = "".join(traceback.format_exception(problem))
    directory = os.path.join(place.state_home(os.environ), "logs")
    LogLines(directory).write("error", "bug", trace=trace[-16000:])
    print(
        f"phasegate: this is a bug of ours ({type(problem).__name__}: {problem}).\n"
        f"  Nothing more was done. The trace is in {directory}; please report it.",
        file=sys.stderr,
    )
