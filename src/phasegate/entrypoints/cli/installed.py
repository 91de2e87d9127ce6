"""What `init` and `doctor` ask of the machine: does the hook command start, and which client is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

import msgspec

from phasegate.agents.claude_code import OBEYS_ON_FAILURE
from phasegate.entrypoints.demo import real_client
from phasegate.entrypoints.demo.real_client import Found

HOOK_SECONDS = 60


def hook_problem(command: Sequence[str], root: str) -> str:
    """Call the hook about a read, which it must let pass in silence; "" when it does, else what it did."""
    payload = {
        "session_id": "phasegate-doctor", "cwd": root, "hook_event_name": "PreToolUse",
        "tool_name": "Read", "tool_use_id": "phasegate-doctor", "tool_input": {"file_path": os.path.join(root, "x")},
    }  # fmt: skip
    env = {**os.environ, "CLAUDE_PROJECT_DIR": root}
    try:
        ran = subprocess.run(
            list(command), input=msgspec.json.encode(payload), cwd=root, env=env, capture_output=True,
            timeout=HOOK_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as problem:
        return f"{command[0]} does not start: {problem}"
    if ran.returncode == 0 and not ran.stdout and not ran.stderr:
        return ""
    said = (ran.stderr or ran.stdout).decode("utf-8", "replace").strip().splitlines()
    at = -1 if "Traceback (most recent call last):" in said else 0
    return f"it ended with exit code {ran.returncode}: {said[at][:300].rstrip('.') if said else 'without a word'}"


def users_client() -> Found | None:
    """The client this person would open: PHASEGATE_CLAUDE, else `claude` on the path. Raises `ClientNotFound`."""
    path = os.environ.get("PHASEGATE_CLAUDE") or shutil.which("claude")
    return Found(path, real_client.version_of(path)) if path else None


def any_client() -> Found:
    """The client this person would open, else the one a drive would find. Raises `ClientNotFound`."""
    return users_client() or real_client.find_client()


def advisory(found: Found) -> str:
    """Said aloud of a client that fails open; "" of one that does not."""
    if found.fails_closed:
        return ""
    have, need = (".".join(map(str, version)) for version in (found.version, OBEYS_ON_FAILURE))
    return (
        f"advisory: this client fails open. Claude Code {have} at {found.path} lets a call through when a hook breaks; "
        f"from {need} on it refuses."
    )
