"""Runs the user's jest with our reporter inside, and measures by jest's own coverage."""

from __future__ import annotations

import os

from phasegate.collectors import js_coverage
from phasegate.collectors.interface import Ask, SuiteRun
from phasegate.collectors.js_coverage import Measured
from phasegate.collectors.js_project import command, package_in, without
from phasegate.collectors.js_session import Session

_FLAGS = (
    "--watch", "--watchAll", "--coverage", "--collectCoverage", "--ci", "--silent", "--json", "--bail", "-b", "-u",
    "--updateSnapshot", "-o", "--onlyChanged", "--verbose", "--no-coverage",
)  # fmt: skip
_VALUED = ("--reporters", "--coverageReporters", "--coverageDirectory", "--outputFile", "--cacheDirectory")


def detect(root: str, settings: str = "") -> tuple[str, ...]:
    """The command that runs this project's jest, by itself or by react-scripts. Raises NoTestCommand."""
    package = package_in(settings or root)
    if package is not None and package.depends_on("react-scripts"):
        return _less(command(root, "react-scripts", settings=settings), "test")
    return _less(command(root, "jest", settings=settings))


def _less(found: tuple[str, ...], *first: str) -> tuple[str, ...]:
    words = without(found, flags=_FLAGS, valued=_VALUED)
    return words if not first or first[0] in words else (*words, *first)


def run(ask: Ask) -> SuiteRun:
    """Run it. Raises TestCommandNotStarted and NoScratchDirectory; what happens later is in the result."""
    session = Session("jest", ask)
    # react-scripts starts another node, to which the channel must be left.
    began = session.command if "react-scripts" in " ".join(ask.command) else session.preloaded(session.command)
    argv = (*began, *_ours(session), *ask.args)
    ended = session.run(argv, session.environment())
    tests = session.seen(argv, ended)
    report = os.path.join(js_coverage.folder(session.channel.scratch), "coverage-final.json")
    measured = js_coverage.read(report, tests) if ask.measure else Measured(None, "not asked for")
    return session.suite_run(tests, measured, ended)


def _ours(session: Session) -> tuple[str, ...]:
    """Nothing stops the run early, nothing is written into the tree, and the reporters are jest's own and ours."""
    scratch = session.channel.scratch
    words = (
        "--ci", "--watch=false", "--watchAll=false", "--bail=0", "--testLocationInResults",
        f"--cacheDirectory={os.path.join(scratch, 'cache')}",
        "--reporters=default", f"--reporters={session.reporter('jest.cjs')}",
    )  # fmt: skip
    if not session.ask.measure:
        return (*words, "--coverage=false")
    wanted = (*js_coverage.sources(session.ask.source_roots), *(f"!{pattern}" for pattern in js_coverage.NO_SOURCE))
    return (
        *words, "--coverage", "--coverageReporters=json", f"--coverageDirectory={js_coverage.folder(scratch)}",
        "--coverageThreshold={}", *(f"--collectCoverageFrom={pattern}" for pattern in wanted),
    )  # fmt: skip
