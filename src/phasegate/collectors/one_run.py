"""What every runner does around the program it starts: a folder of its own, a start that fails with a remedy."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from phasegate.collectors import process
from phasegate.collectors.interface import Ask, NoScratchDirectory, TestCommandNotStarted
from phasegate.collectors.results import Artifact
from phasegate.evidence.levels import Layer, SuiteLevel
from phasegate.evidence.tests import TestRun


def new_folder(scratch: str) -> str:
    """A new directory below `scratch`, as a real path. Raises NoScratchDirectory."""
    try:
        os.makedirs(scratch, exist_ok=True)
        return os.path.realpath(tempfile.mkdtemp(dir=scratch, prefix="run-"))
    except OSError as problem:
        raise NoScratchDirectory(
            f"Nothing can be written below {scratch}: {problem}.",
            hint="Free space there, or correct its owner and mode.",
        ) from problem


def placed(root: str, command: Sequence[str]) -> tuple[str, ...]:
    """The command with a program like `.venv/bin/python` found below the root, wherever it is then started."""
    return (os.path.join(root, command[0]), *command[1:]) if os.sep in command[0] else tuple(command)


def start(
    argv: Sequence[str],
    ask: Ask,
    env: Mapping[str, str],
    *,
    seconds: float | None = None,
    stdout: int | None = None,
    on_tick: Callable[[], None] = lambda: None,
) -> process.Ended:
    """Run `argv` where the suite lies, for `seconds` or as long as was asked for. Raises TestCommandNotStarted."""
    limit = ask.timeout_seconds if seconds is None else seconds
    try:
        if ask.start:
            _refuse_what_cannot_start(argv[0])
        return process.run(
            (*ask.start, *argv), cwd=ask.place, env=env, timeout_seconds=limit, on_tick=on_tick, stdout=stdout
        )
    except OSError as problem:
        raise not_started("The test command", problem) from problem


def _refuse_what_cannot_start(program: str) -> None:
    """Raise the error that starting it would: what enters a private tree first could only tell it by an exit code."""
    if os.sep in program and not os.access(program, os.X_OK):
        code = errno.EACCES if os.path.exists(program) else errno.ENOENT
        raise OSError(code, os.strerror(code), program)


def not_started(what: str, problem: OSError) -> TestCommandNotStarted:
    """`what` could not be started: most often since its program, or the place it is to run in, is not there."""
    gone = f"there is no {problem.filename}" if isinstance(problem, FileNotFoundError) else problem
    return TestCommandNotStarted(
        f"{what} could not be started: {gone}.",
        hint="Install it, create the environment it names, or correct the command in phasegate.toml.",
    )


def with_frames(tests: TestRun) -> TestRun:
    """A private run of which what each test itself said is among what was looked at."""
    layer = Layer("frames", True, tests.why_incomplete or "each test that passed came to its own end")
    unchallenged = Layer("challenge", False, "only functions of pytest are challenged")
    level = SuiteLevel("", tests.runner.partition(" ")[0], "private", possible=True, layers=(layer, unchallenged))
    return replace(tests, levels=(level,))


def artifacts(**named: bytes) -> tuple[Artifact, ...]:
    """Those that are not empty; `results_jsonl` is stored as `results.jsonl`."""
    return tuple(Artifact(name.replace("_", ".", 1), content) for name, content in named.items() if content)
