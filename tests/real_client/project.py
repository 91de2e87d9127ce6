"""A small git project with a plan, a run and a client at work in it; each with a home, ledger and model of its own."""

from __future__ import annotations

import contextlib
import copy
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from phasegate.engine.advance import leave
from phasegate.entrypoints.cli import start
from phasegate.entrypoints.cli.init import Asked, carry_out, planned
from phasegate.entrypoints.demo.client import Client, Finished, Place, Session
from phasegate.entrypoints.demo.script import Route, Script, Step, Turn, call
from phasegate.entrypoints.demo.scripted_model import ScriptedModel
from phasegate.ledger import facts as f
from phasegate.ledger.chain import verify
from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import RunRecord, State
from phasegate.wiring import RealDesk, open_project
from phasegate.workspace import git, place

PLAN = "docs/development_roadmap/phases.md"
SHOP = "src/shop/__init__.py"

FILES: Mapping[str, str] = {
    "README.md": "# Shop\n",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    ".gitignore": "__pycache__/\n.pytest_cache/\n",
    SHOP: '"""A shop."""\n\n\ndef price(amount: int) -> int:\n    return amount\n',
    "tests/test_price.py": "from shop import price\n\n\ndef test_price():\n    assert price(3) == 3\n",
    PLAN: (
        "# Plan\n\n## Phase 1: Discount\n\nKind: feature\n\n- [ ] A discount function\n\n"
        "## Phase 2: Explain the discount\n\nKind: docs\n\n- [ ] README says how\n"
    ),
}
"""The project of most tests. Its first step, `load_phase_plans`, lets nobody edit anything."""

DOCS_ONLY: Mapping[str, str] = {PLAN: "# Plan\n\n## Phase 1: Explain\n\nKind: docs\n\n- [ ] README says how\n"}
"""A plan whose steps need no test run."""

HAND_OVER = "Continue the plan."
OWN = "Please do what I ask, and no more."
"""A prompt of a person's own: its turn may end, and no step refuses what it asks for."""

GIT = (
    "-c",
    "user.name=t",
    "-c",
    "user.email=t@localhost",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "init.defaultBranch=main",
)
Kind = TypeVar("Kind", bound=Fact)
ClientIn = Callable[[Place, tuple[str, ...]], Client]


def bash(command: str) -> Turn:
    """A turn that runs one shell command."""
    return call("Bash", command=command, description="a command")


def after(act: Callable[[], object], then: Step) -> Step:
    """A turn before which something happens to the project, while the client waits for its model."""

    def step(request: object) -> Turn:
        act()
        assert isinstance(then, Turn)
        return then

    return step


