"""`phasegate check`: run the collectors, record what they show, and say whether the tree is as good as it was."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

import rich_click as click

from phasegate.collectors.interface import NoTestCommand, TestCommandNotStarted
from phasegate.engine import checks
from phasegate.engine.advance import observe
from phasegate.engine.moments import outside
from phasegate.entrypoints import checking, scanning
from phasegate.entrypoints.cli import check_secrets, machines, output, scans
from phasegate.entrypoints.cli.session import actor, desk, json_option
from phasegate.entrypoints.standalone import standalone
from phasegate.errors import Exit, Failure
from phasegate.evidence.findings import FindingsSeen
from phasegate.evidence.items import CoverageSeen, NoCoverage, TestsSeen, per_cent
from phasegate.evidence.levels import SuiteLevel
from phasegate.gates import changed_lines_checked
from phasegate.gates.catalog import at_place
from phasegate.gates.found import newest_scan
from phasegate.gates.interface import Verdict, some
from phasegate.gates.standing import QUESTIONS, asked_of, standing
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.rules.rule import CHECK
from phasegate.settings import SarifReport
from phasegate.wiring import RealDesk

PATIENCE = 55.0
"""Seconds a call waits for the runner before it says how to wait on; clients end a command after some minutes."""

REMEDY = "Mend that (`[tests]` in phasegate.toml has the command and its time), then `phasegate check tests`."

MARKS = {"pass": "ok     ", "fail": "FAILED ", "unknown": "unknown"}


@click.command()
@click.argument("what", type=click.Choice(["all", *QUESTIONS]), default="all")
@click.argument("paths", nargs=-1)
@click.option("--again", "anew", is_flag=True, help="Run even if this very tree, or these contents, were looked at.")
@click.option(
    "--standalone", "alone", is_flag=True, help="Judge this checkout with no set-up, and leave nothing behind."
)
@click.option("--junit", type=click.Path(dir_okay=False), help="Write tests and gates as JUnit XML to this file.")
@click.option("--sarif", type=click.Path(dir_okay=False), help="Write findings, red tests and shut gates as SARIF.")
@click.option(
    "--report",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Take in what another scanner found, from its SARIF file.",
)
@click.option("--staged", is_flag=True, help="With `secrets`: what the next commit would bring.")
@click.option(
    "--history",
    is_flag=False,
    flag_value=check_secrets.EVERYTHING,
    metavar="[REF..REF]",
    help="With `secrets`: every content that commits brought.",
)
@click.option("--files", "named", is_flag=True, help="With `secrets`: the PATHS that follow; `-` is standard input.")
@click.option("--update", "fetch", is_flag=True, help="Fetch the newest advisories first (`check deps`).")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True),
    help="Take advisories from a zip file or folder of OSV records (`check deps`).",
)
@json_option
def check(
    what: str,
    paths: tuple[str, ...],
    staged: bool,
    history: str | None,
    named: bool,
    anew: bool,
    alone: bool,
    junit: str | None,
    sarif: str | None,
    files: tuple[str, ...],
    fetch: bool,
    source: str | None,
    as_json: bool,
) -> int:
    """Run tests and scanners on the tree as it is now, record the evidence, and say what it comes to.

    What was red, broken or uncovered when phasegate came (`phasegate init`) may stay; nothing may become worse. In a
    run a process of its own runs the tests, and its result reaches the ledger whoever survives.

    Which scanners look when none is named, `scanners` of the settings says.

    Example: phasegate check
    """
    if staged or named or history is not None:
        _refuse_mixed(what, paths, (staged, named, history is not None))
        return check_secrets.look(staged=staged, history=history, files=paths, anew=anew, as_json=as_json)
    if paths:
        raise click.UsageError(f"{paths[0]!r} is nothing to check; files go with `phasegate check secrets --files`.")
    reports = _reports(files, what)
    if (fetch or source) and what != "deps":
        raise click.UsageError("--update and --from go with `phasegate check deps`.")
    with standalone(os.getcwd(), actor()) if alone else desk() as opened:
        asked = asked_of(opened.settings) if what == "all" else (what,)
        asked += ("sast",) if reports and "sast" not in asked else ()
        if fetch or source:
            _bring_advisories(opened, source)
        for scanner, look in scanning.SCANNERS.items():
            if scanner in asked:
                found = partial(scanning.weak_code, also=reports) if scanner == "sast" else look
                scanning.scan(opened, scanner, lambda said: output.progress(f"phasegate: {said}"), found)
        why_not = None
        if "tests" in asked or "coverage" in asked:
            try:
                running = _run_tests(opened, anew)
            except (NoTestCommand, TestCommandNotStarted) as failure:
                if what != "all":
                    raise
                running, why_not = "", failure
            if running:
                return _tell_running(running, as_json)
        subject, verdicts = _verdicts(opened, asked, why_not)
        machines.write(opened, verdicts, junit=junit, sarif=sarif)
        if what == "tests":
            return report_tests(opened, as_json=as_json)
        return _tell(opened, asked, subject, verdicts, as_json)


def _refuse_mixed(what: str, paths: tuple[str, ...], places: tuple[bool, bool, bool]) -> None:
    if what != "secrets" or sum(places) > 1 or (paths and not places[1]):
        raise click.UsageError("One of --staged, --history and --files PATHS goes with `phasegate check secrets`.")


def _reports(files: tuple[str, ...], what: str) -> tuple[SarifReport, ...]:
    if files and what not in ("all", "sast"):
        raise click.UsageError("--report goes with `phasegate check sast`.")
    return tuple(SarifReport(file=os.path.abspath(file)) for file in files)


def _bring_advisories(opened: RealDesk, source: str | None) -> None:
    """Bring advisories into the user's cache before anything is looked up in them."""
    from phasegate.entrypoints import advising, known_holes

    def say(said: str) -> None:
        output.progress(f"phasegate: {said}")

    if source is not None:
        made = advising.bring(source, os.environ, say)
    else:
        wanted = known_holes.ecosystems_of(opened)
        made = advising.update(opened.settings.deps.source, wanted, os.environ, say)
        if not wanted:
            say("no lock file names a package, so no advisories were fetched")
    for about in made:
        say(f"{about.records} advisories for {about.ecosystem}, as of {about.date}")


