"""A kill between any two writes of a closing: the next command ends where an undisturbed one would have."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench import PLAN_PATH, Bench

from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import ClosurePublished, PhaseClosed, PhaseStarted, RunEnded, StepEntered
from phasegate.ledger.state import State
from phasegate.wiring import RealDesk, RealFiles

MOST = 60


class Killed(BaseException):
    """The process ended here."""


class Dying(RealDesk):
    """A desk whose process is killed just before its `fuse`-th write to ledger or tree."""

    fuse = MOST

    def burn(self) -> None:
        self.fuse -= 1
        if self.fuse < 0:
            raise Killed

    def append(self, facts: Iterable[Fact], *, relying_on: State | None) -> None:
        self.burn()
        super().append(facts, relying_on=relying_on)

    @property
    def files(self) -> Any:
        return DyingFiles(self, self._real)

    @files.setter
    def files(self, files: RealFiles) -> None:
        self._real = files


class DyingFiles:
    def __init__(self, desk: Dying, files: RealFiles) -> None:
        self._desk, self._files = desk, files

    def write(self, path: str, content: bytes | None) -> None:
        self._desk.burn()
        self._files.write(path, content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


def killed_at(bench: Bench, fuse: int) -> bool:
    """Whether `done` was killed at its `fuse`-th write; then somebody else's `done` follows until it moves no more."""
    desk = bench.open(Dying)
    desk.fuse = fuse  # type: ignore[attr-defined]
    try:
        bench.done()
    except Killed:
        bench.open()
        return True
    bench.open()
    return False


def check_archive(bench: Bench) -> None:
    """Each file of each archive is what the closure recorded, and nothing else lies there."""
    kept = {file.path: file.sha256 for fact in bench.facts(PhaseClosed) for file in fact.files}  # type: ignore[attr-defined]
    there = {
        str(path.relative_to(bench.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (bench.root / "archive").rglob("*")
        if path.is_file()
    }
    assert there == kept


def steps(bench: Bench) -> list[str]:
    return [fact.step for fact in bench.facts(StepEntered)]  # type: ignore[attr-defined]


class Saved:
    """A project and its ledger at one moment, to begin from again and again."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        bench.desk.project.close()
        self.places = [(str(bench.root), str(folder / "root")), (bench.env["XDG_STATE_HOME"], str(folder / "state"))]
        for there, here in self.places:
            shutil.copytree(there, here, symlinks=True)

    def restore(self, bench: Bench) -> None:
        bench.desk.project.close()
        for there, here in self.places:
            shutil.rmtree(there)
            shutil.copytree(here, there, symlinks=True)
        bench.open()


def test_a_kill_anywhere_in_a_closing_ends_as_if_there_had_been_none(bench: Bench, tmp_path: Path) -> None:
    bench.to_close()
    saved = Saved(bench, tmp_path / "saved")
    bench.open()
    bench.done()
    undisturbed, ticked = steps(bench), bench.read(PLAN_PATH)
    for fuse in range(MOST):
        saved.restore(bench)
        if not killed_at(bench, fuse):
            break
        if bench.step != "review_docs_between_phases":
            bench.done()
        assert bench.step == "review_docs_between_phases"
        assert steps(bench) == undisturbed
        assert len(bench.facts(PhaseClosed)) == len(bench.facts(ClosurePublished)) == 1
        check_archive(bench)
        assert bench.read(PLAN_PATH) == ticked
        assert not bench.exists("investigations/project/1/evidence.json")
        assert bench.shell(lambda: None) and not bench.run.held
    else:
        raise AssertionError("the closing has more writes than expected")
    assert fuse > 20


def test_the_plan_is_ticked_with_a_link_that_resolves(bench: Bench) -> None:
    bench.to_close()
    bench.done()
    links = re.findall(r"\[evidence\]\(([^)]*)\)", bench.read(PLAN_PATH))
    assert links
    for link in links:
        assert ((bench.root / PLAN_PATH).parent / link).resolve().is_file()
    check_archive(bench)


def test_a_kill_on_the_way_to_the_end_strands_no_run(lay_out: Callable[..., Bench], tmp_path: Path) -> None:
    bench = lay_out(plan="# Roadmap\n\n## Phase 1: One [docs]\n\n- [ ] 1.1 Say\n")
    bench.begin(baseline=False)
    bench.done(), bench.done()
    bench.write("docs/guide.md", "# Guide\n\nMore.\n")
    bench.done()
    bench.tests({"tests/test_app.py::test_old": "passed"})
    bench.link()
    bench.done(), bench.done()
    assert bench.step == "review_docs_between_phases"
    saved = Saved(bench, tmp_path / "saved")
    for fuse in range(MOST):
        saved.restore(bench)
        if not killed_at(bench, fuse):
            break
        if bench.state.run_in(bench.desk.worktree) is not None:
            bench.done()
        assert bench.state.run_in(bench.desk.worktree) is None
        assert len(bench.facts(RunEnded)) == len(bench.facts(PhaseStarted)) == 1
    else:
        raise AssertionError("there are more writes than expected")


def test_a_kill_on_the_way_to_the_next_phase_begins_it_once(bench: Bench, tmp_path: Path) -> None:
    bench.to_close()
    bench.done()
    saved = Saved(bench, tmp_path / "saved")
    for fuse in range(MOST):
        saved.restore(bench)
        if not killed_at(bench, fuse):
            break
        if bench.step != "explore":
            bench.done()
        assert (bench.step, bench.run.phase) == ("explore", "2")
        assert len(bench.facts(PhaseStarted)) == 2


def test_a_closing_that_was_interrupted_asks_its_gates_again_on_the_tree_as_it_is(bench: Bench) -> None:
    bench.to_close()
    for fuse in range(MOST):
        assert killed_at(bench, fuse), "the closing was never interrupted where it should be"
        if bench.step == "archive_phase":
            break
    assert not bench.facts(PhaseClosed)
    bench.closes()
    bench.write("src/app.py", "def old() -> int:\n    return 'broken'\n")
    bench.opens(session="session-2")
    outcome = bench.done()
    assert not bench.facts(PhaseClosed)
    assert outcome.entered[-1] == "categorize_uncertainties"
