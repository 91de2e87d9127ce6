"""Who really calls: a hook call for a session must come from the process of that session's client, and from no other.

A shell of the agent can start the hook with any payload. What it cannot choose is its parent: the client starts a hook
itself, while a command's hook has the shell, or whatever the shell left behind, above it.
"""

from __future__ import annotations

from phasegate.engine.desk import Desk
from phasegate.ledger.custody import CallForged, SessionBound
from phasegate.ledger.state import RunRecord, State
from phasegate.policy import calls as c

RULE = "caller"
"""The rule by which a call that the client never made is refused."""


def let_in(desk: Desk, state: State, run: RunRecord, call: c.Call) -> State | c.Answer:
    """The state with the session bound to its process, or the answer to a call that its client did not make."""
    caller, bound = call.caller, run.bound.get(call.caller.session)
    if bound is not None and desk.born(bound[0]) == bound[1]:
        return _forged(desk, run, call, f"the session belongs to the process {bound[0]}, which did not make the call")
    if not caller.pid:
        return state  # a client that does not say which process it is, or a program between it and the hook
    above = _client_above(desk, run, caller.pid)
    if above:
        if isinstance(call, c.ToolAsked | c.ToolReturned | c.ConfigChanging):
            return state  # a client that the agent started: guarded like any other, and bound to nothing
        return _forged(desk, run, call, f"it was made below the process {above} of the client that drives")
    return desk.record([SessionBound(run.id, caller.session, caller.pid, desk.born(caller.pid))], relying_on=None)


def _client_above(desk: Desk, run: RunRecord, pid: int) -> int:
    """The process of a client of this run that `pid` runs below; 0 when there is none."""
    clients = {bound[0] for bound in run.bound.values() if desk.born(bound[0]) == bound[1]}
    return next((above for above in desk.ancestry(pid)[1:] if above in clients), 0) if clients else 0


def _forged(desk: Desk, run: RunRecord, call: c.Call, why: str) -> c.Answer:
    moment = type(call).__name__
    forged = CallForged(run.id, call.caller.session, moment, why, desk.programs_above())
    desk.record([forged], relying_on=None)
    if isinstance(call, c.ToolAsked):
        return c.Refuse(
            f"This hook call did not come from the client: {why}. Use the tools of the client itself; a session that "
            "is open twice goes on in the one opened first.",
            RULE,
        )
    if isinstance(call, c.SessionOpened):
        return c.Inform(f"phasegate: this session is not driven: {why}. Close the other one, or begin a new session.")
    return c.Silent()
