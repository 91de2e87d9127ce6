"""The facts about a supervisor that drives an agent alone: what it may use up, its clients, its waits, its commits."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from typing import Literal

import msgspec

from phasegate.ledger.fact import Fact

ClientEnding = Literal[
    "ended",
    "died",
    "silent",
    "stopped",
    "overloaded",
    "rate_limited",
    "usage_limit",
    "network",
    "api_error",
    "denied",
]
"""How a client process came to its end, as far as it says: of itself, killed, mute, stopped by us, or refused.

`denied` is what no waiting mends: no valid key, nothing paid."""


class Limits(msgspec.Struct, frozen=True):
    """What a drive may use up at most; 0 means no limit. Cost in US dollars, `until_ms` in UTC milliseconds."""

    cost_usd: float = 0.0
    tokens: int = 0
    minutes: float = 0.0
    iterations: int = 0
    until_ms: int = 0


class Tokens(msgspec.Struct, frozen=True):
    """Tokens as the client counts them."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_written: int = 0

    @property
    def total(self) -> int:
        """All of them, whatever they cost."""
        return self.input + self.output + self.cache_read + self.cache_written


class DriveStarted(Fact, frozen=True):
    """A supervisor began to drive in `worktree`, on `branch`, which began at commit `base`.

    `attempt_of` names the drive that this one is a parallel attempt of; `phase` the one phase it tries.
    """

    drive: str
    worktree: str
    branch: str
    base: str
    limits: Limits
    pid: int = 0
    born: str = ""
    attempt_of: str = ""
    phase: str = ""


class ClientLaunched(Fact, frozen=True):
    """The supervisor started a client process, why, and with which permissions."""

    drive: str
    launch: str
    pid: int
    born: str
    why: str
    mode: str
    rules: tuple[str, ...] = ()


class ClientEnded(Fact, frozen=True):
    """A client process is gone: how, what it said last, what it used, and when it may be asked again (0: unknown)."""

    drive: str
    launch: str
    how: ClientEnding
    said: str = ""
    session: str = ""
    turns: int = 0
    cost_usd: float = 0.0
    tokens: Tokens = Tokens()
    until_ms: int = 0


class WaitBegan(Fact, frozen=True):
    """The supervisor waits until then before it starts the client again; `attempt` counts waits without progress."""

    drive: str
    why: str
    until_ms: int
    attempt: int


class PhaseCommitted(Fact, frozen=True):
    """What a closed phase changed is one commit on the drive's branch."""

    drive: str
    phase: str
    commit: str
    branch: str


class PhaseSetAside(Fact, frozen=True):
    """What was done of a deferred phase lies on a branch of its own ("" = nothing was), or, `taken_up`, came back."""

    drive: str
    phase: str
    commit: str
    branch: str
    taken_up: bool = False


class AttemptChosen(Fact, frozen=True):
    """Of parallel attempts at a phase the gates chose `winner` (a drive; "" when none passed); the rest is archived.

    `why` compares them in words; `archived` maps each losing drive to where its difference is kept.
    """

    drive: str
    phase: str
    winner: str
    why: str
    archived: dict[str, str] = msgspec.field(default_factory=dict)


class DriveEnded(Fact, frozen=True):
    """The supervisor is done: `complete`, `waiting`, `limit`, `stopped`, `failed`; `said` is the reason in words."""

    drive: str
    outcome: Literal["complete", "waiting", "limit", "stopped", "failed"]
    said: str
    exit_code: int
