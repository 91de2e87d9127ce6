"""From Go's events and our witnesses to a TestRun: one outcome for each test, and whether the run can be believed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from phasegate.collectors import go_build, go_crash
from phasegate.collectors.go_events import Events, Seen, Witness
from phasegate.collectors.go_events import Package as Ran
from phasegate.collectors.go_packages import Package, Packages, Test
from phasegate.collectors.process import Ended
from phasegate.evidence.tests import Outcome, TestResult, TestRun

_MESSAGE_LIMIT = 500


class Observed(Struct, frozen=True):
    """What is known once go has ended: the `rounds`, of which the later ones repeat what a crash kept from running."""

    command: tuple[str, ...]
    root: str
    version: str
    packages: Packages
    rounds: tuple[Events, ...]
    witnesses: Mapping[tuple[str, str], Witness]
    ended: Ended
    timeout_seconds: float
    ours: go_crash.FirstParty
    selects: bool
    """Whether the command itself leaves tests out, by `-run` or `-skip`."""
    repeats: bool
    """Whether it runs them several times."""
    notes: tuple[str, ...] = ()


def as_test_run(observed: Observed) -> TestRun:
    """The run as evidence; whatever does not add up makes it incomplete, with the reason."""
    results = tuple(_results(observed))
    unseen = tuple(_unseen(observed))
    why = _why_incomplete(observed, results, unseen)
    return TestRun(
        runner=f"go {observed.version}".strip(),
        command=observed.command,
        exit_code=observed.ended.exit_code,
        complete=not why,
        why_incomplete=why,
        results=results,
        collected=len(results),
        deselected=len(unseen) if observed.selects else 0,
        python="",
        root=observed.root,
        notes=(*observed.notes, *_crashes(observed)),
    )


def unfinished(package: Package, ran: Ran) -> tuple[str, ...]:
    """The tests of a package that had not come to an end when its process did."""
    return tuple(test.name for test in package.tests if test.name not in ran.tests or not ran.tests[test.name].outcome)


def merged(rounds: Sequence[Events]) -> dict[str, Ran]:
    """Each package with the first end that each of its tests had."""
    packages = dict(rounds[0].packages) if rounds else {}
    for events in rounds[1:]:
        for path, ran in events.packages.items():
            first = packages.setdefault(path, ran)
            for name, test in ran.tests.items():
                if name not in first.tests or not first.tests[name].outcome:
                    first.tests[name] = test
    return packages


def _results(observed: Observed) -> Iterator[TestResult]:
    seen = merged(observed.rounds)
    for path, package in observed.packages.by_path.items():
        ran = seen.get(path)
        if ran is not None and ran.failed_build:
            yield from _unbuilt(observed, package, ran)
        elif ran is not None:
            top = {test.name: test for test in package.tests}
            for name, test in ran.tests.items():
                yield _result(observed, package, top.get(name.partition("/")[0]), name, test, ran)


def _result(observed: Observed, package: Package, top: Test | None, name: str, test: Seen, ran: Ran) -> TestResult:
    place = _place(observed, package)
    outcome, cause, message = _judged(observed, package, name, test, ran)
    return TestResult(
        id=f"{place}::{name}",
        outcome=outcome,
        cause=cause,  # type: ignore[arg-type]
        message=message,
        file=os.path.normpath(os.path.join(place, top.file)) if top else place,
        line=(go_crash.line_of(test, top.file) or top.line) if top else 0,
        seconds=test.seconds,
    )


def _judged(observed: Observed, package: Package, name: str, test: Seen, ran: Ran) -> tuple[Outcome, str, str]:
    message = go_crash.message_of(test, _MESSAGE_LIMIT)
    contradiction = _contradiction(observed, package, name, test)
    if contradiction:
        return "error", "other", f"the report contradicts what happened: {contradiction}. {message}"[:_MESSAGE_LIMIT]
    match test.outcome:
        case "passed":
            return "passed", "", ""
        case "skipped":
            return "skipped", "", message
        case "failed":
            below = [each for other, each in ran.tests.items() if other.startswith(f"{name}/") and _is_red(each)]
            speaks = below[0] if below and not message else test
            return "failed", go_crash.cause_of(speaks, observed.ours), message or go_crash.message_of(speaks, 500)
        case _ if observed.ended.timed_out:
            return "error", "timeout", "was running when the time was over"
        case _:
            return "error", "other", "was running when the test binary ended"


def _contradiction(observed: Observed, package: Package, name: str, test: Seen) -> str:
    """What our own line in the test saw, against what go says; it is in top-level tests alone."""
    if "/" in name or test.outcome not in ("passed", "skipped"):
        return ""
    witness = observed.witnesses.get((package.path, name), Witness())
    if witness.failed:
        return f"it failed, yet the report says {test.outcome}"
    if test.outcome == "skipped":
        return ""
    if not witness.entered or witness.left != witness.entered:
        return f"it was {'not run to its end' if witness.entered else 'never run'}, yet the report says passed"
    return "it was skipped, yet the report says passed" if witness.skipped else ""


def _is_red(test: Seen) -> bool:
    return test.outcome == "failed"


def _unbuilt(observed: Observed, package: Package, ran: Ran) -> Iterator[TestResult]:
    """A package that could not be built stands for each of its tests."""
    said = "".join(
        text for events in observed.rounds for name, text in events.builds.items() if name == ran.failed_build
    )
    why = go_build.broken(package, observed.packages, said, observed.root)
    place = _place(observed, package)
    for test in package.tests or (None,):
        id = f"{place}::{test.name}" if test else place
        file = why.file or (os.path.join(package.directory, test.file) if test else package.directory)
        yield TestResult(
            id=id, outcome="error", cause=why.cause, message=why.message[:_MESSAGE_LIMIT],
            file=os.path.relpath(file, observed.root), line=why.line, uncollected=True,
        )  # fmt: skip


def _place(observed: Observed, package: Package) -> str:
    """The package's directory, relative to where the suite ran."""
    return os.path.relpath(package.directory, observed.root)


