"""`phasegate docs`: write the reference from the definitions, and say which of its pages are stale."""

from __future__ import annotations

import os

import rich_click as click

from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import json_option
from phasegate.errors import Exit, Failure
from phasegate.workspace import files, place

root_option = click.option("--root", metavar="DIR", hidden=True, help="The repository to write to.")


class NotOurRepository(Failure):
    """The reference is part of phasegate's own repository, and this is another one."""

    code = "not-our-repository"
    exit_code = Exit.USAGE


@click.group()
def docs() -> None:
    """Generate phasegate's own reference pages; for those who work on phasegate.

    Example: phasegate docs check
    """


@docs.command()
@root_option
def build(root: str | None) -> int:
    """Write every page of docs/reference/ that is not as the code says.

    Example: phasegate docs build
    """
    where = _root(root)
    stale = _stale(where)
    for path, content in stale.items():
        files.write_atomic(where, path, content)
        output.say(f"phasegate: wrote {path}.")
    if not stale:
        output.say("phasegate: every page is as the code says.")
    return Exit.OK


@docs.command()
@root_option
@json_option
def check(root: str | None, as_json: bool) -> int:
    """Say which pages of docs/reference/ are stale; exit 1 when one is.

    Example: phasegate docs check
    """
    stale = list(_stale(_root(root)))
    if as_json:
        output.give({"stale": stale})
    else:
        for path in stale:
            output.say(f"phasegate: {path} is stale.")
        output.say("phasegate: run `phasegate docs build`." if stale else "phasegate: every page is as the code says.")
    return Exit.GATE_FAILED if stale else Exit.OK


def _stale(root: str) -> dict[str, bytes]:
    """The pages that are missing or differ, with the content they should have."""
    from phasegate.entrypoints.reference.pages import FOLDER, pages

    wanted = {f"{FOLDER}/{name}": content for name, content in pages().items()}
    return {path: content for path, content in wanted.items() if _content(root, path) != content}


def _content(root: str, path: str) -> bytes | None:
    return files.read_capped(root, path, 16 * 1024 * 1024) if files.state_of(root, path) is not None else None


def _root(named: str | None) -> str:
    """The repository of phasegate itself."""
    root = os.path.realpath(named) if named else place.locate(os.getcwd()).root
    if named is None and not os.path.isfile(os.path.join(root, "src", "phasegate", "wiring.py")):
        raise NotOurRepository(
            f"{root} is not phasegate's repository.", hint="Its reference is there, in docs/reference/."
        )
    return root
