"""Fires one refusal through the installed client and the project's real settings, played by a model on loopback."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Literal

from phasegate.entrypoints.demo.client import ClientTimedOut, Finished, Place
from phasegate.entrypoints.demo.real_client import Found, RealClient
from phasegate.entrypoints.demo.script import REFUSED, Script, call
from phasegate.entrypoints.demo.scripted_model import ScriptedModel
from phasegate.workspace import place

SECONDS = 120.0

Outcome = Literal["refused", "not refused", "no answer"]


def fire(root: str, found: Found) -> tuple[Outcome, str]:
    """Let the client write `phasegate.toml` as it is, which no step allows; what came of it, and the words.

    Nothing can change by it: should nobody refuse, the file gets the bytes it has. The client works in a home of its
    own, with the key of the scripted model and no other.
    """
    path = os.path.join(root, place.SETTINGS)
    with open(path, encoding="utf-8") as file:
        content = file.read()
    script = Script((call("Read", file_path=path), call("Write", file_path=path, content=content)))
    before = _tree(root)
    with ScriptedModel(script) as model, tempfile.TemporaryDirectory(prefix="phasegate-doctor-") as home:
        extra = {
            "PATH": os.environ.get("PATH", os.defpath),
            "XDG_STATE_HOME": os.path.dirname(place.state_home(os.environ)),
        }
        client = RealClient(Place(root, home, model.url, model.key, extra), found)
        try:
            ended = client.start("Rehearse a refusal.").wait(SECONDS)
        except ClientTimedOut as failure:
            return "no answer", failure.message
        except OSError as problem:
            return "no answer", f"{found.path} does not start: {problem}"
    outcome, words = _judged(ended)
    if _tree(root) != before:
        return "not refused", f"{words} And the work tree changed meanwhile: look at `git status`."
    return outcome, words


def _judged(ended: Finished) -> tuple[Outcome, str]:
    """The client tells the model of a refusal by an error that names the hook."""
    if len(ended.tool_results) < 2:
        last = (ended.stderr or ended.result).strip()[-300:]
        return "no answer", f"The client ended with exit code {ended.exit_code} before it wrote: {last}"
    answer = ended.tool_results[-1]
    if answer.is_error and (REFUSED.match(answer.text) or "phasegate" in answer.text):
        return "refused", answer.text[:300]
    return "not refused", answer.text[:300]


def _tree(root: str) -> Sequence[bytes]:
    argv = ["git", "--no-optional-locks", "-C", root, "status", "--porcelain", "-z", "--untracked-files=all"]
    status = subprocess.run(argv, capture_output=True, check=False).stdout
    with open(os.path.join(root, place.SETTINGS), "rb") as file:
        return status, file.read()
