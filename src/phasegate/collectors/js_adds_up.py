"""Whether a run of a JavaScript test tool can be believed: what it planned, listed, ended, counted and exited with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from phasegate.collectors import js_frames as wire
from phasegate.collectors.js_seen import Named, Seen
from phasegate.evidence.tests import TestResult


def why_incomplete(seen: Seen, names: Mapping[str, Named], results: Sequence[TestResult]) -> str:
    """The first thing that does not add up, or "" when all does."""
    reasons = (
        *_of_the_process(seen),
        *seen.doubts,
        *_of_the_files(seen),
        *_of_the_tests(seen, names),
        *_of_the_counts(seen, names),
        *_of_the_exit_code(seen, results),
    )
    return next(iter(reasons), "")


def _of_the_process(seen: Seen) -> Iterator[str]:
    ended, start, end = seen.ended, seen.only(wire.Start), seen.only(wire.End)
    if ended.timed_out:
        yield f"timed out after {seen.timeout_seconds:g} s{_running(seen) or _waiting(seen)}"
    if seen.read.problem:
        yield seen.read.problem
    if start is None:
        yield f"{seen.tool} ended with {ended.exit_code} before our reporter was loaded{_said(seen)}"
    elif end is None:
        yield f"the runner died with {ended.exit_code} before its end record{_running(seen)}"
    elif end.why:
        yield end.why
    elif ended.exit_code < 0:
        yield f"{seen.tool} was killed by signal {-ended.exit_code}"


def _said(seen: Seen) -> str:
    return f": {seen.ended.last_line}" if seen.ended.last_line else ""


def _running(seen: Seen) -> str:
    entered, ended = seen.of(wire.Enter), {frame.key for frame in seen.of(wire.Result)}
    open_ = [frame for frame in entered if not frame.key or frame.key not in ended]
    return f", in or after {seen.relative(open_[-1].file)}" if open_ else ""


def _waiting(seen: Seen) -> str:
    """The first test file that had begun and not ended; tools that tell of files in their order wait for that one."""
    finished = {frame.file for frame in seen.of(wire.Finish)}
    open_ = [frame for frame in seen.of(wire.Load) if frame.file not in finished]
    return f", when {seen.relative(open_[0].file)} had not ended" if open_ else ""


def _of_the_files(seen: Seen) -> Iterator[str]:
    plan, loaded, over = seen.only(wire.Plan), seen.of(wire.Load), seen.of(wire.Finish)
    finished = {frame.file for frame in over}
    open_ = [frame.file for frame in loaded if frame.file not in finished]
    if open_:
        yield f"{len(open_)} of {len(loaded)} test files did not end, the first is {seen.relative(open_[0])}"
    if plan is not None and plan.count != len(over):
        yield f"{plan.count} test files were to run, and {len(over)} did"


def _of_the_tests(seen: Seen, names: Mapping[str, Named]) -> Iterator[str]:
    ended = [frame.key for frame in seen.of(wire.Result)]
    missing = [names[key].id for key in names if key not in set(ended)]
    if missing:
        yield f"{len(missing)} of {len(names)} collected tests have no outcome, the first is {missing[0]}"
    if len(set(ended)) != len(ended):
        yield "a test ended twice"
    if set(ended) - names.keys():
        yield "a test was reported but never collected"


def _of_the_counts(seen: Seen, names: Mapping[str, Named]) -> Iterator[str]:
    """Against what the tool itself says it counted."""
    end, outcomes = seen.only(wire.End), [frame.outcome for frame in seen.of(wire.Result)]
    if end is None:
        return
    counted = {"tests": len(outcomes), "passed": _count(outcomes, "passed", "xfailed")}
    counted["failed"] = _count(outcomes, "failed", "xpassed")
    for what, count in counted.items():
        told = getattr(end, what)
        if told >= 0 and told != count:
            yield f"{seen.tool} counted {told} {what}, and reported {count}"
    if not names and not any(frame.errors for frame in seen.of(wire.Finish)):
        yield f"{seen.tool} found no test"


def _count(outcomes: Sequence[str], *wanted: str) -> int:
    return sum(outcome in wanted for outcome in outcomes)


def _of_the_exit_code(seen: Seen, results: Sequence[TestResult]) -> Iterator[str]:
    code, red = seen.ended.exit_code, sum(result.is_red for result in results)
    nobodys = [frame for frame in seen.of(wire.Trouble) if not frame.file and not frame.key and frame.errors]
    if code and not red:
        why = (
            f"an error outside of any test: {nobodys[0].errors[0].message[:300]}"
            if nobodys
            else "something else failed"
        )
        yield f"{seen.tool} ended with {code} although no test is red: {why}{'' if nobodys else _said(seen)}"
    if not code and red:
        yield f"{seen.tool} ended with 0 although {red} of its tests are red"
