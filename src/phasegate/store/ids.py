"""Ids for events: unique without asking anyone, and in the order of time so that indexes grow at their end."""

from __future__ import annotations

import os


def new_id(now_ms: int) -> str:
    """A UUID of version 7 (RFC 9562, section 5.7) for `now_ms`."""
    bits = (now_ms & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | 7 << 76
    bits = bits & ~(0b11 << 62) | 0b10 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
