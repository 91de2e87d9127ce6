"""Which of several attempts at a phase is taken: the gates decide, never a model, and in a stated order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from phasegate.evidence.items import per_cent


class Tried(msgspec.Struct, frozen=True):
    """What an attempt came to: closed with every gate open or not, per cent of changed lines covered, changed lines.

    `covered` is -1 where nothing was measured.
    """

    drive: str
    closed: bool
    covered: float = -1.0
    changed: int = 0
    said: str = ""


def choose(tried: Sequence[Tried]) -> tuple[str, str]:
    """The drive that is taken ("" when none closed its phase), and why in words.

    Gates first; then the better covered changed lines; then the smaller difference; then the earlier attempt.
    """
    closed = [one for one in tried if one.closed]
    if not closed:
        return "", f"none of {len(tried)} attempts closed the phase: {'; '.join(_worded(one) for one in tried)}"
    best = min(closed, key=lambda one: (-one.covered, one.changed))
    others = "; ".join(_worded(one) for one in tried if one is not best)
    return best.drive, f"taken: {_worded(best)}; not taken: {others or 'none'}"


def _worded(one: Tried) -> str:
    if not one.closed:
        return f"{one.drive} did not close it ({one.said or 'no reason given'})"
    covered = f"{per_cent(one.covered, 0)} of changed lines covered, " if one.covered >= 0 else ""
    return f"{one.drive} passed every gate ({covered}{one.changed} lines changed)"
