"""`phasegate check`: run the collectors and record what they show."""

from __future__ import annotations

import rich_click as click

from phasegate.engine import checks
from phasegate.engine.advance import observe
from phasegate.entrypoints import checking
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk, json_option
from phasegate.errors import Exit
from phasegate.evidence.items import CoverageSeen, NoCoverage, TestsSeen
from phasegate.gates.interface import some
from phasegate.wiring import RealDesk

PATIENCE = 55.0
"""Seconds a call waits for the runner before it says how to wait on; clients end a command after some minutes."""

REMEDY = "Mend that (`[tests]` in phasegate.toml has the command and its time), then `phasegate check tests`."


@click.command()
@click.argument("what", type=click.Choice(["tests"]), default="tests")
@click.option("--again", "anew", is_flag=True, help="Run even if this very tree has been tested.")
@json_option
def check(what: str, anew: bool, as_json: bool) -> int:
    """Run the tests and record the evidence, for the tree as it is now.

    In a run a process of its own runs them, and its result reaches the ledger whoever survives.

    Example: phasegate check tests
    """
    with desk() as opened:
        state, seen = observe(opened, checks.reap(opened, opened.state()))
        run = state.run_in(opened.worktree)
        known = state.newest(TestsSeen, subject=seen.subject)
        fresh = known is not None and isinstance(known.seen, TestsSeen) and known.seen.complete
        if run is None:
            tests, coverage = checking.check_here(opened, lambda line: output.progress(f"phasegate: {line}"))
            return report(tests, coverage, as_json=as_json)
        if not run.checks and (anew or not fresh):
            checking.start_detached(opened)
        elif not run.checks:
            output.progress("phasegate: this tree has been tested already; `--again` runs the tests anyway")
        return wait_and_report(opened, PATIENCE, as_json=as_json)


def wait_and_report(opened: RealDesk, seconds: float, *, as_json: bool) -> int:
    """Wait for the runner at work, then say what the newest run on this tree showed."""
    said = [""]

    def say(line: str) -> None:
        if line != said[0]:
            said[0] = line
            output.progress(f"phasegate: {line}")

    state, left = checking.await_checks(opened, seconds, say)
    if left:
        text = f"The tests are still running ({said[0]}). Call `phasegate wait`."
        output.give({"running": True, "said": said[0]}) if as_json else output.say(f"phasegate: {text}")
        return Exit.OK
    state, seen = observe(opened, state)
    tests, coverage = state.newest(TestsSeen, subject=seen.subject), None
    for evidence in reversed(list(state.evidence.values())):
        if isinstance(evidence.seen, CoverageSeen | NoCoverage) and evidence.subject == seen.subject:
            coverage = evidence.seen
            break
    if tests is None or not isinstance(tests.seen, TestsSeen):
        return _nothing(opened, as_json)
    return report(tests.seen, coverage, as_json=as_json)


def _nothing(opened: RealDesk, as_json: bool) -> int:
    """No run speaks for the tree: say why the newest one does not."""
    state = opened.state()
    newest = state.newest(TestsSeen)
    why = "no test run is recorded"
    if newest is not None and isinstance(newest.seen, TestsSeen):
        why = newest.seen.why_incomplete or "the tree has changed since the newest test run"
    if as_json:
        output.give({"running": False, "says": "unknown", "why": why})
    else:
        output.say(f"phasegate: {why}.\n  {REMEDY}")
    return Exit.CANNOT_TELL


def report(tests: TestsSeen, coverage: CoverageSeen | NoCoverage | None, *, as_json: bool) -> int:
    """Say what a run showed; the exit code tells green (0), red (1), cannot tell (7)."""
    code = Exit.CANNOT_TELL if not tests.complete else Exit.GATE_FAILED if tests.red else Exit.OK
    if as_json:
        output.give({"running": False, "tests": tests, "coverage": coverage, "exit": int(code)})
        return code
    if not tests.complete:
        output.say(f"phasegate: cannot tell: {tests.why_incomplete}.\n  {REMEDY}")
    output.say(f"phasegate: {tests.passed} of {tests.collected} tests pass ({tests.runner}); recorded.")
    for test in tests.red[:20]:
        fresh = "newly red" if test.id in tests.newly_red else "new" if test.id in tests.new else "red"
        output.say(
            f"  {fresh}: {test.id} ({test.cause}) {test.message.splitlines()[0] if test.message else ''}".rstrip()
        )
    if tests.gone:
        output.say(f"  gone since the phase began: {some(tests.gone)}")
    if isinstance(coverage, CoverageSeen):
        output.say(
            f"  statements covered: {coverage.percent:.1f} % of all, {coverage.changed_percent:.0f} % of changed lines"
        )
    elif isinstance(coverage, NoCoverage):
        output.say(f"  coverage unknown: {coverage.why}")
    return code
