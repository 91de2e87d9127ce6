"""A git repository with a ledger that tests write facts into, and commands called on it in this process."""

from __future__ import annotations

import os
import re
import subprocess
import unicodedata
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import pytest

from phasegate.entrypoints.cli import app
from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import PhaseStarted, PlanRead, RunStarted, StepEntered, TreeObserved
from phasegate.ledger.state import State
from phasegate.settings import Settings
from phasegate.wiring import Project, RealDesk, Trusted, begin_ledger, open_project, settings_digest
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import Workflow
from phasegate.workflow.plan import Phase, Task
from phasegate.workspace import git

HOSTILE = "\x1b[31mred\x1b]0;title\x07 {reason} [x]\r\nfake line\t\u202egnp.exe\u2066\u200b\x9b2J\x7f|`end`"
"""What somebody could write who wants a terminal to obey, a line to be faked, or a template to be filled in."""

TASKS = (Task("1.1", "Discount", False, 3),)
PLAN = (
    Phase("1", "Discount", "feature", True, "", TASKS, (), False, 1, False, "", ""),
    Phase("2", "Words", "docs", True, "", (), ("1",), False, 5, False, "", ""),
)


class Recorded:
    """The repository, its ledger, and whoever calls commands in it."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], workflow: Workflow = DEFAULT) -> None:
        self.root = folder / "project"
        self.root.mkdir()
        self.capture = capture
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=self.root, check=True)
        (self.root / "app.py").write_text("value = 1\n")
        trusted = Trusted(Settings(project="p"), workflow, settings_digest(str(self.root)))
        begin_ledger(git.locate(str(self.root)), "p", trusted, os.environ).close()

    def open(self) -> Project:
        return open_project(str(self.root), os.environ)

    def record(self, *facts: Fact, actor: Actor | None = None) -> State:
        """Record facts on behalf of an agent."""
        project = self.open()
        try:
            return RealDesk(project, actor or Actor("agent", "claude", "s1")).record(facts, relying_on=None)
        finally:
            project.close()

    def run(self, step: str = "explore") -> State:
        """A run on the plan, in phase 1, at `step`, on the tree as it is."""
        project = self.open()
        try:
            seen = RealDesk(project, Actor("agent", "claude")).tree.observe({})
        finally:
            project.close()
        return self.record(
            PlanRead("docs/development_roadmap/phases.md", "d", PLAN),
            RunStarted("run-1", os.path.realpath(self.root), "start", "default", "load_phase_plans"),
            TreeObserved("run-1", seen.tree, seen.subject),
            PhaseStarted("1", "run-1", "feature", seen.subject, seen.tree),
            StepEntered("run-1", step, "load_phase_plans", "", "1", seen.subject),
        )

    def call(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code, stdout and stderr of a command."""
        self.capture.readouterr()
        before = os.getcwd()
        os.chdir(self.root)
        try:
            code = app.run(list(arguments))
        finally:
            os.chdir(before)
        said = self.capture.readouterr()
        return code, said.out, said.err

    def ok(self, *arguments: str) -> str:
        """The stdout of a command that must succeed."""
        code, out, err = self.call(*arguments)
        assert code == 0, (arguments, code, out, err)
        return out

    def json(self, *arguments: str) -> Any:
        """The JSON value a command prints, whatever its exit code."""
        return msgspec.json.decode(self.call(*arguments, "--json")[1])

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return next(Path(os.environ["XDG_STATE_HOME"]).rglob("ledger.db"))


def dangerous(text: str) -> list[str]:
    """The characters of `text` that a terminal could obey, or that hide or turn what is shown."""
    odd = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return [char for char in re.sub(r"\n", "", text) if unicodedata.category(char) in odd]


def filled(shape: Any, *, text: str = HOSTILE) -> Any:
    """A value of any type that facts have, with `text` wherever a text may stand."""
    origin, inner = get_origin(shape), get_args(shape)
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        return shape(**{field.name: filled(field.type, text=text) for field in msgspec.structs.fields(shape)})
    if origin in (Union, UnionType) or origin is Literal:
        return filled(inner[0], text=text) if origin is not Literal else inner[-1]
    if origin is tuple:
        return (filled(inner[0], text=text),)
    if origin is dict:
        return {filled(inner[0], text=text): filled(inner[1], text=text)}
    plain: dict[Any, Any] = {str: text, int: 3, float: 0.5, bool: True}
    return plain[shape]


def emptied(kind: type[Fact]) -> Fact:
    """A fact whose texts and lists are all empty."""
    empty: dict[Any, Any] = {str: "", int: 0, bool: False}
    values = {}
    for field in msgspec.structs.fields(kind):
        origin = get_origin(field.type)
        value = () if origin is tuple else {} if origin is dict else empty.get(field.type)
        values[field.name] = filled(field.type, text="") if value is None else value
    return kind(**values)
