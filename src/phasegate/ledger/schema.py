"""Facts to bytes and back: the schema version of each kind, and how older versions are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from phasegate.ledger.event import Draft, Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import PHASE_FACTS, kinds
from phasegate.ledger.log import LedgerTooNew, LedgerUnreadable

KINDS = kinds()
VERSIONS: dict[str, int] = {"BaselineTaken": 2, "EvidenceRecorded": 2}
"""The schema version of each kind that is no longer at 1."""


def _baseline_2(body: dict[str, Any]) -> dict[str, Any]:
    """Two fields for two scanners became one table of any."""
    known = {scanner: body.pop(scanner, "") for scanner in ("secrets", "references")}
    return body | {"findings": {scanner: id for scanner, id in known.items() if id}}


def _evidence_2(body: dict[str, Any]) -> dict[str, Any]:
    """Findings gained tool, severity and why they may not be all; what was recorded before means the defaults.

    The number went up lest an older phasegate take a scan that could not look at everything for a whole one.
    """
    return body


UPCASTS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("BaselineTaken", 1): _baseline_2,
    ("EvidenceRecorded", 1): _evidence_2,
}
"""How a body of (kind, version) becomes one of version + 1."""

_encoder = msgspec.json.Encoder(order="deterministic")
_decoders: dict[str, msgspec.json.Decoder[Any]] = {}


def draft(fact: Fact) -> Draft:
    """`fact` as something a log can append."""
    kind = type(fact).__name__
    return Draft(stream_of(fact), kind, VERSIONS.get(kind, 1), _encoder.encode(fact))


def stream_of(fact: Fact) -> str:
    """The stream a fact belongs to: its phase's, else its run's, else its drive's, else the project's."""
    if isinstance(fact, PHASE_FACTS):
        return f"phase/{fact.phase}"
    if run := getattr(fact, "run", ""):
        return f"run/{run}"
    drive = getattr(fact, "drive", "")
    return f"drive/{drive}" if drive else "project"


def fact_of(event: Event) -> Fact | None:
    """The fact of `event`, upcast to today's schema; None when its content was erased."""
    current = VERSIONS.get(event.kind, 1)
    if event.kind not in KINDS or event.schema > current:
        raise LedgerTooNew(
            f"Event {event.position} is a {event.kind!r} of schema {event.schema}, which this phasegate does not know.",
            hint="Update phasegate: the ledger was written by a newer release.",
        )
    if event.body is None:
        return None
    try:
        body = event.body if event.schema == current else _upcast(event, current)
        return _decoder(event.kind).decode(body)  # type: ignore[no-any-return]
    except msgspec.DecodeError as problem:
        raise LedgerUnreadable(
            f"Event {event.position} ({event.kind}) cannot be read: {problem}.",
            hint="Run `phasegate log verify` to see whether the ledger was changed.",
        ) from problem


def _decoder(kind: str) -> msgspec.json.Decoder[Any]:
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(KINDS[kind])
    return _decoders[kind]


def _upcast(event: Event, current: int) -> bytes:
    assert event.body is not None
    body = msgspec.json.decode(event.body, type=dict[str, Any])
    for version in range(event.schema, current):
        body = UPCASTS[event.kind, version](body)
    return msgspec.json.encode(body)
