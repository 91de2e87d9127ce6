"""`phasegate demo`: watch an agent being driven through a plan, with no key, no server and no network."""

from __future__ import annotations

import os
import shlex
import sys

import rich_click as click

from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import json_option
from phasegate.errors import Exit
from phasegate.evidence.items import TestsSeen
from phasegate.ledger import facts as f
from phasegate.ledger.event import Event
from phasegate.ledger.fact import Fact
from phasegate.plain import line

COLOURS = {
    "phase": "bright_white", "refused": "red", "put back": "red", "evidence": "cyan", "doubt": "yellow",
    "settled": "green", "go on": "yellow", "recovered": "green", "closed": "bright_green",
}  # fmt: skip
"""What stands out on a terminal."""


@click.command()
@click.option("--agent", type=click.Choice(["auto", "real", "scripted"]), default="auto", show_default=True,
              help="The Claude Code that is installed, or the scripted agent that calls the same hooks.")  # fmt: skip
@click.option("--dir", "folder", type=click.Path(), help="Where to lay the project out; default: a temporary folder.")
@json_option
def demo(agent: str, folder: str | None, as_json: bool) -> int:
    """Drive an agent through a plan of two phases in a throw-away project, and show what happens.

    Example: phasegate demo
    """
    from phasegate.entrypoints.demo.stage import Outcome, play

    tell = output.progress if as_json else click.echo

    def hear(event: Event, fact: Fact) -> None:
        label, told = headline(fact)
        if told:
            tell(click.style(f"  {label:<11}", fg=COLOURS.get(label)) + told)

    def say(text: str) -> None:
        tell(click.style(f"\n{text}", bold=True))

    outcome: Outcome = play(folder, agent, hear, say)  # type: ignore[arg-type]
    if as_json:
        output.give(outcome)
    else:
        _summary(outcome)
    return Exit.OK


def headline(fact: Fact) -> tuple[str, str]:
    """What a spectator wants to know of a fact, behind a label; empty for the rest."""
    match fact:
        case f.PhaseStarted(phase=phase, kind=kind):
            return "phase", f"{phase} begins, a {kind}"
        case f.StepEntered(step=step, loop=loop):
            return "step", step + (" (counts a loop)" if loop else "")
        case f.CallRefused(tool=tool, reason=reason):
            return "refused", f"{tool}: {line(reason, 86)}"
        case f.ChangePutBack(path=path):
            return "put back", f"{path}, which a shell command wrote although the step forbids it"
        case f.EvidenceRecorded(evidence=evidence) if isinstance(evidence.seen, TestsSeen):
            return "evidence", _tests(evidence.seen)
        case f.NoteAdded(kind=kind, text=text):
            return "doubt", f"{kind}: {line(text, 84)}"
        case f.NoteResolved(how=how):
            return "settled", f"the uncertainty is gone: {line(how, 80)}"
        case f.StopRefused(reason=reason):
            return "go on", f"the agent wanted to stop; {_why(reason)}"
        case f.RunRecovered(step=step):
            return "recovered", f"a new session goes on at step {step}"
        case f.PhaseClosed(phase=phase, archive=archive, files=files):
            return "closed", f"phase {phase}, on {len(files)} files of evidence in {archive}"
    return "", ""


def _tests(tests: TestsSeen) -> str:
    red = f"; red: {', '.join(line(test.id.rpartition('::')[2], 40) for test in tests.red)}" if tests.red else ""
    return f"{tests.passed} of {tests.collected} tests pass{red}"


def _why(reason: str) -> str:
    """The gate that is shut, or the step that is next."""
    shut = [row[2:] for row in reason.splitlines() if row.startswith("- ") and " fails: " in row]
    return line(shut[0], 80) if shut else "it is told the next step"


def _summary(outcome: object) -> None:
    from phasegate.entrypoints.demo.stage import Outcome

    assert isinstance(outcome, Outcome)
    output.say(
        f"\nThe plan is complete: {outcome.phases_closed} phases closed by {outcome.agent} "
        f"in {outcome.seconds:.0f} s.\n"
        f"  {outcome.refusals} edit refused, {outcome.put_back} shell write put back, "
        f"{outcome.stops_refused} times told to go on, {outcome.uncertainties_resolved} uncertainty resolved,\n"
        f"  every phase red before it was green, one kill survived.\n\n"
        f"  project    {outcome.project}\n"
        f"  ledger     {outcome.ledger}\n"
        f"  archive    {', '.join(outcome.archives)}\n\n"
        f"Try next:\n"
        f"  {_here(outcome.state_home)}\n"
        f"  cd {shlex.quote(outcome.project)}\n"
        f"  pg log show               every fact that was recorded\n"
        f"  pg why 1                  why phase 1 could close\n"
        f"  pg log verify             whether the chain holds\n\n"
        f"The demo wrote nothing outside {os.path.dirname(outcome.project)}; remove its tally, home, state and "
        "tmp when you are done.\n"
        "For a repository of yours: `uv tool install PATH-TO-CHECKOUT`, then `phasegate init` there."
    )


def _here(state_home: str) -> str:
    """A shell function that calls this phasegate on the demo's ledger; an export would follow its user elsewhere."""
    program = shlex.quote(os.path.abspath(sys.argv[0]))
    return f'pg() {{ XDG_STATE_HOME={shlex.quote(state_home)} {program} "$@"; }}'
