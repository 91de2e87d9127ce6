"""Runs every suite of a project, one after the other, and puts together what they showed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from phasegate.collectors import catalog, environment, one_run, process
from phasegate.collectors.interface import Ask, Mutation, SuiteRun, TestCommandNotStarted
from phasegate.collectors.private.inside import Inside
from phasegate.collectors.private.language import LANGUAGES
from phasegate.collectors.results import Artifact
from phasegate.collectors.roots import source_roots
from phasegate.evidence.levels import SuiteLevel
from phasegate.evidence.suites import Suite, coverage_of_all, together
from phasegate.settings import Tests


class Way(Struct, frozen=True):
    """How suites are to run: privately where there is a place `inside`, else where they lie, and `why` so.

    A challenge of some tests may take so many seconds; 0 is for none. `mutation` asks whether they notice changes.
    """

    inside: Inside | None = None
    why: str = "it was run in the work tree"
    challenge_seconds: float = 0.0
    mutation: Mutation | None = None


OPENLY = Way()


def run_suites(
    root: str, suites: Mapping[str, Tests], scratch: str, say: Callable[[str], None], way: Way = OPENLY
) -> SuiteRun:
    """Run all of `suites` (by name, as settings have them) of the project at `root`."""
    if way.mutation is not None and sum(not suite.hidden for suite in suites.values()) > 1:
        # What one suite does not notice another may; trying all of them on each change is not worth its time.
        way = replace(way, mutation=replace(way.mutation, why_not="there are several suites"))
    seen = {name: run_suite(root, tests, scratch, _naming(name, say), way) for name, tests in suites.items()}
    parts = [
        Suite(name, suites[name].directory, run.tests, run.coverage, run.why_no_coverage) for name, run in seen.items()
    ]
    # Hidden tests say whether the code is right; what they run is no reason to leave it untested in the open.
    coverage, why_not = coverage_of_all([part for part in parts if not suites[part.name].hidden])
    artifacts = [_named(name, artifact) for name, run in seen.items() for artifact in run.artifacts]
    survivors = next((run.survivors for run in seen.values() if run.survivors is not None), None)
    return SuiteRun(together(root, parts), coverage, why_not, tuple(artifacts), survivors)


def run_suite(
    root: str, tests: Tests, scratch: str, say: Callable[[str], None], way: Way = OPENLY, *, measure: bool = True
) -> SuiteRun:
    """Run one suite, after what prepares it; `measure` coverage where that can be.

    Raises NoTestCommand when no command is set and none is found.
    """
    place = os.path.join(root, tests.directory) if tests.directory else root
    inside = way.inside if tests.runner in LANGUAGES else None
    seen = inside.seen if inside is not None else str
    told = inside.on_disk(place) if inside is not None else place
    runner = catalog.runner(tests.runner)
    ask = Ask(
        root=seen(root), directory=seen(place), command=_placed(root, tests.command) or runner.detect(place, told),
        args=tests.args, env=tests.env, inherit=tests.inherit, scratch=scratch,
        source_roots=source_roots(root, tests), timeout_seconds=tests.timeout_seconds, reports=tests.reports,
        coverage_reports=tests.coverage_reports, on_progress=say, inside=inside, measure=measure,
        challenge_seconds=way.challenge_seconds, mutation=way.mutation if not tests.hidden else None,
    )  # fmt: skip
    if tests.prepare:
        _prepare(tests, ask, say)
    ran = runner.run(hidden_from(root, tests, ask) if tests.hidden else ask)
    level = _level(tests, way)
    return replace(ran, tests=replace(ran.tests, levels=ran.tests.levels or (level,)))


def hidden_from(root: str, tests: Tests, ask: Ask) -> Ask:
    """The same for a suite that lies outside the repository, and imports the code under test from the tree."""
    place = os.path.realpath(tests.hidden)
    if not os.path.isdir(place) or place.startswith(os.path.realpath(root) + os.sep):
        raise TestCommandNotStarted(
            f"The hidden tests in {tests.hidden} are not there, or lie in the repository.",
            hint="Put them into a folder outside of it, and name that under `hidden` in phasegate.toml.",
        )
    sources = tuple(os.path.normpath(os.path.join(ask.place, source)) for source in ask.source_roots)
    env = {**ask.env, "PYTHONPATH": os.pathsep.join(filter(None, (*sources, ask.env.get("PYTHONPATH", ""))))}
    return replace(
        ask, directory=place, env=env, args=("--rootdir", place, *ask.args), source_roots=sources, measure=False
    )


def _level(tests: Tests, way: Way) -> SuiteLevel:
    """The level of a run that its runner itself says nothing about."""
    if tests.runner not in LANGUAGES:
        return SuiteLevel("", tests.runner, "recorded", f"{tests.runner} has no private runs")
    if way.inside is None:
        return SuiteLevel("", tests.runner, "recorded", way.why, possible=True)
    return SuiteLevel("", tests.runner, "private", possible=True)


def _placed(root: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """A command as set; an environment of the project's is where it really lies, whatever tree the suite sees."""
    return one_run.placed(root, command) if command else ()


def command_of(root: str, tests: Tests) -> tuple[str, ...]:
    """The command that runs a suite: as set, else found. Raises NoTestCommand."""
    return tests.command or catalog.runner(tests.runner).detect(os.path.join(root, tests.directory))


def _prepare(tests: Tests, ask: Ask, say: Callable[[str], None]) -> None:
    words = shlex.join(tests.prepare)
    say(f"preparing: {words}")
    env = environment.clean(tests.env).variables
    try:
        ended = process.run((*ask.start, *tests.prepare), cwd=ask.place, env=env, timeout_seconds=tests.timeout_seconds)
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
