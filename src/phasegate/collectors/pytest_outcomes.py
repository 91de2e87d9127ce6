"""From the reporter's frames to a TestRun: one outcome for each test, and whether the run can be believed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from phasegate.collectors.process import Ended
from phasegate.collectors.pytest_frames import Frames, Report
from phasegate.collectors.why_red import FirstParty, cause_of
from phasegate.evidence.tests import RED, Outcome, TestResult, TestRun

_MESSAGE_LIMIT = 500
_TAIL = 20_000
_ERROR = re.compile(r"^(?:[^\n]{0,80}: )?error: .*$", re.IGNORECASE | re.MULTILINE)
_ENDS_OF_A_SESSION = {0: "all passed", 1: "some failed", 5: "no tests"}


class Observed(Struct, frozen=True):
    """What is known once pytest, or another `tool` with a reporter of ours that writes the same frames, has ended."""

    command: tuple[str, ...]
    root: str
    frames: Frames
    ended: Ended
    timeout_seconds: float
    notes: tuple[str, ...] = ()
    tool: str = "pytest"


def as_test_run(observed: Observed, ours: FirstParty) -> TestRun:
    """The run as evidence; whatever does not add up makes it incomplete, with the reason."""
    frames, root = observed.frames, os.path.realpath(observed.root)
    start, end = frames.start, frames.end
    place = {id: at for at, id in enumerate(frames.inventory)}
    results = tuple(sorted(_results(observed, ours, root), key=lambda result: place.get(result.id, len(place))))
    why = _why_incomplete(observed, results)
    return TestRun(
        runner=f"{observed.tool} {start.pytest}" if start else observed.tool,
        command=observed.command,
        exit_code=observed.ended.exit_code,
        complete=not why,
        why_incomplete=why,
        results=results,
        collected=len(frames.inventory),
        deselected=end.deselected if end else 0,
        python=start.python if start else "",
        root=observed.root,
        foreign=tuple(result.id for result in results if result.file.startswith((os.pardir + os.sep, os.sep))),
        notes=(*observed.notes, *_reruns(frames)),
    )


def _reruns(frames: Frames) -> Iterator[str]:
    again = {report.id: None for report in frames.reports if report.outcome == "rerun"}
    if again:
        yield f"{len(again)} tests were tried again after failing, the first is {next(iter(again))}"


def _results(observed: Observed, ours: FirstParty, root: str) -> Iterator[TestResult]:
    by_id: dict[str, list[Report]] = {}
    for report in observed.frames.reports:
        by_id.setdefault(report.id, []).append(report)
    for id, reports in by_id.items():
        if reports[0].when == "collect":
            yield from _uncollected(reports[0], ours, root)
        elif _has_finished(reports):
            yield _result(id, reports, ours, root)
    for id in observed.frames.entered:
        if not _has_finished(by_id.get(id, [])):
            yield _unfinished(id, observed)


def _has_finished(reports: Sequence[Report]) -> bool:
    return any(report.when in ("teardown", "???") for report in reports)


def _result(id: str, reports: Sequence[Report], ours: FirstParty, root: str) -> TestResult:
    outcome, report = _verdict(reports)
    file = _file(report.path, id, root)
    return TestResult(
        id=id,
        outcome=outcome,
        cause=cause_of(report, ours) if outcome in RED else "",
        message=_message(report) if outcome != "passed" else "",
        file=file,
        line=_line(report),
        seconds=round(sum(each.seconds for each in reports), 6),
    )


def _verdict(reports: Sequence[Report]) -> tuple[Outcome, Report]:
    """An error speaks for the test before a failure does, the first before the next; without one, the last word."""
    said = [(outcome, report) for report in reports if (outcome := _outcome(report))]
    for word in ("error", "failed"):
        red = [pair for pair in said if pair[0] == word]
        if red:
            return red[0]
    return said[-1] if said else ("error", reports[-1])


def _outcome(report: Report) -> Outcome | None:
    """What one phase says about its test; a setup or a teardown that passed says nothing."""
    if report.contradiction:
        return "error"
    match report.when, report.outcome:
        case _, "rerun":
            return None
        case "call", "failed":
            return "failed"
        case _, "failed":
            return "error"
        case _, "skipped":
            return "xfailed" if report.expected else "skipped"
        case "call", "passed":
            return "xpassed" if report.expected else "passed"
        case (("setup" | "teardown"), "passed"):
            return None
        case _:
            return "error"


def _uncollected(report: Report, ours: FirstParty, root: str) -> Iterator[TestResult]:
    """A file that could not be collected stands for each test that reading it shows."""
    for id in [f"{report.id}::{test}" for test in report.tests] or [report.id]:
        yield TestResult(
            id=id,
            outcome="skipped" if report.outcome == "skipped" else "error",
            cause="" if report.outcome == "skipped" else cause_of(report, ours),
            message=_message(report),
            file=_file(report.path, id, root),
            line=_line(report),
            uncollected=True,
        )


def _unfinished(id: str, observed: Observed) -> TestResult:
    ended = observed.ended
    return TestResult(
        id=id,
        outcome="error",
        cause="timeout" if ended.timed_out else "other",
        message="was running when the time was over" if ended.timed_out else "was running when the runner died",
        file=id.partition("::")[0],
    )


def _message(report: Report) -> str:
    message = report.message.strip()
    if report.contradiction:
        message = f"the report contradicts what happened: {report.contradiction}. {message}"
    return message[:_MESSAGE_LIMIT].strip()


def _line(report: Report) -> int:
    """Where the test's own file went wrong, else where the test begins."""
    frames = report.raised.frames if report.raised else ()
    lines = [line for file, line in frames if file == report.path]
    return lines[-1] if lines else report.line


