"""`phasegate log`: what was recorded, one line an event, and whether the chain of it still holds."""

from __future__ import annotations

import difflib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec
import rich_click as click

from phasegate.context.sentences import sentence
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.export import check, export
from phasegate.entrypoints.cli.keys import key
from phasegate.entrypoints.cli.session import json_option
from phasegate.errors import Exit, Failure
from phasegate.ledger import chain
from phasegate.ledger.event import Event
from phasegate.ledger.log import Head
from phasegate.ledger.schema import KINDS, fact_of
from phasegate.plain import line
from phasegate.wiring import Project, open_project


@click.group()
def log() -> None:
    """Read the ledger: what was recorded, by whom, and whether it was changed.

    Example: phasegate log show --limit 20
    """


@log.command()
@click.option("--since", type=click.IntRange(min=0), default=0, metavar="N", help="Only events after position N.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only events of this kind; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N of them.")
@json_option
def show(since: int, kinds: tuple[str, ...], limit: int | None, as_json: bool) -> int:
    """Show the events of the ledger, oldest first, one a line; with --json whole, one JSON value a line.

    Example: phasegate log show --kind CallRefused --limit 20
    """
    wanted = {_kind(name) for name in kinds}
    code = Exit.OK
    project = open_project(os.getcwd(), os.environ)
    try:
        for event in _newest((e for e in project.log.read(since) if not wanted or e.kind in wanted), limit):
            told, readable = _told(event)
            code = code if readable else Exit.CANNOT_TELL
            output.give(_as_value(event)) if as_json else output.say(told)
    finally:
        project.close()
    return code


@log.command()
@click.option("--until", metavar="POSITION:HASH", help="A head that an earlier `log verify` named: it must be there.")
@click.option("--from", "source", metavar="FILE|REF", help="Check an exported ledger instead of this clone's.")
@click.option(
    "--anchor", "anchors", multiple=True, metavar="POSITION:HASH|FILE", help="With --from: heads kept elsewhere."
)
@json_option
def verify(until: str | None, source: str | None, anchors: tuple[str, ...], as_json: bool) -> int:
    """Check that every event follows the one before it and is as it was recorded.

    A ledger that was cut off, or rewritten whole, is only noticed against a head that was kept elsewhere: --until for
    this clone's, --anchor for an exported one.

    Example: phasegate log verify
    """
    if source is not None:
        return check(source, (*anchors, *([until] if until else ())), as_json)
    if anchors:
        raise click.UsageError("--anchor goes with --from; this clone's ledger is held against --until.")
    anchor = _anchor(until) if until else None
    project = open_project(os.getcwd(), os.environ)
    try:
        found = _checked(project, anchor)
    finally:
        project.close()
    output.give(found) if as_json else output.say(found.words)
    return Exit(found.exit)


log.add_command(key)
log.add_command(export)


class Found(msgspec.Struct, frozen=True):
    """What checking a ledger came to: `holds` events do, up to `head`; `broken_at` is the first that does not."""

    ledger: str
    holds: int
    head: str
    exit: int
    broken_at: int = 0
    why: str = ""
    message: str = ""

    @property
    def words(self) -> str:
        """The same for people."""
        if self.exit == Exit.OK:
            return f"{self.holds} events, chain holds, head {self.holds}:{self.head}"
        what = "is broken" if self.exit == Exit.GATE_FAILED else "cannot be judged"
        message = line(self.message, 400).rstrip(".")
        return f"The chain {what} from event {self.broken_at} on: {message} ({self.why})."


class _Watched:
    """The events of a log on their way to the check: how far they held, and the first whose content cannot be read."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = events
        self.before = self.last = chain.EMPTY
        self.unreadable: tuple[int, Failure] | None = None

    def __iter__(self) -> Iterator[Event]:
        for event in self._events:
            self.before, self.last = self.last, Head(event.position, event.hash)
            yield event
            try:
                fact_of(event)
            except Failure as failure:
                self.unreadable = self.unreadable or (event.position, failure)


def _checked(project: Project, anchor: Head | None) -> Found:
    """Read the whole log once: the chain, and whether each content can be read."""
    ledger, watched = project.log.ledger, _Watched(project.log.read())
    if ledger != project.pointer.ledger:
        message = f"this is ledger {ledger}, and this clone's is {project.pointer.ledger}"
        return Found(ledger, 0, chain.EMPTY.hash, Exit.GATE_FAILED, 1, "replaced", message)
    try:
        broken = chain.verify(watched, until=anchor)
    except Failure as failure:
        last = watched.last
        return Found(
            ledger, last.position, last.hash, Exit.CANNOT_TELL, last.position + 1, failure.code, failure.message
        )
    if broken is not None:
        whole = watched.last if broken.position > watched.last.position else watched.before
        return Found(ledger, whole.position, whole.hash, Exit.GATE_FAILED, broken.position, broken.why, broken.message)
    if watched.unreadable is not None:
        (at, unread), head = watched.unreadable, watched.last
        return Found(ledger, head.position, head.hash, Exit.CANNOT_TELL, at, unread.code, unread.message)
    return Found(ledger, watched.last.position, watched.last.hash, Exit.OK)


def _anchor(text: str) -> Head:
    position, _, hash_ = text.partition(":")
    if not position.isdecimal() or len(hash_) != 64:
        raise click.BadParameter("write POSITION:HASH, as `phasegate log verify` prints it", param_hint="--until")
    return Head(int(position), hash_.lower())


def _kind(name: str) -> str:
    """The kind called `name`, in any case of letters."""
    known = {kind.lower(): kind for kind in KINDS}
    if name.lower() in known:
        return known[name.lower()]
    close = difflib.get_close_matches(name.lower(), known, n=1)
    meant = f" Did you mean {known[close[0]]}?" if close else f" There are: {', '.join(sorted(KINDS))}."
    raise click.BadParameter(f"no event is of kind {line(name, 60)!r}.{meant}", param_hint="--kind")


def _newest(events: Iterator[Event], limit: int | None) -> Iterable[Event]:
    return events if limit is None else deque(events, maxlen=limit)


def _told(event: Event) -> tuple[str, bool]:
    """The line of an event, and whether its content could be read."""
    try:
        fact, readable = fact_of(event), True
        words = sentence(fact) if fact is not None else "its content was erased"
    except Failure as failure:
        words, readable = f"cannot be read: {line(failure.message)}", False
    who = line(f"{event.actor.kind} {event.actor.name}", 60)
    return f"{event.position:>5}  {utc(event.clock.ms)}  {who}  {line(event.kind, 60)}: {words}", readable


def utc(ms: int) -> str:
    """Milliseconds since 1970 as a UTC time to the second."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"


def _as_value(event: Event) -> dict[str, object]:
    """All fields of an event; the body as JSON where it is some, else as text, and null once erased."""
    value: dict[str, object] = msgspec.to_builtins(msgspec.structs.replace(event, body=None))
    if event.body is not None:
        try:
            value["body"] = msgspec.json.decode(event.body)
        except msgspec.DecodeError:
            value["body"] = event.body.decode("utf-8", "replace")
    return {"time": utc(event.clock.ms), **value}
