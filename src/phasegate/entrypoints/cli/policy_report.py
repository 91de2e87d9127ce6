"""`phasegate policy report`: controls of a framework, the gates that stand for them, and what the ledger shows."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence

import rich_click as click

from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk
from phasegate.entrypoints.reference.markdown import table
from phasegate.errors import Exit
from phasegate.policy.assessing import NO_CERTIFICATE, Assessed, Controls, Shown, assessed, read_controls
from phasegate.policy.calls_at_hand import InForce
from phasegate.report.markdown import text

PACKS = ("ssdf", "soc2", "iso27001", "slsa")


@click.command("report")
@click.option("--pack", type=click.Choice(PACKS), required=True, help="Which list of controls.")
@click.option("--format", "shape", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
def report(pack: str, shape: str) -> int:
    """Show for each control which gate stands for it, what the ledger has of it, and what is not shown.

    It is no certificate: whether a control is met is for people to judge.

    Example: phasegate policy report --pack ssdf --format markdown
    """
    with desk(looks=True) as opened:
        against = InForce(opened.settings, opened.workflow)
        controls = packaged(pack)
        found = assessed(controls, against, opened.project.log.read())
    if shape == "json":
        output.give({"pack": controls.name, "title": controls.title, "source": controls.source, "controls": found,
                     "note": NO_CERTIFICATE})  # fmt: skip
    else:
        output.say(as_markdown(controls, found) if shape == "markdown" else as_text(controls, found))
    return Exit.OK


def packaged(name: str) -> Controls:
    """The list of controls that comes with phasegate."""
    file = importlib.resources.files("phasegate.policy").joinpath("controls", f"{name}.toml")
    return read_controls(file.read_bytes(), path=f"{name}.toml")


def as_text(controls: Controls, found: Sequence[Assessed]) -> str:
    """A paragraph for each control, then what is not shown."""
    rows = [controls.title, NO_CERTIFICATE, ""]
    for each in found:
        rows += [f"{each.control.id}  {each.standing.upper()}  {each.control.title}", f"    {each.control.says}"]
        rows += [f"    gates: {', '.join(each.enforced) or 'none'}"] if each.control.gates else []
        rows += [f"    not in force: {', '.join(each.missing)}"] if each.missing else []
        rows += [f"    evidence: {_evidence(each.shown)}"] if each.shown else []
        rows += [f"    left to you: {each.control.rest}"] if each.control.rest else []
    return "\n".join([*rows, "", _unproved(found)])


def as_markdown(controls: Controls, found: Sequence[Assessed]) -> str:
    """A table of the controls, then what is not shown."""
    rows = [
        (each.control.id, each.control.title, each.standing, ", ".join([*each.enforced, *_absent(each)]) or "–",
         _evidence(each.shown) or "–", each.control.rest)
        for each in found
    ]  # fmt: skip
    head = ("control", "about", "standing", "gates", "evidence in the ledger", "left to you")
    shown = table(head, ([text(cell) for cell in row] for row in rows))
    return "\n\n".join([f"# {text(controls.title)}", text(NO_CERTIFICATE), f"Source: {text(controls.source)}", shown,
                        text(_unproved(found))])  # fmt: skip


def _absent(each: Assessed) -> list[str]:
    return [f"{gate} (not in force)" for gate in each.missing]


def _evidence(shown: Sequence[Shown]) -> str:
    return "; ".join(_of(each) for each in shown)


def _of(each: Shown) -> str:
    events = f" (events {', '.join(map(str, each.positions))})" if each.positions else ""
    return f"{each.count} {each.evidence.replace('_', ' ')}{events}"


def _unproved(found: Sequence[Assessed]) -> str:
    unproved = [each.control.id for each in found if each.standing != "shown"]
    return (
        f"Not shown: {', '.join(unproved)}." if unproved else "Every control has something to show; none is proved met."
    )
