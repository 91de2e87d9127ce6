"""Runs every suite of a project, one after the other, and puts together what they showed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping

from phasegate.collectors import catalog, environment, one_run, process
from phasegate.collectors.interface import Ask, SuiteRun, TestCommandNotStarted
from phasegate.collectors.results import Artifact
from phasegate.collectors.roots import source_roots
from phasegate.evidence.suites import Suite, coverage_of_all, together
from phasegate.settings import Tests


def run_suites(root: str, suites: Mapping[str, Tests], scratch: str, say: Callable[[str], None]) -> SuiteRun:
    """Run all of `suites` (by name, as settings have them) of the project at `root`."""
    seen = {name: run_suite(root, tests, scratch, _naming(name, say)) for name, tests in suites.items()}
    parts = [
        Suite(name, suites[name].directory, run.tests, run.coverage, run.why_no_coverage) for name, run in seen.items()
    ]
    coverage, why_not = coverage_of_all(parts)
    artifacts = [_named(name, artifact) for name, run in seen.items() for artifact in run.artifacts]
    return SuiteRun(together(root, parts), coverage, why_not, tuple(artifacts))


def run_suite(root: str, tests: Tests, scratch: str, say: Callable[[str], None]) -> SuiteRun:
    """Run one suite, after what prepares it. Raises NoTestCommand when no command is set and none is found."""
    place = os.path.join(root, tests.directory) if tests.directory else root
    if tests.prepare:
        _prepare(tests, place, say)
    runner = catalog.runner(tests.runner)
    return runner.run(
        Ask(
            root=root, directory=place, command=tests.command or runner.detect(place), args=tests.args, env=tests.env,
            scratch=scratch, source_roots=source_roots(root, tests), timeout_seconds=tests.timeout_seconds,
            reports=tests.reports, coverage_reports=tests.coverage_reports, on_progress=say,
        )
    )  # fmt: skip


def command_of(root: str, tests: Tests) -> tuple[str, ...]:
    """The command that runs a suite: as set, else found. Raises NoTestCommand."""
    return tests.command or catalog.runner(tests.runner).detect(os.path.join(root, tests.directory))


def _prepare(tests: Tests, place: str, say: Callable[[str], None]) -> None:
    words = shlex.join(tests.prepare)
    say(f"preparing: {words}")
    try:
        ended = process.run(
            tests.prepare, cwd=place, env=environment.clean(tests.env).variables, timeout_seconds=tests.timeout_seconds
        )
    except OSError as problem:
        raise one_run.not_started(f"`{words}`, which prepares the tests,", problem) from problem
    if ended.exit_code or ended.timed_out:
        raise TestCommandNotStarted(
            f"`{words}`, which prepares the tests, failed: {ended.last_line}.",
            hint="Run it by hand, mend what it names, and repeat.",
        )


def _naming(name: str, say: Callable[[str], None]) -> Callable[[str], None]:
    return (lambda line: say(f"{name}: {line}")) if name else say


def _named(name: str, artifact: Artifact) -> Artifact:
    """`coverage.json` of the suite `web` is `coverage-web.json`."""
    stem, dot, ending = artifact.name.partition(".")
    return Artifact(f"{stem}-{name}{dot}{ending}", artifact.content) if name else artifact