def _unseen(observed: Observed) -> Iterator[str]:
    seen = merged(observed.rounds)
    for path, package in observed.packages.by_path.items():
        ran = seen.get(path)
        if ran is None or not ran.failed_build:
            tests = ran.tests if ran else {}
            yield from (f"{_place(observed, package)}::{test.name}" for test in package.tests if test.name not in tests)


def _crashes(observed: Observed) -> Iterator[str]:
    for events in observed.rounds[:-1]:
        for path, ran in events.packages.items():
            if ran.crashed:
                yield f"{ran.crashed} of {path} crashed and ended its process; what had not run yet was run after that"


# -- whether it adds up ------------------------------------------------------------------------------------------------


def _why_incomplete(observed: Observed, results: Sequence[TestResult], unseen: Sequence[str]) -> str:
    """The first thing that does not add up, or "" when all does."""
    packages = [(path, ran) for events in observed.rounds for path, ran in events.packages.items()]
    reasons = (
        _of_the_process(observed),
        _of_the_modules(observed),
        next((why for path, ran in packages if (why := _of_a_package(observed, path, ran))), ""),
        _of_the_inventory(observed, results, unseen),
        _of_the_exit_code(observed, results),
    )
    return next((reason for reason in reasons if reason), "")


def _of_the_process(observed: Observed) -> str:
    ended = observed.ended
    said = f": {ended.last_line}" if ended.last_line else ""
    if ended.timed_out:
        return f"timed out after {observed.timeout_seconds:g} s"
    if observed.packages.why_not:
        return observed.packages.why_not
    problem = next((events.problem for events in observed.rounds if events.problem), "")
    if problem:
        return problem
    if ended.exit_code not in (0, 1):
        return f"go ended with {ended.exit_code}{said}"
    if not any(events.packages for events in observed.rounds) and ended.exit_code:
        return f"go tested no package{said}"
    return ""


def _of_the_modules(observed: Observed) -> str:
    texts = [build for events in observed.rounds for build in events.builds.items()]
    absent = next((module for build, text in texts if (module := go_build.absent_module(build, text))), "")
    return f"the module of {absent} is not in Go's cache: fetch it by `go mod download`" if absent else ""


def _of_a_package(observed: Observed, path: str, ran: Ran) -> str:
    if ran.runs != 1 or ran.ends != 1:
        return f"{path} never came to its end" if not ran.ends else f"{path} was reported {ran.ends} times"
    if ran.after_the_end:
        return f"something was reported of {path} after its end"
    twice = next((name for name, test in ran.tests.items() if test.contradicts_itself), "")
    if twice and not observed.repeats:
        return f"{twice} of {path} was reported more than once, or without being run"
    red = any(_is_red(test) for test in ran.tests.values())
    if ran.outcome == "passed" and red:
        return f"{path} passed although a test of it failed"
    if ran.outcome == "failed" and not red and not ran.failed_build:
        lines = [line for line in ran.output.splitlines() if line.strip() and not line.startswith("FAIL")]
        return f"{path} failed although none of its tests did{': ' + lines[0].strip()[:200] if lines else ''}"
    return ""


def _of_the_inventory(observed: Observed, results: Sequence[TestResult], unseen: Sequence[str]) -> str:
    known = sum(len(package.tests) for package in observed.packages.by_path.values())
    if unseen and not observed.selects:
        return f"{len(unseen)} of {known} tests were not run, the first is {unseen[0]}"
    lost = [result.id for result in results if result.outcome == "error" and result.message.startswith("was running")]
    if lost:
        return f"the test binary ended while {lost[0]} was running"
    for path, package in observed.packages.by_path.items():
        names = {test.name for test in package.tests}
        for events in observed.rounds:
            ran = events.packages.get(path)
            top = {name.partition("/")[0] for name in ran.tests} if ran else set()
            stranger = next((name for name in sorted(top - names) if not name.startswith("Benchmark")), "")
            if stranger:
                return f"{stranger} of {path} was reported, and no test file has it"
    strange = next(
        (path for events in observed.rounds for path in events.packages.keys() - observed.packages.by_path), ""
    )
    return f"{strange} was reported, and is no package of this suite" if strange else ""


def _of_the_exit_code(observed: Observed, results: Sequence[TestResult]) -> str:
    code, red = observed.ended.exit_code, sum(result.is_red for result in results)
    if code and not red:
        return "go ended with 1 although no test is red"
    return f"go ended with 0 although {red} of its tests are red" if red and not code else ""
