"""How drafts become events that follow each other, and how anyone finds the first event that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.ledger.event import GENESIS, Actor, Clock, Draft, Event, canonical, digest, seal
from phasegate.ledger.log import Head, StateMoved

EMPTY = Head(position=0, hash=GENESIS)
"""The head of a ledger without events."""

LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999: a wall clock beyond it is broken, and would hold the ledger's clock there."""

Why = Literal["changed", "removed", "inserted", "reordered", "unlinked", "impossible", "rewritten", "truncated"]


class Unrecordable(Failure):
    """A fact has text or a time that not every store can keep; nothing was recorded."""

    code = "unrecordable"
    exit_code = Exit.CANNOT_TELL


class Broken(msgspec.Struct, frozen=True):
    """The first position at which a chain does not hold, and why."""

    position: int
    why: Why
    message: str


def link(
    drafts: Sequence[Draft],
    *,
    head: Head,
    clock: Clock,
    versions: Mapping[str, int],
    ledger: str,
    actor: Actor,
    now_ms: int,
    new_id: Callable[[], str],
) -> tuple[Event, ...]:
    """`drafts` as sealed events that follow `head`; `clock` is the last event's, `versions` the streams' before."""
    if not 0 <= now_ms <= LATEST_MS:
        raise Unrecordable(f"The wall clock says {now_ms} ms since 1970.", hint="Set the clock of this machine.")
    reached = dict(versions)
    events: list[Event] = []
    for draft in drafts:
        check_text(draft.stream, draft.kind, actor.name, actor.session)
        clock = clock.after(now_ms)
        reached[draft.stream] = reached.get(draft.stream, 0) + 1
        event = seal(
            Event(
                ledger=ledger,
                position=head.position + 1,
                clock=clock,
                stream=draft.stream,
                version=reached[draft.stream],
                id=new_id(),
                actor=actor,
                kind=draft.kind,
                schema=draft.schema,
                body=draft.body,
                body_digest=digest(draft.body),
                previous=head.hash,
                hash="",
            )
        )
        head = Head(event.position, event.hash)
        events.append(event)
    return tuple(events)


def check_text(*texts: str) -> None:
    """Raise `Unrecordable` for text that some store could not keep (UTF-8 without zero characters)."""
    for text in texts:
        if "\0" in text or (not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)):
            raise Unrecordable(
                f"{text!r} holds a zero character or half a surrogate pair.",
                hint="Rename what it stands for: a user, a session, a run or a phase.",
            )


def check_expected(expected: Mapping[str, int], versions: Mapping[str, int]) -> None:
    """Raise `StateMoved` unless every stream of `expected` is at the version it names."""
    check_text(*expected)
    moved = [
        f"{stream!r} is at version {versions.get(stream, 0)}, not {version}"
        for stream, version in expected.items()
        if versions.get(stream, 0) != version
    ]
    if moved:
        raise StateMoved(
            f"The ledger moved on: {'; '.join(moved)}. Nothing was recorded.",
            hint="Read the state again and repeat what you were doing.",
        )


def verify(events: Iterable[Event], *, after: Head | None = None, until: Head | None = None) -> Broken | None:
    """The first position that does not hold, or None.

    The chain must start right after `after` (None: at the ledger's birth) and contain `until`, a head that an anchor
    remembers. Without `until` a chain whose end was cut off, or that was rewritten whole, looks like a sound one.
    """
    head, last = after or EMPTY, None
    versions: dict[str, int] = {} if after is None else _Unknown()
    rest = iter(events)
    for event in rest:
        broken = (
            _misplaced(event, head.position + 1, rest)
            or _changed(event)
            or _unlinked(event, head)
            or _impossible(event, last, versions)
            or _rewritten(event, until)
        )
        if broken:
            return broken
        head, last = Head(event.position, event.hash), event
        versions[event.stream] = event.version
    if until is not None and head.position < until.position:
        return Broken(head.position + 1, "truncated", f"the chain ends here, but once reached {until.position}")
    if until is not None and until.position == head.position and until.hash != head.hash:
        return Broken(head.position, "rewritten", "the chain holds, but is not the one that was remembered")
    return None


class _Unknown(dict[str, int]):
    """Versions of a chain read from its middle: a stream not seen yet may be at any."""


def _misplaced(event: Event, due: int, rest: Iterable[Event]) -> Broken | None:
    if event.position == due:
        return None
    if event.position < due:
        return Broken(due, "inserted", f"a second event for position {event.position} stands here")
    if any(later.position == due for later in rest):
        return Broken(due, "reordered", f"position {event.position} stands here, and {due} later")
    return Broken(due, "removed", f"position {event.position} stands here, and {due} nowhere")


def _changed(event: Event) -> Broken | None:
    if event.body is not None and digest(event.body) != event.body_digest:
        return Broken(event.position, "changed", "its body does not match its digest")
    if digest(canonical(event)) != event.hash:
        return Broken(event.position, "changed", "its fields do not match its hash")
    return None


def _unlinked(event: Event, head: Head) -> Broken | None:
    if event.previous == head.hash:
        return None
    return Broken(event.position, "unlinked", "it does not follow the event before it: one of the two was replaced")


def _impossible(event: Event, last: Event | None, versions: dict[str, int]) -> Broken | None:
    """Sealed and linked, yet no store would have written it."""
    if last is not None and event.ledger != last.ledger:
        return Broken(event.position, "impossible", f"it belongs to ledger {event.ledger}, not {last.ledger}")
    if last is not None and event.clock <= last.clock:
        return Broken(event.position, "impossible", "its clock is not later than that of the event before it")
    if isinstance(versions, _Unknown) and event.stream not in versions:
        return None
    due = versions.get(event.stream, 0) + 1
    if event.version == due:
        return None
    return Broken(event.position, "impossible", f"{event.stream!r} jumps to version {event.version}, not {due}")


def _rewritten(event: Event, until: Head | None) -> Broken | None:
    if until is None or event.position != until.position or event.hash == until.hash:
        return None
    return Broken(event.position, "rewritten", "the chain holds, but is not the one that was remembered")
