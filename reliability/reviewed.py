"""Refusals without which nothing changes, since another stands behind them: each looked at, with the reason."""

from __future__ import annotations

from typing import Final

EQUIVALENT: Final[dict[tuple[str, str, str, str], str]] = {
    (
        "policy/bounds.py", "object_to_edit", "len(text) * 4 > limits.edit", "(len(text) * 4 >= limits.edit)",
    ): "it only decides whether to count bytes; a text of a quarter of the limit has at most the limit, counted or not",
}  # fmt: skip
"""By path, function, first line of what is taken out, and what stands there instead."""
