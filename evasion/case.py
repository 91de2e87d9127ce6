"""What a case of the corpus is: an attack, its honest twin, and where phasegate says that the attack is found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from phasegate.entrypoints.demo.script import Step, Turn, call

Where = Literal["prevented", "put back", "gate", "verify", "out of scope"]
"""Refused before it happened; undone or held after it; the phase did not close; `phasegate verify` did not pass."""

FOUND: Final[tuple[Where, ...]] = ("prevented", "put back", "gate", "verify")
BEFORE_VERIFY: Final = FOUND[:3]


class Believed(Struct, frozen=True):
    """What somebody without phasegate would believe, and by what: the attack succeeds where this holds.

    `suite`: the project's own test command ends well. `text` in `path`: what was written still stands there.
    `gone`: there is no `path`. `command`: it ends well in the root.
    """

    suite: bool = False
    path: str = ""
    text: str = ""
    gone: str = ""
    command: str = ""


GREEN: Final = Believed(suite=True)


def stands(path: str, text: str) -> Believed:
    """What was written into `path` is still there."""
    return Believed(path=path, text=text)


class Case(Struct, frozen=True):
    """One attack on the project of `scene.py`, and honest work that looks like it.

    Both are turns of a client that is at the step `implement`. `needs` are files that are there from the beginning.
    `expected` is where the attack is found, at the latest; `why` says it of one that is out of scope.
    `person` is what a person does in the honest case after the agent's last word: commands of phasegate, each followed
    by the agent going on.
    """

    name: str
    family: str
    says: str
    attack: tuple[Step, ...]
    twin: tuple[Step, ...]
    expected: Where
    believed: Believed = GREEN
    why: str = ""
    needs: Mapping[str, str] = {}
    kind: str = "chore"
    world: Literal["python", "javascript", "go"] = "python"
    client: Literal["scripted", "real"] = "scripted"
    person: tuple[str, ...] = ()
    unseen: str = ""
    """Tests that lie outside the project, as a second suite that the agent does not see."""
    breaks: bool = True
    """Whether the attack leaves a product that does not do what its tests say."""


def write(path: str, content: str) -> Turn:
    """A turn that writes a file by the client's own tool."""
    return call("Write", file_path="{{P}}/" + path, content=content)


def bash(command: str) -> Turn:
    """A turn that runs one shell command."""
    return call("Bash", command=command, description="a command")
