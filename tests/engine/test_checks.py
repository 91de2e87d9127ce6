"""What a test run or a coverage report comes to, against a phase's start: nothing that was there is lost unsaid."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bench import Bench

from phasegate.engine.checks import coverage_of, red_seen, seen_of
from phasegate.evidence.coverage import Coverage, FileCoverage
from phasegate.evidence.items import ChangedFile, Counts, CoverageSeen, NoCoverage, TestsSeen
from phasegate.evidence.metrics import MISSED, RAN, joined, of_elements, of_totals
from phasegate.evidence.tests import Outcome, TestResult, TestRun, baseline
from phasegate.settings import Settings


def run_of(unread: bool = False, **outcomes: Outcome) -> TestRun:
    """A run of tests in `f.py`; `a__1` stands for the id `f.py::a[1]`; `unread`: the file could not be collected."""
    results = tuple(TestResult(id_of(name), said, uncollected=unread) for name, said in outcomes.items())
    return TestRun("pytest 9", ("pytest",), 0, True, "", results, len(results), 0, "3.11", "/r")


def id_of(name: str) -> str:
    base, _, parameter = name.partition("__")
    return f"f.py::{base}" + (f"[{parameter}]" if parameter else "")


BEFORE = baseline([run_of(a__1="passed", a__2="passed", b="passed", c="skipped")])


def test_parametrised_tests_that_collapsed_into_one_are_gone() -> None:
    seen = seen_of(run_of(a="passed", b="passed", c="skipped"), BEFORE, "ev-0")
    assert seen.gone == ("f.py::a[1]", "f.py::a[2]")


RENAMED = {"f.py::a": "g.py::z", "f.py::b": "f.py::y"}


def test_a_test_that_goes_on_under_another_name_is_not_gone() -> None:
    ran = run_of(z__1="passed", z__2="passed", y="passed", c="skipped")
    assert seen_of(ran, BEFORE, "ev-0", renamed=RENAMED | {"f.py::a": "f.py::z"}).gone == ()


@pytest.mark.parametrize(
    "ran",
    [
        {"z__1": "passed", "y": "passed"},  # one case less
        {"z__1": "passed", "z__2": "failed", "z__3": "passed", "y": "passed"},
        {"z__1": "passed", "z__2": "passed", "z__3": "skipped", "y": "passed"},
        {"y": "passed"},
    ],
)
def test_it_is_where_fewer_of_its_cases_pass_than_there_were(ran: dict[str, Outcome]) -> None:
    seen = seen_of(run_of(c="skipped", **ran), BEFORE, "ev-0", renamed=RENAMED | {"f.py::a": "f.py::z"})
    assert seen.gone == ("f.py::a[1]", "f.py::a[2]")


def test_tests_of_a_file_that_cannot_be_read_now_are_not_gone() -> None:
    assert seen_of(run_of(unread=True, a="error", b="error", c="error"), BEFORE, "ev-0").gone == ()


def test_tests_of_a_file_that_could_not_be_read_at_the_start_are_not_gone() -> None:
    before = baseline([run_of(unread=True, a="error")])
    assert seen_of(run_of(a__1="passed", a__2="passed"), before, "ev-0").gone == ()


def test_a_file_that_skips_itself_skips_each_test_that_ran() -> None:
    seen = seen_of(run_of(unread=True, a="skipped", b="skipped", c="skipped"), BEFORE, "ev-0")
    assert (seen.gone, seen.newly_skipped) == ((), ("f.py::a[1]", "f.py::a[2]", "f.py::b"))


def test_a_test_seen_red_in_this_phase_is_missed_like_one_of_the_start() -> None:
    wanted = ("f.py::new", "f.py::other", "f.py::third")
    seen = seen_of(run_of(new__1="passed", other="skipped"), None, "", wanted)
    assert (seen.held, seen.newly_skipped, seen.gone) == (("f.py::new",), ("f.py::other",), ("f.py::third",))


def test_a_changed_line_that_was_excluded_counts_as_missing() -> None:
    coverage = Coverage("coverage.py 7", (FileCoverage("src/a.py", (1, 2), (3,), (4, 5)),))
    seen = coverage_of(coverage, {"src/a.py": {2, 3, 4}}, Settings())
    assert isinstance(seen, CoverageSeen)
    assert seen.changed == (ChangedFile("src/a.py", 1, (3, 4), (4,)),)


def test_a_changed_file_of_any_language_that_is_measured_must_be_in_the_report() -> None:
    coverage = Coverage("lcov", (FileCoverage("src/a.c", (1,), ()), FileCoverage("src/README", (1,), ())))
    paths = ("src/b.c", "src/b.ts", "src/b.go", "src/types.d.ts", "src/b.txt", "src/other", ".c")
    changed = dict.fromkeys(paths, (1,))
    seen = coverage_of(coverage, changed, Settings())
    assert isinstance(seen, CoverageSeen) and seen.unmeasured == ("src/b.c", "src/b.go", "src/b.ts")


def test_every_metric_is_said_under_its_name_and_an_unknown_one_is_not() -> None:
    branches = of_elements("arc", [("1->2", RAN), ("1->3", MISSED)])
    files = (FileCoverage("src/a.py", (1,), (2,), branches=branches), FileCoverage("tests/test_a.py", (1,), ()))
    seen = coverage_of(Coverage("coverage.py 7", files, outside=("/else.py",)), {}, Settings())
    assert isinstance(seen, CoverageSeen) and seen.outside == 1
    assert seen.metrics == {
        "coverage.statements": Counts(1, 2), "coverage.branches": Counts(1, 2),
        "coverage.functions": None, "coverage.lines": Counts(1, 2),
    }  # fmt: skip
    assert seen.said == "coverage.statements 50.0 %, coverage.branches 50.0 %, coverage.lines 50.0 %"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ((FileCoverage("tests/test_a.py", (1,), ()),), "names no source file"),
        ((FileCoverage("src/a.ts", (), (), statements=joined([of_totals(1, 2), of_totals(2, 2)])),), "sums only"),
    ],
)
def test_coverage_of_which_a_part_is_unknown_is_no_coverage(files: tuple[FileCoverage, ...], why: str) -> None:
    seen = coverage_of(Coverage("x", files), {}, Settings())
    assert isinstance(seen, NoCoverage) and why in seen.why


def test_a_summary_leaves_changed_files_unmeasured() -> None:
    coverage = Coverage("summary", (FileCoverage("src/a.ts", (), (), statements=of_totals(9, 9)),))
    seen = coverage_of(coverage, {"src/a.ts": {1}}, Settings())
    assert isinstance(seen, CoverageSeen) and seen.unmeasured == ("src/a.ts",) and not seen.changed


def _newest(bench: Bench) -> TestsSeen:
    found = bench.state.newest(TestsSeen)
    assert found is not None and isinstance(found.seen, TestsSeen)
    return found.seen


def test_every_complete_run_on_the_tree_of_the_start_counts_as_the_baseline(lay_out: Callable[..., Bench]) -> None:
    bench = lay_out()
    bench.begin(baseline=False)
    bench.tests({"t::a": "passed", "t::b": "passed", "t::c": "assertion"})
    bench.tests({"t::a": "fixture", "t::c": "assertion"})
    bench.tests({}, complete=False)
    bench.tests({"t::a": "fixture", "t::c": "assertion"})
    seen = _newest(bench)
    assert (seen.newly_red, seen.gone) == (("t::a",), ("t::b",))
    assert red_seen(bench.state, bench.run) == (), "a broken fixture is no right reason"
