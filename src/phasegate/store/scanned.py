"""Remembers in the user's cache which contents have no secret, so that a long history is not scanned twice."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from phasegate.store import cache

WIDTH = 32
"""Bytes of a record: the id of a content, SHA-1 or SHA-256, filled with zeros."""

WRITTEN_AFTER = 500
"""Contents that are scanned again at most when the scan is killed."""

MOST_BYTES = 256 << 20


def folder(env: Mapping[str, str]) -> str:
    """Where it is remembered: `phasegate/scanned` in the user's cache."""
    return cache.folder(env, "scanned")


class Scanned:
    """The contents that the rules with the digest `rules` found nothing in. What cannot be kept is scanned again."""

    def __init__(self, place: str, rules: str) -> None:
        self._place, self._name = place, f"{rules}.clean"
        self._waiting: list[bytes] = []
        self._known = self._read()

    def __contains__(self, id: str) -> bool:
        return _record(id) in self._known

    def add(self, id: str) -> None:
        """The content `id` was scanned, and nothing was found."""
        if id in self:
            return
        self._waiting.append(_record(id))
        if len(self._waiting) >= WRITTEN_AFTER:
            self.write()

    def write(self) -> None:
        """Keep what was added; other rules than these are no longer asked about what they found."""
        if not self._waiting:
            return
        with contextlib.suppress(OSError):
            os.makedirs(self._place, mode=0o700, exist_ok=True)
            for other in os.listdir(self._place):
                if other.endswith(".clean") and other != self._name:
                    os.unlink(os.path.join(self._place, other))
            with open(os.path.join(self._place, self._name), "ab") as file:
                if torn := file.tell() % WIDTH:
                    file.write(bytes(WIDTH - torn))
                file.write(b"".join(self._waiting))
        self._waiting = []

    def _read(self) -> set[bytes]:
        try:
            with open(os.path.join(self._place, self._name), "rb") as file:
                content = file.read(MOST_BYTES)
        except OSError:
            return set()
        return {content[at : at + WIDTH] for at in range(0, len(content) - WIDTH + 1, WIDTH)}


def _record(id: str) -> bytes:
    return bytes.fromhex(id).ljust(WIDTH, b"\0")
