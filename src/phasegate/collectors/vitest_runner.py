"""Runs the user's vitest with our reporter inside, and measures by vitest's own coverage."""

from __future__ import annotations

import os

from phasegate.collectors import js_coverage
from phasegate.collectors.interface import Ask, SuiteRun
from phasegate.collectors.js_coverage import Measured
from phasegate.collectors.js_project import add_line, command, installed, major, version_of, without
from phasegate.collectors.js_session import Session

_FLAGS = (
    "run", "watch", "dev", "--run", "--watch", "-w", "--ui", "--coverage", "--open", "-u", "--update", "--changed",
    "--standalone", "--silent",
)  # fmt: skip
_VALUED = ("--reporter", "--outputFile", "--bail")
_LOADS_SETTINGS_ITSELF, _KEEPS_MODULES = 3, 5
_PROVIDERS = ("v8", "istanbul")


def detect(root: str, settings: str = "") -> tuple[str, ...]:
    """The command that runs this project's vitest. Raises NoTestCommand."""
    found = command(root, "vitest", settings=settings)
    at = next(at for at, word in enumerate(found) if "vitest" in os.path.basename(word))
    return (*found[: at + 1], "run", *without(found[at + 1 :], flags=_FLAGS, valued=_VALUED))


def run(ask: Ask) -> SuiteRun:
    """Run it. Raises TestCommandNotStarted and NoScratchDirectory; what happens later is in the result."""
    session = Session("vitest", ask)
    version = version_of(ask.place, "vitest")
    why_not = _why_not_measured(ask.place, version) if ask.measure else "not asked for"
    ours = (*_ours(session, version, measured=not why_not), *(_privately(session, version) if ask.inside else ()))
    argv = (*session.preloaded(session.command), *ours, *ask.args)
    # Without CI a new snapshot would be written into the tree.
    ended = session.run(argv, {"CI": "true"} | session.environment())
    tests = session.seen(argv, ended)
    report = os.path.join(js_coverage.folder(session.channel.scratch), "coverage-final.json")
    measured = Measured(None, why_not) if why_not else js_coverage.read(report, tests)
    return session.suite_run(tests, measured, ended)


def _why_not_measured(root: str, version: str) -> str:
    if any(installed(root, f"@vitest/coverage-{provider}") for provider in _PROVIDERS):
        return ""
    wanted = f"@vitest/coverage-v8@{version}" if version else "@vitest/coverage-v8"
    return f"vitest's coverage provider is not installed: `{add_line(root, wanted)}`"


def _ours(session: Session, version: str, *, measured: bool) -> tuple[str, ...]:
    """Nothing stops the run early, nothing is written into the tree, and the reporters are vitest's own and ours."""
    words = ("--bail=0", "--allowOnly", "--reporter=default", f"--reporter={session.reporter('vitest.mjs')}")
    if not measured:
        return (*words, "--coverage.enabled=false")
    include = (f"--coverage.include={pattern}" for pattern in js_coverage.sources(session.ask.source_roots))
    exclude = (f"--coverage.exclude={pattern}" for pattern in js_coverage.NO_SOURCE)
    every = ("--coverage.all=true",) if 0 < major(version) < 4 else ()
    return (
        *words, "--coverage.enabled=true", *_provider(session.root), "--coverage.reporter=json",
        f"--coverage.reportsDirectory={js_coverage.folder(session.channel.scratch)}",
        "--coverage.reportOnFailure=true", *every, *include, *exclude,
    )  # fmt: skip


def _privately(session: Session, version: str) -> tuple[str, ...]:
    """Nothing is written into the packages, nor read of what another run may have left there."""
    loader = ("--configLoader=runner",) if major(version) >= _LOADS_SETTINGS_ITSELF else ()
    modules = ("--fsModuleCache=false",) if major(version) >= _KEEPS_MODULES else ()
    return ("--no-cache", *loader, *modules)


def _provider(root: str) -> tuple[str, ...]:
    """The only one there is; of two the user's own settings choose."""
    there = [provider for provider in _PROVIDERS if installed(root, f"@vitest/coverage-{provider}")]
    return (f"--coverage.provider={there[0]}",) if len(there) == 1 else ()
