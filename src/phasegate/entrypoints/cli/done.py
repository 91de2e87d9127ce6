"""`phasegate done`: end the step, if what it leaves on is there."""

from __future__ import annotations

import rich_click as click

from phasegate.context.instruction import instruction, unmet, where
from phasegate.engine.advance import Outcome, leave, run_of
from phasegate.engine.answer import settle_tree
from phasegate.engine.judge import shown_views
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import again, desk, json_option, version_option
from phasegate.errors import Exit
from phasegate.gates.interface import Moment
from phasegate.ledger.state import State
from phasegate.wiring import RealDesk


@click.command()
@json_option
@version_option
def done(as_json: bool, if_version: int | None) -> int:
    """End the present step if its gates are open, and show the next one.

    Example: phasegate done
    """
    with desk(if_version) as opened:
        outcome: Outcome = again(lambda state: _leave(opened, state), opened)
        return _tell(opened, outcome, as_json)


def _leave(opened: RealDesk, state: State) -> Outcome:
    run = run_of(opened, state)
    state, told = settle_tree(opened, state, run)
    for line in told:
        output.progress(f"phasegate: {line}")
    return leave(opened, state, opened.tree.observe(shown_views(opened, state)))


def _tell(opened: RealDesk, outcome: Outcome, as_json: bool) -> int:
    state = outcome.state
    run = state.run_in(opened.worktree)
    step = run.step if run is not None else "complete"
    rests = run is not None and opened.workflow.step(step).rests
    code = Exit.OK if outcome.moved else Exit.WAITING_FOR_PERSON if rests else Exit.GATE_FAILED
    if as_json:
        output.give({"moved": outcome.moved, "entered": outcome.entered, "step": step,
                     "held_by": outcome.held_by, "version": state.position})  # fmt: skip
        return code
    if run is None:
        output.say("phasegate: the run is complete. Nothing is left to do.")
        return code
    moment = Moment(state, run, opened.settings, "")
    if not outcome.moved and outcome.held_by:
        output.say(f"phasegate: not done, {where(moment)}. What keeps this step open:\n{unmet(outcome.held_by)}")
    else:
        output.say(instruction(moment, opened.workflow))
    return code
