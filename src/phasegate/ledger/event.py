"""One entry of a ledger: who recorded which fact, when, where in the chain; and the bytes its hash covers."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

GENESIS = "0" * 64
"""The previous hash of the first event of a ledger."""

ActorKind = Literal["person", "agent", "phasegate"]


class Actor(msgspec.Struct, frozen=True):
    """Who caused an event: a person (user name), an agent (client and session) or phasegate itself (version)."""

    kind: ActorKind
    name: str
    session: str = ""


class Clock(msgspec.Struct, frozen=True, order=True):
    """A hybrid logical clock: UTC milliseconds, and a tick that orders events within one of them.

    Source: Kulkarni et al., "Logical Physical Clocks" (2014), section 4.
    """

    ms: int
    tick: int = 0

    def after(self, now_ms: int) -> Clock:
        """The next reading, given the wall clock: never earlier than this one, whatever the wall clock says."""
        return Clock(now_ms) if now_ms > self.ms else Clock(self.ms, self.tick + 1)


class Draft(msgspec.Struct, frozen=True):
    """A fact about to be recorded in `stream`: its kind, schema version and JSON body, not in the chain yet."""

    stream: str
    kind: str
    schema: int
    body: bytes


class Event(msgspec.Struct, frozen=True):
    """A recorded fact. `position` counts the ledger's events from 1, `version` those of its stream from 1.

    `body` is JSON, or None once erased; `body_digest` (SHA-256 hex) stays, so the chain holds without it.
    """

    ledger: str
    position: int
    clock: Clock
    stream: str
    version: int
    id: str
    actor: Actor
    kind: str
    schema: int
    body: bytes | None
    body_digest: str
    previous: str
    hash: str


def digest(data: bytes) -> str:
    """SHA-256 of `data` as hex."""
    return hashlib.sha256(data).hexdigest()


def canonical(event: Event) -> bytes:
    """The bytes that `event.hash` covers: every field but the body (its digest is there), each behind its length."""
    fields = (
        "phasegate-event-1",
        event.ledger,
        str(event.position),
        str(event.clock.ms),
        str(event.clock.tick),
        event.stream,
        str(event.version),
        event.id,
        event.actor.kind,
        event.actor.name,
        event.actor.session,
        event.kind,
        str(event.schema),
        event.body_digest,
        event.previous,
    )
    parts = [field.encode("utf-8", "surrogatepass") for field in fields]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def seal(event: Event) -> Event:
    """`event` with the hash its fields demand."""
    return msgspec.structs.replace(event, hash=digest(canonical(event)))
