"""What `phasegate check` says of coverage: each metric under its name, and nothing of one that is unknown."""

from __future__ import annotations

import json

import pytest

from phasegate.entrypoints.cli.check import report
from phasegate.errors import Exit
from phasegate.evidence.items import Counts, CoverageSeen, NoCoverage, TestsSeen
from phasegate.gates.interface import passed

TESTS = TestsSeen("pytest", True, collected=2, passed=2)
GOOD = passed("as good as it was")
COVERAGE = CoverageSeen("coverage.py 7", 9, 10, branches=Counts(1, 4), lines=Counts(9, 10), outside=2)


def test_people_read_every_metric_that_is_known_and_how_many_files_are_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert report(TESTS, COVERAGE, GOOD, GOOD, as_json=False) == Exit.OK
    said = " ".join(capsys.readouterr().out.split())
    assert "coverage.statements 90.0 %, coverage.branches 25.0 %, coverage.lines 90.0 %" in said
    assert "coverage.functions" not in said and "left out: 2 files" in said


def test_programs_read_an_unknown_metric_as_null_and_no_coverage_as_no_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report(TESTS, COVERAGE, GOOD, GOOD, as_json=True)
    assert json.loads(capsys.readouterr().out)["metrics"] == {
        "coverage.statements": {"covered": 9, "total": 10},
        "coverage.branches": {"covered": 1, "total": 4},
        "coverage.functions": None,
        "coverage.lines": {"covered": 9, "total": 10},
    }
    report(TESTS, NoCoverage("it is not installed"), GOOD, GOOD, as_json=True)
    assert json.loads(capsys.readouterr().out)["metrics"] == {}