def _run_tests(opened: RealDesk, anew: bool) -> str:
    """Run the tests unless this very tree was tested; what the runner said last when it is still at work."""
    state, seen = observe(opened, checks.reap(opened, opened.state()))
    run = state.run_in(opened.worktree)
    known = state.newest(TestsSeen, subject=seen.subject)
    fresh = known is not None and isinstance(known.seen, TestsSeen) and known.seen.complete
    if run is not None and run.checks:
        return _waited(opened, PATIENCE)
    if fresh and not anew:
        scanning.compare_tests(opened, lambda said: output.progress(f"phasegate: {said}"))
        output.progress("phasegate: this tree has been tested already; `--again` runs the tests anyway")
        return ""
    if run is None:
        checking.check_here(opened, lambda said: output.progress(f"phasegate: {said}"))
        return ""
    runner = checking.start_detached(opened)
    said = _waited(opened, PATIENCE)
    if not said:
        checking.must_have_told(opened, runner)
    return said


def _waited(opened: RealDesk, seconds: float) -> str:
    """Wait for the runner at work; what it said last when it has not ended by then."""
    said = ["the tests are running"]

    def say(text: str) -> None:
        if text != said[0]:
            said[0] = text
            output.progress(f"phasegate: {text}")

    _, left = checking.await_checks(opened, seconds, say)
    return said[0] if left else ""


def wait_and_report(opened: RealDesk, seconds: float, *, as_json: bool) -> int:
    """Wait for the runner at work, then say what the newest run on this tree showed."""
    running = _waited(opened, seconds)
    return _tell_running(running, as_json) if running else report_tests(opened, as_json=as_json)


def _tell_running(said: str, as_json: bool) -> int:
    text = f"The tests are still running ({said}). Call `phasegate wait`."
    output.give({"running": True, "said": said}) if as_json else output.say(f"phasegate: {text}")
    return Exit.OK


def report_tests(opened: RealDesk, *, as_json: bool) -> int:
    """Say what the newest test run on the tree as it is showed."""
    state, seen = observe(opened, opened.state())
    tests = state.newest(TestsSeen, subject=seen.subject)
    found = state.newest((CoverageSeen, NoCoverage), subject=seen.subject)  # type: ignore[arg-type]
    coverage = found.seen if found is not None and isinstance(found.seen, CoverageSeen | NoCoverage) else None
    if tests is None or not isinstance(tests.seen, TestsSeen):
        return _nothing(state, as_json)
    verdict, weakened = standing(("tests", "ratchets"), state, seen.subject, opened.today())
    survivors = newest_scan(state, changed_lines_checked.SCANNER, seen.subject)
    return report(
        tests.seen, coverage, verdict, weakened, survivors=survivors[1] if survivors else None, as_json=as_json
    )


def _nothing(state: State, as_json: bool) -> int:
    """No run speaks for the tree: say why the newest one does not."""
    newest = state.newest(TestsSeen)
    why = "no test run is recorded"
    if newest is not None and isinstance(newest.seen, TestsSeen):
        why = newest.seen.why_incomplete or "the tree has changed since the newest test run"
    if as_json:
        output.give({"running": False, "says": "unknown", "why": why})
    else:
        output.say(f"phasegate: {why}.\n  {REMEDY}")
    return Exit.CANNOT_TELL


