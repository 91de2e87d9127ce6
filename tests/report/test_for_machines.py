"""Whatever tests and gates say, the files for machines are well-formed and say all of it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from phasegate.evidence.findings import Finding, Severity
from phasegate.evidence.tests import TestResult, TestRun
from phasegate.gates.interface import Verdict
from phasegate.report.junit import junit
from phasegate.report.sarif import sarif

HOSTILE = st.text(st.characters(), max_size=60) | st.sampled_from(
    ("]]>", "<a b='c'>&amp;", "\x00\x1b[31m", "\u202e", "\ud800")
)
OUTCOMES = st.sampled_from(("passed", "failed", "error", "skipped", "xfailed", "xpassed"))
RESULTS = st.builds(TestResult, HOSTILE, OUTCOMES, message=HOSTILE, file=HOSTILE, line=st.integers(-1, 9))
VERDICTS = st.builds(Verdict, HOSTILE, st.sampled_from(("pass", "fail", "unknown")), st.tuples(HOSTILE), HOSTILE)
FINDINGS = st.builds(
    Finding, HOSTILE, HOSTILE, st.integers(-1, 9), HOSTILE, HOSTILE, HOSTILE, st.sampled_from(get_args(Severity)),
    st.integers(-1, 9), HOSTILE, HOSTILE, st.tuples(HOSTILE), HOSTILE,
)  # fmt: skip


def run_of(results: list[TestResult]) -> TestRun:
    return TestRun("pytest", (), 0, True, "", tuple(results), len(results), 0, "", "/")


@given(st.lists(RESULTS, max_size=5), st.lists(VERDICTS, max_size=4))
def test_junit_is_well_formed_and_counts_what_it_lists(results: list[TestResult], verdicts: list[Verdict]) -> None:
    gates, tests = ET.fromstring(junit(run_of(results), verdicts))
    assert [len(gates), len(tests)] == [len(verdicts), len(results)]
    assert int(gates.get("failures", "")) == sum(verdict.says == "fail" for verdict in verdicts)
    assert int(gates.get("errors", "")) == sum(verdict.says == "unknown" for verdict in verdicts)
    red = int(tests.get("failures", "")) + int(tests.get("errors", ""))
    assert red == sum(result.is_red for result in results)


@given(st.lists(FINDINGS, max_size=4), st.lists(RESULTS, max_size=4), st.lists(VERDICTS, max_size=4))
def test_sarif_has_a_result_for_everything_that_is_wrong(
    findings: list[Finding], results: list[TestResult], verdicts: list[Verdict]
) -> None:
    log = json.loads(sarif("1.0", findings, run_of(results), verdicts))
    [run] = log["runs"]
    wrong = len(findings) + sum(r.is_red for r in results) + sum(v.says != "pass" for v in verdicts)
    assert len(run["results"]) == wrong
    regions = [each["locations"][0]["physicalLocation"]["region"]["startLine"] for each in run["results"]]
    assert all(line >= 1 for line in regions) and all(each["message"]["text"] for each in run["results"])


def test_what_is_let_be_is_there_with_the_reason() -> None:
    findings = [Finding("r", "a.py", 1, "m", "one"), Finding("r", "a.py", 2, "m", "two", column=4)]
    log = json.loads(sarif("1.0", findings, None, [], {"one": "waived by Ann"}))
    first, second = log["runs"][0]["results"]
    assert first["suppressions"] == [{"kind": "external", "justification": "waived by Ann"}]
    assert "suppressions" not in second
    assert second["locations"][0]["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 4}
