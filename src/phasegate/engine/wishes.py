"""A turn that a person opened by a prompt of their own: what the step forbids passes as their wish, and is told."""

from __future__ import annotations

from collections.abc import Sequence

from phasegate.ledger.facts import WishGranted
from phasegate.ledger.state import RunRecord
from phasegate.policy.calls import Caller
from phasegate.policy.edits import Grounds, steps_for

UNSEEN = ("shell", "mcp", "other")
"""What a tool does that can write without naming the path. A subagent writes by calls of its own, each in flight."""


CLOCKS_MS = 30
"""How far two clocks of one machine may be apart."""


def opens(run: RunRecord, caller: Caller, now_ms: int) -> bool:
    """Whether a prompt of a person's own frees the turn from the step: it must be the client's, and nobody else's.

    A command that an agent runs could call the hook with a prompt of its own making. So nothing that runs commands may
    be in flight, the prompt must come from the process that began the session, and the hook must be younger than the
    return of the last call: a command that waits in the background and then becomes the hook is older.
    """
    if any(call.does in UNSEEN for call in run.in_flight.values()):
        return False
    if caller.age_ms and now_ms - caller.age_ms < run.returned_ms - CLOCKS_MS:
        return False
    return not run.driver_pid or caller.pid == run.driver_pid


def is_wish(run: RunRecord, caller: Caller) -> bool:
    """Whether an edit of this caller is the person's wish: of the main agent, in the turn they opened."""
    return bool(run.own_turn) and run.own_turn == caller.session and not caller.agent


def may_have_come(run: RunRecord) -> bool:
    """Whether what differs in the tree can only be what the person wished: nobody else has a call in flight."""
    unseen = [call for call in run.in_flight.values() if call.does in UNSEEN]
    return bool(run.own_turn) and all(call.session == run.own_turn and not call.agent for call in unseen)


def granted(run: RunRecord, call: str, paths: Sequence[str]) -> WishGranted:
    """The fact that these changes were let through."""
    return WishGranted(run.id, call, run.step, tuple(paths[:50]))


def told(run: RunRecord, grounds: Grounds, paths: Sequence[str]) -> tuple[str, ...]:
    """Said once in a turn: that the step would not allow it, which one would, and how a person changes to it."""
    if run.wish_told or not paths:
        return ()
    from phasegate.plain import line

    steps = steps_for(paths[0], grounds)
    change = (
        f"The step {steps[0]} would: a person changes to it with `phasegate next --step {steps[0]}`."
        if steps
        else f"No step of a {grounds.kind} phase would; it is part of the phase's difference all the same."
    )
    return (
        f"phasegate: the step {run.step} does not edit {line(paths[0])}. The person asked for it, so it was let "
        f"through and recorded as their wish. {change} `continue` goes on with the plan on the tree as it is then.",
    )
