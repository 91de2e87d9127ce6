"""The small repository that `kill_commands.py` works on: sums, their test, and a plan of pages to write."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from typing import Final

import msgspec

from phasegate import wiring
from phasegate.entrypoints.cli import init, start
from phasegate.ledger.event import Actor
from phasegate.workspace import git, place
from phasegate.workspace.settings_file import first_settings

TESTED: Final = "3"
"""The phase whose kind asks for tests."""

PLAN: Final = "docs/development_roadmap/phases.md"
FORBIDDEN: Final = "src/sums.py"
"""What no step of a phase of kind docs may change."""

FILES: Final = {
    "src/sums.py": "def plus(a: int, b: int) -> int:\n    return a + b\n",
    "tests/test_sums.py": "from sums import plus\n\n\ndef test_plus() -> None:\n    assert plus(1, 2) == 3\n",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    "docs/guide.md": "# Guide\n",
    ".gitignore": "__pycache__/\n.pytest_cache/\n",
}


class Project:
    """A small repository with a plan, set up as a person does it with `init` and `start`."""

    def __init__(self, base: str, phases: int) -> None:
        self.root, self.home, self.state_home = (os.path.join(base, name) for name in ("sums", "home", "state"))
        os.environ.update({"XDG_STATE_HOME": self.state_home, "HOME": self.home, "GIT_CONFIG_NOSYSTEM": "1"})
        os.makedirs(self.home)
        for path, content in {**FILES, PLAN: plan_of(phases), place.SETTINGS: settings()}.items():
            self.write(path, content)
        identity = ("-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
        for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), (*identity, "commit", "-q", "-m", "Sums")):
            subprocess.run(("git", *arguments), cwd=self.root, check=True, capture_output=True)
        where = git.locate(self.root)
        init.carry_out(where, init.planned(where, init.Asked(allow_ephemeral=True)))
        with self.opened() as desk:
            start.read_plan(desk, desk.state())
            start.begin(desk, desk.state())

    def write(self, path: str, content: str) -> None:
        target = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w") as file:
            file.write(content)

    def read(self, path: str) -> bytes | None:
        try:
            with open(os.path.join(self.root, path), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def opened(self) -> Opened:
        return Opened(self.root)


class Opened:
    """The desk of a project for the length of a `with`: no connection may be open while children are forked."""

    def __init__(self, root: str) -> None:
        self._root = root

    def __enter__(self) -> wiring.RealDesk:
        self._project = wiring.open_project(self._root, os.environ)
        return wiring.RealDesk(self._project, Actor("person", "driver"))

    def __exit__(self, *_: object) -> None:
        self._project.close()


def settings() -> str:
    """Settings by which the tests run under this very interpreter."""
    command = msgspec.json.encode((sys.executable, "-m", "pytest")).decode()
    return f"{first_settings(str(uuid.uuid4()), None).decode()}\n[tests]\ncommand = {command}\n"


def plan_of(phases: int) -> str:
    """A plan of documents, and one phase that runs the tests."""
    rows = ["# Roadmap", ""]
    for number in range(1, phases + 1):
        kind = "chore" if str(number) == TESTED else "docs"
        rows += [f"## Phase {number}: Page {number} [{kind}]", ""]
        rows += [f"- [ ] {number}.{task} Write part {task} of page {number}" for task in (1, 2)] + [""]
    return "\n".join(rows)
