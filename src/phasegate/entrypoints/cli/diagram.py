"""`phasegate diagram`: the workflow as a picture, drawn from its table, with the present step marked."""

from __future__ import annotations

import os

import rich_click as click

from phasegate.engine.advance import run_of
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk
from phasegate.errors import Exit, Failure
from phasegate.gates.catalog import CATALOG
from phasegate.wiring import READ_CAP, open_project
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import Workflow
from phasegate.workflow.mermaid import mermaid
from phasegate.workflow.toml import read_workflow
from phasegate.workspace import git, place


class DefinitionUnreadable(Failure):
    """The file that should hold a workflow definition is not there, or is not text."""

    code = "definition-unreadable"
    exit_code = Exit.USAGE


@click.command()
@click.argument("what", type=click.Choice(["workflow", "run"]))
@click.option("--definition", metavar="FILE", help="Draw this definition instead of the one in force.")
@click.option("--format", "form", type=click.Choice(["mermaid"]), default="mermaid", show_default=True, help="As what.")
def diagram(what: str, definition: str | None, form: str) -> int:
    """Draw the workflow in force; `run` marks the step that the run in this work tree is in.

    Outside a project it is the default workflow.

    Example: phasegate diagram workflow > workflow.mmd
    """
    if what == "run":
        if definition:
            raise click.UsageError("A run goes by the definition it began with: leave out --definition.")
        with desk(looks=True) as opened:
            current = run_of(opened, opened.state()).step
            picture = mermaid(opened.workflow, current=current)
    else:
        picture = mermaid(_read(definition) if definition else _in_force())
    output.say(picture.rstrip("\n"))
    return Exit.OK


def _in_force() -> Workflow:
    """The definition a person trusted here, else the default."""
    try:
        project = open_project(os.getcwd(), os.environ)
    except (git.NotARepository, git.BareRepository, place.NotInitialised):
        return DEFAULT
    try:
        return project.trusted.workflow
    finally:
        project.close()


def _read(path: str) -> Workflow:
    """The definition in a file; DefinitionInvalid names what is wrong with it."""
    try:
        with open(path, "rb") as file:
            text = file.read(READ_CAP).decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise DefinitionUnreadable(
            f"{path} cannot be read: {why}.", hint="Name a TOML file in UTF-8 that defines a workflow."
        ) from problem
    return read_workflow(text, path=path, gates=CATALOG)
