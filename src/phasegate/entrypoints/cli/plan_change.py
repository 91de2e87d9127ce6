"""How the commands change the plan file: who may, the difference shown, and the ledger told of what was written."""

from __future__ import annotations

import difflib

from phasegate.engine import plan_watch
from phasegate.engine.judge import grounds_of, write_own
from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import agent_above
from phasegate.errors import Exit, Failure
from phasegate.ledger.state import State
from phasegate.policy.edits import object_to
from phasegate.wiring import RealDesk


class PlanWriteRefused(Failure):
    """An agent may not write into the plan in the present step."""

    code = "plan-write-refused"
    exit_code = Exit.USAGE


class PlanNotText(Failure):
    """The plan is not UTF-8."""

    code = "plan-not-text"
    exit_code = Exit.USAGE


def refuse_agent(opened: RealDesk, state: State) -> None:
    """In a run the plan is an agent's to edit only where the step says so, by whatever command."""
    objection = object_to(opened.settings.plan, grounds_of(opened, state, state.run_in(opened.worktree)))
    if objection is not None and agent_above():
        raise PlanWriteRefused(objection.reason, hint="Go on with the step; a person can add the phase meanwhile.")


def write_plan(opened: RealDesk, state: State, content: bytes) -> State:
    """Write the plan as our own, and let a ledger that has read it read it anew."""
    mended = plan_watch.read(opened, state, content) if state.plan_digest else None
    if mended is not None and opened.actor.kind != "person":
        plan_watch.refuse_less(state, mended.facts)
    state = write_own(opened, state, opened.settings.plan, content)
    if mended is None:
        return state  # `start` reads it for the first time, and imports what is ticked
    state = opened.record(mended.facts, relying_on=state)
    if mended.content is not None:
        state = write_own(opened, state, opened.settings.plan, mended.content)
    for told in mended.told:
        output.progress(f"phasegate: {told}")
    return refresh(opened, state)


def difference(before: str, after: str, path: str) -> str:
    names = (f"a/{path}" if before else "/dev/null", f"b/{path}")
    return "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), *names))


def text_of(path: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as problem:
        at = content[: problem.start].count(b"\n") + 1
        raise PlanNotText(f"{path}:{at} is not UTF-8.", hint="Save the file as UTF-8.") from problem
