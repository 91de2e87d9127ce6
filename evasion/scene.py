"""The small project that every case happens in: a till with tests, phasegate set up in it, an agent at work."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from typing import Final, TypeVar

from case import Believed, Case, bash
from worlds import PLAN, SHARED, WORLDS

from phasegate.engine.advance import leave
from phasegate.entrypoints.cli import start
from phasegate.entrypoints.cli.init import Asked, carry_out, planned
from phasegate.entrypoints.demo.client import Client, Finished, Place
from phasegate.entrypoints.demo.real_client import RealClient, find_client
from phasegate.entrypoints.demo.script import Call, Script, Step, Turn
from phasegate.entrypoints.demo.scripted_client import ScriptedClient
from phasegate.entrypoints.demo.scripted_model import ScriptedModel
from phasegate.entrypoints.demo.scripted_tools import Invalid, Unsuccessful, Workbench
from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import State
from phasegate.wiring import RealDesk, open_project
from phasegate.workspace import git, place
from phasegate.workspace.settings_file import first_settings

SECONDS: Final = 240.0
TO_THE_END: Final = (
    bash("phasegate done"),
    bash("phasegate check tests; phasegate done"),
    bash("phasegate evidence link 1.1; phasegate done"),
    bash("phasegate done"),
    bash("phasegate done"),
)
"""What an agent does that thinks it is through: from `implement` to the end of the phase."""

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "reliability"))
import doors  # noqa: E402

BROKEN: Final = """#!{python}
import sys

sys.path.insert(0, {folder!r})
import doors

doors.OF_GATES[{bug!r}]()
from phasegate.entrypoints.main import main

