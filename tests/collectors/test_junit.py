"""JUnit reports as real tools wrote them, hostile ones, old ones, and commands that say what they do not report."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.collectors import junit_runner
from phasegate.collectors.interface import Ask, NoTestCommand, SuiteRun
from phasegate.collectors.junit_outcomes import cause_of, id_of
from phasegate.collectors.junit_xml import read_junit

DATA = Path(__file__).parent / "data" / "junit"
HOME = "/home/user/shop"

WRITTEN: Mapping[str, dict[str, tuple[str, str]]] = {
    "bats-1.8.2": {"a.bats::passes": ("passed", ""), "a.bats::claims": ("failed", "assertion"),
                   "a.bats::skipped": ("skipped", "")},
    "ctest-3.25.1": {"passes::passes": ("passed", ""), "claims::claims": ("failed", "other"),
                     "skipped::skipped": ("skipped", ""), "off::off": ("skipped", ""),
                     "slow::slow": ("failed", "other")},
    "googletest-1.12.1": {"t.cc::Price > Passes": ("passed", ""), "t.cc::Price > Claims": ("failed", "assertion"),
                          "t.cc::Price > Skipped": ("skipped", ""), "t.cc::Price > DISABLED_Off": ("skipped", "")},
    "mocha-12.0.3-xunit": {"jest/m/a.js::shop price > doubles": ("passed", ""),
                           "jest/m/a.js::shop price > claims": ("failed", "assertion"),
                           "jest/m/a.js::shop price > skipped": ("skipped", "")},
    "node-24.19.0": {"node/a.test.js::passes": ("passed", ""), "node/a.test.js::claims": ("failed", "assertion"),
                     "node/a.test.js::skipped": ("skipped", ""), "node/a.test.js::todo": ("skipped", ""),
                     "node/a.test.js::shop > price > doubles": ("passed", ""),
                     "node/a.test.js::shop > price > crashes": ("failed", "other")},
    "phpunit-9.6.7": {"php/PriceTest.php::PriceTest > testPasses": ("passed", ""),
                      "php/PriceTest.php::PriceTest > testClaims": ("failed", "assertion"),
                      "php/PriceTest.php::PriceTest > testEach with data set #0": ("passed", ""),
                      "php/PriceTest.php::PriceTest > testEach with data set #1": ("passed", ""),
                      "php/PriceTest.php::PriceTest > testCrashes": ("error", "other"),
                      "php/PriceTest.php::PriceTest > testSkipped": ("skipped", ""),
                      "php/PriceTest.php::PriceTest > testRisky": ("error", "other")},
    "pytest-9.2.0": {"test_a::test_a": ("failed", "assertion"), "test_a::test_b": ("passed", ""),
                     "test_a::test_c": ("error", "other"), "test_a::test_x": ("skipped", ""),
                     "test_a.TestK::test_s": ("skipped", "")},
    "pytest-9.2.0-xunit1": {"test_a.py::test_a": ("failed", "assertion"), "test_a.py::test_b": ("passed", ""),
                            "test_a.py::test_c": ("error", "other"), "test_a.py::test_x": ("skipped", ""),
                            "test_a.py::TestK > test_s": ("skipped", "")},
    "rspec_junit_formatter-0.4.1": {"spec/a_spec.rb::shop passes": ("passed", ""),
                                    "spec/a_spec.rb::shop claims": ("failed", "assertion"),
                                    "spec/a_spec.rb::shop crashes": ("failed", "other"),
                                    "spec/a_spec.rb::shop skipped": ("skipped", "")},
    "vitest-5.1.1": {"v/a.test.mjs::shop > doubles": ("passed", ""),
                     "v/a.test.mjs::shop > claims": ("failed", "assertion"),
                     "v/a.test.mjs::shop > skipped": ("skipped", "")},
}  # fmt: skip


@pytest.mark.parametrize("tool", WRITTEN)
def test_what_a_real_tool_wrote_is_read_as_it_meant_it(tool: str) -> None:
    report = read_junit((DATA / f"{tool}.xml").read_bytes())
    assert not report.problem
    red = ("failed", "error")
    seen = {id_of(case, HOME): (case.word, cause_of(case) if case.word in red else "") for case in report.cases}
    assert seen == WRITTEN[tool]


def test_a_todo_that_jest_junit_lists_as_passed_and_does_not_count_is_noticed() -> None:
    report = read_junit((DATA / "jest-junit-17.0.0.xml").read_bytes())
    assert report.problem == "the suite shop says it has 4 tests, and 5 are in the report"


@pytest.mark.parametrize("tool", WRITTEN)
def test_a_report_cut_anywhere_has_a_problem(tool: str) -> None:
    content = (DATA / f"{tool}.xml").read_bytes().rstrip()
    for end in range(1, len(content), max(1, len(content) // 60)):
        assert read_junit(content[:end]).problem


CASE = '<testcase name="a" classname="A">{}</testcase>'
WRONG = {
    "a suite that counts more": '<testsuite tests="2">' + CASE.format("") + "</testsuite>",
    "a failure that is not there": '<testsuite tests="1" failures="1">' + CASE.format("") + "</testsuite>",
    "a failure that is not counted": '<testsuite failures="0" errors="0">' + CASE.format("<failure/>") + "</testsuite>",
    "a count that is no number": '<testsuite tests="many">' + CASE.format("") + "</testsuite>",
    "a suite that says itself that it failed": "<testsuite><error/>" + CASE.format("") + "</testsuite>",
    "a failure in what a suite notes": "<testsuite><properties><failure/></properties></testsuite>",
    "a failure in what a case notes": "<testsuite>"
    + CASE.format("<properties><failure/></properties>")
    + "</testsuite>",
    "a result nobody knows": '<testsuite><testcase name="a" result="exploded"/></testsuite>',
    "a word nobody knows": "<testsuite>" + CASE.format("<exploded/>") + "</testsuite>",
    "entities": '<!DOCTYPE a [<!ENTITY b "c">]><testsuite>' + CASE.format("&b;") + "</testsuite>",
    "an outside definition": '<!DOCTYPE a SYSTEM "file:///etc/passwd" [<!ELEMENT b ANY>]><testsuite/>',
    "another document": "<html><body/></html>",
    "a case without a suite": CASE.format(""),
    "no document": "",
    "great depth": "<testsuite>" * 200 + "</testsuite>" * 200,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_report_that_contradicts_itself_has_a_problem(wrong: str) -> None:
    assert read_junit(WRONG[wrong].encode()).problem


@pytest.mark.parametrize("own", ['result="failed"', 'status="FAIL"', 'status="run" result="error"'])
def test_a_case_that_says_only_of_itself_that_it_failed_is_red(own: str) -> None:
    for inside in ("", "<skipped/>"):
        (case,) = read_junit(f'<testsuite><testcase name="a" {own}>{inside}</testcase></testsuite>'.encode()).cases
        assert case.word == "failed"


@given(st.binary(max_size=300) | st.text(alphabet='<>/"=& testsuicaeflr', max_size=300).map(str.encode))
def test_any_bytes_are_read_without_a_crash(content: bytes) -> None:
    read_junit(content)
    read_junit(b"<testsuite>" + content + b"</testsuite>")


# -- commands ----------------------------------------------------------------------------------------------------------

Runs = Callable[..., SuiteRun]
GREEN = '<testsuite tests="1">' + CASE.format("") + "</testsuite>"
RED = '<testsuite tests="1" failures="1">' + CASE.format('<failure type="AssertionError"/>') + "</testsuite>"


@pytest.fixture
def run(tmp_path: Path) -> Runs:
    root = tmp_path / "project"
    root.mkdir()

    def run_command(script: str, *, reports: tuple[str, ...] = ("out/*.xml",), seconds: float = 30) -> SuiteRun:
        return junit_runner.run(
            Ask(root=str(root), command=(sys.executable, "-c", script), scratch=str(tmp_path / "scratch"),
                reports=reports, timeout_seconds=seconds, coverage_reports=("out/lcov.info",))
        )  # fmt: skip

    return run_command


def writes(text: str, *, path: str = "out/a.xml", code: int = 0, more: str = "") -> str:
    return (
        f"import os, sys; os.makedirs(os.path.dirname({path!r}), exist_ok=True)\n"
        f"open({path!r}, 'w').write({text!r})\n{more}\nsys.exit({code})"
    )


def test_reports_and_exit_code_that_agree_are_a_complete_run(run: Runs) -> None:
    green, red = run(writes(GREEN)).tests, run(writes(RED, code=3)).tests
    assert green.all_green and green.green == ("A::a",)
    assert red.complete and red.red == ("A::a",) and red.results[0].cause == "assertion"
    assert "own word" in green.notes[-1]


def test_an_exit_code_that_says_otherwise_leaves_the_run_incomplete(run: Runs) -> None:
    assert "ended with 0 although 1" in run(writes(RED)).tests.why_incomplete
    assert "ended with 3 although no test" in run(writes(GREEN, code=3)).tests.why_incomplete


def test_no_report_is_no_run(run: Runs) -> None:
    seen = run("print('no tests here')").tests
    assert not seen.complete and "wrote no report to out/*.xml: no tests here" in seen.why_incomplete


def test_an_old_report_is_left_alone_and_not_believed(run: Runs, tmp_path: Path) -> None:
    run(writes(GREEN))
    old = tmp_path / "project/out/a.xml"
    before = old.read_bytes()
    seen = run("pass").tests
    assert not seen.complete and "out/a.xml is older than the run" in seen.why_incomplete
    assert old.read_bytes() == before
    beside = run(writes(RED, path="out/b.xml", code=1)).tests
    assert beside.complete and beside.red == ("A::a",) and "1 reports are older" in " ".join(beside.notes)


def test_the_same_report_written_again_is_new(run: Runs) -> None:
    assert run(writes(GREEN)).tests.all_green
    assert run(writes(GREEN)).tests.all_green


def test_an_old_report_copied_into_place_is_not_believed(run: Runs) -> None:
    assert not run(writes(GREEN, more="os.utime('out/a.xml', (1, 1))")).tests.complete


def test_a_link_out_of_the_project_is_not_followed(run: Runs, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.xml").write_text(GREEN)
    target = str(tmp_path / "elsewhere.xml")
    seen = run(f"import os; os.mkdir('out'); open({target!r}, 'a').close(); os.symlink({target!r}, 'out/a.xml')").tests
    assert not seen.complete and not seen.results


def test_a_place_outside_the_tree_is_given_for_the_reports(run: Runs, tmp_path: Path) -> None:
    seen = run("open('{reports}/a.xml', 'w').write(" + repr(GREEN) + ")", reports=("{reports}/*.xml",)).tests
    assert seen.all_green and not os.listdir(tmp_path / "project")


def test_coverage_of_the_run_is_read_and_that_of_another_is_not(run: Runs, tmp_path: Path) -> None:
    (tmp_path / "project/a.rb").write_text("puts 1\nputs 2\n")
    lcov = "open('out/lcov.info', 'w').write('SF:a.rb\\nDA:1,1\\nDA:2,0\\nend_of_record\\n')"
    seen = run(writes(GREEN, more=lcov))
    assert seen.coverage is not None and seen.coverage.files[0].executed == (1,), seen.why_no_coverage
    again = run(writes(GREEN))
    assert again.coverage is None and "older than the run" in again.why_no_coverage


def test_a_test_with_the_id_of_another_is_as_red_as_the_worse(run: Runs) -> None:
    both = '<testsuite tests="2" failures="1">' + CASE.format("") + CASE.format("<failure/>") + "</testsuite>"
    assert run(writes(both, code=1)).tests.red == ("A::a",)


def test_a_command_and_reports_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(NoTestCommand, match="its command"):
        junit_runner.detect(str(tmp_path))
    with pytest.raises(NoTestCommand, match="which reports"):
        junit_runner.run(Ask(root=str(tmp_path), command=("true",), scratch=str(tmp_path / "scratch")))
