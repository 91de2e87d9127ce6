"""Whether a condition holds: true, false, or None when a fact is not known; what cannot be asked at all is an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Literal

from phasegate.rules.rule import Condition, Value

Type = Literal["text", "number", "flag", "texts", "numbers"]

MOST_PATTERN = 500
MOST_TEXT = 1 << 20
DEEPEST = 8

SAME: dict[Type, Type] = {"text": "text", "number": "number", "flag": "flag"}
ORDERED: dict[Type, Type] = {"number": "number"}
LISTED: dict[Type, Type] = {"text": "texts", "number": "numbers"}

OPERATORS: Mapping[str, Mapping[Type, Type]] = {
    "==": SAME,
    "!=": SAME,
    "<": ORDERED,
    "<=": ORDERED,
    ">": ORDERED,
    ">=": ORDERED,
    "in": LISTED,
    "not in": LISTED,
    "matches": {"text": "text"},
    "contains": {"text": "text", "texts": "text"},
}
"""Each operator: the types of facts it can be asked of, and the type of what such a fact is compared with."""

Lookup = Callable[[str], Value | None]
"""The value of a fact; None when it is not known now. Raises CannotEvaluate when there is no such fact."""


class CannotEvaluate(Exception):
    """A condition asks what cannot be asked: of a fact that there is not, or in a way that its type does not allow."""


def holds(condition: Condition, lookup: Lookup, depth: int = 0) -> bool | None:
    """Whether `condition` holds; None when that depends on a fact that is not known."""
    if depth > DEEPEST:
        raise CannotEvaluate(f"it nests deeper than {DEEPEST} levels")
    match shape_of(condition):
        case "all":
            found = [holds(part, lookup, depth + 1) for part in condition.all or ()]
            return False if False in found else None if None in found else True
        case "any":
            found = [holds(part, lookup, depth + 1) for part in condition.any or ()]
            return True if True in found else None if None in found else False
        case "not":
            assert condition.not_ is not None
            inner = holds(condition.not_, lookup, depth + 1)
            return None if inner is None else not inner
    value = lookup(condition.fact)
    if condition.op not in OPERATORS or type_of(condition.value) is None:
        raise CannotEvaluate(f"{condition.fact}: `{condition.op}` with {condition.value!r} is no comparison")
    return None if value is None else _compared(value, condition)


def shape_of(condition: Condition) -> Literal["all", "any", "not", "fact"]:
    """Which of the four shapes it has; CannotEvaluate when it has none, two, or nothing in it."""
    shapes: list[Literal["all", "any", "not", "fact"]] = []
    if condition.all is not None:
        shapes.append("all")
    if condition.any is not None:
        shapes.append("any")
    if condition.not_ is not None:
        shapes.append("not")
    if condition.fact or condition.op or condition.value is not None:
        shapes.append("fact")
    if len(shapes) != 1:
        raise CannotEvaluate("a condition is one of: a fact with op and value, all, any, not")
    if condition.all == () or condition.any == ():
        raise CannotEvaluate(f"`{shapes[0]}` of nothing says nothing")
    return shapes[0]


def type_of(value: Any) -> Type | None:
    """The type of a value; None when no fact can have it."""
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number" if isfinite(value) else None
    if isinstance(value, str):
        return "text"
    if isinstance(value, tuple | list):
        types = {type_of(item) for item in value}
        return "texts" if types <= {"text"} else "numbers" if types == {"number"} else None
    return None


def unfit(op: str, of: Type, value: Any) -> str:
    """Why a fact of type `of` cannot be compared by `op` with `value`; "" when it can."""
    if op not in OPERATORS:
        return f"there is no operator {op!r}; there are: {', '.join(OPERATORS)}"
    wanted = OPERATORS[op].get(of)
    if wanted is None:
        return f"`{op}` cannot be asked of a {of}"
    if type_of(value) != wanted:
        return f"`{op}` compares a {of} with a {wanted}, not with {value!r}"
    return "" if op != "matches" else _unfit_pattern(value)


def _unfit_pattern(pattern: str) -> str:
    if len(pattern) > MOST_PATTERN:
        return f"the pattern is longer than {MOST_PATTERN} characters"
    try:
        _compiled(pattern)
    except CannotEvaluate as problem:
        return str(problem)
    return ""


def _compared(value: Value, condition: Condition) -> bool:
    of, other, op = type_of(value), condition.value, condition.op
    why = unfit(op, of, other) if of is not None else f"{value!r} is no fact"
    if why:
        raise CannotEvaluate(f"{condition.fact}: {why}")
    ask: dict[str, Callable[[Any, Any], bool]] = {
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "in": lambda a, b: a in b,
        "not in": lambda a, b: a not in b,
        "matches": _matches,
        "contains": lambda a, b: b in a,
    }
    return bool(ask[op](value, other))


def _matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text, in time linear in it."""
    if len(text) > MOST_TEXT:
        raise CannotEvaluate(f"a text of {len(text)} characters is too long to search")
    return _compiled(pattern).search(text.encode("utf-8", "replace").decode()) is not None


def _compiled(pattern: str) -> Any:
    try:
        import re2  # only here: most calls of a hook meet no rule with a pattern
    except ImportError as problem:
        raise CannotEvaluate("google-re2, which reads patterns in linear time, is not installed") from problem
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(pattern, options=options)
    except (re2.error, UnicodeEncodeError) as problem:
        raise CannotEvaluate(f"{pattern!r} is no pattern: {problem}") from problem
