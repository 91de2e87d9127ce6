"""What most commands need: the project opened on behalf of whoever called, and whether that is an agent."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import rich_click as click

from phasegate.engine import closing, views
from phasegate.entrypoints.cli import output
from phasegate.errors import Exit, Failure
from phasegate.ledger.event import Actor
from phasegate.ledger.log import StateMoved
from phasegate.ledger.state import State
from phasegate.telemetry.log_lines import LogLines, least_level
from phasegate.wiring import Project, RealDesk, open_project
from phasegate.workspace import files, git, processes

AGENT_MARKS = ("CLAUDECODE", "CODEX_SANDBOX", "GEMINI_CLI")
"""Environment variables that clients set for what they start."""

GIT_AUTHOR = ("GIT_AUTHOR_EMAIL", "GIT_CONFIG_GLOBAL")
"""Variables that say whose commits these are."""

AGENT_PROGRAMS = ("claude", "codex", "gemini")

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value for scripts.")
version_option = click.option(
    "--if-version", type=int, metavar="N", help="Change nothing unless the ledger is at position N (else exit 4)."
)


class ForPeople(Failure):
    """A command that only a person may call was called below an agent."""

    code = "for-people"
    exit_code = Exit.USAGE


def agent_above() -> str:
    """Which agent this process runs below, by its environment or its ancestors; "" when it is a person's."""
    for mark in AGENT_MARKS:
        if os.environ.get(mark):
            return mark
    for pid in processes.ancestry(os.getppid()):
        if processes.name(pid) in AGENT_PROGRAMS or _marked(pid):
            return f"{processes.name(pid)} ({pid})"
    return ""


def _marked(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return False
    return any(f"\0{mark}=".encode() in b"\0" + environment for mark in AGENT_MARKS)


def actor() -> Actor:
    """Whoever calls: the agent, when one is above us, else the person at the terminal."""
    agent = agent_above()
    if agent:
        return Actor("agent", agent, os.environ.get("CLAUDE_CODE_SESSION_ID", ""))
    return Actor("person", account())


def account() -> str:
    """The account that this process runs under."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def at_work(opened: RealDesk) -> tuple[str, ...]:
    """Who drives a run that begins here: the account, and the address that its commits would have."""
    asked = ["-C", opened.worktree, "config", "--get", "user.email"]
    environment = git.clean_environment({name: os.environ[name] for name in GIT_AUTHOR if name in os.environ})
    said = git.run(asked, environment=environment, scratch=opened.project.directory, accept=(0, 1, 128))
    named = (environment.get("GIT_AUTHOR_EMAIL", ""), said.output.decode("utf-8", "replace").strip())
    return tuple(dict.fromkeys(name for name in (account(), *named) if name))


@contextlib.contextmanager
def desk(if_version: int | None = None, *, looks: bool = False) -> Iterator[RealDesk]:
    """The desk of the project in the current directory.

    What an interrupted command left undone is done first, unless the command `looks` and shall change nothing.
    """
    project = open_project(os.getcwd(), os.environ)
    try:
        opened = RealDesk(project, actor())
        state = opened.state()
        if if_version is not None and state.position != if_version:
            raise StateMoved(
                f"The ledger is at position {state.position}, not {if_version}.", hint="Read the state again."
            )
        lines = _log(project)
        with _logging_failures(lines, opened):
            if not looks:
                _catch_up(opened, state)
            with _telling_what_is_recorded(opened):
                yield opened
        words = [readable(word) for word in sys.argv[1:]]
        lines.write("info", "command", argv=words, actor=opened.actor.name, events=opened.recorded)
    finally:
        project.close()


def _catch_up(opened: RealDesk, state: State) -> None:
    """Publish and show what an interrupted command left undone; a tree that takes no files hides only the newest."""
    try:
        views.redo(opened, closing.publish(opened, state))
    except (files.NotWritable, files.DiskFull) as failure:
        output.progress(f"phasegate: files that show the state are out of date: {failure.message} {failure.hint}")


@contextlib.contextmanager
def _logging_failures(lines: LogLines, opened: RealDesk) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        lines.write(
            "warning", "command failed", argv=list(map(readable, sys.argv[1:])), actor=opened.actor.name,
            code=failure.code, said=failure.message, events=opened.recorded,
        )  # fmt: skip
        raise


@contextlib.contextmanager
def _telling_what_is_recorded(opened: RealDesk) -> Iterator[None]:
    """A file that cannot be written undoes no record: say so, lest somebody does it all a second time."""
    before = len(opened.recorded)
    try:
        yield
    except (files.NotWritable, files.DiskFull) as failure:
        if len(opened.recorded) == before:
            raise
        raise type(failure)(
            f"{failure.message} What the command recorded until then is kept.",
            hint=f"{failure.hint} Then see `phasegate status` before you run it again.",
        ) from failure


def _log(project: Project) -> LogLines:
    """The log of this project at the level asked for; with `-v` also shown."""
    context = click.get_current_context(silent=True)
    verbose = (context.find_root().obj or {}).get("verbose", 0) if context else 0
    least = least_level(os.environ.get("PHASEGATE_LOG", ""), verbose)
    return LogLines(os.path.join(project.directory, "logs"), least=least, call=uuid.uuid4().hex[:12], echo=verbose > 0)


def readable(word: str) -> str:
    """A word of a command line as UTF-8 can hold it; bytes that are no UTF-8 are replaced."""
    return os.fsencode(word).decode("utf-8", "replace")


def only_people(what: str) -> None:
    """Refuse `what` below an agent."""
    agent = agent_above()
    if agent:
        raise ForPeople(f"{what} is for a person, and this was called below an agent ({agent}).",
                        hint="Ask the person to run it in a terminal of their own.")  # fmt: skip


def again(act: Callable[[State], Any], opened: RealDesk, attempts: int = 5) -> Any:
    """Do `act` on the newest state, again when the ledger moved meanwhile."""
    for attempt in range(attempts):
        try:
            return act(opened.state())
        except StateMoved:
            if attempt == attempts - 1:
                raise
    raise AssertionError("unreachable")
