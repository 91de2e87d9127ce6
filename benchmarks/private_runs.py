"""What a private run costs beside plain pytest with cold bytecode, on the suites of published packages."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from figures import Goal, Report, compared
from measure import Action, Spent, call, interleaved

from phasegate.collectors.suites import OPENLY, run_suite
from phasegate.entrypoints.private_runs import private
from phasegate.entrypoints.standalone import standalone
from phasegate.ledger.event import Actor
from phasegate.settings import Settings, Tests

SUITES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("idna==3.10", ("tests",)),
    ("packaging==24.2", ("tests/test_requirements.py", "tests/test_utils.py")),
)
"""Packages whose source distributions hold their tests, which need nothing but pytest, and which of them are run."""
GOAL = Goal(1.5, "1.5 x plain pytest")
PLAIN, PRIVATE, MEASURED = "pytest, cold bytecode", "private run", "private run with coverage"


class Package:
    """One package laid out as a repository, and the ways of running its tests."""

    def __init__(self, base: Path, requirement: str, chosen: tuple[str, ...]) -> None:
        self._base, self._chosen = base, chosen
        self._root = _unpacked(base, requirement)
        self._count = iter(range(1_000_000))

    def plain(self) -> object:
        """What a person would type, with nothing compiled before."""
        cold = self._base / f"cold-{next(self._count)}"
        env = {**os.environ, "PYTHONPYCACHEPREFIX": str(cold), "PYTHONPATH": str(self._source)}
        words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *self._chosen)
        return subprocess.run(words, cwd=self._root, env=env, check=True, capture_output=True)

    def private(self, *, measure: bool) -> object:
        """The whole way from the observed tree to a judged run."""
        words = ("-p", "no:cacheprovider", *self._chosen)
        tests = Tests(command=(sys.executable, "-m", "pytest"), args=words, env={"PYTHONPATH": str(self._source)})
        with standalone(str(self._root), Actor("benchmark", "1"), Settings(project="p", tests=tests)) as desk:
            tree = desk.tree.observe({}).tree
            with private(desk, {"": tests}) as place:
                way = place.hold(desk, tree, {}) if place is not None else OPENLY
                ran = run_suite(str(self._root), tests, str(self._base), lambda said: None, way, measure=measure)
        assert ran.tests.complete and not ran.tests.red, ran.tests.why_incomplete
        assert [level.level for level in ran.tests.levels] == ["private"]
        return ran

    @property
    def _source(self) -> Path:
        return self._root / "src" if (self._root / "src").is_dir() else self._root

    def actions(self) -> Iterator[tuple[str, Action]]:
        """Each way, one after the other."""
        yield PLAIN, lambda: call(self.plain)
        yield PRIVATE, lambda: call(lambda: self.private(measure=False))
        yield MEASURED, lambda: call(lambda: self.private(measure=True))


def run(base: Path, *, rounds: int, suites: int) -> list[Report]:
    """Measure the first `suites` of the packages."""
    return [_report(base, *suite, rounds=rounds) for suite in SUITES[:suites]]


def _report(base: Path, requirement: str, chosen: tuple[str, ...], *, rounds: int) -> Report:
    folder = base / requirement
    folder.mkdir()
    found: dict[str, Spent] = interleaved(dict(Package(folder, requirement, chosen).actions()), rounds=rounds, warm=0)
    figures = [
        compared(case, found, PLAIN, goal=goal, wall=wall)
        for wall in (False, True)
        for case, goal in ((PRIVATE, GOAL), (MEASURED, None))
    ]
    title = f"Tests of {requirement} (plain pytest: {found[PLAIN].cpu:.0f} ms CPU, {found[PLAIN].wall:.0f} ms wall)"
    return Report(f"private-{requirement.partition('=')[0]}", title, tuple(figures))


def _unpacked(base: Path, requirement: str) -> Path:
    words = ("download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(base), requirement)
    subprocess.run((sys.executable, "-m", "pip", *words), check=True, capture_output=True)
    [archive] = base.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(base / "package", filter="data")
    [root] = (base / "package").iterdir()
    (root / ".gitignore").write_text("__pycache__/\n")
    subprocess.run(("git", "init", "-q"), cwd=root, check=True)
    return root
