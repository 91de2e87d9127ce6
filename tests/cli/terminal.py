"""A person at a terminal of their own with no agent above them, and a project to call commands in."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.state import State
from phasegate.wiring import RealDesk, Trusted, begin_ledger, open_project
from phasegate.workflow.default import DEFAULT
from phasegate.workspace import git
from phasegate.workspace.settings_file import read_settings
from tests.cli.people import as_person

# Runs on the person's side of `as_person`, whose session has no terminal yet: opening one makes it the session's own.
AT_A_TERMINAL = """
import os, pty, sys
pid, terminal = pty.fork()
if not pid:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    os.write(1, piece)
    if b"[y/N]" in piece:
        os.write(terminal, os.environ.get("ANSWER", "").encode() + b"\\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""

PROJECT = "6f0c8a52-6a5e-4f5e-9a43-3b1d9a0c7e11"

PLAN = """# Plan

## Phase 1: Rounding

Kind: feature

- [ ] 1.1 Round half even

## Phase 2: Printing

Kind: feature

- [ ] 2.1 Print amounts
"""


class Project:
    """A git repository with a plan and trusted settings, and its ledger, without hooks."""

    def __init__(self, folder: Path, *, plan: str = PLAN, settings: str = "") -> None:
        self.root = folder / "project"
        self.env = {
            "XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
        }  # fmt: skip
        self.root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.write(".gitignore", "*.log\n__pycache__/\n")
        if plan:
            self.write("docs/development_roadmap/phases.md", plan)
        content = self.write("phasegate.toml", settings or f'project = "{PROJECT}"\n').read_bytes()
        self.commit()
        trusted = Trusted(read_settings(content, path="phasegate.toml"), DEFAULT, hashlib.sha256(content).hexdigest())
        begin_ledger(git.locate(str(self.root)), PROJECT, trusted, self.env).close()

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def git(self, *arguments: str) -> str:
        env = {**os.environ, **self.env}
        done = subprocess.run(["git", *arguments], cwd=self.root, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "state")

    def person(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """A person's call without a terminal, as from a script."""
        return as_person(["phasegate", *arguments], self.root, {**self.env, **(env or {})})

    def ok(self, *arguments: str) -> str:
        """The same, which must succeed; its standard output."""
        done = self.person(*arguments)
        assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The JSON value that a call prints, whatever its exit code."""
        return json.loads(self.person(*arguments, "--json").stdout)

    def typed(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """A person's call at a terminal, with `answer` to a question of yes or no; both streams are in `stdout`."""
        command = [sys.executable, "-c", AT_A_TERMINAL, os.path.join(os.path.dirname(sys.executable), "phasegate")]
        return as_person([*command, *arguments], self.root, {**self.env, "ANSWER": answer})

    def agent(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same call as an agent makes it: with the client's mark in the environment."""
        return self.person(*arguments, env={"CLAUDECODE": "1"})

    def state(self) -> State:
        """What the ledger says now."""
        return self.recorded([])

    def recorded(self, facts: Sequence[Fact]) -> State:
        """Record facts as an agent's hooks would, and return the state after them."""
        project = open_project(str(self.root), self.env)
        try:
            return RealDesk(project, Actor("agent", "claude", "s1")).record(facts, relying_on=None)
        finally:
            project.close()

    def facts(self) -> list[str]:
        """The kinds of all events, oldest first."""
        project = open_project(str(self.root), self.env)
        try:
            return [event.kind for event in project.log.read(0)]
        finally:
            project.close()

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return next(Path(self.env["XDG_STATE_HOME"]).rglob("ledger.db"))
