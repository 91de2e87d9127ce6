"""Runs the user's mocha with our reporter inside, one test after the other, measured by c8 or nyc."""

from __future__ import annotations

import os

from phasegate.collectors import js_coverage
from phasegate.collectors.interface import Ask, SuiteRun
from phasegate.collectors.js_coverage import Measured
from phasegate.collectors.js_project import command, without
from phasegate.collectors.js_session import Session

_FLAGS = ("--watch", "-w", "--bail", "-b", "--parallel", "-p")
_VALUED = ("--reporter", "-R", "--reporter-option", "--reporter-options", "-O", "--jobs", "-j")


def detect(root: str, settings: str = "") -> tuple[str, ...]:
    """The command that runs this project's mocha. Raises NoTestCommand."""
    return without(command(root, "mocha", settings=settings), flags=_FLAGS, valued=_VALUED)


def run(ask: Ask) -> SuiteRun:
    """Run it. Raises TestCommandNotStarted and NoScratchDirectory; what happens later is in the result."""
    session = Session("mocha", ask)
    scratch = session.channel.scratch
    measuring, why_not = (
        js_coverage.around(ask.place, ask.source_roots, scratch) if ask.measure else ((), "not asked for")
    )
    # Of several processes none knows all tests.
    ours = (
        "--require", session.reporter("mocha_loading.cjs"), "--reporter", session.reporter("mocha.cjs"),
        "--no-bail", "--no-parallel", "--no-watch", "--full-trace",
    )  # fmt: skip
    argv = (*measuring, *session.command, *ours, *ask.args)
    ended = session.run(argv, session.environment())
    tests = session.seen(argv, ended)
    report = os.path.join(js_coverage.folder(scratch), "coverage-final.json")
    measured = Measured(None, why_not) if why_not else js_coverage.read(report, tests)
    return session.suite_run(tests, measured, ended)