def report(
    tests: TestsSeen, coverage: CoverageSeen | NoCoverage | None, verdict: Verdict, weakened: Verdict, *,
    survivors: FindingsSeen | None = None, as_json: bool,
) -> int:  # fmt: skip
    """Say what a run showed; the exit code tells as good as it was (0), newly red or weaker (1), cannot tell (7)."""
    worse = "fail" in (verdict.says, weakened.says)
    code = Exit.CANNOT_TELL if not tests.complete else Exit.GATE_FAILED if worse else Exit.OK
    if as_json:
        metrics = coverage.metrics if isinstance(coverage, CoverageSeen) else {}
        output.give({"running": False, "tests": tests, "coverage": coverage, "metrics": metrics,
                     "weakened": weakened, "mutants": survivors, "exit": int(code)})  # fmt: skip
        return code
    if not tests.complete:
        output.say(f"phasegate: cannot tell: {tests.why_incomplete}.\n  {REMEDY}")
    output.say(f"phasegate: {tests.passed} of {tests.collected} tests pass ({tests.runner}); recorded.")
    for each in tests.levels:
        output.say(f"  level: {level_line(each)}")
    if tests.flaky:
        output.say(f"  flaky, red and then passed: {some(tests.flaky)}")
    for test in tests.hollow[:20]:
        output.say(f"  shows nothing: {line(test.id, 200)} ({line(test.why, 200)})")
    for red in tests.red[:20]:
        fresh = "newly red" if red.id in tests.newly_red else "new" if red.id in tests.new else "red"
        said = red.message.splitlines()[0] if red.message else ""
        output.say(f"  {fresh}: {red.id} ({red.cause}) {said}".rstrip())
    if tests.gone:
        output.say(f"  gone since the phase began: {some(tests.gone)}")
    if isinstance(coverage, CoverageSeen):
        changed = f"{per_cent(coverage.changed_percent, 0)} of changed lines"
        output.say(f"  statements covered: {per_cent(coverage.percent)} of all, {changed}")
        if coverage.said:
            output.say(f"  {coverage.said}")
        if coverage.outside:
            output.say(f"  left out: {coverage.outside} files that the report names and the project has not")
    elif isinstance(coverage, NoCoverage):
        output.say(f"  coverage unknown: {coverage.why}")
    if survivors is not None:
        _tell_survivors(survivors)
    if not weakened.passes:
        output.say(
            f"  {'weaker than before' if weakened.says == 'fail' else 'whether tests became weaker is unknown'}:"
        )
        for reason in weakened.reasons:
            output.say(f"    {line(reason, 2000)}")
        output.say(f"  {weakened.remedy}")
    return code


def _tell_survivors(seen: FindingsSeen) -> None:
    """Small changes of the code that no test noticed, and how many were tried."""
    for each in seen.findings[:20]:
        output.say(f"  not noticed: {line(each.place, 200)} {line(each.message, 300)} [{each.fingerprint}]")
    for said in (*seen.why_unknown, *seen.notes):
        output.say(f"  {line(said, 300)}")


def level_line(level: SuiteLevel) -> str:
    """How sure a suite's run is, and why no surer."""
    named = f"{level.suite}: " if level.suite else ""
    return f"{named}{level.level}{f', since {line(level.why, 300)}' if level.why else ''}"


def _verdicts(
    opened: RealDesk, asked: tuple[str, ...], why_not: Failure | None
) -> tuple[str, tuple[Verdict, ...]]:  # fmt: skip
    """The digest of the tree as it is, and what each question, and each rule for this place, says of it."""
    state, seen = observe(opened, opened.state())
    said = standing(asked, state, seen.subject, opened.today())
    verdicts = tuple(checking.explained(verdict, why_not) for verdict in said)
    if len(asked) > 1:
        verdicts += at_place(CHECK, outside(opened, state, seen))
    return seen.subject, verdicts


def _tell(
    opened: RealDesk, asked: tuple[str, ...], subject: str, verdicts: tuple[Verdict, ...], as_json: bool
) -> int:  # fmt: skip
    """What each question says, and the exit code that sums it up."""
    state, today = opened.state(), opened.today()
    if as_json:
        told = {"subject": subject, "scans": dict(scans.of(state, asked, subject, today))}
        return tell_verdicts(verdicts, told)
    code = tell_verdicts(verdicts, None)
    if len(asked) == 1:
        scans.tell(state, asked[0], subject, today)
    return code


def tell_verdicts(verdicts: tuple[Verdict, ...], as_json: Mapping[str, object] | None) -> int:
    """Say each verdict, or give them as JSON beside what `as_json` holds; the exit code that sums them up."""
    code = exit_code(verdicts)
    if as_json is not None:
        output.give({**as_json, "verdicts": verdicts, "exit": int(code)})
        return code
    for verdict in verdicts:
        said = "; ".join(line(reason, 400) for reason in verdict.reasons)
        output.say(f"{MARKS[verdict.says]}  {verdict.gate}: {said}")
        if verdict.remedy:
            output.say(f"         {verdict.remedy}")
    return code


def exit_code(verdicts: tuple[Verdict, ...]) -> Exit:
    """One failed gate outweighs what is unknown, which outweighs all that passed."""
    says = {verdict.says for verdict in verdicts}
    return Exit.GATE_FAILED if "fail" in says else Exit.CANNOT_TELL if "unknown" in says else Exit.OK
