"""Outside a phase: what was so when phasegate came may stay, what a person excused is let be, the rest may not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from phasegate.evidence.findings import KEPT, Finding, FindingsSeen, seen
from phasegate.evidence.items import ChangedFile, CoverageSeen, Evidence, NoCoverage, RedTest, Seen, TestsSeen
from phasegate.evidence.levels import Hollow, Infrastructure
from phasegate.gates.standing import QUESTIONS, changed_lines, standing
from phasegate.ledger.facts import BaselineTaken
from phasegate.ledger.state import State, Waiver
from phasegate.ledger.waivers import Waivable
from phasegate.settings import Settings

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
        ids = {name: f"old-{name}" for name in evidence}
        scans = {name: id for name, id in ids.items() if isinstance(evidence[name], FindingsSeen)}
        rest = {name: id for name, id in ids.items() if name not in scans}
        self.state.baseline = BaselineTaken(BEFORE, "tree", findings=scans, **rest)

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


def weak(*prints: str, **more: Any) -> Seen:
    found = tuple(
        Finding("S307", "a.py", 1, "eval", each, "ruff", "medium", package="x 1", aliases=("CVE-1",)) for each in prints
    )
    return seen("references", 9, found, **more)


@pytest.mark.parametrize("why", [{"why_unknown": ("ruff is not installed",)}, {"unread": ("b.py",)}])
def test_a_scan_that_may_not_have_seen_everything_never_passes(why: dict[str, tuple[str, ...]]) -> None:
    tree = Tree()
    tree.saw("one", weak(**why))
    assert tree.says("references") == "unknown"
    tree.saw("two", weak("a", **why))
    assert tree.says("references") == "fail"


def test_more_findings_than_are_compared_are_not_taken_for_known() -> None:
    tree = Tree()
    many = tuple(map(str, range(KEPT + 1)))
    tree.was(references=weak(*many))
    tree.saw("one", weak(*many))
    assert tree.says("references") == "unknown"


def test_what_is_below_the_severity_asked_for_is_told_and_in_nobodys_way() -> None:
    tree = Tree()
    tree.saw("one", weak("a", least="high"))
    assert tree.says("references") == "pass"
    tree.saw("two", weak("a", least="medium"))
    assert tree.says("references") == "fail"


@pytest.mark.parametrize("subject", ["a", "S307@a.py", "S307@*.py", "CVE-1", "CVE-1@x"])
def test_a_waiver_names_a_finding_by_fingerprint_rule_and_path_or_any_id_of_an_advisory(subject: str) -> None:
    tree = Tree()
    tree.saw("one", weak("a"))
    tree.waives("reference", subject)
    assert tree.says("references") == "pass"
    tree.saw("two", seen("references", 1, (Finding("S301", "b.py", 1, "m", "c", package="y 2"),)))
    assert tree.says("references") == "fail"


CHANGED = Infrastructure("conftest.py", "", "b" * 40)


def test_a_result_that_hangs_on_changed_infrastructure_is_unknown_until_a_person_approves_it() -> None:
    tree = Tree()
    tree.saw("one", msgspec.structs.replace(ran(), infrastructure=(CHANGED,)))
    assert tree.says("tests") == "unknown"
    tree.waives("infrastructure", CHANGED.subject)
    assert tree.says("tests") == "pass"


def test_tests_that_pass_and_show_nothing_shut_until_a_person_excepts_each() -> None:
    tree = Tree()
    tree.saw("one", msgspec.structs.replace(ran(), hollow=(Hollow("t::a", "no assertion ran"),)))
    assert tree.says("tests") == "fail"
    tree.waives("test", "t::a")
    assert tree.says("tests") == "pass"


def test_a_suite_of_which_nothing_passes_shows_nothing_although_all_was_red_before() -> None:
    tree = Tree()
    tree.was(tests=ran("a", "b", "c"))
    tree.saw("one", ran("a", "b", "c"))
    assert tree.says("tests") == "unknown"


def test_coverage_of_no_statement_or_without_measurement_is_unknown() -> None:
    tree = Tree()
    tree.saw("one", CoverageSeen("coverage", 0, 0))
    assert tree.says("coverage") == "unknown"
    tree.saw("two", NoCoverage("it is not installed"))
    assert tree.says("coverage") == "unknown"


@pytest.mark.parametrize(
    ("what", "says"),
    [(None, "unknown"), (NoCoverage("gone"), "unknown"),
     (CoverageSeen("c", 9, 10, unmeasured=("a.py",)), "unknown"),
     (CoverageSeen("c", 9, 10, changed=(ChangedFile("a.py", 1, (2, 3)),)), "fail"),
     (CoverageSeen("c", 9, 10, changed=(ChangedFile("a.py", 2),)), "pass"), (CoverageSeen("c", 9, 10), "pass")],
)  # fmt: skip
def test_changed_lines_are_judged_outside_phases_too(what: Seen | None, says: str) -> None:
    tree = Tree()
    if what is not None:
        tree.saw("one", what)
    verdict = changed_lines(tree.state, NOW, Settings())
    assert verdict.says == says and verdict.reasons and (verdict.passes or verdict.remedy)