def _file(path: str, id: str, root: str) -> str:
    return os.path.relpath(os.path.realpath(path), root) if path else id.partition("::")[0]


def _why_incomplete(observed: Observed, results: Sequence[TestResult]) -> str:
    """The first thing that does not add up, or "" when all does."""
    reasons = (_of_the_process(observed), _of_the_inventory(observed.frames), _of_the_exit_code(observed, results))
    return next((reason for reason in reasons if reason), "")


def _of_the_process(observed: Observed) -> str:
    frames, ended = observed.frames, observed.ended
    said = f": {_complaint(ended)}" if ended.last_line else ""
    if ended.timed_out:
        return f"timed out after {observed.timeout_seconds:g} s"
    if frames.problem:
        return frames.problem
    if frames.start is None:
        return f"{observed.tool} ended with {ended.exit_code} before our reporter was loaded{said}"
    if frames.end is None:
        return f"the runner died with {ended.exit_code} before its end record"
    if frames.end.exit_code != ended.exit_code:
        return f"{observed.tool} finished with {frames.end.exit_code}, yet its process ended with {ended.exit_code}"
    if ended.exit_code not in _ENDS_OF_A_SESSION:
        return f"{observed.tool} was interrupted (exit code {ended.exit_code}){said}"
    return ""


def _complaint(ended: Ended) -> str:
    """The last line in which the tool names an error, else the last one at all: coverage.py may speak after it."""
    errors = _ERROR.findall(ended.output[-_TAIL:].decode(errors="replace"))
    return errors[-1].strip()[:300] if errors else ended.last_line


def _of_the_inventory(frames: Frames) -> str:
    reports: dict[str, list[Report]] = {}
    for report in frames.reports:
        if report.when != "collect":
            reports.setdefault(report.id, []).append(report)
    missing = [id for id in frames.inventory if not _has_finished(reports.get(id, []))]
    if missing:
        return f"{len(missing)} of {len(frames.inventory)} collected tests have no outcome, the first is {missing[0]}"
    stranger = next(iter(reports.keys() - set(frames.inventory)), None)
    return f"{stranger} was reported but never collected" if stranger else ""


def _of_the_exit_code(observed: Observed, results: Sequence[TestResult]) -> str:
    code, red = observed.ended.exit_code, sum(result.is_red for result in results)
    if code == 1 and not red:
        return f"{observed.tool} ended with 1 although no test is red: a plugin or a hook failed the run"
    if code != 1 and red:
        return f"{observed.tool} ended with {code} although {red} of its tests are red"
    if code == 5 and observed.frames.inventory:
        return f"{observed.tool} ended with 5 (no tests) although it collected {len(observed.frames.inventory)}"
    return ""
