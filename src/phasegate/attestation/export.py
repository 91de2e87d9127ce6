"""An exported ledger: a first line that says what it is and where it ends, then one event a line, then the artifacts.

Events travel as they were recorded, secrets redacted; where a body is left out its digest stays, and the chain holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from phasegate.attestation.envelope import from_base64, to_base64
from phasegate.errors import Exit, Failure
from phasegate.foreign import UNREADABLE
from phasegate.ledger.chain import EMPTY
from phasegate.ledger.event import Actor, Clock, Event, digest
from phasegate.ledger.log import Head

FORMAT = "phasegate-ledger-1"
LARGEST = 96 << 20
MOST_LINES = 400_000
_Line = TypeVar("_Line", bound=msgspec.Struct)


class ExportUnsound(Failure):
    """An exported ledger is not as it was written; `where` it is not."""

    code = "export-unsound"
    exit_code = Exit.GATE_FAILED

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"The exported ledger is not as it was written. {where}: {why}.",
            hint="Export it again from the clone that it is of: `phasegate log export`.",
        )
        self.where = where


class ExportTooNew(Failure):
    """An exported ledger was written by a newer phasegate."""

    code = "export-too-new"
    exit_code = Exit.CANNOT_TELL


class NotExportable(Failure):
    """A ledger holds what cannot be exported."""

    code = "not-exportable"
    exit_code = Exit.CANNOT_TELL


class Top(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: whose ledger, the heads it begins after and ends at, how many artifacts follow the events.

    `digest` is the SHA-256 (hex) of the lines of the events.
    """

    format: str
    ledger: str
    project: str
    after: Head
    head: Head
    artifacts: int
    digest: str


class EventLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event; `body` is its JSON as a text, None where it was erased or left out."""

    ledger: str
    position: int
    clock: Clock
    stream: str
    version: int
    id: str
    actor: Actor
    kind: str
    schema: int
    body: str | None
    body_digest: str
    previous: str
    hash: str


class ArtifactLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes (base64) that an event names by their SHA-256 (hex)."""

    sha256: str
    data: str


class Exported(msgspec.Struct, frozen=True):
    """An exported ledger as read; whether its chain holds is another question."""

    top: Top
    events: tuple[Event, ...]
    artifacts: Mapping[str, bytes]


def lines_of(events: Iterable[Event]) -> Iterator[bytes]:
    """The lines of `events`."""
    for event in events:
        try:
            body = None if event.body is None else event.body.decode()
        except UnicodeDecodeError as problem:
            raise NotExportable(
                f"Event {event.position} holds no text.", hint="Run `phasegate log verify`: the ledger was changed."
            ) from problem
        yield _line(
            EventLine(
                event.ledger, event.position, event.clock, event.stream, event.version, event.id, event.actor,
                event.kind, event.schema, body, event.body_digest, event.previous, event.hash,
            )
        )  # fmt: skip


def top_line(ledger: str, project: str, heads: tuple[Head, Head], artifacts: int, events: bytes) -> bytes:
    """The first line for the lines `events`, which lead from the first of `heads` to the second."""
    return _line(Top(FORMAT, ledger, project, *heads, artifacts, digest(events)))


def write(ledger: str, project: str, events: Iterable[Event], artifacts: Mapping[str, bytes]) -> bytes:
    """A whole exported ledger in one file. `events` follow each other; artifacts are by their SHA-256."""
    listed = tuple(events)
    body = b"".join(lines_of(listed))
    rest = b"".join(_line(ArtifactLine(name, to_base64(data))) for name, data in sorted(artifacts.items()))
    return top_line(ledger, project, ends(listed), len(artifacts), body) + body + rest


def ends(events: tuple[Event, ...]) -> tuple[Head, Head]:
    """The heads that `events` begin after and end at."""
    if not events:
        return EMPTY, EMPTY
    return Head(events[0].position - 1, events[0].previous), Head(events[-1].position, events[-1].hash)


