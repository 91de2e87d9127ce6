"""Runs a scanner's program: its own, never one that the repository brings, for a limited time and output."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from phasegate.collectors import environment, process
from phasegate.collectors.scanners.interface import ToolSaysNothing
from phasegate.plain import line

MOST_OUTPUT = 128 << 20
"""Bytes of a report; a program that writes more is stopped."""

AT_ONCE = 1000
"""Paths on one command line."""


class Report(Struct, frozen=True):
    """What a program that came to its end wrote: its exit code, its report, and the end of what it complained."""

    exit_code: int
    output: bytes
    complaint: str


def found(name: str, root: str, *, remedy: str) -> str:
    """The program called `name`: beside our own interpreter, else on the PATH, but not within `root`."""
    beside = os.path.join(os.path.dirname(sys.executable), name)
    if os.access(beside, os.X_OK):
        return beside
    top = os.path.realpath(root) + os.sep
    outside = [each for each in os.get_exec_path() if not (os.path.realpath(each) + os.sep).startswith(top)]
    program = shutil.which(name, path=os.pathsep.join(filter(os.path.isabs, outside)))
    if program is None:
        raise ToolSaysNothing(f"{name} is not installed.", hint=remedy)
    return program


def run(
    command: Sequence[str],
    *,
    cwd: str,
    scratch: str,
    seconds: float,
    fine: Iterable[int] = (0,),
    env: Mapping[str, str] | None = None,
) -> Report:
    """Run `command` to its end; raises ToolSaysNothing for any end but one of the `fine` exit codes in time."""
    name = os.path.basename(command[0])
    with tempfile.TemporaryFile(dir=scratch) as file:
        too_much = _TooMuch(file.fileno())
        try:
            ended = process.run(
                command, cwd=cwd, env=env or variables(), timeout_seconds=seconds, stdout=file.fileno(),
                on_tick=too_much.look,
            )  # fmt: skip
        except OSError as problem:
            raise ToolSaysNothing(f"{name} cannot be started: {problem.strerror}.", hint="") from problem
        if ended.timed_out:
            raise ToolSaysNothing(f"{name} was stopped after {seconds:g} seconds.", hint="Give it more time.")
        too_much.look()
        file.seek(0)
        said = file.read()
    complaint = ended.output.decode(errors="replace").strip()
    if ended.exit_code not in fine:
        how = f"was killed by signal {-ended.exit_code}" if ended.exit_code < 0 else f"ended with {ended.exit_code}"
        raise ToolSaysNothing(f"{name} {how}: {line(complaint[-400:] or 'it said nothing', 400)}", hint="")
    return Report(ended.exit_code, said, complaint)


def variables(**more: str) -> dict[str, str]:
    """The user's environment without what bends Python and Node, and without settings of scanners."""
    kept = environment.clean().variables
    return {name: value for name, value in kept.items() if not name.startswith(("RUFF_", "PIP_AUDIT_"))} | more


def version(program: str, scratch: str) -> str:
    """`NAME VERSION` as the program says it itself."""
    name = os.path.basename(program)
    said = run((program, "--version"), cwd=scratch, scratch=scratch, seconds=60.0).output.decode(errors="replace")
    number = next((word for word in said.split() if word[:1].isdigit()), "")
    return line(f"{name} {number}".strip(), 60)


def chunks(paths: Sequence[str]) -> Iterable[Sequence[str]]:
    """The paths in pieces that a command line holds; one that looks like an option gets a folder."""
    plain = [path if not path.startswith(("-", "@")) else f"./{path}" for path in paths]
    return (plain[at : at + AT_ONCE] for at in range(0, len(plain), AT_ONCE))


class _TooMuch:
    """Stops a program that fills the disk."""

    def __init__(self, file: int) -> None:
        self._file = file

    def look(self) -> None:
        if os.fstat(self._file).st_size > MOST_OUTPUT:
            raise ToolSaysNothing(f"It wrote more than {MOST_OUTPUT >> 20} MiB.", hint="")
