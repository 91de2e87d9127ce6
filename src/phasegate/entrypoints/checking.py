"""Runs the project's tests and records what they show; here, or in a process of its own that outlives us."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from phasegate.collectors.interface import NoTestCommand, SuiteRun
from phasegate.engine import checks
from phasegate.engine.advance import observe
from phasegate.engine.desk import Observation
from phasegate.entrypoints import mutating, scanning, suite_runs, surveying, touching
from phasegate.errors import Exit, Failure
from phasegate.evidence.items import Artifact, CoverageSeen, NoCoverage, TestsSeen
from phasegate.evidence.tests import changed_environment
from phasegate.gates.found import newest_scan
from phasegate.gates.interface import Verdict
from phasegate.ledger.event import Actor
from phasegate.ledger.facts import CheckEnded, CheckStarted
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import Check, RunRecord, State
from phasegate.wiring import VERSION, RealDesk, open_project
from phasegate.workspace import processes

START_SECONDS = 20.0
POLL_SECONDS = 0.2


class RunnerDied(Failure):
    """The detached runner ended before it had anything to tell, whether it could not begin or was killed."""

    code = "runner-died"
    exit_code = Exit.CANNOT_TELL


Say = Callable[[str], None]


def check_here(
    desk: RealDesk, say: Say, *, check: str = "", since: str = ""
) -> tuple[TestsSeen, CoverageSeen | NoCoverage]:
    """Run the tests now, in this process, and record the evidence. `check` names a detached check, if this is one.

    Changed lines are those since the phase's start; outside a run since the tree `since`, when one is given. What lies
    in other projects is then left to them.
    """
    scanning.compare_tests(desk, say)
    state, before = observe(desk, desk.state())
    run = state.run_in(desk.worktree)
    if check and run is not None:
        born = processes.born(os.getpid())
        started = CheckStarted(run.id, check, "tests", os.getpid(), born, before.subject)
        state = desk.record([started], relying_on=None)
    scratch = tempfile.mkdtemp(prefix="check-", dir=_scratch(desk))
    start = _start(state, run, since)
    alone = bool(since) or not desk.settings.elsewhere
    others = () if alone else _others(desk, state, run, _changed(desk, start, before.tree))
    theirs = {other.name: other.tests for other in others}
    try:
        ran = suite_runs.run(desk, state, run, start, before.tree, scratch, say, theirs)
    except NoTestCommand as failure:
        raise surveying.why_nothing_runs(desk.project.where, desk.settings.all_suites(), failure) from failure
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return _record(desk, desk.state(), before, ran, check, start, others)


def _start(state: State, run: RunRecord | None, since: str) -> str:
    """The tree that changes are counted from."""
    return state.record_of(run.phase).tree if run is not None and run.phase else since


def _others(desk: RealDesk, state: State, run: RunRecord | None, changed: list[str]) -> tuple[touching.Other, ...]:
    began = state.record_of(run.phase).started_ms if run is not None and run.phase else None
    return touching.touched(desk, changed, checks.red_seen(state, run), began)


def _changed(desk: RealDesk, start: str, now: str) -> list[str]:
    return [change.path for change in desk.tree.changes(start, now)] if start and start != now else []


def _record(
    desk: RealDesk,
    state: State,
    before: Observation,
    ran: suite_runs.Ran,
    check: str,
    start: str,
    others: tuple[touching.Other, ...],
) -> tuple[TestsSeen, CoverageSeen | NoCoverage]:
    """Evidence of the tree the tests ran on; of neither when the tree changed under them."""
    result = ran.result
    # A private run is of the tree that was observed, whatever happens to the work tree meanwhile.
    alone = all(level.level == "private" for level in result.tests.levels)
    after = before if alone and result.tests.levels else observe(desk, state)[1]
    run = state.run_in(desk.worktree)
    own, compared_to = checks.baseline_of(desk, state, run) or (None, "")
    known = touching.with_theirs(own, others, result.tests)
    tests = checks.seen_of(result.tests, known, compared_to, checks.red_seen(state, run), _renamed(state, before))
    tests = replace(tests, excused=touching.excused(others, result.tests))
    beside = changed_environment(own, result.tests) if own is not None else ()
    tests = replace(tests, infrastructure=(*ran.pending, *beside))
    if after.subject != before.subject:
        paths = [change.path for change in desk.tree.changes(before.tree, after.tree)] or ["an ignored file"]
        why = f"the tree changed while the tests ran ({', '.join(paths[:5])}); let git ignore what tests write"
        tests = replace(tests, complete=False, why_incomplete=why)
    artifacts = _artifacts(desk, result)
    coverage = _coverage(desk, start, after, result, others)
    facts = checks.evidence_facts(
        desk, state, run, check=check, tests=tests, coverage=coverage,
        subject=before.subject, tree=before.tree, artifacts=artifacts,
        survivors=mutating.told(ran.mutation, result.survivors),
    )  # fmt: skip
    desk.record(facts, relying_on=None)
    return tests, coverage


def _renamed(state: State, now: Observation) -> dict[str, str]:
    """The tests of this very tree that the ratchets found again under another id."""
    found = newest_scan(state, "ratchets", now.subject)
    return dict(found[1].renamed) if found is not None and not found[1].why_unknown else {}


def _artifacts(desk: RealDesk, result: SuiteRun) -> tuple[Artifact, ...]:
    whole = desk.keep(checks.RUN_ARTIFACT, msgspec.json.encode(result.tests))
    return (whole, *(desk.keep(artifact.name, artifact.content) for artifact in result.artifacts))


def _coverage(
    desk: RealDesk, start: str, now: Observation, result: SuiteRun, others: tuple[touching.Other, ...]
) -> CoverageSeen | NoCoverage:
    if result.coverage is None:
        return NoCoverage(result.why_no_coverage)
    changed: dict[str, set[int]] = {}
    if start and start != now.tree:
        there = [change.path for change in desk.tree.changes(start, now.tree) if change.after]
        ran = [path for path in there if others or not touching.is_elsewhere(path, desk)]
        paths = [path for path in ran if checks.measurable(path, result.coverage, desk.settings)]
        changed = desk.tree.changed_lines(start, now.tree, paths)
    return checks.coverage_of(result.coverage, changed, desk.settings)


def explained(verdict: Verdict, why_not: Failure | None) -> Verdict:
    """Why nothing ran, where that is why the verdict is unknown."""
    if why_not is None or verdict.says != "unknown" or verdict.gate not in ("tests", "coverage"):
        return verdict
    return msgspec.structs.replace(verdict, reasons=(why_not.message,), remedy=why_not.hint)


# -- a runner that outlives us ----------------------------------------------------------------------------------------


class Runner(NamedTuple):
    """A detached runner: the check it makes, and how long the ledger was when it was started."""

    check: str
    since: int


def start_detached(desk: RealDesk) -> Runner:
    """Start a runner in a session of its own, and return once it has recorded its start."""
    check, since = desk.new_id("check"), desk.state().position
    log = os.path.join(_scratch(desk), f"{check}.log")
    with open(log, "wb") as output:
        runner = subprocess.Popen(
            [sys.executable, "-I", "-m", "phasegate.entrypoints.checking", desk.worktree, check],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/",
        )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        state = desk.state()
        run = state.run_in(desk.worktree)
        if run is None or check in run.checks or runner.poll() is not None:
            break
        time.sleep(POLL_SECONDS)
    if runner.poll() not in (None, 0):
        with open(log, errors="replace") as output_text:
            raise _died(output_text.read().strip()[-600:])
    return Runner(check, since)


def must_have_told(desk: RealDesk, runner: Runner) -> None:
    """Raise RunnerDied when a runner that is no longer at work ended without a result."""
    for fact in map(fact_of, desk.project.log.read(runner.since)):
        if isinstance(fact, CheckEnded) and fact.check == runner.check and fact.lost:
            raise _died(fact.lost)


def _died(why: str) -> RunnerDied:
    return RunnerDied(
        f"The test runner ended without a result: {why}", hint="Mend what it names, then `phasegate check tests`."
    )


def await_checks(desk: RealDesk, seconds: float, say: Say) -> tuple[State, tuple[Check, ...]]:
    """Wait until no runner is at work, at most `seconds`; the state then, and the runners still at work."""
    deadline = time.monotonic() + seconds
    while True:
        state = checks.reap(desk, desk.state())
        run = state.run_in(desk.worktree)
        left = tuple(run.checks.values()) if run is not None else ()
        if not left or time.monotonic() >= deadline:
            return state, left
        for check in left:
            say(progress(desk, check.id))
        time.sleep(POLL_SECONDS)


def progress(desk: RealDesk, check: str) -> str:
    """The last line the runner said."""
    try:
        with open(os.path.join(_scratch(desk), f"{check}.log"), errors="replace") as file:
            return (file.read()[-400:].strip().splitlines() or ["the tests are starting"])[-1]
    except OSError:
        return "the tests are starting"


def _scratch(desk: RealDesk) -> str:
    path = os.path.join(desk.project.directory, "checks")
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def main() -> int:
    """The detached runner: `python -m phasegate.entrypoints.checking WORKTREE CHECK`."""
    worktree, check = sys.argv[1:3]
    project = open_project(worktree, os.environ)
    desk = RealDesk(project, Actor("phasegate", VERSION))

    def say(line: str) -> None:
        print(line, flush=True)

    try:
        check_here(desk, say, check=check)
        return 0
    except Failure as failure:
        say(f"{failure.message} {failure.hint}")
        run = desk.state().run_in(desk.worktree)
        if run is not None and check in run.checks:
            desk.record([CheckEnded(run.id, check, lost=failure.message)], relying_on=None)
        return int(failure.exit_code)
    finally:
        project.close()


if __name__ == "__main__":
    sys.exit(main())
