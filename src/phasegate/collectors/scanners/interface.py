"""What a scanner is: it is told where to look, and says what it found, and why that may not be all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from phasegate.dependencies.packages import Locked
from phasegate.errors import Exit, Failure
from phasegate.evidence.findings import Finding

Say = Callable[[str], None]


class ToolSaysNothing(Failure):
    """A scanner is missing, crashed, was stopped at its time, or wrote what nobody can read."""

    code = "scanner-says-nothing"
    exit_code = Exit.CANNOT_TELL


class Asked(Struct, frozen=True):
    """Look at `paths` (relative to `root`); files of your own go to `scratch`; end within `seconds`.

    `origin` is the work tree, where `root` is a copy of it.
    """

    root: str
    paths: Sequence[str]
    scratch: str
    seconds: float
    say: Say
    origin: str = ""


class Looked(Struct, frozen=True):
    """What one program found, without fingerprints yet; `unread` paths and `why_unknown` are what it left open."""

    findings: tuple[Finding, ...] = ()
    unread: tuple[str, ...] = ()
    why_unknown: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Scanner(Protocol):
    """Runs one program."""

    def __call__(self, asked: Asked) -> Looked:
        """What the program says of the files asked about. Raises ToolSaysNothing when that is nothing at all."""
        ...


class Audit(Protocol):
    """Runs one program that looks packages up."""

    def __call__(self, asked: Asked, locks: Mapping[str, Locked], args: Sequence[str]) -> Looked:
        """What it says of the packages of `locks` (by path), with `args` more. Raises ToolSaysNothing."""
        ...


def together(looks: Sequence[Looked]) -> Looked:
    """What several programs found, one after the other."""
    return Looked(
        tuple(each for look in looks for each in look.findings),
        tuple(dict.fromkeys(each for look in looks for each in look.unread)),
        tuple(dict.fromkeys(each for look in looks for each in look.why_unknown)),
        tuple(dict.fromkeys(each for look in looks for each in look.tools)),
        tuple(dict.fromkeys(each for look in looks for each in look.notes)),
    )


def by(scanner: Callable[[Asked], Looked], asked: Asked) -> Looked:
    """What `scanner` says; the reason why it says nothing is all that is known then."""
    try:
        return scanner(asked)
    except ToolSaysNothing as failure:
        return Looked(why_unknown=(f"{failure.message} {failure.hint}".strip(),))