class Project:
    """What a test does with its project, and what it looks at afterwards."""

    def __init__(
        self, folder: Path, client_in: ClientIn, files: Mapping[str, str] | None = None, *, bare: bool = False
    ) -> None:
        """`files` beside those of the default project, or with `bare` alone."""
        self.folder = folder
        self.root = folder / "shop"
        self.home = folder / "home"
        self.state_home = folder / "state"
        self.home.mkdir()
        self._client_in = client_in
        for path, content in (({} if bare else dict(FILES)) | dict(files or {})).items():
            self.write(path, content)
        self.git("init", "-q")
        self.commit("A small project")

    def at(self, root: Path) -> Project:
        """The same project as another work tree sees it."""
        other = copy.copy(self)
        other.root = root
        return other

    # --- setting up ---------------------------------------------------------------------------------------------------

    def write(self, path: str, content: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)

    def git(self, *arguments: str) -> str:
        command = ["git", *GIT, *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def set_up(self) -> None:
        """`phasegate init`."""
        where = place.at(git.locate(str(self.root)), str(self.root))
        carry_out(where, planned(where, Asked(allow_ephemeral=True)))

    def begin(self, *, baseline: bool = False, at: str = "") -> None:
        """`phasegate init` and `phasegate start`, and on through the steps that need nothing, up to `at`."""
        self.set_up()
        with self.desk() as desk:
            state = start.read_plan(desk, desk.state())
            if baseline:
                start.know_baseline(desk, state)
            state = start.begin(desk, desk.state())
            while at and self._run(state).step != at:
                outcome = leave(desk, state, desk.tree.observe(state.views.get(desk.worktree, {})))
                assert outcome.moved, outcome.held_by
                state = outcome.state

    # --- the client at work -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def model(self, *turns: Step, routes: tuple[Route, ...] = ()) -> Iterator[ScriptedModel]:
        """A model that says `turns`; `{{P}}` is the project's root."""
        with ScriptedModel(Script(turns=turns, routes=routes), variables={"P": str(self.root)}) as model:
            yield model
        assert model.problems == []

    def client(self, model: ScriptedModel, *options: str) -> Client:
        extra = {"XDG_STATE_HOME": str(self.state_home), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return self._client_in(Place(str(self.root), str(self.home), model.url, model.key, extra), options)

    def play(self, *turns: Step, prompt: str = HAND_OVER, routes: tuple[Route, ...] = (), options: tuple[str, ...] = ()
             ) -> Finished:  # fmt: skip
        """One whole session of the client."""
        with self.model(*turns, routes=routes) as model:
            return sound(self.client(model, *options).start(prompt).wait(150))

    # --- looking ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def desk(self) -> Iterator[RealDesk]:
        opened = open_project(str(self.root), os.environ)
        try:
            yield RealDesk(opened, Actor("person", "tester"))
        finally:
            opened.close()

    @property
    def state(self) -> State:
        with self.desk() as desk:
            return desk.state()

    @property
    def run(self) -> RunRecord:
        return self._run(self.state)

    def _run(self, state: State) -> RunRecord:
        (run,) = [run for run in state.runs.values() if run.worktree == str(self.root)]
        return run

    def facts(self, kind: type[Kind]) -> list[Kind]:
        """Everything recorded of one kind, oldest first; the chain is verified on the way."""
        with self.desk() as desk:
            events = list(desk.project.log.read())
        assert verify(events) is None
        return [fact for fact in map(fact_of, events) if isinstance(fact, kind)]

    def refused(self) -> list[str]:
        """The rules that refused a call."""
        return [fact.rule for fact in self.facts(f.CallRefused)]

    def put_back(self) -> list[str]:
        return [fact.path for fact in self.facts(f.ChangePutBack)]

    def held(self) -> list[str]:
        return [fact.path for fact in self.facts(f.ChangeHeld)]

    def text(self, path: str) -> str:
        return (self.root / path).read_text()

    def has(self, path: str) -> bool:
        return (self.root / path).exists()

    def dirty(self) -> str:
        """What git says is changed, less what `init` and the views put in."""
        own = ("CLAUDE.md", "phasegate.toml", ".claude/", "state/")
        lines = self.git("status", "--porcelain").splitlines()
        return "\n".join(line for line in lines if not line[3:].startswith(own))

    def hook(self, event: str, **fields: object) -> subprocess.CompletedProcess[str]:
        """One call of the hook by hand, for what a `-p` session cannot do."""
        import json

        payload = {"session_id": "s", "cwd": str(self.root), "hook_event_name": event, "transcript_path": ""} | fields
        command = [sys.executable, "-I", "-m", "phasegate.entrypoints.hook", "claude"]
        environment = {**os.environ, "CLAUDE_PROJECT_DIR": str(self.root), "AI_AGENT": "claude-code_2-1-330_agent"}
        return subprocess.run(command, input=json.dumps(payload), env=environment, capture_output=True, text=True)


def sound(finished: Finished) -> Finished:
    """The session, in which no hook of ours met a bug."""
    assert [hook.stdout + hook.stderr for hook in finished.hooks if "met a bug" in hook.stdout + hook.stderr] == []
    return finished


def wait_for(happened: Callable[[], object], *, seconds: float = 60.0, session: Session | None = None) -> None:
    """Wait until something is so; fails loudly when the time is up or the client has ended."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"did not happen within {seconds:g} s"
        if session is not None and not session.running:
            assert happened(), f"the client ended first: {session.wait(1)}"
        time.sleep(0.05)


def hooks_of(finished: Finished, event: str) -> list[str]:
    """What the hooks of one event printed."""
    return [hook.stdout for hook in finished.hooks if hook.event == event]
