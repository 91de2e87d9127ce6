"""What a private run costs beside the runner alone, with cold bytecode, on the tests of published packages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import published
from figures import Figure, Goal, Report, compared
from measure import Action, Spent, call, interleaved
from msgspec import Struct

from phasegate.collectors.suites import OPENLY, run_suite
from phasegate.entrypoints.private_runs import private
from phasegate.entrypoints.standalone import standalone
from phasegate.ledger.event import Actor
from phasegate.settings import Settings, Tests

GOAL = Goal(1.5, "1.5 x the runner")
PLAIN, COVERED = "the runner alone", "the runner with coverage"
PRIVATE, MEASURED = "private run", "private run with coverage"

_NODE_FILES = ("constraints", "errors", "find", "lookup", "optional-params", "regex", "server", "shorthands")
_VITEST_FILES = ("array", "default", "discriminated-unions", "error", "function", "object", "record", "string", "union")
_GO_PACKAGES = ("container/heap", "container/list", "encoding/csv", "html", "text/scanner", "text/tabwriter")


class Suite(Struct, frozen=True):
    """Tests laid out at `root`: how phasegate runs them, and what a person would type, measured and not."""

    root: Path
    tests: Tests
    plain: tuple[str, ...]
    covered: tuple[str, ...] = ()


def _pytest(requirement: str, *chosen: str) -> Callable[[Path], Suite]:
    def laid_out(base: Path) -> Suite:
        root = published.of_pypi(base, requirement)
        if chosen:
            published.keep(root, "tests/test_*.py", chosen)
        source = str(root / "src" if (root / "src").is_dir() else root)
        pytest, args = (sys.executable, "-m", "pytest"), ("-p", "no:cacheprovider", "tests")
        tests = Tests(command=pytest, args=args, env={"PYTHONPATH": source})
        coverage = (sys.executable, "-m", "coverage", "run", f"--data-file={base / 'measured'}", f"--source={source}")
        return Suite(root, tests, (*pytest, *args), (*coverage, "-m", "pytest", *args))

    return laid_out


def _node_test(base: Path) -> Suite:
    root = published.of_npm(base, "find-my-way@9.3.0")
    published.keep(root, "test/**/*.test.js", _NODE_FILES)
    command = (published.node(base), "--test", "test/*.test.js")
    return Suite(root, Tests(runner="node", command=command), command)


def _vitest(base: Path) -> Suite:
    root = published.of_npm(base, "zod@4.1.12", ("vitest@5.1.1",))
    published.keep(root, "src/**/*.test.ts", tuple(f"v4/classic/tests/{name}" for name in _VITEST_FILES))
    command = (published.node(base), "node_modules/vitest/vitest.mjs", "run")
    return Suite(root, Tests(runner="vitest", command=command), (*command, "--no-cache", "--fsModuleCache=false"))


def _go(base: Path) -> Suite:
    root, go = published.of_go(base, _GO_PACKAGES), str(published.BIN / "go")
    measured = (f"-coverprofile={base / 'measured'}", "-coverpkg=./...")
    plain = (go, "test", "-count=1")
    tests = Tests(runner="go", command=(go, "test", "./..."))
    return Suite(root, tests, (*plain, "./..."), (*plain, *measured, "./..."))


SUITES: Mapping[str, Callable[[Path], Suite]] = {
    "idna 3.10 (pytest)": _pytest("idna==3.10"),
    "find-my-way 9.3.0 (node:test)": _node_test,
    "zod 4.1.12 (vitest)": _vitest,
    "six packages of Go's library": _go,
    "packaging 24.2 (pytest)": _pytest("packaging==24.2", "test_utils"),
}
"""Packages that bring their tests along, and how each is laid out; of the larger ones a few test files are kept."""


class Package:
    """One suite, and the ways of running it."""

    def __init__(self, base: Path, suite: Suite) -> None:
        self._base, self._suite = base, suite
        self._count = iter(range(1_000_000))

    def plain(self, words: tuple[str, ...]) -> object:
        """What a person would type, with nothing of Python compiled before, nor by vitest."""
        cold = self._base / f"cold-{next(self._count)}"
        env = {**os.environ, **self._suite.tests.env, "PYTHONPYCACHEPREFIX": str(cold)}
        return subprocess.run(words, cwd=self._suite.root, env=env, check=True, capture_output=True)

    def private(self, *, measure: bool) -> object:
        """The whole way from the observed tree to a judged run, in a place that is laid out anew."""
        root, tests = str(self._suite.root), self._suite.tests
        with standalone(root, Actor("benchmark", "1"), Settings(project="p", tests=tests)) as desk:
            tree = desk.tree.observe({}).tree
            with private(desk, {"": tests}) as place:
                way = place.hold(desk, tree, {}) if place is not None else OPENLY
                ran = run_suite(root, tests, str(self._base), lambda said: None, way, measure=measure)
        assert ran.tests.complete and not ran.tests.red, ran.tests.why_incomplete
        assert [level.level for level in ran.tests.levels] == ["private"]
        assert (ran.coverage is not None) == measure, ran.why_no_coverage
        return ran

    def actions(self) -> Iterator[tuple[str, Action]]:
        """Each way, one after the other; with coverage where there is something to compare it to."""
        yield PLAIN, lambda: call(lambda: self.plain(self._suite.plain))
        yield PRIVATE, lambda: call(lambda: self.private(measure=False))
        if self._suite.covered:
            yield COVERED, lambda: call(lambda: self.plain(self._suite.covered))
            yield MEASURED, lambda: call(lambda: self.private(measure=True))


def run(base: Path, *, rounds: int, suites: int) -> list[Report]:
    """Measure the first `suites` of the packages."""
    return [_report(base, name, rounds=rounds) for name in list(SUITES)[:suites]]


def _report(base: Path, name: str, *, rounds: int) -> Report:
    folder = base / name.partition(" ")[0]
    folder.mkdir()
    # The first round lets the caches of Go and of the disk fill, for both alike.
    found = interleaved(dict(Package(folder, SUITES[name](folder)).actions()), rounds=rounds)
    plain = found[PLAIN]
    title = f"Tests of {name} (alone: {plain.cpu:.0f} ms CPU, {plain.wall:.0f} ms wall)"
    return Report(f"private-{folder.name}", title, tuple(_figures(found)))


def _figures(found: Mapping[str, Spent]) -> Iterator[Figure]:
    for wall in (False, True):
        yield compared(PRIVATE, found, PLAIN, goal=GOAL, wall=wall)
        if MEASURED in found:
            yield compared(MEASURED, found, COVERED, goal=GOAL, wall=wall)
            yield compared(MEASURED, found, PLAIN, wall=wall)
