"""The Log protocol: what a store must do to keep a ledger. `tests/ledger/test_log_conformance.py` holds each to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.ledger.event import Actor, Draft, Event


class Head(msgspec.Struct, frozen=True):
    """The end of a chain: the last event's position (0 when empty) and hash."""

    position: int
    hash: str


class Snapshot(msgspec.Struct, frozen=True):
    """A cached fold of the events up to `head`, as bytes only the same `code` (fold version) can read."""

    head: Head
    code: str
    state: bytes


class StateMoved(Failure):
    """Somebody recorded something in a stream we relied on; nothing was changed."""

    code = "state-moved"
    exit_code = Exit.STATE_MOVED


class LedgerUnreadable(Failure):
    """The ledger cannot be read: damaged, of another program, or not accessible."""

    code = "ledger-unreadable"
    exit_code = Exit.CANNOT_TELL


class LedgerTooNew(Failure):
    """The ledger was written by a newer phasegate than this one."""

    code = "ledger-too-new"
    exit_code = Exit.CANNOT_TELL


class LedgerUnwritable(Failure):
    """The ledger cannot be written: full disk, read-only directory, or held by another process for too long."""

    code = "ledger-unwritable"
    exit_code = Exit.CANNOT_TELL


class Log(Protocol):
    """One ledger, append-only. An acknowledged append is durable, also against power loss."""

    @property
    def ledger(self) -> str:
        """The ledger's id."""
        ...

    def head(self) -> Head:
        """Where the chain ends now."""
        ...

    def versions(self) -> Mapping[str, int]:
        """The version of every stream; a stream that is absent is at 0."""
        ...

    def read(self, after: int = 0) -> Iterator[Event]:
        """Events with a position greater than `after`, in order, as of one moment."""
        ...

    def append(
        self, drafts: Sequence[Draft], *, actor: Actor, expected: Mapping[str, int], now_ms: int
    ) -> tuple[Event, ...]:
        """Record `drafts` in order, all or none, and return them sealed.

        `expected` names the version of each stream the decision relied on; if one is at another version nothing is
        changed and `StateMoved` is raised. Streams that are not named are not compared.
        """
        ...

    def snapshot(self) -> Snapshot | None:
        """The newest snapshot kept, if any; whoever reads it checks `code` and that `head` is still in the chain."""
        ...

    def keep_snapshot(self, snapshot: Snapshot) -> None:
        """Keep `snapshot` instead of older ones; it is a cache and need not be durable."""
        ...

    def close(self) -> None:
        """Release what the log holds; idempotent."""
        ...


class Blobs(Protocol):
    """Content-addressed bytes beside a ledger: artifacts and overwritten files."""

    def put(self, data: bytes) -> str:
        """Keep `data` durably and return its SHA-256 as hex; idempotent."""
        ...

    def get(self, digest: str) -> bytes:
        """The bytes of `digest`, checked against it; `LedgerUnreadable` when absent or damaged."""
        ...
