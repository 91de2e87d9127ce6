"""What may be concluded from two test runs."""

from __future__ import annotations

import msgspec
import pytest

from phasegate.evidence.tests import (
    RIGHT_REASONS,
    Cause,
    Outcome,
    TestResult,
    TestRun,
    fails_for_right_reason,
    new_tests,
    newly_red,
    without_parameters,
)


def run_of(complete: bool = True, **outcomes: Outcome) -> TestRun:
    """A run of tests in `f.py`; `a__1` stands for the id `f.py::a[1]`."""
    results = tuple(TestResult(id=id_of(name), outcome=outcome) for name, outcome in outcomes.items())
    return TestRun("pytest 9", ("pytest",), 0, complete, "", results, len(results), 0, "3.11", "/r")


def id_of(name: str) -> str:
    base, _, parameter = name.partition("__")
    return f"f.py::{base}" + (f"[{parameter}]" if parameter else "")


def ids(results: tuple[TestResult, ...]) -> list[str]:
    return [result.id for result in results]


def test_outcomes_are_listed_by_what_they_mean() -> None:
    run = run_of(a="passed", b="failed", c="error", d="skipped", e="xfailed", f="xpassed")
    assert (run.green, run.red) == (("f.py::a",), ("f.py::b", "f.py::c"))
    assert (run.skipped, run.xfailed) == (("f.py::d",), ("f.py::e", "f.py::f"))


def test_only_a_complete_run_with_a_test_that_passed_is_all_green() -> None:
    assert run_of(a="passed", b="skipped").all_green
    assert not run_of(complete=False, a="passed").all_green
    assert not run_of(a="passed", b="error").all_green
    assert not run_of(a="skipped").all_green
    assert not run_of().all_green


def test_newly_red_are_those_that_were_not_red() -> None:
    before = run_of(a="failed", b="passed", c="skipped")
    after = run_of(a="failed", b="error", c="failed", d="failed", e="passed")
    assert ids(newly_red(before, after)) == ["f.py::b", "f.py::c", "f.py::d"]


def test_a_test_red_before_its_file_could_be_imported_is_not_newly_red_with_its_parameters() -> None:
    assert not newly_red(run_of(a="error"), run_of(a__1="failed", a__2="passed"))


def test_new_tests_are_those_that_were_not_there() -> None:
    before = run_of(a__1="passed", b="passed")
    assert ids(new_tests(before, run_of(a="error", a__2="passed", b="failed", c="passed"))) == ["f.py::c"]


@pytest.mark.parametrize("cause", msgspec.inspect.type_info(Cause).values)  # type: ignore[attr-defined]
def test_only_a_red_test_with_a_right_reason_fails_for_it(cause: Cause) -> None:
    for outcome in ("failed", "error"):
        assert fails_for_right_reason(TestResult("a", outcome, cause)) == (cause in RIGHT_REASONS)
    assert not fails_for_right_reason(TestResult("a", "passed", cause))


@pytest.mark.parametrize(
    ("id", "bare"),
    [("a[b]/f.py::t[1]", "a[b]/f.py::t"), ("f.py::C::t[x[y]::z]", "f.py::C::t"), ("f.py", "f.py"), ("[", "[")],
)
def test_parameters_are_cut_off_the_name_only(id: str, bare: str) -> None:
    assert without_parameters(id) == bare


def test_a_run_can_be_stored_and_read_again() -> None:
    run = run_of(a="passed", b="failed")
    assert msgspec.json.decode(msgspec.json.encode(run), type=TestRun) == run
