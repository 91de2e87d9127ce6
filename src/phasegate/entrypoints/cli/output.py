"""What commands print: words for people, one JSON value for scripts, failures with their remedy."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from typing import Any

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.plain import paragraph
from phasegate.telemetry.log_lines import LogLines
from phasegate.workspace import place


class OutputLost(Failure):
    """What a command found out could not be printed."""

    code = "output-lost"
    exit_code = Exit.CANNOT_TELL


def say(text: str) -> None:
    """Print `text` for a person; characters the terminal cannot show are replaced."""
    encoding = sys.stdout.encoding or "utf-8"
    _print(text.encode(encoding, "replace").decode(encoding))


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError as problem:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would complain about it at its end
        raise OutputLost(
            f"Standard output cannot be written: {problem.strerror}.",
            hint="What the command did is done and recorded; `phasegate status` shows it.",
        ) from problem


def progress(text: str) -> None:
    """Say how far something is, on stderr, so that stdout stays the result."""
    print(paragraph(text, 8000), file=sys.stderr, flush=True)


def give(value: Any) -> None:
    """Print `value` as one line of JSON, in ASCII: no terminal obeys what others wrote, every encoding can show it."""
    _print(json.dumps(msgspec.to_builtins(value), separators=(",", ":"), ensure_ascii=True))


def fail(failure: Failure, *, as_json: bool) -> None:
    """Say what failed and the next thing to do."""
    if as_json:
        give({"error": failure.code, "message": failure.message, "hint": failure.hint, "exit": int(failure.exit_code)})
        return
    message, hint = paragraph(failure.message, 8000), paragraph(failure.hint)
    print(f"phasegate: {message}\n  {hint}\n  ({failure.code})", file=sys.stderr)


def bug(problem: BaseException) -> None:
    """Say that it is our fault and where the trace lies; never show a traceback."""
    trace = "".join(traceback.format_exception(problem))
    try:
        directory = os.path.join(place.state_home(os.environ), "logs")
    except Failure:
        directory = os.path.join(tempfile.gettempdir(), f"phasegate-{os.getuid()}")
    LogLines(directory).write("error", "bug", trace=trace[-16000:])
    print(
        f"phasegate: this is a bug of ours ({type(problem).__name__}: {problem}).\n"
        f"  Nothing more was done. The trace is in {directory}; please report it.",
        file=sys.stderr,
    )
