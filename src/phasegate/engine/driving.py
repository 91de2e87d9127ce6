"""Driving alone: what a supervisor does next, decided from how the client ended, the run, the limits and the time."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from phasegate.errors import Exit
from phasegate.ledger.driving import ClientEnding, Limits
from phasegate.ledger.state import TAKEN_UP, DriveRecord, RunRecord, State

MINUTE_MS: Final = 60_000

BARREN: Final = 3
"""Sessions that ended in order and brought nothing, after which the phase is parked."""

BROKEN: Final = 6
"""Sessions that broke off and brought nothing, after which the drive gives up."""

JITTER_MS: Final = 30_000
"""At most so long after a reset the client is asked again, lest everybody asks at once."""

LONGEST_MS: Final = 15 * MINUTE_MS
"""The longest wait where nobody said how long, as the settings have it by default."""

Position = Literal["works", "asks", "rests", "complete"]


class Backoff(msgspec.Struct, frozen=True):
    """Waits that grow from `first_ms`, doubled each time, up to `most_ms`; the wait is drawn between 0 and that."""

    first_ms: int
    most_ms: int = LONGEST_MS

    def wait(self, attempt: int, fraction: float, longest_ms: int = LONGEST_MS) -> int:
        """How long to wait the `attempt`th time (from 1) without progress; never nothing at all."""
        ceiling: int = min(self.most_ms, longest_ms, self.first_ms << min(max(attempt, 1) - 1, 30))
        return max(min(self.first_ms, ceiling) // 4, int(ceiling * fraction))


class Rule(msgspec.Struct, frozen=True):
    """What follows when a client ended in some way: waiting, how often in vain, and in which words."""

    says: str
    backoff: Backoff | None = None
    most: int = 0
    final: tuple[str, int] | None = None


RULES: Final[dict[ClientEnding, Rule]] = {
    "ended": Rule("the client ended its turn"),
    "died": Rule("the client died", Backoff(2_000, MINUTE_MS), most=BROKEN),
    "silent": Rule("the client fell silent", Backoff(2_000, MINUTE_MS), most=BROKEN),
    "overloaded": Rule("the model is overloaded", Backoff(30_000)),
    "rate_limited": Rule("the rate limit is reached", Backoff(30_000)),
    "usage_limit": Rule("the usage limit is reached", Backoff(10 * MINUTE_MS)),
    "network": Rule("the network is gone", Backoff(10_000)),
    "api_error": Rule("the model's service failed", Backoff(20_000), most=4 * BROKEN),
    "denied": Rule("the client is not let in", final=("failed", Exit.CANNOT_TELL)),
    "stopped": Rule("stopped by a person", final=("stopped", Exit.INTERRUPTED)),
}
"""One row for each way in which a client can end. `most` attempts in vain end the drive; 0 means it waits for ever."""

RESUMED: Final = ("overloaded", "rate_limited", "network")
"""Endings after which the session itself is sound, so that it is resumed while the model still remembers it."""

REMEMBERED_MS: Final = 5 * MINUTE_MS
"""How long a model keeps a conversation ready. Later a new session, told the state anew, costs less than a resumed."""


class Launch(msgspec.Struct, frozen=True):
    """Start the client, and why; `resume` the session that was broken off."""

    why: str
    resume: bool = False


class WaitUntil(msgspec.Struct, frozen=True):
    """Start nothing before `until_ms`; `attempt` counts waits without progress."""

    until_ms: int
    why: str
    attempt: int


class Park(msgspec.Struct, frozen=True):
    """Set the phase aside for a person, and go on with one that does not depend on it."""

    why: str


class Finish(msgspec.Struct, frozen=True):
    """End the drive."""

    outcome: Literal["complete", "waiting", "limit", "stopped", "failed"]
    said: str
    exit_code: int


Move = Launch | WaitUntil | Park | Finish


class Used(msgspec.Struct, frozen=True):
    """What a drive has used up, the client at work included; `awake_ms` leaves out the time the machine slept."""

    cost_usd: float = 0.0
    tokens: int = 0
    iterations: int = 0
    awake_ms: int = 0


class Situation(msgspec.Struct, frozen=True):
    """All that the next move depends on.

    `last` is how the client ended (None: it was not started yet), `since_ms` when; `progress` whether it got anywhere,
    `barren` how many sessions in a row, the last included, did not; `waited` whether its wait is over. Where nobody
    says until when, no wait is longer than `longest_ms`.
    """

    position: Position
    limits: Limits
    used: Used
    now_ms: int
    last: ClientEnding | None = None
    said: str = ""
    until_ms: int = 0
    progress: bool = False
    barren: int = 0
    waited: bool = False
    since_ms: int = 0
    longest_ms: int = LONGEST_MS


def next_move(at: Situation, fraction: float) -> Move:
    """What to do now; `fraction` is a random number from 0 up to 1."""
    if at.position == "complete":
        return Finish("complete", "every phase is closed", Exit.OK)
    rule = RULES[at.last] if at.last is not None else None
    if rule is not None and rule.final is not None:
        outcome, code = rule.final
        return Finish(outcome, f"{rule.says}{_because(at.said)}", code)  # type: ignore[arg-type]
    limit = reached(at.limits, at.used, at.now_ms)
    if limit:
        return Finish("limit", limit, Exit.LIMIT_REACHED)
    if at.position == "rests":
        return Finish("waiting", "what is left waits for a person", Exit.WAITING_FOR_PERSON)
    if at.position == "asks":
        return Park("a person must decide")
    return _after(at, rule, fraction) if rule is not None else Launch("the drive begins")


def _after(at: Situation, rule: Rule, fraction: float) -> Move:
    """The client ended with work left: start it again, at once or later, or give up."""
    if rule.backoff is None:
        if at.barren >= BARREN:
            return Park(f"{at.barren} sessions brought nothing")
        return Launch("the plan goes on")
    if at.waited:
        return Launch(f"{rule.says}; the wait is over", _resumes(at))
    if rule.most and at.barren > rule.most:
        return Finish("failed", f"{rule.says} {at.barren} times{_because(at.said)}", Exit.CANNOT_TELL)
    attempt = max(1, at.barren)
    until = at.now_ms + rule.backoff.wait(attempt, fraction, at.longest_ms)
    if at.until_ms:
        until = max(at.until_ms, at.now_ms) + 1000 + int(min(JITTER_MS, at.longest_ms) * fraction)
    end = ends_ms(at.limits, at.used, at.now_ms)
    if end and until >= end:
        return Finish("limit", f"{rule.says}, until after the time the drive may take", Exit.LIMIT_REACHED)
    return WaitUntil(until, rule.says, attempt)


def _resumes(at: Situation) -> bool:
    """A session is resumed once; when that got nowhere, the next one is new."""
    return at.last in RESUMED and at.barren <= 1 and at.now_ms - at.since_ms < REMEMBERED_MS


def _because(said: str) -> str:
    return f": {said}" if said else ""


# -- limits -----------------------------------------------------------------------------------------------------------


def reached(limits: Limits, used: Used, now_ms: int) -> str:
    """Which limit is used up, in words; "" when none is."""
    if limits.cost_usd and used.cost_usd >= limits.cost_usd:
        return f"the cost limit of {limits.cost_usd:.2f} dollars is reached"
    if limits.tokens and used.tokens >= limits.tokens:
        return f"the limit of {limits.tokens} tokens is reached"
    if limits.iterations and used.iterations >= limits.iterations:
        return f"the limit of {limits.iterations} iterations is reached"
    if limits.minutes and used.awake_ms >= limits.minutes * MINUTE_MS:
        return f"the limit of {limits.minutes:g} minutes is reached"
    if limits.until_ms and now_ms >= limits.until_ms:
        return "the time until which the drive was to work has come"
    return ""


def ends_ms(limits: Limits, used: Used, now_ms: int) -> int:
    """When time alone will end the drive, if the machine stays awake; 0 when it will not."""
    ends = [limits.until_ms] if limits.until_ms else []
    if limits.minutes:
        ends.append(now_ms + max(0, int(limits.minutes * MINUTE_MS) - used.awake_ms))
    return min(ends, default=0)


# -- the run ----------------------------------------------------------------------------------------------------------


def owed(state: State, run: RunRecord, *, rests: bool = False) -> tuple[str, ...]:
    """Phases that this run closed and no commit holds yet, while a supervisor is there to make it.

    The phase just closed stays out until its documents are reviewed and the run went on, `rests`, or is over.
    """
    if state.drive_in(run.worktree) is None:
        return ()
    over = rests or run.status == "ended"
    return tuple(phase for phase in uncommitted(state, run) if over or phase != run.phase)


def uncommitted(state: State, run: RunRecord) -> tuple[str, ...]:
    """Phases that this run of a drive closed and no commit holds yet."""
    committed = {phase for other in state.drives.values() if other.worktree == run.worktree for phase in other.commits}
    closed = (record.id for record in state.phases.values() if record.run == run.id and state.is_closed(record.id))
    return tuple(phase for phase in closed if phase not in committed)


def left_to_a_person(state: State, drive: str) -> bool:
    """Whether this drive found the run over, and the one before it in the tree ended in order: nobody was at work."""
    worktree = state.drives[drive].worktree
    run = state.runs.get(state.current.get(worktree, ""))
    before = [other for other in state.drives.values() if other.worktree == worktree and other.id != drive]
    return run is not None and run.status == "ended" and bool(before) and before[-1].outcome not in ("", "failed")


def waits_for_supervisor(state: State, run: RunRecord) -> str:
    """What the supervisor has yet to do with the tree before the run may go on, in words; "" when nothing."""
    if owed(state, run):
        return f"phasegate is about to commit phase {', '.join(owed(state, run))}"
    if to_set_aside(state, run):
        return f"phasegate is about to set phase {', '.join(to_set_aside(state, run))} aside"
    if to_take_up(state, run):
        return f"phasegate is about to bring back what was done of phase {run.phase}"
    return ""


def to_set_aside(state: State, run: RunRecord) -> tuple[str, ...]:
    """Phases that this run deferred, and whose half-done work still lies in the tree of the next."""
    drive = state.drive_in(run.worktree)
    if drive is None:
        return ()
    kept = asides(state, run.worktree)
    deferred = (record for record in state.phases.values() if record.run == run.id and record.status == "deferred")
    return tuple(record.id for record in deferred if kept.get(record.id, TAKEN_UP) == TAKEN_UP)


def to_take_up(state: State, run: RunRecord) -> str:
    """The branch with what was done of the phase at work before it was deferred, when it is not in the tree."""
    if state.drive_in(run.worktree) is None or state.record_of(run.phase).status != "started":
        return ""
    branch = asides(state, run.worktree).get(run.phase, "")
    return "" if branch == TAKEN_UP else branch


def asides(state: State, worktree: str) -> dict[str, str]:
    """By deferred phase the branch that holds its work, over all drives of a work tree."""
    kept: dict[str, str] = {}
    for drive in state.drives.values():
        if drive.worktree == worktree:
            kept |= drive.aside
    return kept


def position(state: State, run: RunRecord | None, *, rests: bool, asks: bool) -> Position:
    """Where the run is, as far as the next move depends on it; a person who paused it is waited for."""
    if run is None or run.status == "ended":
        return "complete"
    if rests or run.status == "paused":
        return "rests"
    questions = (q for q in state.open_questions() if q.run == run.id and q.phase == run.phase and q.note)
    return "asks" if asks and any(questions) else "works"


def progress_mark(state: State, worktree: str) -> tuple[int, str]:
    """What changes when the run gets anywhere: the step it entered last, and the newest observation."""
    run = state.run_in(worktree)
    return (run.entered if run is not None else 0, next(reversed(state.evidence), ""))


def used_by(drive: DriveRecord, *, awake_ms: int) -> Used:
    """What a drive used up as recorded."""
    return Used(drive.cost_usd, drive.tokens.total, drive.iterations, awake_ms)
