"""Brings a ledger out of its clone and reads it back: as a git ref that only grows, or as a plain file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator

import msgspec

from phasegate.attestation import export
from phasegate.attestation.anchors import Anchor, anchors_in
from phasegate.attestation.export import Exported
from phasegate.entrypoints import signing
from phasegate.errors import Exit, Failure
from phasegate.evidence.items import Artifact
from phasegate.ledger.chain import EMPTY
from phasegate.ledger.event import Event
from phasegate.ledger.facts import EvidenceRecorded, PhaseStarted
from phasegate.ledger.log import Head
from phasegate.ledger.schema import fact_of
from phasegate.wiring import Project
from phasegate.workspace.ledger_refs import PREFIX, Addition, LedgerRefs, Parts

LARGEST_ARTIFACT = 5 << 20
LARGEST_ANCHORS = 1 << 20


class AnotherHistory(Failure):
    """What was exported before is not what this ledger holds; nothing was written."""

    code = "another-history"
    exit_code = Exit.GATE_FAILED


class NoAnchor(Failure):
    """Where an anchor was to be there is none."""

    code = "no-anchor"


class Brought(msgspec.Struct, frozen=True):
    """What an export came to: `added` events up to `head`; artifacts that were too large or are gone are `left_out`."""

    ledger: str
    place: str
    head: Head
    added: int
    left_out: int


def to_ref(project: Project, scratch: str) -> Brought:
    """Bring what is new to the ref of this ledger; doing it again adds nothing. Raises AnotherHistory."""
    refs, ref = LedgerRefs(project.where.top, scratch), f"{PREFIX}{project.log.ledger}"
    before = refs.commit(ref)
    parts = refs.read(ref) if before else Parts("", b"", b"", frozenset())
    reached = export.read_top(parts.top).head if before else EMPTY
    _refuse_another(project, reached, ref)
    events = tuple(project.log.read(reached.position))
    if not events:
        return Brought(project.log.ledger, ref, reached, 0, 0)
    artifacts, left_out = _artifacts(project, events)
    fresh = {name: data for name, data in artifacts.items() if name not in parts.artifacts}
    lines = b"".join(export.lines_of(events))
    head = export.ends(events)[1]
    top = export.top_line(
        project.log.ledger, project.pointer.project, (EMPTY, head), len(parts.artifacts) + len(fresh),
        parts.events + lines,
    )  # fmt: skip
    refs.add(ref, Addition(top, events[0].position, lines, fresh, events[-1].clock.ms), before)
    return Brought(project.log.ledger, ref, head, len(events), left_out)


def to_bytes(project: Project, *, since: int = 0, run: str = "") -> tuple[bytes, Brought]:
    """The ledger, or what came after position `since`, as one file; with `run`, less what other runs recorded."""
    events = tuple(project.log.read(since))
    shown = tuple(_of_run(events, run)) if run else events
    artifacts, left_out = _artifacts(project, shown)
    content = export.write(project.log.ledger, project.pointer.project, shown, artifacts)
    return content, Brought(project.log.ledger, "", export.ends(shown)[1], len(shown), left_out)


def read(source: str, root: str) -> Exported:
    """The exported ledger in a file, or at a ref of the repository at `root`."""
    if os.path.exists(source) or not root:
        return export.read(signing.read_named(source, export.LARGEST))
    with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
        parts = LedgerRefs(root, scratch).read(source)
    return export.assembled(export.read_top(parts.top), parts.events, len(parts.artifacts))


def anchors(values: Iterable[str]) -> tuple[Anchor, ...]:
    """The heads that were named: each `POSITION:HASH` itself, or a file of such."""
    found: list[Anchor] = []
    for value in values:
        here = anchors_in(value, "")
        if not here and os.path.exists(value):
            here = anchors_in(signing.read_named(value, LARGEST_ANCHORS).decode("utf-8", "replace"), f"in {value}")
        if not here:
            raise NoAnchor(f"{value!r} is no anchor.", hint="Write POSITION:HASH, or name a file that holds such.")
        found += here
    return tuple(found)


def _refuse_another(project: Project, reached: Head, ref: str) -> None:
    """What was exported must still be in the ledger."""
    at = next(project.log.read(reached.position - 1), None) if reached.position else None
    if reached.position and (at is None or at.hash != reached.hash):
        raise AnotherHistory(
            f"{ref} holds event {reached.position} of another history than this clone's ledger.",
            hint="One of the two was rewritten or put back from a copy: `phasegate log verify --from` tells which.",
        )


def _artifacts(project: Project, events: Iterable[Event]) -> tuple[dict[str, bytes], int]:
    """The artifacts that the events name, by digest; and how many were left out."""
    found: dict[str, bytes] = {}
    left_out = 0
    for artifact in _named(events):
        if artifact.sha256 in found:
            continue
        try:
            data = project.blobs.get(artifact.sha256) if artifact.size <= LARGEST_ARTIFACT else None
        except Failure:
            data = None
        if data is None:
            left_out += 1
        else:
            found[artifact.sha256] = data
    return found, left_out


def _named(events: Iterable[Event]) -> Iterator[Artifact]:
    for event in events:
        if event.kind == EvidenceRecorded.__name__ and event.body is not None:
            fact = fact_of(event)
            if isinstance(fact, EvidenceRecorded):
                yield from fact.evidence.artifacts


def _of_run(events: Iterable[Event], run: str) -> Iterator[Event]:
    """The same chain, with what other runs recorded left out: their digests stay."""
    phases: set[str] = set()
    for event in events:
        fact = fact_of(event)
        if isinstance(fact, PhaseStarted) and fact.run == run:
            phases.add(event.stream)
        elsewhere = isinstance(fact, EvidenceRecorded) and fact.evidence.run not in ("", run)
        mine = event.stream in ("project", f"run/{run}") or event.stream in phases
        yield event if mine and not elsewhere else msgspec.structs.replace(event, body=None)
