"""Outside a phase: what was so when phasegate came may stay, what a person excused is let be, the rest may not."""

from __future__ import annotations

import pytest

from phasegate.evidence.findings import Finding, seen
from phasegate.evidence.items import CoverageSeen, Evidence, RedTest, Seen, TestsSeen
from phasegate.gates.standing import QUESTIONS, standing
from phasegate.ledger.facts import BaselineTaken
from phasegate.ledger.state import State, Waiver
from phasegate.ledger.waivers import Waivable

NOW, BEFORE, TODAY = "now", "before", "2026-06-01"


class Tree:
    """A state with a baseline and observations of the tree as it is."""

    def __init__(self) -> None:
        self.state = State()

    def saw(self, id: str, what: Seen, subject: str = NOW) -> None:
        self.state.evidence[id] = Evidence(id, what, subject, "recorded", "x")

    def was(self, **evidence: Seen) -> None:
        for name, what in evidence.items():
            self.saw(f"old-{name}", what, BEFORE)
        self.state.baseline = BaselineTaken(BEFORE, "tree", **{name: f"old-{name}" for name in evidence})

    def waives(self, what: Waivable, subject: str, until: str = "") -> None:
        self.state.waivers[subject] = Waiver(subject, what, subject, "me", "why", until, "weak", "me", 0)

    def says(self, name: str) -> str:
        [verdict] = standing((name,), self.state, NOW, TODAY)
        assert verdict.gate == name and verdict.reasons and (verdict.passes or verdict.remedy)
        return verdict.says


def ran(*red: str, complete: bool = True, **more: tuple[str, ...]) -> TestsSeen:
    found = tuple(RedTest(id, "assertion") for id in red)
    return TestsSeen("pytest", complete, "" if complete else "it was killed", 3, 3 - len(red), red=found, **more)  # type: ignore[arg-type]


def leaks(*prints: str) -> Seen:
    return seen("secrets", 9, tuple(Finding("rule", "a.py", 1, "looks like rule", each) for each in prints))


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_nobody_looked_at_is_unknown(name: str) -> None:
    assert Tree().says(name) == "unknown"


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (ran(), "pass"),
        (ran("a"), "pass"),
        (ran("a", "b"), "fail"),
        (ran(complete=False), "unknown"),
        (TestsSeen("pytest", True), "unknown"),
        (ran(gone=("c",)), "fail"),
        (ran(newly_skipped=("c",)), "fail"),
    ],
)
def test_a_test_that_was_red_may_stay_red_and_no_other(now: TestsSeen, says: str) -> None:
    tree = Tree()
    tree.was(tests=ran("a"))
    tree.saw("new", now)
    assert tree.says("tests") == says


@pytest.mark.parametrize(
    ("covered", "total", "says"),
    [(40, 100, "pass"), (41, 100, "pass"), (39, 100, "fail"), (30, 90, "pass"), (30, 91, "fail")],
)
def test_coverage_may_not_fall_but_by_taking_out_what_was_covered(covered: int, total: int, says: str) -> None:
    tree = Tree()
    tree.was(coverage=CoverageSeen("coverage", 40, 100))
    tree.saw("new", CoverageSeen("coverage", covered, total))
    assert tree.says("coverage") == says


def test_known_findings_are_let_be_and_new_ones_are_not() -> None:
    tree = Tree()
    tree.was(secrets=leaks("a"))
    tree.saw("one", leaks("a"))
    assert tree.says("secrets") == "pass"
    tree.saw("two", leaks("a", "b"))
    assert tree.says("secrets") == "fail"


def test_an_exception_of_a_person_holds_while_it_is_in_force_and_for_what_it_names() -> None:
    tree = Tree()
    tree.saw("one", leaks("a"))
    tree.waives("secret", "a", until="2026-05-31")
    assert tree.says("secrets") == "fail"
    tree.waives("secret", "a", until=TODAY)
    assert tree.says("secrets") == "pass"
    tree.saw("two", ran("t"))
    tree.waives("secret", "t")
    assert tree.says("tests") == "fail"
    tree.waives("test", "t")
    assert tree.says("tests") == "pass"
