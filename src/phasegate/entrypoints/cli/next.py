"""`phasegate next`: the instruction for the present step; the skill reads it."""

from __future__ import annotations

import rich_click as click

from phasegate.context.instruction import instruction
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk, json_option
from phasegate.errors import Exit
from phasegate.gates.interface import Moment


@click.command()
@click.option("--prompt", is_flag=True, help="As text for the agent (the default; kept for the skill).")
@json_option
def next(prompt: bool, as_json: bool) -> int:
    """Show what the present step asks for.

    Example: phasegate next --prompt
    """
    with desk(looks=True) as opened:
        state = opened.state()
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