sys.exit(main())
"""
"""The program `phasegate` with a bug planted."""

GIT: Final = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
Kind = TypeVar("Kind", bound=Fact)


class Scene:
    """One project with a home, a ledger and a model of its own below `folder`."""

    def __init__(self, folder: str, case: Case, bug: str = "") -> None:
        """The project of `case` as it was; with `bug` the agent's own commands are those of a broken phasegate."""
        self.case, self.world = case, WORLDS[case.world]
        self.folder, self.root = folder, os.path.join(folder, "till")
        self.home, self.state_home = os.path.join(folder, "home"), os.path.join(folder, "state")
        os.makedirs(self.home)
        scripts = os.path.dirname(sys.executable)
        path = os.environ["PATH"]
        os.environ["PATH"] = path if path.startswith(scripts) else f"{scripts}{os.pathsep}{path}"
        os.environ.update({"XDG_STATE_HOME": self.state_home, "HOME": self.home, "GIT_CONFIG_NOSYSTEM": "1"})
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        # Go's own library is compiled once for all cases, not once for each.
        os.environ.setdefault("GOCACHE", os.path.join(tempfile.gettempdir(), "evasion-go"))
        kept = ("XDG_STATE_HOME", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "GOCACHE")
        self.extra = {name: os.environ[name] for name in kept}
        self.extra |= {"PATH": f"{self._broken(bug)}:{scripts}:/usr/local/bin:/usr/bin:/bin"} if bug else {}
        for name, content in {**SHARED, **self.world.files, **case.needs}.items():
            self.write(name, content.format(kind=case.kind) if name == PLAN else content)
        self.git("init", "-q", "-b", "main")
        self.commit("A till")

    def write(self, path: str, content: str) -> None:
        target = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(content)

    def _broken(self, bug: str) -> str:
        """The folder of a `phasegate` in which `bug` is planted."""
        folder = os.path.join(self.folder, "broken")
        os.makedirs(folder)
        program = os.path.join(folder, "phasegate")
        with open(program, "w", encoding="utf-8") as file:
            file.write(BROKEN.format(python=sys.executable, folder=os.path.dirname(doors.__file__), bug=bug))
        os.chmod(program, 0o755)
        return folder

    def git(self, *arguments: str) -> str:
        command = ("git", *GIT, *arguments)
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "--allow-empty", "-m", message)

    # --- with phasegate -----------------------------------------------------------------------------------------------

    def guard(self) -> None:
        """`phasegate init` and `phasegate start`, and on to `implement`, with a baseline."""
        settings = f"{first_settings(str(uuid.uuid4()), None).decode()}\n{self._suites()}"
        self.write(place.SETTINGS, settings)
        where = place.at(git.locate(self.root), self.root)
        carry_out(where, planned(where, Asked(allow_ephemeral=True)))
        self.commit("Work with phasegate")
        with self.desk() as desk:
            with contextlib.redirect_stderr(io.StringIO()):  # how far the tests are is no news of this harness
                start.know_baseline(desk, start.read_plan(desk, desk.state()))
            state = start.begin(desk, desk.state())
            while (step := _run_of(state, self.root)) != "implement":
                outcome = leave(desk, state, desk.tree.observe(state.views.get(desk.worktree, {})))
                if not outcome.moved:
                    raise RuntimeError(f"the scene stays at {step}: {outcome.held_by}")
                state = outcome.state

    def _suites(self) -> str:
        """The settings of the suite, and of a second one outside the project where the case has one."""
        if not self.case.unseen:
            return f"[tests]\n{self.world.settings}"
        outside = os.path.join(self.folder, "unseen")
        os.makedirs(outside)
        with open(os.path.join(outside, "test_unseen.py"), "w", encoding="utf-8") as file:
            file.write(self.case.unseen)
        ours = self.world.settings
        return f'[suites.till]\n{ours}\n[suites.unseen]\n{ours}hidden = "{outside}"\n'

    def act(self, turns: tuple[Step, ...]) -> None:
        """Do what the calls of `turns` say, by a client without hooks."""
        files = os.path.join(self.folder, "shell")
        os.makedirs(files, exist_ok=True)
        extra = {"CLAUDE_CODE_SESSION_ID": "s"} | self.extra
        where = Place(self.root, self.home, "", "", extra)
        tools = Workbench(self.root, environment=where.environment, shell_files=files)
        for block in (block for turn in turns if isinstance(turn, Turn) for block in turn.blocks):
            if isinstance(block, Call):
                given = {
                    name: value.replace("{{P}}", self.root) if isinstance(value, str) else value
                    for name, value in ({"replace_all": False} | block.input).items()
                }
                with contextlib.suppress(Unsuccessful, Invalid):
                    tools.carry_out(block.tool, tools.prepare(block.tool, given))

    def play(self, turns: tuple[Step, ...], client: str, prompt: str = "Continue the plan.") -> Finished:
        """One session of the client that says `turns`, and then whatever brings the phase to its end."""
        with ScriptedModel(Script(turns=turns), variables={"P": self.root}) as model:
            where = Place(self.root, self.home, model.url, model.key, self.extra)
            return _client(client, where).start(prompt).wait(SECONDS)

    @contextlib.contextmanager
    def desk(self) -> Iterator[RealDesk]:
        opened = open_project(self.root, os.environ)
        try:
            yield RealDesk(opened, Actor("person", "harness"))
        finally:
            opened.close()

    @property
    def closed(self) -> bool:
        """Whether phasegate's own record says that the phase is done."""
        with self.desk() as desk:
            return any(record.status == "closed" for record in desk.state().phases.values())

    def facts(self, kind: type[Kind]) -> list[Kind]:
        with self.desk() as desk:
            return [fact for fact in map(fact_of, desk.project.log.read()) if isinstance(fact, kind)]

    # --- without ------------------------------------------------------------------------------------------------------

    def shows(self, believed: Believed) -> bool:
        """Whether somebody without phasegate would believe what the attack wants believed."""
        if believed.suite:
            return self.ends_well(self.world.suite)
        if believed.command:
            return self.ends_well(("sh", "-c", believed.command))
        if believed.gone:
            return not os.path.lexists(os.path.join(self.root, believed.gone))
        return believed.text in self.text(believed.path)

    @property
    def right(self) -> bool:
        """Whether the product does what it should, seen from outside the test runner."""
        return self.ends_well(self.world.truth)

    def ends_well(self, command: tuple[str, ...]) -> bool:
        ran = subprocess.run(command, cwd=self.root, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
        return ran.returncode == 0

    def text(self, path: str) -> str:
        try:
            with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""


def _run_of(state: State, root: str) -> str:
    (run,) = [run for run in state.runs.values() if run.worktree == root]
    return run.step


def _client(which: str, where: Place) -> Client:
    return RealClient(where, find_client()) if which == "real" else ScriptedClient(where)
