"""`evidence.json`: what was recorded in one phase, as a file that people and other tools can read."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from phasegate.evidence.items import Evidence

FORMAT = "phasegate-evidence-1"
NAME = "evidence.json"


class Manifest(msgspec.Struct, frozen=True):
    """The evidence of one phase of one area; `tasks` maps each task to the evidence that shows it."""

    format: str
    area: str
    phase: str
    title: str
    kind: str
    tasks: Mapping[str, tuple[str, ...]]
    evidence: tuple[Evidence, ...]


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
