"""From JUnit reports to a TestRun: one outcome for each test, and whether reports and exit code agree."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from phasegate.collectors.junit_xml import Case, Report, names
from phasegate.collectors.process import Ended
from phasegate.evidence.tests import Cause, Outcome, TestResult, TestRun

_MESSAGE_LIMIT = 500
_WORST: Mapping[Outcome, int] = {"error": 5, "failed": 4, "passed": 3, "xfailed": 2, "skipped": 1}
_CLAIM_BY_TYPE = re.compile(
    r"Assert(?:ion)?|Expectation|ComparisonFailure|ComparisonError|TestFailedException|XunitException|MultipleFailures"
)
_CLAIM_BY_WORDS = re.compile(
    r"""^\s*(?:assert\b|AssertionError|AssertionFailed|Failed:\ |Assert\.|Expected\b|Value\ of:)
    |assertion\ (?:`|failed)|Assertion\ (?:with|failed)|ERR_ASSERTION|AssertionError\b|\bexpect\(
    |^\(in\ test\ file\ .*\)\s*\n\s*`|^\s+\S+_test\.go:\d+:\ """,
    re.MULTILINE | re.VERBOSE,
)
_CRASH = re.compile(r"^(?:panic|fatal error): ", re.MULTILINE)
_LATE = re.compile(r"time(?:d)?[ -]?out", re.IGNORECASE)


class Observed(Struct, frozen=True):
    """What is known once the command has ended; `reports` by the path they were found at."""

    command: tuple[str, ...]
    root: str
    reports: Mapping[str, Report]
    stale: tuple[str, ...]
    patterns: tuple[str, ...]
    ended: Ended
    timeout_seconds: float
    problem: str = ""
    notes: tuple[str, ...] = ()


def as_test_run(observed: Observed) -> TestRun:
    """The run as evidence; whatever does not add up makes it incomplete, with the reason."""
    cases = [case for report in observed.reports.values() for case in report.cases]
    results = tuple(_results(observed, cases))
    why = next((reason for reason in _reasons(observed, results) if reason), "")
    return TestRun(
        runner=f"junit ({os.path.basename(observed.command[0])})",
        command=observed.command,
        exit_code=observed.ended.exit_code,
        complete=not why,
        why_incomplete=why,
        results=results,
        collected=len(results),
        deselected=0,
        python="",
        root=observed.root,
        notes=(*observed.notes, *_notes(observed, cases)),
    )


def cause_of(case: Case) -> Cause:
    """Only what a tool calls a claim counts as one: the rest of a report says nothing about the code under test."""
    if _LATE.search(case.type) or _LATE.match(case.message):
        return "timeout"
    if _CRASH.search(case.message):
        return "other"
    claims = _CLAIM_BY_TYPE.search(case.type) or (case.word == "failed" and _CLAIM_BY_WORDS.search(case.message))
    return "assertion" if claims else "other"


def id_of(case: Case, root: str) -> str:
    """`file::class > name`, or `class::name` where the report names no file."""
    file = _file(case, root)
    inside = [part for part in (_less(file, name) for name in names(case)) if part]
    if file:
        return _plain(f"{file}::{' > '.join([*inside, case.name])}")
    return _plain(f"{' > '.join(inside) or next(iter(case.suites), '')}::{case.name}")


def _results(observed: Observed, cases: Sequence[Case]) -> Iterator[TestResult]:
    found: dict[str, TestResult] = {}
    for case in cases:
        result = _result(case, observed.root)
        other = found.get(result.id)
        if other is None or _WORST[result.outcome] > _WORST[other.outcome]:
            found[result.id] = result
    yield from found.values()


def _result(case: Case, root: str) -> TestResult:
    outcome: Outcome = "xfailed" if case.word == "skipped" and case.type == "pytest.xfail" else case.word
    return TestResult(
        id=id_of(case, root),
        outcome=outcome,
        cause=cause_of(case) if outcome in ("failed", "error") else "",
        message=case.message[:_MESSAGE_LIMIT],
        file=_file(case, root),
        line=case.line,
        seconds=case.seconds,
    )


def _file(case: Case, root: str) -> str:
    """As the report names it, relative to where the command ran when it lies there."""
    name = case.file.replace("\\", "/").removeprefix("file://").removeprefix("./")
    if not os.path.isabs(name):
        return _plain(name)
    for path, base in ((name, root), (os.path.realpath(name), os.path.realpath(root))):
        if path.startswith(base.rstrip("/") + "/"):
            return _plain(os.path.relpath(path, base))
    return _plain(name)


def _less(file: str, name: str) -> str:
    """A class as `tests.test_a.TestB` without what the file says already."""
    dotted = os.path.splitext(file)[0].replace("/", ".")
    if dotted and (name == dotted or name.startswith(f"{dotted}.")):
        return name[len(dotted) + 1 :]
    return "" if file and os.path.basename(file) == name else name


def _plain(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)


def _notes(observed: Observed, cases: Sequence[Case]) -> Iterator[str]:
    yield "nothing but the command's own word stands behind these results: phasegate read its reports and exit code"
    if observed.stale:
        first = observed.stale[0]
        yield f"{len(observed.stale)} reports are older than the run and were passed over, the first is {first}"
    again = [case for case in cases if case.again]
    if again:
        yield f"{len(again)} tests were tried again after failing, the first is {id_of(again[0], observed.root)}"
    twice = len(cases) - len({id_of(case, observed.root) for case in cases})
    if twice:
        yield f"{twice} results have the id of another; the worst of them counts"


def _reasons(observed: Observed, results: Sequence[TestResult]) -> Iterator[str]:
    """What does not add up."""
    ended, red = observed.ended, sum(result.is_red for result in results)
    said = f": {ended.last_line}" if ended.last_line else ""
    if ended.timed_out:
        yield f"timed out after {observed.timeout_seconds:g} s"
    yield observed.problem
    if not observed.reports:
        old = f"; {observed.stale[0]} is older than the run" if observed.stale else ""
        where = ", ".join(observed.patterns)
        yield f"the command ended with {ended.exit_code} and wrote no report to {where}{old}{said}"
    yield next((f"{path}: {report.problem}" for path, report in observed.reports.items() if report.problem), "")
    if ended.exit_code and not red:
        yield f"the command ended with {ended.exit_code} although no test of its reports is red{said}"
    if red and not ended.exit_code:
        yield f"the command ended with 0 although {red} tests of its reports are red"
