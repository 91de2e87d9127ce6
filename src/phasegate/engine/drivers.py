"""Who drives a run: one client session at a time, by a lease that its hook calls renew."""

from __future__ import annotations

from phasegate.engine.desk import Desk
from phasegate.ledger.facts import DriverTaken
from phasegate.ledger.state import RunRecord
from phasegate.policy.calls import Caller

LEASE_MS = 10 * 60 * 1000


def may_drive(desk: Desk, run: RunRecord, caller: Caller) -> bool:
    """Whether this session drives, or may begin to: nobody else does."""
    if run.driver == caller.session or (run.driver_pid and run.driver_pid == caller.pid):
        return True
    return not driven(desk, run)


def driven(desk: Desk, run: RunRecord) -> bool:
    """Whether a session drives the run now: its process lives, and it was heard of within the lease."""
    if not run.driver or (run.driver_pid and desk.born(run.driver_pid) != run.driver_born):
        return False
    return desk.now_ms() - run.driver_seen_ms <= LEASE_MS


def taken(desk: Desk, run: RunRecord, caller: Caller) -> DriverTaken:
    """The fact that this session drives now, with its process."""
    return DriverTaken(run.id, caller.session, caller.pid, desk.born(caller.pid) if caller.pid else "")


def orphans(run: RunRecord, session: str) -> tuple[str, ...]:
    """Calls that will never come back: a session that begins has none in flight, one that is gone or ended neither."""
    return tuple(
        id
        for id, call in run.in_flight.items()
        if call.session in (session, run.driver) or call.session not in run.sessions
    )
