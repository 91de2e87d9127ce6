"""Which attempt is taken: gates first, then covered lines, then the smaller difference, then the earlier one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phasegate.engine.attempts import Tried, choose

tried = st.builds(
    Tried, st.uuids().map(str), st.booleans(), st.sampled_from([-1.0, 0.0, 80.0, 100.0]), st.integers(0, 900)
)


@given(st.lists(tried, min_size=1, max_size=8))
def test_nothing_is_taken_whose_gates_are_not_all_open(attempts: list[Tried]) -> None:
    winner, why = choose(attempts)
    closed = {one.drive for one in attempts if one.closed}
    assert (winner in closed) if closed else winner == ""
    assert why and all(one.drive in why for one in attempts)


@given(st.lists(tried, min_size=1, max_size=8))
def test_none_that_passed_is_covered_better_nor_as_well_and_smaller(attempts: list[Tried]) -> None:
    winner, _ = choose(attempts)
    for one in attempts:
        if winner and one.closed:
            taken = next(other for other in attempts if other.drive == winner)
            assert (one.covered, -one.changed) <= (taken.covered, -taken.changed)


def test_of_equals_the_earlier_is_taken() -> None:
    assert choose([Tried("a", True, 80.0, 5), Tried("b", True, 80.0, 5)])[0] == "a"
