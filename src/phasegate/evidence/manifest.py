"""`evidence.json`: what was recorded in one phase, as a file that people and other tools can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from phasegate.evidence.items import Counts, CoverageSeen, Evidence, NoCoverage

FORMAT = "phasegate-evidence-1"
NAME = "evidence.json"


class Manifest(msgspec.Struct, frozen=True):
    """The evidence of one phase of one area; `tasks` maps each task to the evidence that shows it.

    `metrics` are those known of the newest coverage: `coverage.statements`, `.branches`, `.functions`, `.lines`.
    """

    format: str
    area: str
    phase: str
    title: str
    kind: str
    tasks: Mapping[str, tuple[str, ...]]
    evidence: tuple[Evidence, ...]
    metrics: Mapping[str, Counts] = {}


def metrics_of(evidence: Sequence[Evidence]) -> dict[str, Counts]:
    """What is known of the newest coverage among `evidence` (oldest first); nothing when that could not be measured."""
    seen = [each.seen for each in evidence if isinstance(each.seen, CoverageSeen | NoCoverage)]
    newest = seen[-1] if seen else None
    if not isinstance(newest, CoverageSeen):
        return {}
    return {name: counts for name, counts in newest.metrics.items() if counts is not None}


def folder(area: str, phase: str) -> str:
    """Where the manifest of a phase lies while the phase is open, relative to the root."""
    return f"investigations/{safe(area)}/{safe(phase)}"


def archive_folder(area: str, phase: str, date: str) -> str:
    """Where it lies once the phase is closed."""
    return f"archive/investigations/{safe(area)}/{date}_{safe(phase)}"


def safe(name: str) -> str:
    """`name` as one part of a path: letters, digits, dot, dash and underscore, never empty, never dots alone."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in name)
    return kept.strip(".-")[:80] or "unnamed"


def render(manifest: Manifest) -> bytes:
    """The bytes of the file: JSON with sorted keys, two spaces, a final newline."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"


def read(data: bytes) -> Manifest:
    """The manifest in `data`; msgspec.DecodeError when it is none. Whatever it says is a claim."""
    return msgspec.json.decode(data, type=Manifest)


def schema() -> bytes:
    """The published JSON Schema of the file."""
    described = msgspec.json.schema(Manifest)
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "phasegate evidence", **described}
    return msgspec.json.format(msgspec.json.encode(described, order="sorted"), indent=2) + b"\n"
