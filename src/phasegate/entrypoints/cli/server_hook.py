"""`phasegate init --pre-receive`: let a git server of one's own judge what is pushed."""

from __future__ import annotations

import os
import sys
import tempfile

from phasegate.entrypoints import ci
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import only_people
from phasegate.errors import Exit, Failure
from phasegate.workspace import files, git

NAME = "pre-receive"


class NoServer(Failure):
    """The folder is no repository that is pushed to."""

    code = "no-bare-repository"


class HookThere(Failure):
    """The server has a pre-receive hook of its own."""

    code = "pre-receive-there"


def install(folder: str, *, dry_run: bool, as_json: bool) -> int:
    """Write the hook into the bare repository `folder`; again, and nothing happens."""
    only_people("Setting up a server")
    with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
        if _said(folder, scratch, "rev-parse", "--is-bare-repository") != "true":
            raise NoServer(f"{folder} is no bare repository.", hint="Name the one that people push to.")
        hooks = os.path.join(folder, _said(folder, scratch, "rev-parse", "--git-path", "hooks"))
        path, content = os.path.join(hooks, NAME), ci.pre_receive()
        there = files.read_capped(hooks, NAME, 1 << 20) if os.path.lexists(path) else None
        if there not in (None, content):
            raise HookThere(f"{path} is somebody else's.", hint="Let it call a copy of `phasegate init --pre-receive`.")
        changed = there is None and not dry_run
        if changed:
            os.makedirs(hooks, exist_ok=True)
            _said(folder, scratch, "config", "phasegate.program", _program())
            files.write_atomic(hooks, NAME, content, 0o755)
    if as_json:
        output.give({"hook": path, "changed": changed, "dry_run": dry_run})
    else:
        what = "would be written" if dry_run else "is written" if changed else "is there already"
        output.say(f"phasegate: {path} {what}; it judges pushes to the branch of HEAD by {_program()}.")
    return Exit.OK


def _program() -> str:
    return os.path.join(os.path.dirname(sys.executable), "phasegate")


def _said(folder: str, scratch: str, *words: str) -> str:
    ran = git.run(("-C", folder, *words), environment=git.clean_environment(), scratch=scratch, accept=(0, 128))
    return ran.output.decode("utf-8", "replace").strip()
