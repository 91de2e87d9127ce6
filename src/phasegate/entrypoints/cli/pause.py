"""`phasegate pause` and `phasegate resume`: one word stops the driving, one word takes it up again."""

from __future__ import annotations

import contextlib
import os

import rich_click as click

from phasegate.engine.judge import carry_out, judge, of_a_person
from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import again, desk, json_option, only_people
from phasegate.entrypoints.cli.start import HAND_OVER
from phasegate.errors import Exit, Failure
from phasegate.ledger.facts import RunEnded, RunPaused, RunResumed
from phasegate.ledger.log import StateMoved
from phasegate.ledger.state import RunRecord, State
from phasegate.wiring import RealDesk
from phasegate.workspace import files, git, place


class CannotPause(Failure):
    """Neither the ledger nor the git directory lets us note that the work tree is paused."""

    code = "cannot-pause"
    exit_code = Exit.CANNOT_TELL


@click.command()
@click.option(
    "--end", is_flag=True, help="End the run for good; `phasegate start` begins another on the tree as it is."
)
@json_option
def pause(end: bool, as_json: bool) -> int:
    """Let the agent work without phasegate until `phasegate resume`; works also when the ledger cannot be read.

    Example: phasegate pause
    """
    only_people("`phasegate pause`")
    where = place.locate(os.getcwd())
    try:
        if place.read_pointer(where) is None:
            raise place.NotInitialised(f"{where.root} has no ledger yet.", hint="Nothing drives here; no need to.")
        with desk() as opened:
            if end:
                return _tell_ended(again(lambda state: _end(opened, state), opened), as_json)
            state: State = again(lambda state: _pause(opened, state), opened)
            return _tell_paused(state.run_in(opened.worktree), as_json)
    except (StateMoved, place.NotInitialised):
        raise
    except (Failure, OSError) as problem:
        return _mark(where, problem, as_json)


def _pause(opened: RealDesk, state: State) -> State:
    run = state.run_in(opened.worktree)
    if run is None or run.status == "paused":
        return state
    state = opened.record([RunPaused(run.id)], relying_on=state)
    with contextlib.suppress(files.NotWritable, files.DiskFull):  # it is paused, whether or not that can be shown
        state = refresh(opened, state)
    return state


def _end(opened: RealDesk, state: State) -> RunRecord | None:
    """End the run as stopped by a person; None when there was none."""
    run = state.run_in(opened.worktree)
    if run is not None:
        refresh(opened, opened.record([RunEnded(run.id, "stopped")], relying_on=state))
    return run


def _tell_ended(run: RunRecord | None, as_json: bool) -> int:
    if as_json:
        output.give({"ended": run is not None, "run": run.id if run else ""})
    elif run is None:
        output.say("phasegate: no run is active here.")
    else:
        output.say(f"phasegate: run {run.id} is ended. `phasegate start` begins another on the tree as it is.")
    return Exit.OK


def _tell_paused(run: RunRecord | None, as_json: bool) -> int:
    if as_json:
        output.give({"paused": run is not None, "run": run.id if run else "", "by": "ledger"})
    elif run is None:
        output.say("phasegate: no run is active here, so nothing drives; secrets and phasegate's files stay guarded.")
    else:
        output.say("phasegate: paused. What you change now is yours. `phasegate resume` takes the run up again.")
    return Exit.OK


def _mark(where: git.Place, problem: Failure | OSError, as_json: bool) -> int:
    """Without a ledger that takes the record, a mark in the git directory tells the hooks to be silent."""
    why = problem.message if isinstance(problem, Failure) else str(problem)
    try:
        place.set_paused(where, True)
    except OSError as second:
        raise CannotPause(
            f"The ledger cannot record it ({why}), and {where.directory} cannot be written: {second}.",
            hint="Take phasegate out of the agent: `phasegate uninstall`.",
        ) from second
    if as_json:
        output.give({"paused": True, "run": "", "by": "mark", "why": why})
    else:
        output.say(f"phasegate: paused by a mark in {where.directory}, for the ledger cannot be used: {why}\n"
                   "  Mend it (`phasegate doctor`), then `phasegate resume`.")  # fmt: skip
    return Exit.OK


@click.command()
@json_option
def resume(as_json: bool) -> int:
    """Take the paused run up again; what changed meanwhile is yours and is not judged.

    Example: phasegate resume
    """
    only_people("`phasegate resume`")
    where = place.locate(os.getcwd())
    marked = place.paused(where)
    with desk() as opened:
        place.set_paused(where, False)
        state = opened.state()
        run = state.run_in(opened.worktree)
        was = run.status if run is not None else ""
        if run is not None and (was == "paused" or marked):
            state = again(lambda state: _resume(opened, state, run.id), opened)
        return _tell_resumed(state, run, was, marked=marked, as_json=as_json)


def _resume(opened: RealDesk, state: State, run_id: str) -> State:
    """Know the tree and the plan as they are now, before the run drives again."""
    run = state.runs[run_id]
    judgement = of_a_person(judge(opened, state, run, call="", alone=False))
    state = opened.record([*judgement.facts, RunResumed(run.id)], relying_on=state)
    for told in judgement.told:
        output.progress(f"phasegate: {told}")
    return refresh(opened, carry_out(opened, state, judgement))


def _tell_resumed(state: State, run: RunRecord | None, was: str, *, marked: bool, as_json: bool) -> int:
    resumed = marked or was == "paused"
    if as_json:
        output.give({"resumed": resumed, "run": run.id if run else "", "step": run.step if run else "",
                     "version": state.position})  # fmt: skip
    elif run is None:
        lifted = "the pause is lifted; " if marked else ""
        output.say(f"phasegate: {lifted}no run is active here. Begin one with `phasegate start`.")
    elif not resumed:
        output.say(f'phasegate: the run was not paused; it is at step {run.step}. Say "{HAND_OVER}" to your agent.')
    else:
        output.say(f"phasegate: resumed at step {run.step} of phase {run.phase}. What changed meanwhile is taken as "
                   f'yours.\n  Say "{HAND_OVER}" to your agent.')  # fmt: skip
    return Exit.OK
