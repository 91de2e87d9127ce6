"""Refusals without which nothing changes, since another stands behind them: each looked at, with the reason."""

from __future__ import annotations

from typing import Final

EQUIVALENT: Final[dict[tuple[str, str, str, str], str]] = {}
"""By path, function, first line of what is taken out, and what stands there instead."""
