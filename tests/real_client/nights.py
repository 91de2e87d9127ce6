"""A night for a test: a project that is set up, a scripted model, and `phasegate drive` as a person starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from phasegate.entrypoints.demo.script import Request, Script, Step, Turn, call
from phasegate.entrypoints.demo.scripted_model import ScriptedModel
from phasegate.ledger.state import DriveRecord
from tests.cli.people import PHASEGATE, as_person
from tests.cli.terminal import AT_A_TERMINAL
from tests.real_client.project import Project, bash

PLAN = "docs/development_roadmap/phases.md"
DOCS = "# Plan\n\n## Phase 1: Explain\n\nKind: docs\n\n- [ ] README says how\n"
RELEASE = os.environ.get("PHASEGATE_TIER") == "release"
TWO = DOCS + "\n## Phase 2: Explain more\n\nKind: docs\n\n- [ ] README says why\n"
SETTINGS = '\n[drive]\nlongest_wait_minutes = 0.02\nsilent_minutes = {silent}\nallow = ["Bash(sleep:*)"]\n'


class Night:
    """One project, one model, any number of drives."""

    def __init__(self, project: Project, *, silent: float = 1.0, prefix: str = "") -> None:
        """`prefix` is where the project lies in its work tree."""
        self.project, self._prefix = project, prefix
        self.root: Path | None = None
        project.set_up()
        with open(project.root / "phasegate.toml", "a") as file:
            file.write(SETTINGS.format(silent=silent))
        project.set_up()  # trusts what was added
        project.git("config", "user.name", "Night")
        project.git("config", "user.email", "night@localhost")
        project.git("config", "commit.gpgsign", "false")

    @property
    def tree(self) -> Path:
        """Where the drive works: its newest work tree, or the person's own when they said so."""
        if self.root is not None:
            return self.root
        trees = sorted(self.project.state_home.glob("phasegate/*/*/trees/*"), key=lambda tree: tree.stat().st_mtime)
        return trees[-1] / self._prefix

    def write(self, path: str, content: str) -> Step:
        """A turn that writes a file where the drive works."""

        def step(request: Request) -> Turn:
            return call("Write", file_path=str(self.tree / path), content=content)

        return step

    def docs_phase(self, number: int, word: str) -> tuple[Step, ...]:
        """A docs phase from its first step to the next phase."""
        shows = f"phasegate record -- grep -q {word} README.md"
        first = (bash("phasegate done"),) if number == 1 else ()
        return (
            *first,
            bash("phasegate wait; phasegate done"),
            self.write("README.md", f"# Shop\n\n{word}\n"),
            bash("phasegate done"),
            bash(f"{shows} && phasegate evidence link {number}.1 && phasegate done"),
            bash("phasegate done"),
            bash("phasegate done"),
        )

    def kills_the_client(self, then: Turn) -> Step:
        """Before the turn the client is killed, as by the system when memory is short."""
        return self._before(lambda drive: os.kill(drive.client_pid, signal.SIGKILL), then)

    def kills_the_supervisor(self, then: Turn) -> Step:
        return self._before(lambda drive: os.kill(drive.pid, signal.SIGKILL), then)

    def interrupts(self, then: Turn) -> Step:
        return self._before(lambda drive: os.kill(drive.pid, signal.SIGINT), then)

    def _before(self, act: Callable[[DriveRecord], None], then: Turn) -> Step:
        def step(request: Request) -> Turn:
            act(next(drive for drive in self.project.state.drives.values() if not drive.outcome))
            return then

        return step

    def environment(self, model: ScriptedModel) -> dict[str, str]:
        home = str(self.project.home)
        return {
            "HOME": home,
            "CLAUDE_CONFIG_DIR": os.path.join(home, ".claude"),
            "XDG_STATE_HOME": str(self.project.state_home),
            "ANTHROPIC_API_KEY": model.key,
            "ANTHROPIC_BASE_URL": model.url,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
        }

    def drive(
        self,
        *turns: Step,
        options: Sequence[str] = (),
        subscriber: bool = False,
        baseline: bool = False,
        timeout: float = 110.0,
    ) -> Driven:
        """`phasegate drive --json` while the model says `turns`."""
        with ScriptedModel(Script(turns=turns)) as model:
            environment = self.environment(model)
            if subscriber:  # only to those does the client tell when a usage limit ends
                environment["CLAUDE_CODE_OAUTH_TOKEN"] = environment.pop("ANTHROPIC_API_KEY")
            words = ["phasegate", "drive", "--json", *(() if baseline else ("--no-baseline",)), *options]
            ran = as_person(words, self.project.root, environment, timeout=timeout)
            assert model.problems == []
        return Driven(ran)

    def answer(self, question: str) -> None:
        """What a person at a terminal says to a question."""
        words = [sys.executable, "-c", AT_A_TERMINAL, PHASEGATE, "answer", "approve", question, "Yes."]
        ran = as_person(words, self.project.root, {"XDG_STATE_HOME": str(self.project.state_home)})
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def status(self) -> str:
        """What `phasegate status` says in the person's own work tree."""
        return as_person(
            ["phasegate", "status"], self.project.root, {"XDG_STATE_HOME": str(self.project.state_home)}
        ).stdout

    def facts(self, kind: type[Any]) -> list[Any]:
        return self.project.facts(kind)

    def log(self, branch: str) -> list[str]:
        """The subjects of the commits that a branch has beside the person's, newest first."""
        head = self.project.git("rev-parse", "HEAD").strip()
        return self.project.git("log", "--format=%s", f"{head}..{branch}").splitlines()


class Driven:
    """What a drive came to: its exit code, its JSON, and what it said on the way."""

    def __init__(self, ran: subprocess.CompletedProcess[str]) -> None:
        self.code = ran.returncode
        self.stderr = ran.stderr
        self.stdout = ran.stdout
        self.said: list[dict[str, Any]] = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("{")]

    @property
    def result(self) -> dict[str, Any]:
        assert self.stdout.strip(), self.stderr
        value: dict[str, Any] = json.loads(self.stdout)
        return value
