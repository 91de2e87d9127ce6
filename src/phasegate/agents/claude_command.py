"""The command that Claude Code's hooks call: for one person an interpreter, for a team a name that some may lack."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Literal

from phasegate.errors import Failure

Scope = Literal["me", "team"]

SETTINGS_FILES: Final[Mapping[Scope, str]] = {
    "me": ".claude/settings.local.json",
    "team": ".claude/settings.json",
}
"""Where the hooks of each scope live, from the project's root."""

HOW_TO_INSTALL: Final = (
    "This project is guided by phasegate, which is not installed here: run `uv tool install PATH`, "
    "where PATH is a checkout of phasegate."
)

REASON: Final = shlex.quote(HOW_TO_INSTALL)
NOTICE: Final = shlex.quote(f'{{"systemMessage":"{HOW_TO_INSTALL}"}}')
DENIAL: Final = shlex.quote(
    '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny",'
    f'"permissionDecisionReason":"{HOW_TO_INSTALL}"}}}}'
)

PASSING: Final = ("/archive-v", "/builds-v", "/environments-v")
"""Directories of uv's cache that it empties when it likes; other tools keep environments elsewhere."""


class EphemeralInterpreter(Failure):
    """The interpreter would be gone, or be another one, by the time a hook calls it."""

    code: ClassVar[str] = "ephemeral-interpreter"


def hook_command(scope: Scope, *, executable: str, required: bool = False) -> tuple[str, ...]:
    """The program and arguments of our hooks. With `required`, a team's hooks refuse while phasegate is not installed.

    "me" starts the interpreter `executable`, isolated, so that no module in the project can take our place.
    """
    if scope == "me":
        return (executable, "-I", "-m", "phasegate.entrypoints.hook", "claude")
    return ("/bin/sh", "-c", _by_name(required), "phasegate", "hook", "claude")


def _by_name(required: bool) -> str:
    """Call phasegate if it is there; else say once how to get it and, where it is required, refuse what it would guard.

    The event is told from the payload, in which a quote inside a string would be escaped.
    """
    refuse = f"{_on('PreToolUse')}) echo {DENIAL}; exit 1;; {_on('ConfigChange')}) echo {REASON} >&2; exit 2;; "
    return (
        'command -v "$0" >/dev/null 2>&1 && exec "$0" "$@"; '
        f'case "$(cat)" in {refuse if required else ""}{_on("SessionStart")}) echo {NOTICE};; esac'
    )


def _on(event: str) -> str:
    return f"""*'"hook_event_name":"{event}"'*"""


def refuse_ephemeral(executable: str) -> None:
    """Raise `EphemeralInterpreter` for the path of an interpreter that a hook must not name."""
    for place in _places(executable):
        why = _why_passing(place)
        if why:
            raise EphemeralInterpreter(
                f"{executable} {why}, so hooks that call it would break.",
                hint="Install phasegate to stay, in a folder of yours that nobody empties: `uv tool install "
                "PATH-TO-CHECKOUT` does, when HOME and UV_TOOL_DIR lead there. Then repeat with that one.",
            )


def _places(executable: str) -> Iterator[str]:
    """The path as given and as it lies on disk; the file itself may point on, from an environment to its base."""
    absolute = os.path.abspath(executable)
    yield absolute
    yield os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(absolute))


def _why_passing(place: str) -> str:
    if any(mark in place for mark in PASSING) or _within(place, os.environ.get("UV_CACHE_DIR", "")):
        return "lies in the cache of uv, which is emptied now and then"
    if os.path.basename(os.path.dirname(place)) == "shims":
        return "is a shim, which picks another interpreter in each directory and takes ten times as long"
    if any(_within(place, passing) for passing in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/private/tmp")):
        return "lies in a directory for temporary files"
    return ""


def _within(place: str, directory: str) -> bool:
    return bool(directory) and place.startswith(directory.rstrip("/") + "/")
