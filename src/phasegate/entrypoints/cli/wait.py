"""`phasegate wait`: wait for the runner at work, then say what it showed."""

from __future__ import annotations

import time

import rich_click as click

from phasegate.engine.driving import waits_for_supervisor
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.check import PATIENCE, wait_and_report
from phasegate.entrypoints.cli.session import desk, json_option
from phasegate.errors import Exit
from phasegate.wiring import RealDesk

POLL = 0.3


@click.command()
@click.option("--seconds", type=float, default=PATIENCE, show_default=True, help="How long to wait at most.")
@json_option
def wait(seconds: float, as_json: bool) -> int:
    """Wait until the tests that are running have ended.

    Example: phasegate wait
    """
    with desk() as opened:
        if _commit_owed(opened):
            return _await_commit(opened, seconds, as_json=as_json)
        return wait_and_report(opened, seconds, as_json=as_json)


def _commit_owed(opened: RealDesk) -> bool:
    """Whether a supervisor has yet to put away the phase before."""
    state = opened.state()
    run = state.run_in(opened.worktree)
    return run is not None and bool(waits_for_supervisor(state, run))


def _await_commit(opened: RealDesk, seconds: float, *, as_json: bool) -> int:
    deadline = time.monotonic() + seconds
    while _commit_owed(opened) and time.monotonic() < deadline:
        time.sleep(POLL)
    left = _commit_owed(opened)
    if as_json:
        output.give({"running": left, "said": "the commit of the phase before"})
    elif left:
        output.say("phasegate: the phase before is not put away yet. End your turn; you are started again after it.")
    else:
        output.say("phasegate: the phase before is put away. Go on with this step.")
    return Exit.OK