def read(content: bytes) -> Exported:
    """The exported ledger in `content`. Raises ExportUnsound and where it is, or ExportTooNew."""
    if len(content) > LARGEST:
        raise ExportUnsound("The file", f"it is larger than {LARGEST} bytes")
    lines = _lines(content)
    top = read_top(lines[0] if lines else b"")
    if not 0 <= top.artifacts < len(lines):
        raise ExportUnsound("Line 1", "it names more artifacts than there are lines")
    split = len(lines) - top.artifacts
    return Exported(top, _events(top, lines[1:split]), dict(_artifacts(lines[split:], split + 1)))


def assembled(top: Top, events: bytes, artifacts: int) -> Exported:
    """An exported ledger whose parts lie in several places: its first line as read, the lines of its events.

    Its artifacts, so many, stay where they are.
    """
    if artifacts != top.artifacts:
        raise ExportUnsound("The artifacts", f"there are {artifacts}, and line 1 says {top.artifacts}")
    return Exported(top, _events(top, _lines(events)), {})


def _lines(content: bytes) -> list[bytes]:
    """Counted before they are cut: nothing but line ends would be many times as large in pieces."""
    if content.count(b"\n") > MOST_LINES or content.count(b"\r") > MOST_LINES:
        raise ExportUnsound("The file", f"it has more than {MOST_LINES} lines")
    return content.splitlines(keepends=True)


def read_top(line: bytes) -> Top:
    """The first line of an export."""
    head = line[:200].split(b'"', 4)
    if len(head) == 5 and head[1] == b"format" and head[3] != FORMAT.encode():
        _refuse_foreign(head[3].decode("utf-8", "replace"))
    return _decoded(line, Top, "Line 1")


def _events(top: Top, lines: list[bytes]) -> tuple[Event, ...]:
    """The events of an export, which are as `top` says."""
    whole = hashlib.sha256()
    for line in lines:
        whole.update(line)
    events = tuple(_event(line, number) for number, line in enumerate(lines, 2))
    if whole.hexdigest() != top.digest:
        raise ExportUnsound("After line 1", "the events have another digest than line 1 says")
    if events and any(event.ledger != top.ledger for event in events):
        raise ExportUnsound("Line 1", "it names another ledger than the events do")
    if ends(events) != (top.after, top.head) and (events or top.after != top.head):
        raise ExportUnsound("Line 1", "the events begin or end elsewhere than it says")
    return events


def _refuse_foreign(format: str) -> None:
    if format.startswith("phasegate-ledger-") and format.removeprefix("phasegate-ledger-").isdecimal():
        raise ExportTooNew(f"This ledger was exported as {format[:40]!r}.", hint="Update phasegate to read it.")
    raise ExportUnsound("Line 1", f"the format {format[:40]!r} is none of phasegate's")


def _event(line: bytes, number: int) -> Event:
    read = _decoded(line, EventLine, f"Line {number}")
    return Event(
        read.ledger, read.position, read.clock, read.stream, read.version, read.id, read.actor, read.kind, read.schema,
        None if read.body is None else read.body.encode("utf-8", "surrogatepass"), read.body_digest, read.previous,
        read.hash,
    )  # fmt: skip


def _artifacts(lines: list[bytes], first: int) -> Iterator[tuple[str, bytes]]:
    before = ""
    for number, line in enumerate(lines, first):
        read = _decoded(line, ArtifactLine, f"Line {number}")
        try:
            data = from_base64(read.data)
        except ValueError as problem:
            raise ExportUnsound(f"Line {number}", str(problem)) from problem
        if digest(data) != read.sha256 or read.sha256 <= before:
            raise ExportUnsound(f"Line {number}", "an artifact that is not what it is called, or not in its place")
        before = read.sha256
        yield read.sha256, data


def _line(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value, order="deterministic") + b"\n"


def _decoded(line: bytes, type: type[_Line], where: str) -> _Line:
    try:
        value = msgspec.json.decode(line, type=type)
    except UNREADABLE as problem:
        raise ExportUnsound(where, f"it cannot be read: {str(problem)[:120]}") from problem
    if _line(value) != line:
        raise ExportUnsound(where, "it is spelled otherwise than phasegate spells it")
    return value
