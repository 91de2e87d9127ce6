"""A ledger that lives as long as its process: for dry runs, what-if and tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from phasegate.ledger.chain import EMPTY, check_expected, link
from phasegate.ledger.event import Actor, Clock, Draft, Event
from phasegate.ledger.log import Head, Snapshot
from phasegate.store.ids import new_id


class MemoryLog:
    """A `Log` in a list. For one thread."""

    def __init__(self, ledger: str) -> None:
        self._ledger = ledger
        self._events: list[Event] = []
        self._versions: dict[str, int] = {}
        self._snapshot: Snapshot | None = None

    @property
    def ledger(self) -> str:
        return self._ledger

    def head(self) -> Head:
        return Head(self._events[-1].position, self._events[-1].hash) if self._events else EMPTY

    def versions(self) -> Mapping[str, int]:
        return dict(self._versions)

    def read(self, after: int = 0) -> Iterator[Event]:
        return iter(self._events[max(after, 0) :])

    def append(
        self, drafts: Sequence[Draft], *, actor: Actor, expected: Mapping[str, int], now_ms: int
    ) -> tuple[Event, ...]:
        check_expected(expected, self._versions)
        events = link(
            drafts,
            head=self.head(),
            clock=self._events[-1].clock if self._events else Clock(0),
            versions=self._versions,
            ledger=self._ledger,
            actor=actor,
            now_ms=now_ms,
            new_id=lambda: new_id(now_ms),
        )
        self._events.extend(events)
        self._versions.update((event.stream, event.version) for event in events)
        return events

    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    def keep_snapshot(self, snapshot: Snapshot) -> None:
        kept = self._snapshot
        if kept is None or kept.code != snapshot.code or kept.head.position <= snapshot.head.position:
            self._snapshot = snapshot

    def close(self) -> None:
        """Nothing to release."""
