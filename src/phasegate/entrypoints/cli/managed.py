"""Hooks for every repository of a machine: what `init --managed` writes and `uninstall --managed` takes out again."""

from __future__ import annotations

import os
import sys

from phasegate.agents import claude_managed
from phasegate.agents.claude_command import hook_command, refuse_ephemeral
from phasegate.agents.claude_places import managed_folder
from phasegate.entrypoints.cli import installed, output
from phasegate.entrypoints.cli.session import only_people
from phasegate.errors import Exit, Failure
from phasegate.workspace import files, installing
from phasegate.workspace.installing import Edit


class NoRights(Failure):
    """The organisation's settings can be written by the administrator alone."""

    code = "no-rights"
    exit_code = Exit.USAGE


class Changed(Failure):
    """The file that `init --managed` wrote was changed by somebody since."""

    code = "managed-changed"
    exit_code = Exit.GATE_FAILED


def put_in(to: str, *, dry_run: bool, allow_ephemeral: bool, as_json: bool) -> int:
    """Write the organisation's settings below `to` (a folder to package), or where the client reads them."""
    if not allow_ephemeral:
        refuse_ephemeral(sys.executable)
    command = hook_command("me", executable=sys.executable)
    problem = installed.hook_problem(command, os.sep)
    if problem:
        raise Failure(f"The hook command fails: {problem}.", hint="Install phasegate for all users first.")
    edit = _edit(to, claude_managed.content(command))
    return _carry_out(edit, dry_run=dry_run, as_json=as_json, said="forced in every repository of this machine")


def take_out(to: str, *, dry_run: bool, as_json: bool) -> int:
    """Remove the file that `put_in` wrote."""
    return _carry_out(_edit(to, None), dry_run=dry_run, as_json=as_json, said="forced by this machine no more")


def _edit(to: str, after: bytes | None) -> Edit:
    folder = os.path.abspath(to or managed_folder())
    base = folder
    while not os.path.isdir(base):
        base = os.path.dirname(base)
    path = os.path.relpath(claude_managed.path_in(folder), base)
    return Edit(base, path, installing.read(base, path), after)


def _carry_out(edit: Edit, *, dry_run: bool, as_json: bool, said: str) -> int:
    target = os.path.join(edit.base, edit.path)
    changes = edit.before != edit.after
    if changes and not dry_run:
        only_people("Changing the organisation's settings")
        _write(edit, target)
    if as_json:
        output.give({"path": target, "dry_run": dry_run, "changed": changes,
                     "difference": installing.difference([edit]) if dry_run else ""})  # fmt: skip
    elif not changes:
        output.say(f"{target} is as it should be; nothing was changed.")
    elif dry_run:
        output.say(f"{installing.difference([edit])}\nNothing was written: this was a dry run.")
    else:
        output.say(f"phasegate's hooks are {said}: {target}.")
    return Exit.OK


def _write(edit: Edit, target: str) -> None:
    try:
        if edit.after is None:
            files.remove(edit.base, edit.path)
        else:
            files.place(edit.base, edit.path, edit.after)
            os.chmod(target, 0o644)
            os.chmod(os.path.dirname(target), 0o755)
    except (files.NotWritable, OSError) as problem:
        raise NoRights(
            f"{target} cannot be written: {problem}.",
            hint="Run it as the administrator, or write the file for packaging: `--to DIR`.",
        ) from problem
