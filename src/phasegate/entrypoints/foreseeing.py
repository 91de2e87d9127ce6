"""The plan as the next start would read it, while nothing is recorded yet: for whoever only wants to look."""

from __future__ import annotations

import copy

from phasegate.engine import plan_watch
from phasegate.errors import Failure
from phasegate.ledger.facts import PlanRead
from phasegate.ledger.fold import apply
from phasegate.ledger.state import State
from phasegate.wiring import RealDesk


def with_plan(opened: RealDesk, state: State) -> State:
    """`state` with the plan as it is in the work tree now. Raises what reading it raises."""
    content = opened.files.read(opened.settings.plan)
    if content is None:
        return state
    read = plan_watch.read(opened, state, content, first=not state.plan_digest)
    seen = copy.copy(state)
    for fact in read.facts:
        if isinstance(fact, PlanRead):
            apply(seen, fact)
    return seen


def with_readable_plan(opened: RealDesk, state: State) -> State:
    """The same; a plan that cannot be read leaves the one in force, and `phasegate plan check` says why."""
    try:
        return with_plan(opened, state)
    except Failure:
        return state
