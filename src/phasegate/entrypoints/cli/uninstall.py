"""`phasegate uninstall`: take out exactly what `init` put in, and say what stays; no ledger needs to be readable."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import rich_click as click

from phasegate.agents.claude_command import SETTINGS_FILES
from phasegate.entrypoints.cli import managed, output
from phasegate.entrypoints.cli.init import named, uninstalled
from phasegate.entrypoints.cli.session import actor, json_option, only_people
from phasegate.errors import Exit, Failure
from phasegate.settings import Settings
from phasegate.wiring import RealDesk, open_project
from phasegate.workspace import git, git_hooks, installing, place
from phasegate.workspace.git_hooks import HookChange
from phasegate.workspace.installing import Edit
from phasegate.workspace.settings_file import read_settings

LEFT = ("state/agent_state.json", "logs/errors", "investigations", "archive/investigations")
"""What runs wrote; it is the person's record and stays, as far as there is anything in it."""


@click.command()
@click.option("--managed", "for_all", is_flag=True, help="Take out what `init --managed` forces on this machine.")
@click.option("--to", default="", metavar="DIR", help="With --managed: below DIR.")
@click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")
@json_option
def uninstall(for_all: bool, to: str, dry_run: bool, as_json: bool) -> int:
    """Take phasegate out of this work tree again. Ledger, plan and archives stay.

    Example: phasegate uninstall --dry-run
    """
    if to and not for_all:
        raise click.UsageError("--to says where --managed looks.")
    if for_all:
        return managed.take_out(to, dry_run=dry_run, as_json=as_json)
    if not dry_run:
        only_people("`phasegate uninstall`")
    where = place.locate(os.getcwd())
    edits = installing.taking_out(where, SETTINGS_FILES.values(), uninstalled)
    hooks = git_hooks.taking_out(where)
    left = list(_left(where, {edit.path for edit in edits}))
    if not dry_run:
        git_hooks.carry_out(hooks)
        installing.take_out(where, edits)
        _sweep(where.root)
    changes: list[Edit | HookChange] = [*edits, *hooks]
    changed = [named(where, edit) for edit in changes]
    difference = installing.difference(edits) + git_hooks.difference(hooks) if dry_run else ""
    if as_json:
        output.give({"root": where.root, "dry_run": dry_run, "changed": changed, "left": left,
                     "difference": difference})  # fmt: skip
        return Exit.OK
    if dry_run:
        output.say(difference + "\nNothing was written: this was a dry run.")
    elif changed:
        output.say(f"phasegate is taken out of {where.root}:")
        for edit in changes:
            output.say(f"  {'removed' if edit.after is None else 'changed'} {named(where, edit)}")
    else:
        output.say("Nothing of phasegate's setup is in this work tree; nothing was changed.")
    for text in left:
        output.say(f"- Left: {text}")
    for text in _active(where):
        output.say(f"- {text}")
    return Exit.OK


def _sweep(root: str) -> None:
    """Remove the folders that views are kept in, and those above them, as far as nothing is left in them."""
    for path in LEFT:
        top = path if os.path.isdir(os.path.join(root, path)) else os.path.dirname(path)
        if not top or os.path.realpath(os.path.join(root, top)) != os.path.join(os.path.realpath(root), top):
            continue  # somebody's link leads elsewhere
        for folder, _, _ in os.walk(os.path.join(root, top), topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(root, top.partition("/")[0]))


def _active(where: git.Place) -> Iterator[str]:
    """That a run is not over, as far as the ledger can be read."""
    with contextlib.suppress(Failure):
        project = open_project(where.root, os.environ)
        try:
            run = RealDesk(project, actor()).state().run_in(where.root)
        finally:
            project.close()
        if run is not None:
            yield (f"Run {run.id} is {run.status}, at step {run.step} of phase {run.phase}: it goes on after another "
                   "`phasegate init`. `phasegate pause --end` ends it, `phasegate pause` lets it rest.")  # fmt: skip


def _left(where: git.Place, gone: set[str]) -> Iterator[str]:
    """What stays, and why."""
    content = installing.read(where.root, place.SETTINGS)
    settings = Settings()
    if content is not None and place.SETTINGS not in gone:
        yield f"{place.SETTINGS}, which was changed or was there before; remove it yourself if you want."
    if content is not None:
        with contextlib.suppress(Failure):
            settings = read_settings(content, path=place.SETTINGS)
    if installing.SKILL not in gone and installing.read(where.root, installing.SKILL) is not None:
        yield f"{installing.SKILL}, which was changed."
    for path in (settings.plan, *LEFT):
        at = os.path.join(where.root, path)
        count = sum(len(names) for _, _, names in os.walk(at))
        if count:
            yield f"{path}/ ({count} {'file' if count == 1 else 'files'})"
        elif os.path.isfile(at):
            yield path
    with contextlib.suppress(Failure):
        pointer = place.read_pointer(where)
        if pointer is not None:
            yield f"the ledger in {place.ledger_directory(pointer, os.environ)}; `phasegate init` finds it again."
