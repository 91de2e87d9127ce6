"""`phasegate uninstall`: take out exactly what `init` put in, and say what stays; no ledger needs to be readable."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import rich_click as click

from phasegate.agents.claude_command import SETTINGS_FILES
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.init import named, uninstalled
from phasegate.entrypoints.cli.session import json_option, only_people
from phasegate.errors import Exit, Failure
from phasegate.settings import Settings
from phasegate.workspace import git, installing, place
from phasegate.workspace.settings_file import read_settings

LEFT = ("investigations", "archive/investigations", "logs/errors", "state/agent_state.json")
"""What runs wrote; it is the person's record and stays."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")
@json_option
def uninstall(dry_run: bool, as_json: bool) -> int:
    """Take phasegate out of this work tree again. Ledger, plan and archives stay.

    Example: phasegate uninstall --dry-run
    """
    if not dry_run:
        only_people("`phasegate uninstall`")
    where = git.locate(os.getcwd())
    edits = installing.taking_out(where, SETTINGS_FILES.values(), uninstalled)
    left = list(_left(where, {edit.path for edit in edits}))
    if not dry_run:
        installing.take_out(where, edits)
    changed = [named(where, edit) for edit in edits]
    if as_json:
        output.give({"root": where.root, "dry_run": dry_run, "changed": changed, "left": left,
                     "difference": installing.difference(edits) if dry_run else ""})  # fmt: skip
        return Exit.OK
    if dry_run:
        output.say(installing.difference(edits) + "\nNothing was written: this was a dry run.")
    elif edits:
        output.say(f"phasegate is taken out of {where.root}:")
        for edit in edits:
            output.say(f"  {'removed' if edit.after is None else 'changed'} {named(where, edit)}")
    else:
        output.say("Nothing of phasegate's setup is in this work tree; nothing was changed.")
    for text in left:
        output.say(f"- Left: {text}")
    return Exit.OK


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
        if os.path.exists(os.path.join(where.root, path)):
            yield path
    with contextlib.suppress(Failure):
        pointer = place.read_pointer(where)
        if pointer is not None:
            yield f"the ledger in {place.ledger_directory(pointer, os.environ)}; `phasegate init` finds it again."
