"""What rules may ask of a moment is read from evidence of its tree, or is not known."""

from __future__ import annotations

import msgspec
import pytest
from moments import BEFORE, NOW, World

from phasegate.evidence.findings import Finding
from phasegate.evidence.findings import seen as findings_seen
from phasegate.evidence.items import Counts, NoCoverage
from phasegate.gates.known import AT_GATES, READ, known_at_gates, reader
from phasegate.ledger.state import ApprovalRecord
from phasegate.rules.conditions import CannotEvaluate
from phasegate.rules.rule import Value

HOLE = Finding("hole", "requirements.txt", 1, "old", "f" * 16)


def read(world: World, name: str, says: str = "pass") -> Value | None:
    return reader(world.at(), lambda gate: says)(name)


def test_a_fact_of_which_nobody_knows_cannot_be_evaluated() -> None:
    with pytest.raises(CannotEvaluate, match=r"there is no fact 'tests\.blue' at a gate"):
        read(World(), "tests.blue")
    assert known_at_gates("tests.blue") is None


def test_every_fact_that_is_promised_can_be_read() -> None:
    assert set(AT_GATES) <= set(READ)


@pytest.mark.parametrize(("says", "value"), [("pass", "pass"), ("fail", "fail"), ("unknown", None)])
def test_what_a_gate_cannot_tell_is_not_known(says: str, value: str | None) -> None:
    assert read(World(), "gate.tests_ran", says) == value


@pytest.mark.parametrize("name", [name for name in AT_GATES if name.startswith(("tests.", "coverage."))])
def test_without_evidence_of_this_tree_nothing_is_known_of_tests_and_coverage(name: str) -> None:
    world = World()
    world.tests(subject=BEFORE)
    world.covered(subject=BEFORE, branches=Counts(1, 2))
    assert read(world, name) is None
    world.tests()
    world.covered(branches=Counts(1, 2))
    assert read(world, name) is not None


def test_tests_and_coverage_are_those_of_this_tree() -> None:
    world = World()
    world.tests("t::a", collected=5)
    world.covered(part=9, whole=10, branches=Counts(1, 2))
    assert (read(world, "tests.red"), read(world, "tests.passed")) == (1, 4)
    assert read(world, "tests.assurance") == "recorded"
    assert (read(world, "coverage.statements"), read(world, "coverage.branches")) == (90.0, 50.0)


@pytest.mark.parametrize("name", ["coverage.statements", "coverage.branches", "coverage.changed"])
def test_coverage_that_could_not_be_measured_is_not_known(name: str) -> None:
    world = World()
    world.saw(NoCoverage("coverage is not installed"))
    assert read(world, name) is None


def test_lines_of_which_a_report_says_nothing_leave_the_changed_ones_unknown() -> None:
    world = World()
    world.covered(unmeasured=("src/new.py",))
    assert read(world, "coverage.changed") is None


def test_a_project_without_statements_has_no_percentage() -> None:
    world = World()
    world.covered(part=0, whole=0)
    assert read(world, "coverage.statements") is None


def test_changed_files_are_known_where_they_were_looked_up() -> None:
    moment = World().at()
    assert [reader(moment, str)(f"changed.{what}") for what in ("paths", "files", "classes")] == [None, None, None]
    moment = msgspec.structs.replace(moment, changed=("src/a.py", "tests/test_a.py"))
    assert [reader(moment, str)(f"changed.{what}") for what in ("paths", "files", "classes")] == [
        ("src/a.py", "tests/test_a.py"), 2, ("source", "tests"),
    ]  # fmt: skip


def test_approvals_are_of_one_tree_and_of_one_kind() -> None:
    world = World()
    world.record.approvals += [
        ApprovalRecord(NOW, "ann", "strong", 1),
        ApprovalRecord(NOW, "ben", "weak", 2),
        ApprovalRecord(BEFORE, "cyd", "strong", 3),
        ApprovalRecord("", "dan", "strong", 4),
    ]
    assert (read(world, "approvals.strong"), read(world, "approvals.weak")) == (("ann",), ("ben",))
    nowhere = reader(world.at(""), str)
    assert (nowhere("approvals.strong"), nowhere("approvals.weak")) == (None, None)


def test_findings_are_those_of_the_newest_look_of_that_scanner_at_this_tree() -> None:
    world = World()
    assert read(world, "findings.deps") is None
    world.saw(findings_seen("deps", 1, (HOLE, HOLE)), BEFORE)
    world.saw(findings_seen("sast", 1, (HOLE,)))
    world.tests()
    assert read(world, "findings.deps") is None
    world.saw(findings_seen("deps", 1, (HOLE, HOLE)))
    assert (read(world, "findings.deps"), read(world, "findings.sast")) == (2, 1)
    world.saw(findings_seen("deps", 1, ()))
    assert read(world, "findings.deps") == 0


@pytest.mark.parametrize("more", [{"unread": ("a.lock",)}, {"why_unknown": ("it crashed",)}])
def test_findings_of_a_look_that_did_not_see_everything_are_not_known(more: dict[str, tuple[str, ...]]) -> None:
    world = World()
    world.saw(findings_seen("deps", 1, (HOLE,), **more))  # type: ignore[arg-type]
    assert read(world, "findings.deps") is None


def test_what_is_only_claimed_is_no_finding() -> None:
    world = World()
    world.saw(findings_seen("deps", 1, ()), assurance="claimed")
    assert read(world, "findings.deps") is None
