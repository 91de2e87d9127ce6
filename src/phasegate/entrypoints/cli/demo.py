"""`phasegate demo`: watch an agent being driven through a plan, with no key, no server and no network."""

from __future__ import annotations

import rich_click as click

from phasegate.context.plain import line
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import json_option
from phasegate.errors import Exit
from phasegate.evidence.items import TestsSeen
from phasegate.ledger import facts as f
from phasegate.ledger.event import Event


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

    def hear(event: Event, fact: f.Fact) -> None:
        told = headline(fact)
        if told:
            (output.progress if as_json else output.say)(told)

    def say(text: str) -> None:
        (output.progress if as_json else output.say)(f"\n{text}")

    outcome: Outcome = play(folder, agent, hear, say)  # type: ignore[arg-type]
    if as_json:
        output.give(outcome)
    else:
        _summary(outcome)
    return Exit.OK


def headline(fact: f.Fact) -> str:
    """What a spectator wants to know of a fact; empty for the rest."""
    match fact:
        case f.StepEntered(step=step, phase=phase, loop=loop):
            return f"  step       {step} (phase {phase})" + (", a loop is counted" if loop else "")
        case f.CallRefused(tool=tool, reason=reason):
            return f"  refused    {tool}: {line(reason, 110)}"
        case f.ChangePutBack(path=path, rule=rule):
            return f"  put back   {path}, written by a shell command against rule `{rule}`"
        case f.EvidenceRecorded(evidence=evidence) if isinstance(evidence.seen, TestsSeen):
            tests = evidence.seen
            red = f", red: {', '.join(line(test.id, 70) for test in tests.red)}" if tests.red else ""
            return f"  evidence   {tests.passed} of {tests.collected} tests pass{red}"
        case f.NoteAdded(kind=kind, text=text):
            return f"  {kind:10.10} {line(text, 110)}"
        case f.NoteResolved(how=how):
            return f"  settled    an uncertainty: {line(how, 90)}"
        case f.StopRefused(reason=reason):
            return f"  go on      the agent wanted to stop: {line(reason, 90)}"
        case f.RunRecovered(step=step):
            return f"  recovered  a new session goes on at step {step}"
        case f.PhaseStarted(phase=phase, kind=kind):
            return f"\nPhase {phase} ({kind})"
        case f.PhaseClosed(phase=phase, archive=archive, files=files):
            return f"  closed     phase {phase}: {len(files)} files of evidence in {archive}"
    return ""


def _summary(outcome: object) -> None:
    from phasegate.entrypoints.demo.stage import Outcome

    assert isinstance(outcome, Outcome)
    output.say(
        f"\nThe plan is complete: {outcome.phases_closed} phases closed by {outcome.agent} in {outcome.seconds:.0f} s.\n"
        f"  {outcome.refusals} edit refused, {outcome.put_back} shell write put back, "
        f"{outcome.stops_refused} times told to go on, {outcome.uncertainties_resolved} uncertainty resolved,\n"
        f"  every phase red before it was green, one kill survived.\n\n"
        f"  project    {outcome.project}\n"
        f"  ledger     {outcome.ledger}\n"
        f"  archive    {', '.join(outcome.archives)}\n\n"
        f"Try next:\n"
        f"  cd {outcome.project} && export XDG_STATE_HOME={outcome.state_home}\n"
        f"  phasegate log show        every fact that was recorded\n"
        f"  phasegate why 1           why phase 1 could close\n"
        f"  phasegate log verify      whether the chain holds\n"
        f"and in a repository of yours: phasegate init"
    )
