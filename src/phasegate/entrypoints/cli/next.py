"""`phasegate next`: the instruction for the present step; the skill reads it."""

from __future__ import annotations

import rich_click as click

from phasegate.context.instruction import instruction
from phasegate.engine.advance import RunIsPaused, run_of
from phasegate.engine.judge import shown_views
from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import again, desk, json_option, only_people
from phasegate.errors import Exit, Failure
from phasegate.gates.interface import Moment
from phasegate.ledger.facts import StepEntered
from phasegate.ledger.state import State
from phasegate.wiring import RealDesk


class UnknownStep(Failure):
    """A step was named that the workflow does not have, or that no agent works in."""

    code = "unknown-step"
    exit_code = Exit.USAGE


@click.command()
@click.option("--step", "to", metavar="STEP", help="Change to this step instead; only for a person.")
@click.option("--prompt", is_flag=True, help="As text for the agent (the default; kept for the skill).")
@json_option
def next(to: str | None, prompt: bool, as_json: bool) -> int:
    """Show what the present step asks for, or change to another one.

    Example: phasegate next --prompt
    """
    if to is not None:
        only_people("`phasegate next --step`")
    with desk(looks=to is None) as opened:
        state = opened.state()
        if to is not None:
            state = again(lambda state: _change(opened, state, to), opened)
        run = state.run_in(opened.worktree)
        if as_json:
            output.give({"step": run.step if run else "", "phase": run.phase if run else "", "version": state.position})
        elif run is None:
            output.say("phasegate: no run is active here. A person begins one with `phasegate start`.")
        elif run.status == "paused":
            output.say("phasegate: the run is paused. A person resumes it with `phasegate resume`.")
        else:
            output.say(instruction(Moment(state, run, opened.settings, ""), opened.workflow))
    return Exit.OK


def _change(opened: RealDesk, state: State, to: str) -> State:
    """Enter a step because a person says so; every gate is asked again before the phase closes."""
    run = run_of(opened, state)
    if run.status == "paused":
        raise RunIsPaused("The run is paused.", hint="Take it up again with `phasegate resume`.")
    steps = [step.name for step in opened.workflow.steps if step.does]
    if to not in steps or not run.phase:
        raise UnknownStep(f"No agent works in a step called {to!r}.", hint=f"Name one of {', '.join(steps)}.")
    if to == run.step:
        return state
    seen = opened.tree.observe(shown_views(opened, state))
    entered = StepEntered(run.id, to, run.step, "@person", run.phase, seen.subject)
    return refresh(opened, opened.record([entered], relying_on=state))
