"""Runs the command somebody wants recorded: in a process group of its own, its output shown and its end kept."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType

from msgspec import Struct

from phasegate.collectors import process
from phasegate.errors import Exit, Failure

OUTPUT_KEPT = 4 << 20
LEFT_OUT = b"[what came before is left out: only the last 4 MiB are kept]\n"
Show = Callable[[bytes], None]
_PIECE = 64 << 10
_TICK_SECONDS = 0.1
_GRACE_SECONDS = 1.0
"""How long the output of what the command left running is still read after the command itself has ended."""


class CommandUnstartable(Failure):
    """The command to record cannot be started."""

    code = "command-unstartable"
    exit_code = Exit.USAGE


class Ran(Struct, frozen=True):
    """How a command ended: `exit_code` is negative for a signal; `output` is the end of both its streams."""

    exit_code: int
    seconds: float
    output: bytes
    timed_out: bool = False


def run(command: Sequence[str], *, cwd: str, env: Mapping[str, str], seconds: float | None, show: Show) -> Ran:
    """Run `command` to its end or for `seconds`; `show` gets its output as it comes. Nothing of its group survives.

    KeyboardInterrupt, also for a SIGTERM or SIGHUP meanwhile, kills the group first. A program that moved to another
    session is out of reach.
    """
    started = time.monotonic()
    deadline = started + seconds if seconds is not None else float("inf")
    with _interrupted_by(signal.SIGTERM, signal.SIGHUP):
        running = _start(command, cwd, env)
        assert running.stdout is not None
        output = _Output(running.stdout.fileno(), show)
        try:
            while running.poll() is None and time.monotonic() < deadline:
                if output.closed:
                    process.await_end(running, _TICK_SECONDS)
                else:
                    output.read(_TICK_SECONDS)
            timed_out = running.poll() is None
            ended = time.monotonic()
        finally:
            process.kill_group(running)
            output.read_rest()
            running.stdout.close()
    return Ran(running.returncode, ended - started, output.kept, timed_out)


def _start(command: Sequence[str], cwd: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as problem:
        said = getattr(problem, "strerror", None) or str(problem)
        raise CommandUnstartable(
            f"{command[0]!r} cannot be started: {said}.", hint="Check its spelling and the PATH; nothing was recorded."
        ) from problem


@contextlib.contextmanager
def _interrupted_by(*signals: signal.Signals) -> Iterator[None]:
    """Let these signals interrupt like Ctrl-C; one that the caller ignores (nohup) stays ignored."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in signals}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Output:
    """A pipe read as it fills, shown and kept up to a limit, without ever waiting for its writers to close it."""

    def __init__(self, pipe: int, show: Show) -> None:
        self._pieces = b""
        self._cut = False
        self._pipe, self._show = pipe, show
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)
        os.set_blocking(pipe, False)

    @property
    def kept(self) -> bytes:
        """The end of the output, with a first line that says so when its beginning is gone."""
        return (LEFT_OUT if self._cut else b"") + self._pieces

    @property
    def closed(self) -> bool:
        """Whether every writer has closed it."""
        return not self._selector.get_map()

    def read(self, seconds: float) -> bool:
        """Wait at most `seconds` for output; False when there was none."""
        if self.closed or not self._selector.select(seconds):
            return False
        piece = os.read(self._pipe, _PIECE)
        if not piece:
            self._selector.unregister(self._pipe)
            return False
        self._keep(piece)
        self._show(piece)
        return True

    def _keep(self, piece: bytes) -> None:
        self._cut = self._cut or len(self._pieces) + len(piece) > OUTPUT_KEPT
        self._pieces = (self._pieces + piece)[-OUTPUT_KEPT:]

    def read_rest(self) -> None:
        """What the pipe still holds; a survivor in another session may go on writing, so not for ever."""
        until = time.monotonic() + _GRACE_SECONDS
        while time.monotonic() < until and self.read(0):
            pass
        self._selector.close()
