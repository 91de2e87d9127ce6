"""Conditions: each operator says what its name says of exactly the types it is for; what is not known is not true."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.rules.conditions import (
    DEEPEST,
    MOST_PATTERN,
    MOST_TEXT,
    OPERATORS,
    CannotEvaluate,
    holds,
    type_of,
    unfit,
)
from phasegate.rules.rule import Condition

FACTS = {"kind": "feature", "red": 3, "done": True, "paths": ("src/a.py", "b"), "words": "say yes"}


def of(fact: str, op: str, value: object) -> bool | None:
    return holds(Condition(fact, op, value), FACTS.get)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fact", "op", "true", "false"),
    [
        ("kind", "==", "feature", "fix"), ("kind", "!=", "fix", "feature"),
        ("red", "==", 3, 4), ("red", "==", 3.0, 3.1), ("red", "!=", 4, 3),
        ("done", "==", True, False), ("done", "!=", False, True),
        ("red", "<", 4, 3), ("red", "<=", 3, 2), ("red", ">", 2, 3), ("red", ">=", 3, 4),
        ("kind", "in", ("feature", "fix"), ("fix",)), ("kind", "not in", ("fix",), ("feature",)),
        ("red", "in", (3, 4), (4,)), ("red", "not in", (4,), (3,)),
        ("words", "contains", "yes", "no"), ("paths", "contains", "b", "src"),
        ("words", "matches", "^say", "^yes"), ("words", "matches", "y.s$", "^y.s$"),
    ],
)  # fmt: skip
def test_an_operator_says_what_its_name_says(fact: str, op: str, true: object, false: object) -> None:
    assert of(fact, op, true) is True and of(fact, op, false) is False


@pytest.mark.parametrize(
    ("fact", "op", "value"),
    [
        ("kind", "<", "z"), ("red", "==", "3"), ("red", "==", True), ("done", "==", 1), ("done", "<", True),
        ("red", "matches", "3"), ("paths", "==", ("src/a.py", "b")), ("paths", "in", ("b",)), ("kind", "in", "feature"),
        ("paths", "matches", "b"), ("red", "contains", 3), ("kind", "=~", "f"), ("kind", "matches", "("),
        ("kind", "matches", "a" * 501), ("kind", "matches", r"(a)\1"), ("red", "<", float("nan")),
        ("red", "in", ("3",)), ("kind", "==", None),
    ],
)  # fmt: skip
def test_what_a_type_does_not_allow_is_an_error_and_no_answer(fact: str, op: str, value: object) -> None:
    with pytest.raises(CannotEvaluate):
        of(fact, op, value)


def test_a_fact_that_is_not_known_gives_no_answer() -> None:
    assert of("absent", "==", 1) is None and of("absent", "!=", 1) is None
    assert holds(Condition(not_=Condition("absent", "==", 1)), FACTS.get) is None


@pytest.mark.parametrize(("op", "value"), [("~", 1), ("", 1), ("==", None), ("<", float("inf"))])
def test_a_comparison_that_is_none_is_an_error_of_any_fact(op: str, value: object) -> None:
    for fact in ("absent", "red"):
        with pytest.raises(CannotEvaluate):
            of(fact, op, value)


TRUE, FALSE, NONE = Condition("red", "==", 3), Condition("red", "==", 4), Condition("absent", "==", 4)
WORTH = {True: TRUE, False: FALSE, None: NONE}
TRUTHS = st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5)


@given(TRUTHS)
def test_all_and_any_follow_three_valued_logic(parts: list[bool | None]) -> None:
    conditions = tuple(WORTH[part] for part in parts)
    every = holds(Condition(all=conditions), FACTS.get)
    some = holds(Condition(any=conditions), FACTS.get)
    assert every is (False if False in parts else None if None in parts else True)
    assert some is (True if True in parts else None if None in parts else False)
    negated = tuple(Condition(not_=each) for each in conditions)
    dual = holds(Condition(any=negated), FACTS.get)
    assert dual is (None if every is None else not every)


@given(TRUTHS, st.integers(0, 5))
def test_an_error_anywhere_leaves_no_answer(parts: list[bool | None], at: int) -> None:
    conditions = [WORTH[part] for part in parts]
    conditions.insert(min(at, len(conditions)), Condition("kind", "<", 3))
    for whole in (Condition(all=tuple(conditions)), Condition(any=tuple(conditions))):
        with pytest.raises(CannotEvaluate):
            holds(whole, FACTS.get)


@pytest.mark.parametrize(
    "odd",
    [
        Condition(), Condition(all=()), Condition(any=()), Condition(all=(TRUE,), any=(TRUE,)),
        Condition("red", "==", 3, not_=FALSE), Condition("red", all=(TRUE,)), Condition(op="==", any=(TRUE,)),
        Condition(value=3, not_=TRUE),
    ],
)  # fmt: skip
def test_a_condition_of_no_shape_two_or_nothing_is_an_error(odd: Condition) -> None:
    with pytest.raises(CannotEvaluate):
        holds(odd, FACTS.get)


def test_nesting_ends() -> None:
    deep = TRUE
    for _ in range(DEEPEST):
        deep = Condition(not_=deep)
    assert holds(deep, FACTS.get) is True
    with pytest.raises(CannotEvaluate):
        holds(Condition(not_=deep), FACTS.get)


def test_a_pattern_takes_time_linear_in_the_text() -> None:
    lookup = {"words": "a" * 100_000 + "!"}.get
    assert holds(Condition("words", "matches", "^(a|a)*$"), lookup) is False  # type: ignore[arg-type]
    with pytest.raises(CannotEvaluate):
        holds(Condition("words", "matches", "a"), {"words": "a" * ((1 << 20) + 1)}.get)  # type: ignore[arg-type]


LISTS = st.lists(st.text(max_size=3)).map(tuple) | st.lists(st.integers(), min_size=1).map(tuple)
VALUES = st.one_of(st.text(max_size=5), st.booleans(), st.integers(), st.floats(), LISTS, st.none())


@given(VALUES, st.sampled_from([*OPERATORS, "~", ""]), VALUES)
def test_exactly_what_fits_is_answered(value: object, op: str, other: object) -> None:
    of_type = type_of(value)
    lookup = {"fact": value}.get
    fits = of_type is not None and not unfit(op, of_type, other)
    if value is None and op in OPERATORS and type_of(other) is not None:
        assert holds(Condition("fact", op, other), lookup) is None  # type: ignore[arg-type]
    elif fits:
        assert holds(Condition("fact", op, other), lookup) in (True, False)  # type: ignore[arg-type]
    else:
        with pytest.raises(CannotEvaluate):
            holds(Condition("fact", op, other), lookup)  # type: ignore[arg-type]


def test_a_pattern_and_a_text_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert unfit("matches", "text", "a" * MOST_PATTERN) == ""
    assert "longer than" in unfit("matches", "text", "a" * (MOST_PATTERN + 1))
    at_most = Condition("text", "matches", "b$")
    assert holds(at_most, {"text": "a" * (MOST_TEXT - 1) + "b"}.get) is True
    with pytest.raises(CannotEvaluate, match="too long to search"):
        holds(at_most, {"text": "a" * MOST_TEXT + "b"}.get)


def test_without_the_reader_of_patterns_nothing_matches_and_nothing_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(CannotEvaluate, match="is not installed"):
        of("words", "matches", "yes")
