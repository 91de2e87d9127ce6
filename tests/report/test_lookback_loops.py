"""Circles are told from three failures of one kind with edits between; ordinary work is not."""

from __future__ import annotations

from phasegate.report.lookback.loops import circles
from phasegate.report.lookback.seen import At, Cost, Edit, Event, Finding, Ran, Session


def fails(line: int, output: str = "E  assert 1 == 2", command: str = "pytest -q", ended: str = "failed") -> Ran:
    return Ran(At("s", line), command, ended, output, float(line))  # type: ignore[arg-type]


def edit(line: int, before: str = "", after: str = "x") -> Edit:
    return Edit(At("s", line), "src/a.py", before, after, True, float(line))


def found(*events: Event) -> list[Finding]:
    return list(circles(Session("s", At("s", 1), 0.0, 1.0, events, (), Cost())))


def test_three_failures_of_one_kind_with_edits_between_are_a_circle() -> None:
    (circle,) = found(
        fails(1, "took 1.2s"), edit(2, "a", "b"), fails(3, "took 3.4s"), edit(4, "b", "c"), fails(5, "took 9s")
    )
    assert "3 times" in circle.what and circle.at.line == 5 and [place.line for place in circle.also] == [1, 3]


def test_failures_that_differ_or_have_no_edits_between_are_not() -> None:
    assert found(fails(1), edit(2), fails(3, "E  other"), edit(4, "x", "y"), fails(5)) == []
    assert found(fails(1), fails(2), fails(3)) == []
    assert (
        found(fails(1), edit(2), fails(3), edit(4, "x", "y"), fails(5, ended="ok"), edit(6, "y", "z"), fails(7)) == []
    )


def test_a_change_made_taken_back_and_made_again_is_a_circle() -> None:
    (circle,) = found(edit(1, "a", "b"), edit(2, "b", "a"), edit(3, "a", "b"))
    assert circle.at.line == 3 and circle.also == (At("s", 1),)


def test_one_change_taken_back_is_not() -> None:
    assert found(edit(1, "a", "b"), edit(2, "b", "a")) == []
    assert found(edit(1, "a", "b"), edit(2, "b", "a"), edit(3, "a", "c"), edit(4, "c", "a")) == []
