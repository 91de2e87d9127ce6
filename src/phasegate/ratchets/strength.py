"""How much a check demands: a small partial order, and whether one check demands less than another."""

from __future__ import annotations

import ast
import builtins
from typing import Any

from phasegate.ratchets.suites import Check, Op

EXACT, NEAR, PART, TRUTH, THERE, NOTHING = 5, 4, 3, 2, 1, 0

RANK: dict[Op, int] = {
    "==": EXACT, "own": EXACT, "raises": EXACT, "~": NEAR,
    ">=": PART, ">": PART, "<=": PART, "<": PART, "!=": PART, "in": PART, "has": PART, "like": PART, "other": PART,
    "called": TRUTH, "true": TRUTH, "something": THERE, "empty": NOTHING,
}  # fmt: skip
"""`x == 6` over `x == approx(6)` over `x >= 0` over `assert x` over `x is not None` over nothing at all. Within one
rank two checks of one subject are compared by their values; what cannot be compared is not weaker."""

TIGHT = 1e-5
"""A tolerance up to which equality may become nearness unsaid: floating point asks for it."""


def rank(check: Check) -> int:
    """How much `check` demands; nothing, when it cannot fail the test."""
    return NOTHING if check.muffled else RANK[check.op]


def weaker(old: Check, new: Check) -> bool:
    """Whether `new`, about the same subject, lets pass what `old` did not. Not sure: no."""
    if old.op in ("==", "~") and new.op == "~":
        return new.tolerance > max(old.tolerance * 1.001, TIGHT)
    if rank(new) != rank(old):
        return rank(new) < rank(old)
    if old.op == "raises" and new.op == "raises":
        return _wider(old, new)
    before, after = literal(old.value), literal(new.value)
    if old.op in (">", ">=") and new.op in (">", ">="):
        return _numbers(before, after) and (after < before or (after == before and old.op == ">" != new.op))
    if old.op in ("<", "<=") and new.op in ("<", "<="):
        return _numbers(before, after) and (after > before or (after == before and old.op == "<" != new.op))
    if old.op == new.op == "in":
        return _contains(after, before) and after != before
    if old.op == new.op == "has":
        return isinstance(before, str) and isinstance(after, str) and after in before and after != before
    return old.op == new.op == "like" and old.value != new.value and new.value.strip("'\"/^$") in ("", ".*")


def _wider(old: Check, new: Check) -> bool:
    """Whether `raises` takes more classes than it did."""
    before, after = _classes(old.value), _classes(new.value)
    return any(not any(_is_a(one, other) for other in before) for one in after)


def _classes(value: str) -> list[str]:
    return [name.strip() for name in value.strip("() ").split(",") if name.strip()]


def _is_a(name: str, other: str) -> bool:
    """Whether the class `name` takes nothing that `other` does not; of classes we do not know: unless it is a root."""
    one, two = getattr(builtins, name, None), getattr(builtins, other, None)
    if isinstance(one, type) and isinstance(two, type):
        return issubclass(one, two)
    return name == other or name not in ("", "Exception", "BaseException", "Error", "Throwable", "object")


def _numbers(one: Any, two: Any) -> bool:
    return isinstance(one, int | float) and isinstance(two, int | float)


def _contains(whole: Any, part: Any) -> bool:
    try:
        return set(whole) >= set(part)
    except TypeError:
        return False


def literal(text: str) -> Any:
    """The value of a literal; None when it is none."""
    try:
        return ast.literal_eval(text[:1000])
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
