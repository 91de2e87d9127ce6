"""What was read from transcripts and from git, in our words; and what a look back says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec


class At(msgspec.Struct, frozen=True):
    """A place to look at: a line of a transcript, or a path and line as a commit has it."""

    file: str
    line: int
    commit: str = ""

    def shown(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{self.commit}:{place}" if self.commit else place


class Prompt(msgspec.Struct, frozen=True, tag="prompt"):
    """Something was asked: by a person, or by the client itself (`own` false)."""

    at: At
    text: str
    time: float
    own: bool = True


class Edit(msgspec.Struct, frozen=True, tag="edit"):
    """A tool wrote a file. `whole` says that both texts are the whole file; otherwise they are the part replaced."""

    at: At
    path: str
    before: str
    after: str
    whole: bool
    time: float
    inside: bool = True


class Ran(msgspec.Struct, frozen=True, tag="ran"):
    """A command ran: how it ended ("" when that was not seen), and the end of what it printed."""

    at: At
    command: str
    ended: Literal["ok", "failed", ""]
    output: str
    time: float


class Claim(msgspec.Struct, frozen=True, tag="claim"):
    """What the agent said at the end of a turn."""

    at: At
    text: str
    time: float


Event = Prompt | Edit | Ran | Claim


class Key(msgspec.Struct, frozen=True):
    """A secret that passed through: by rule and fingerprint, never by value."""

    at: At
    rule: str
    fingerprint: str
    where: str


class Cost(msgspec.Struct, frozen=True):
    """What a session took. `usd` is None when the client did not say; `idle` seconds are left out of `active`."""

    usd: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    active: float = 0.0
    idle: float = 0.0


class Session(msgspec.Struct, frozen=True):
    """One session with its subagents, events in the order of time. `complete` when nothing of it was left unread."""

    id: str
    at: At
    began: float
    ended: float
    events: tuple[Event, ...]
    keys: tuple[Key, ...]
    cost: Cost
    complete: bool = True


class Change(msgspec.Struct, frozen=True):
    """One file in one commit; `before` or `after` is None where there is no such file, or its text was not read."""

    path: str
    before_path: str
    before: str | None
    after: str | None
    kind: Literal["added", "deleted", "modified"]


class Commit(msgspec.Struct, frozen=True):
    """A commit and what it changed; `complete` when the text of every changed file was read."""

    id: str
    time: float
    message: str
    changes: tuple[Change, ...]
    complete: bool = True


class Secret(msgspec.Struct, frozen=True):
    """What a scanner found in a text, on which line of it."""

    rule: str
    line: int
    fingerprint: str


Scan = Callable[[str], tuple[Secret, ...]]
"""Finds the secrets of a text; handed in by the door, since the rules for secrets are another room's."""

Rule = Literal["claim", "weakened", "key", "loop"]


class Finding(msgspec.Struct, frozen=True):
    """Something a rule is sure of: what, in a sentence; more about it; the place; other places of the same thing."""

    rule: Rule
    what: str
    at: At
    more: tuple[str, ...] = ()
    also: tuple[At, ...] = ()
    time: float = 0.0


class Unread(msgspec.Struct, frozen=True):
    """What was not read, how often, and why."""

    what: str
    why: str
    count: int = 1
