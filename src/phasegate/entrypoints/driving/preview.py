"""What `phasegate drive` would do, said without doing it; where no drive could begin this fails as it would."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from phasegate.agents import claude_run
from phasegate.engine.advance import next_phase
from phasegate.entrypoints.cli.start import no_plan, nothing_left
from phasegate.entrypoints.demo.real_client import find_client
from phasegate.entrypoints.driving import stage as stages
from phasegate.entrypoints.driving.telling import clock
from phasegate.entrypoints.foreseeing import with_plan
from phasegate.ledger.driving import Limits
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.wiring import RealDesk

SHOWN = 20
"""Phases, or paths, that are listed one by one."""


class PhaseAhead(msgspec.Struct, frozen=True):
    """A phase that is not closed yet."""

    id: str
    title: str
    kind: str
    status: str


class Preview(msgspec.Struct, frozen=True):
    """What a drive would work on, where, with what and until when."""

    goes_on: str
    branch: str
    worktree: str
    base: str
    left_out: tuple[str, ...]
    closed: int
    phases: tuple[PhaseAhead, ...]
    next_phase: str
    limits: Limits
    client: str
    client_version: str
    model: str
    permission_mode: str
    rules: tuple[str, ...]
    attempts: int
    dry_run: bool = True


def look_ahead(opened: RealDesk, limits: Limits, *, model: str, here: bool, attempts: int) -> Preview:
    """Everything that can be known before a drive. Raises what the drive itself would raise."""
    client = find_client()
    state = opened.state()
    former = stages.unfinished(state)
    base, left_out = (former.base, ()) if former else stages.grounds(opened, state, here=here)
    phase, state = _next(opened, state, former.worktree if former else "")
    ahead = tuple(
        PhaseAhead(p.id, p.title, state.kind_of(p.id), state.record_of(p.id).status)
        for p in state.plan if not state.is_closed(p.id)
    )  # fmt: skip
    return Preview(
        former.id if former else "",
        former.branch if former else stages.repository_of(opened).branch() if here else "phasegate/... (new)",
        former.worktree if former else opened.worktree if here else "new",
        base, left_out, len(state.plan) - len(ahead), ahead, phase, limits, client.path,
        ".".join(map(str, client.version)), model, claude_run.MODE,
        (*claude_run.BASE_RULES, *opened.settings.drive.allow), attempts,
    )  # fmt: skip


def _next(opened: RealDesk, state: State, begun: str) -> tuple[str, State]:
    """The phase that would be begun with, and the state with the plan as it would be read."""
    if begun:
        phase = next_phase(state, begun)
        return (phase.id if phase else ""), state
    if opened.files.read(opened.settings.plan) is None:
        raise no_plan(opened)
    state = with_plan(opened, state)
    phase = next_phase(state, opened.worktree)
    if phase is None:
        raise nothing_left(state, opened)
    return phase.id, state


def lines(told: Preview) -> Iterator[str]:
    """The preview for a person."""
    if told.goes_on:
        yield f"phasegate drive would go on with drive {told.goes_on} on {told.branch}."
    elif told.worktree == "new":
        yield f"phasegate drive would make a branch phasegate/... from {told.base[:12]} and a work tree of its own."
    else:
        yield f"phasegate drive would work here, on {told.branch or 'a detached HEAD'}."
    yield f"  phases      {told.closed} closed, {len(told.phases)} to come"
    for phase in told.phases[:SHOWN]:
        yield f"    {line(phase.id, 40)} {line(phase.title)} ({phase.kind}, {phase.status})"
    if len(told.phases) > SHOWN:
        yield f"    and {len(told.phases) - SHOWN} more: phasegate plan show"
    yield f"  limits      {_limits(told.limits)}"
    yield f"  client      Claude Code {told.client_version}, model {told.model or 'as the client chooses'}"
    yield f"  permission  mode {told.permission_mode}, rules {', '.join(told.rules)}"
    if told.attempts > 1:
        yield f"  attempts    {told.attempts} at the next phase, of which the gates choose"
    if told.left_out:
        named = ", ".join(line(path, 100) for path in told.left_out[:SHOWN])
        more = f" and {len(told.left_out) - SHOWN} more" if len(told.left_out) > SHOWN else ""
        yield f"  left out    {len(told.left_out)} changed and not committed: {named}{more}"
    yield "Nothing was done: this was a dry run."


def _limits(limits: Limits) -> str:
    said = [
        f"until {clock(limits.until_ms)}" if limits.until_ms else "",
        f"{limits.cost_usd:g} dollars" if limits.cost_usd else "",
        f"{limits.tokens} tokens" if limits.tokens else "",
        f"{limits.minutes:g} minutes awake" if limits.minutes else "",
        f"{limits.iterations} sessions" if limits.iterations else "",
    ]  # fmt: skip
    return ", ".join(filter(None, said)) or "none: until the plan is complete or a person must answer"
