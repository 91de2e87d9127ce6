"""Text that others wrote, made safe to show: control and bidi characters out, length capped."""

from __future__ import annotations

import re
import unicodedata

TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x9b[0-?]*[ -/]*[@-~]")
"""Sequences that steer a terminal, with what they carry (ECMA-48, sections 5.4 and 8.3.89)."""

HIDDEN = frozenset(
    "\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)


def line(text: str, most: int = 160) -> str:
    """`text` on one line of at most `most` characters."""
    shown = "".join(" " if char in "\n\r\t" else char for char in TERMINAL.sub("", text) if _visible(char))
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def paragraph(text: str, most: int = 2000) -> str:
    """`text` with its line breaks, of at most `most` characters."""
    shown = "".join(
        char
        for char in TERMINAL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
        if _visible(char) or char == "\n"
    )
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _visible(char: str) -> bool:
    if char in "\n\r\t":
        return True
    return char not in HIDDEN and unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
