"""What every collector hands back beside its evidence."""

from __future__ import annotations

from msgspec import Struct


class Artifact(Struct, frozen=True):
    """A file the collector keeps as proof, by the name it is stored under."""

    name: str
    content: bytes
