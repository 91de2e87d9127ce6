"""Claude Code itself, found on this machine and started so that it needs no key, no network and no person."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import uuid
from typing import ClassVar

import msgspec

from phasegate.agents.claude_code import OBEYS_ON_FAILURE
from phasegate.entrypoints.demo.client import Place, Session
from phasegate.errors import Exit, Failure


class ClientNotFound(Failure):
    """There is no Claude Code on this machine, or what is named as such does not run."""

    code: ClassVar[str] = "client-not-found"
    exit_code: ClassVar[Exit] = Exit.CANNOT_TELL


class Found(msgspec.Struct, frozen=True):
    """A Claude Code binary and its version."""

    path: str
    version: tuple[int, ...]

    @property
    def fails_closed(self) -> bool:
        """Whether a hook of ours that breaks refuses the call, as `onFailure` asks."""
        return self.version >= OBEYS_ON_FAILURE


def find_client() -> Found:
    """The binary named by PHASEGATE_CLAUDE, else the one `claude_agent_sdk` brings, else `claude` on the path."""
    path = os.environ.get("PHASEGATE_CLAUDE") or _bundled() or shutil.which("claude")
    if not path:
        raise ClientNotFound(
            "There is no Claude Code on this machine.",
            hint="Install Claude Code so that `claude` is on the PATH, or name its binary in PHASEGATE_CLAUDE; "
            "`uv tool install --with claude-agent-sdk PATH-TO-CHECKOUT` brings one along.",
        )
    return Found(path, version_of(path))


def _bundled() -> str | None:
    """The binary inside the SDK's package, found without importing it, which takes seconds."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    places = spec.submodule_search_locations if spec else None
    paths = [os.path.join(place, "_bundled", "claude") for place in places or ()]
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def version_of(path: str) -> tuple[int, ...]:
    """The version the client at `path` says it has. Raises `ClientNotFound` when it says none."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
        found = re.match(r"(\d+)\.(\d+)\.(\d+)", said)
        if found is None:
            raise ValueError(f"it says {said[:80]!r}")
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        raise ClientNotFound(
            f"{path} does not tell its version: {problem}.",
            hint="Name a working Claude Code binary in PHASEGATE_CLAUDE, or unset it.",
        ) from problem
    return tuple(int(part) for part in found.groups())


class RealClient:
    """Claude Code at work in `place`, allowed to edit and to run its shell without asking."""

    real = True

    def __init__(self, place: Place, found: Found, *, options: tuple[str, ...] = ()) -> None:
        self.place = place
        self.found = found
        self.options = options

    @property
    def name(self) -> str:
        return f"Claude Code {'.'.join(map(str, self.found.version))}"

    def start(self, prompt: str, *, resume: str | None = None, carry_on: bool = False) -> Session:
        """Begin with `prompt`: a new session, the one named by `resume`, or the newest of the project."""
        fresh = "" if resume or carry_on else str(uuid.uuid4())
        argv = [self.found.path, "-p", prompt, *session_options(resume, carry_on=carry_on, fresh=fresh)]
        argv += ["--output-format", "stream-json", "--verbose", "--include-hook-events"]
        argv += ["--permission-mode", "acceptEdits", "--allowedTools", "Bash,Agent", *self.options]
        return Session(argv, cwd=self.place.project, environment=self.place.environment, session_id=resume or fresh)


def session_options(resume: str | None, *, carry_on: bool, fresh: str) -> list[str]:
    """The options that say which session a client is to work in."""
    if resume:
        return ["--resume", resume]
    return ["--continue"] if carry_on else ["--session-id", fresh]
