"""`phasegate takeover`: hand the run to the next session of an agent that opens in this work tree."""

from __future__ import annotations

import rich_click as click

from phasegate.engine.advance import run_of
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import again, desk, json_option, only_people
from phasegate.entrypoints.cli.start import HAND_OVER
from phasegate.errors import Exit
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import CallsAbandoned, DriverTaken
from phasegate.ledger.state import State
from phasegate.wiring import RealDesk


@click.command()
@json_option
def takeover(as_json: bool) -> int:
    """Take the run from the session that drives it; whichever is given the next prompt here drives it then.

    Close the other session first: it would be asked to drive again by a prompt of its own.

    Example: phasegate takeover
    """
    only_people("`phasegate takeover`")
    with desk() as opened:
        before = run_of(opened, opened.state()).driver
        state: State = again(lambda state: _release(opened, state), opened)
    if as_json:
        output.give({"released": before, "version": state.position})
    elif before:
        output.say(f"phasegate: session {before} no longer drives. Close it, open your agent here and say "
                   f'"{HAND_OVER}".')  # fmt: skip
    else:
        output.say(f'phasegate: no session drives the run. Open your agent here and say "{HAND_OVER}".')
    return Exit.OK


def _release(opened: RealDesk, state: State) -> State:
    """No driver, and nothing in flight of the one there was: its calls would make every other look ambiguous."""
    run = run_of(opened, state)
    if not run.driver:
        return state
    left = tuple(id for id, call in run.in_flight.items() if call.session == run.driver)
    facts: list[Fact] = [CallsAbandoned(run.id, left)] if left else []
    return opened.record([*facts, DriverTaken(run.id, "")], relying_on=state)
