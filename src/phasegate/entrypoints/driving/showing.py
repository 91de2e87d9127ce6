"""How a drive at work, and one that waits to be gone on with, is shown by `phasegate status`."""

from __future__ import annotations

from phasegate.entrypoints.driving.stage import unfinished
from phasegate.entrypoints.driving.telling import clock
from phasegate.ledger.state import DriveRecord, State
from phasegate.plain import line
from phasegate.workspace import processes


def at_work(state: State) -> list[DriveRecord]:
    """The drives whose supervisor runs on this machine."""
    return [d for d in state.drives.values() if not d.outcome and d.pid and processes.born(d.pid) == d.born]


def lines(state: State) -> list[str]:
    """A line or two for each drive at work, else for the one that the next `phasegate drive` goes on with."""
    busy = at_work(state)
    left = unfinished(state)
    if not busy and left is not None:
        how = f"{left.outcome}: {line(left.said, 200)}" if left.outcome else "its supervisor is gone"
        return [f"Drive {left.id} on {left.branch} is not at work ({how}). `phasegate drive` goes on with it."]
    return [text for drive in busy for text in _of(state, drive)]


def _of(state: State, drive: DriveRecord) -> list[str]:
    run = state.run_in(drive.worktree)
    where = f"phase {line(run.phase, 40)}, step {run.step}" if run is not None else "its run is over"
    used = f"{drive.cost_usd:.2f} dollars and {drive.tokens.total} tokens in {drive.launches} sessions"
    does = f"waits until {clock(drive.waits_until_ms)}: {drive.waits_for}" if drive.waits_until_ms else where
    return [
        f"Drive {drive.id} is at work on {drive.branch}: {does}.",
        f"  used so far: {used}; committed: {', '.join(drive.commits) or 'nothing yet'}",
        f"  in {drive.worktree}",
    ]


def values(state: State) -> list[dict[str, object]]:
    """The drives at work for scripts."""
    return [
        {
            "id": drive.id, "branch": drive.branch, "worktree": drive.worktree, "launches": drive.launches,
            "cost_usd": round(drive.cost_usd, 6), "tokens": drive.tokens, "commits": drive.commits,
            "waits_for": drive.waits_for, "waits_until_ms": drive.waits_until_ms,
        }
        for drive in at_work(state)
    ]  # fmt: skip
