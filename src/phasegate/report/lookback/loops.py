"""Circles within a session: a command that fails the same way again and again, a file edited back and forth."""

from __future__ import annotations

import re
from collections.abc import Iterator

from phasegate.plain import line
from phasegate.report.lookback.commands import bare
from phasegate.report.lookback.seen import Edit, Finding, Ran, Session

TIMES = 3
"""Failures of one kind, with edits between them, that make a circle."""

_VARIES = re.compile(
    r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+(?:\.\d+)?(?:\s*(?:ms|s|µs|us|ns))?\b|/tmp/\S+|\s+", re.IGNORECASE
)


def circles(session: Session) -> Iterator[Finding]:
    """The circles of `session`."""
    yield from _failing(session)
    yield from _swinging(session)


def _failing(session: Session) -> Iterator[Finding]:
    """The same command, failing with the same output, with an edit before each new try."""
    streaks: dict[str, list[Ran]] = {}
    fresh: dict[str, bool] = {}
    for event in session.events:
        if isinstance(event, Edit):
            fresh = dict.fromkeys(streaks, True)
        if not isinstance(event, Ran) or not event.ended:
            continue
        command = bare(event.command)
        streak = streaks.get(command, [])
        if event.ended == "ok" or not (streak and _same(streak[-1], event)):
            yield from _told(streak)
            streaks[command] = [event] if event.ended == "failed" else []
        elif fresh.get(command):
            streak.append(event)
        fresh[command] = False
    for streak in streaks.values():
        yield from _told(streak)


def _told(streak: list[Ran]) -> Iterator[Finding]:
    if len(streak) < TIMES:
        return
    last = streak[-1]
    said = next((text for text in reversed(last.output.splitlines()) if text.strip()), "")
    yield Finding(
        "loop",
        f"`{line(bare(last.command), 90)}` failed {len(streak)} times the same way, with edits between.",
        last.at,
        (f"it ended: {line(said, 120)}",) if said else (),
        tuple(ran.at for ran in streak[:-1]),
        last.time,
    )


def _same(one: Ran, other: Ran) -> bool:
    return _VARIES.sub(" ", one.output) == _VARIES.sub(" ", other.output)


def _swinging(session: Session) -> Iterator[Finding]:
    """A change that was made, taken back and made again: the file went twice from the same text to the same text."""
    made: dict[tuple[str, int, int], Edit] = {}
    told: set[str] = set()
    for event in session.events:
        if not isinstance(event, Edit) or not event.whole or event.before == event.after:
            continue
        key = (event.path, hash(event.before), hash(event.after))
        first = made.setdefault(key, event)
        if first is not event and event.path not in told:
            told.add(event.path)
            yield Finding(
                "loop",
                f"{line(event.path, 120)} went back and forth: one change was made, taken back and made again.",
                event.at,
                also=(first.at,),
                time=event.time,
            )
