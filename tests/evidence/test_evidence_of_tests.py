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
    baseline,
    fails_for_right_reason,
    holds,
    new_tests,
    newly_red,
    standing_for,
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
    assert ids(newly_red(baseline([before]), after)) == ["f.py::b", "f.py::c", "f.py::d"]


def test_a_test_red_before_its_file_could_be_imported_is_not_newly_red_with_its_parameters() -> None:
    assert not newly_red(baseline([run_of(a="error")]), run_of(a__1="failed", a__2="passed"))


def test_new_tests_are_those_that_were_not_there() -> None:
    before = run_of(a__1="passed", b="passed")
    assert ids(new_tests(baseline([before]), run_of(a="error", a__2="passed", b="failed", c="passed"))) == ["f.py::c"]


def test_several_runs_on_one_tree_list_what_any_had_and_are_red_where_each_was() -> None:
    runs = [run_of(a="failed", b="passed", c="passed"), run_of(a="error", b="failed", d="skipped")]
    for known in (baseline(runs), baseline(runs[::-1])):
        assert known.listed == {"f.py::a", "f.py::b", "f.py::c", "f.py::d"}
        assert known.red == {"f.py::a"} and known.ran == known.listed - {"f.py::d"}


def unread(name: str, outcome: Outcome = "error") -> TestRun:
    run = run_of(**{name: outcome})
    return msgspec.structs.replace(run, results=(msgspec.structs.replace(run.results[0], uncollected=True),))


@pytest.mark.parametrize(
    ("id", "run", "count"),
    [
        ("f.py::a", run_of(a="passed", b="passed"), 1),
        ("f.py::a", run_of(a__1="passed", a__2="passed", ab="passed"), 2),
        ("f.py::a[1]", run_of(a="passed"), 0),
        ("f.py::a[1]", run_of(a__2="passed"), 0),
        ("f.py::a[1]", unread("a"), 1),
        ("f.py", run_of(a="passed", b__1="passed"), 2),
        ("g.py::a", run_of(a="passed"), 0),
    ],
    ids=["itself", "each parameter", "collapsed", "another parameter", "its unread file", "a file", "gone"],
)
def test_what_speaks_for_a_test_in_a_later_run(id: str, run: TestRun, count: int) -> None:
    assert len(standing_for([id], run)[id]) == count


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (run_of(a__1="passed", a__2="passed"), True),
        (run_of(a__1="passed", a__2="skipped"), True),
        (run_of(a__1="passed", a__2="failed"), False),
        (run_of(a="skipped"), False),
        (run_of(a="xpassed"), False),
        (run_of(), False),
    ],
)
def test_a_test_holds_when_one_of_it_passed_and_none_is_red(run: TestRun, expected: bool) -> None:
    assert holds(standing_for(["f.py::a"], run)["f.py::a"]) is expected


def test_a_go_package_that_cannot_be_built_speaks_for_its_subtests() -> None:
    results = (TestResult("a::TestX", "error", "missing_name", uncollected=True),)
    run = TestRun("go", ("go",), 1, True, "", results, 1, 0, "", "/r")
    assert standing_for(["a::TestX/empty"], run)["a::TestX/empty"] == results
    assert not standing_for(["a::TestY/empty"], run)["a::TestY/empty"]


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
