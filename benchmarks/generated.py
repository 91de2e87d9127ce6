"""Generated repositories and ledgers to measure on, in a temporary directory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from phasegate import wiring
from phasegate.evidence.items import Evidence, RedTest, TestsSeen
from phasegate.ledger import facts as f
from phasegate.ledger.event import Actor, Draft
from phasegate.ledger.fact import Fact
from phasegate.ledger.schema import draft
from phasegate.settings import Settings
from phasegate.workflow.default import DEFAULT
from phasegate.workspace import git

SESSION = "0f6b7a52-93c1-4e1d-8a47-5d2e9c30b814"
"""As long as the client's own: what a fact carries decides what the search for secrets in it costs."""

PERSON = Actor("person", "benchmark")
AGENT = Actor("agent", "claude", SESSION)
TESTS = "tests/test_one.py"
"""The file that a measured turn edits: the step of its run is `write_tests`."""

PER_APPEND = 500
"""Events of a generated history in one transaction."""


def environment(base: Path) -> dict[str, str]:
    """The environment of every measured process: nothing of the caller's but the way to programs."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(base),
        "XDG_STATE_HOME": str(base / "state"),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "AI_AGENT": "claude-code_2-1-330_x",
    }


def repository(root: Path, files: int) -> Path:
    """A committed repository of `files` small Python files, some hundred to a directory."""
    for number in range(files):
        folder = root / "src" / f"part{number // 1000:02d}" / f"area{number // 100 % 10}"
        if number % 100 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"module{number:05d}.py").write_text(f'"""Number {number}."""\n\nVALUE = {number}\n')
    (root / TESTS).parent.mkdir()
    (root / TESTS).write_text("# empty\n")
    plan = root / "docs/development_roadmap/phases.md"
    plan.parent.mkdir(parents=True)
    plan.write_text("# Plan\n\n## Phase 1: Count\n\nKind: feature\n\n- [ ] count\n")
    (root / ".gitignore").write_text("__pycache__/\n")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "A repository to measure")):
        run_git(root, *arguments)
    return root


def run_git(root: Path, *arguments: str) -> bytes:
    """Run git in `root` with an identity of its own and nobody's configuration."""
    identity = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost", "-c", "commit.gpgsign=false")
    argv = ("git", *identity, "-c", "gc.auto=0", *arguments)
    return subprocess.run(argv, cwd=root, env=environment(root.parent), capture_output=True, check=True).stdout


def project(root: Path, env: dict[str, str]) -> wiring.Project:
    """Begin a ledger for the repository at `root`, as `phasegate init` would, but without hooks."""
    id_ = str(uuid.uuid4())
    (root / "phasegate.toml").write_text(f'project = "{id_}"\n')
    where = git.locate(str(root))
    trusted = wiring.Trusted(Settings(project=id_, render="off"), DEFAULT, wiring.settings_digest(str(root)))
    return wiring.begin_ledger(where, id_, trusted, env)


def begin_run(opened: wiring.Project, *, driven: bool = True) -> str:
    """A run at the step `write_tests`; its id. When `driven`, a session has it, and its turn was handed over."""
    desk = wiring.RealDesk(opened, PERSON)
    seen = desk.tree.observe({})
    run = desk.new_id("run")
    desk.record(
        [
            f.RunStarted(run, desk.worktree, "start", DEFAULT.name, DEFAULT.start),
            f.TreeObserved(run, seen.tree, seen.subject),
            f.PhaseStarted("1", run, "feature", seen.subject, seen.tree),
            f.StepEntered(run, "write_tests", "explore", "start", "1", seen.subject),
            *(_taken(run) if driven else ()),
        ],
        relying_on=None,
    )
    return run


def _taken(run: str) -> tuple[Fact, ...]:
    began = f.SessionBegan(run, SESSION, "claude", "2.1.330", "startup")
    return began, f.DriverTaken(run, SESSION), f.PromptTaken(run, SESSION, True, "Continue the plan.")


def lengthen(opened: wiring.Project, events: int) -> float:
    """Bring the ledger to `events` events with the history of earlier runs; seconds spent appending."""
    drafts = history(events - opened.log.head().position)
    began = time.perf_counter()
    for start in range(0, len(drafts), PER_APPEND):
        part = drafts[start : start + PER_APPEND]
        opened.log.append(part, actor=AGENT, expected={}, now_ms=time.time_ns() // 1_000_000)
    return time.perf_counter() - began


def history(events: int) -> list[Draft]:
    """What earlier runs left: calls for the greater part, now and then a test run, a note, a step."""
    return [draft(fact) for _, fact in zip(range(events), _past(), strict=False)]


def _past() -> Iterator[Fact]:
    number = 0
    while True:
        run = f"run-{number // 50:06d}"
        if number % 50 == 0:
            if number:
                yield f.RunEnded(f"run-{number // 50 - 1:06d}", "complete")
            yield f.RunStarted(run, "/elsewhere", "start", "default", "load_phase_plans")
        yield f.StepEntered(run, "implement", "write_tests", "new_tests_fail", "", f"{number:064x}")
        for call in range(8):
            id_ = f"toolu_{number:08d}_{call}"
            yield f.CallAsked(run, id_, "session-0", "", "Bash", "shell", (), f"python -m pytest tests/part{call}")
            yield f.CallReturned(run, id_, True)
        yield f.EvidenceRecorded(_tests_seen(number, run))
        yield f.NoteAdded(f"n-{number}", run, "", "error", "minor", f"test_{number} fails", about=f"test_{number}")
        yield f.NoteResolved(f"n-{number}", "its test passes")
        number += 1


def _tests_seen(number: int, run: str) -> Evidence:
    red = (RedTest(f"tests/test_it.py::test_{number}", "assertion", "assert 1 == 2"),)
    seen = TestsSeen("pytest", True, collected=400, passed=399, red=red)
    return Evidence(f"e-{number}", seen, f"{number:064x}", "recorded", "pytest 9", run=run)


def interpreter(*options: str) -> tuple[str, ...]:
    """The interpreter that runs this, as a client would start it."""
    return (sys.executable, *options)
