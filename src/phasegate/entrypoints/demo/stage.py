"""The demo itself: lays out the project, lets a real client play the story under our hooks, kills it, goes on."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from phasegate.entrypoints.demo import story
from phasegate.entrypoints.demo.client import Client, Finished, Place, Session
from phasegate.entrypoints.demo.real_client import ClientNotFound, RealClient, find_client
from phasegate.entrypoints.demo.scripted_client import ScriptedClient
from phasegate.entrypoints.demo.scripted_model import ScriptedModel
from phasegate.errors import Exit, Failure
from phasegate.ledger import facts as f
from phasegate.ledger.event import Actor, Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.schema import fact_of
from phasegate.wiring import RealDesk, open_project
from phasegate.workspace import git

SECONDS = 300.0
"""How long one client session of the demo may take."""

TICK = 0.2

Which = Literal["auto", "real", "scripted"]
Hear = Callable[[Event, Fact], None]


class DemoNeedsTools(Failure):
    """The demo runs real tests, and pytest or coverage.py is not installed beside phasegate."""

    code = "demo-needs-tools"
    exit_code = Exit.CANNOT_TELL


class DemoFolderTaken(Failure):
    """The project of the demo cannot be laid out in this folder."""

    code = "demo-folder-taken"
    exit_code = Exit.USAGE


class DemoStalled(Failure):
    """The story did not come to its end."""

    code = "demo-stalled"
    exit_code = Exit.BUG


class Outcome(msgspec.Struct, frozen=True):
    """What the demo came to; `agent` names the client that played, `refusals` counts what was refused or put back."""

    outcome: str
    phases_closed: int
    agent: str
    real_client: bool
    project: str
    ledger: str
    state_home: str
    refusals: int
    put_back: int
    stops_refused: int
    red_before_green: bool
    uncertainties_resolved: int
    recovered: bool
    archives: tuple[str, ...]
    seconds: float


def choose(place: Place, which: Which) -> Client:
    """The real client where there is one, else the scripted agent that calls the same hooks."""
    if which != "scripted":
        try:
            return RealClient(place, find_client())
        except ClientNotFound:
            if which == "real":
                raise
    return ScriptedClient(place)


def play(folder: str | None, which: Which, hear: Hear, say: Callable[[str], None]) -> Outcome:
    """Play the whole story in `folder` (default: a new temporary one) and return what it came to."""
    started = time.monotonic()
    _need_tools()
    base = os.path.realpath(folder or tempfile.mkdtemp(prefix="phasegate-demo-"))
    project, home, state, scratch = (os.path.join(base, name) for name in ("tally", "home", "state", "tmp"))
    # The small project needs no plug-in of pytest that happens to be installed here, and is tested many times.
    environment = {"XDG_STATE_HOME": state, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment |= {"TMPDIR": scratch, "CLAUDE_CODE_TMPDIR": scratch}  # else the client writes beside the demo's folder
    _make_room(project, home, state, scratch)
    lay_out(project)
    with ScriptedModel(story.script(), variables={"PROJECT": project}) as model:
        place = Place(project, home, model.url, model.key, environment)
        client = choose(place, which)
        say(f"{client.name} works on a small project, driven through its own hooks.")
        begin(project, environment)
        listener = Listener(project, environment, hear)
        session = client.start("Continue the plan.")
        _until_turn(model, story.KILL_AT, session, listener)
        _in_flight(listener, "python3 -c")
        session.kill()
        listener.catch_up()
        say("The agent is killed in the middle of a command. A new session begins.")
        finished = _to_the_end(client.start("Continue the plan."), listener)
    return _outcome(project, environment, client, listener, finished, time.monotonic() - started)


def _make_room(project: str, *others: str) -> None:
    """Make the folders of the demo; the project must not be there, for it would be written over."""
    try:
        for folder in others:
            os.makedirs(folder, exist_ok=True)
        os.makedirs(project)
    except OSError as problem:
        raise DemoFolderTaken(
            f"The demo cannot make {problem.filename or project}: {problem.strerror}.",
            hint="Name an empty or a new folder with --dir, or leave it out.",
        ) from problem


def lay_out(project: str) -> None:
    """Write the project and commit it."""
    for path, content in story.FILES.items():
        target = os.path.join(project, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(content)
    identity = ("-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": project, "GIT_CONFIG_NOSYSTEM": "1"}
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        (*identity, "commit", "-q", "-m", "A small project"),
    ):
        subprocess.run(("git", *arguments), cwd=project, check=True, env=environment, capture_output=True)


def begin(project: str, environment: dict[str, str]) -> None:
    """What a person does with `phasegate init` and `phasegate start`."""
    from phasegate.entrypoints.cli.init import Asked, carry_out, planned
    from phasegate.entrypoints.cli.start import begin as begin_run
    from phasegate.entrypoints.cli.start import know_baseline, read_plan

    os.environ.update(environment)
    where = git.locate(project)
    carry_out(where, planned(where, Asked(allow_ephemeral=True)))
    opened = open_project(project, os.environ)
    try:
        desk = RealDesk(opened, Actor("person", "demo"))
        state = read_plan(desk, desk.state())
        know_baseline(desk, state)
        begin_run(desk, desk.state())
    finally:
        opened.close()


class Listener:
    """Follows the ledger while the client works, and hands on every fact once."""

    def __init__(self, project: str, environment: dict[str, str], hear: Hear) -> None:
        self._project = project
        self._environment = os.environ | environment
        self._hear = hear
        self._position = 0
        self.facts: list[Fact] = []
        self.catch_up()

    def catch_up(self) -> None:
        """Read what was recorded since the last time."""
        opened = open_project(self._project, self._environment)
        try:
            for event in opened.log.read(self._position):
                self._position = event.position
                fact = fact_of(event)
                if fact is not None:
                    self.facts.append(fact)
                    self._hear(event, fact)
        finally:
            opened.close()

    def all(self, kind: type[Fact]) -> Iterator[Fact]:
        """The facts of one kind so far."""
        return (fact for fact in self.facts if isinstance(fact, kind))


def _until_turn(model: ScriptedModel, turn: int, session: Session, listener: Listener) -> None:
    """Wait until the model was asked for `turn`."""
    deadline = time.monotonic() + SECONDS
    while not any(request.kind == "main" and request.turn >= turn for request in model.requests):
        if not session.running or time.monotonic() > deadline:
            raise _stalled(session.kill())
        listener.catch_up()
        time.sleep(TICK)


def _in_flight(listener: Listener, command: str) -> None:
    """Wait until the tool call with `command` was let through, so that the kill strikes while it runs."""
    for _ in range(100):
        listener.catch_up()
        if any(isinstance(fact, f.CallAsked) and fact.command.startswith(command) for fact in listener.facts):
            return
        time.sleep(TICK)


def _to_the_end(session: Session, listener: Listener) -> Finished:
    deadline = time.monotonic() + SECONDS
    while session.running and time.monotonic() < deadline:
        listener.catch_up()
        time.sleep(TICK)
    finished = session.wait(5) if not session.running else session.kill()
    listener.catch_up()
    if finished.killed or finished.exit_code:
        raise _stalled(finished)
    return finished


def _stalled(finished: Finished) -> DemoStalled:
    last = finished.tool_results[-1].text[-600:] if finished.tool_results else finished.stderr[-600:] or finished.result
    return DemoStalled(f"The story did not come to its end; the agent last saw: {last}", hint="Please report it.")


def _outcome(
    project: str, environment: dict[str, str], client: Client, listener: Listener, finished: Finished, seconds: float
) -> Outcome:
    opened = open_project(project, os.environ | environment)
    try:
        state = RealDesk(opened, Actor("person", "demo")).state()
        ledger = opened.directory
    finally:
        opened.close()
    closed = [record for record in state.phases.values() if record.status == "closed"]
    ended = [fact for fact in listener.all(f.RunEnded) if isinstance(fact, f.RunEnded)]
    if len(closed) < 2 or not ended:
        raise _stalled(finished)
    return Outcome(
        outcome=ended[-1].outcome,
        phases_closed=len(closed),
        agent=client.name,
        real_client=client.real,
        project=project,
        ledger=ledger,
        state_home=environment["XDG_STATE_HOME"],
        refusals=sum(1 for _ in listener.all(f.CallRefused)),
        put_back=sum(1 for _ in listener.all(f.ChangePutBack)),
        stops_refused=sum(1 for _ in listener.all(f.StopRefused)),
        red_before_green=all(record.red_seen for record in closed),
        uncertainties_resolved=sum(1 for _ in listener.all(f.NoteResolved)),
        recovered=any(listener.all(f.RunRecovered)),
        archives=tuple(record.archive for record in closed),
        seconds=round(seconds, 1),
    )


def _need_tools() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("pytest", "coverage") if find_spec(name) is None]
    if missing:
        raise DemoNeedsTools(
            f"The demo runs real tests and needs {' and '.join(missing)} beside phasegate.",
            hint="Run it from a checkout of phasegate, where they are installed: `uv run phasegate demo`.",
        )
