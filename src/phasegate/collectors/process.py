"""Runs one program in a process group of its own, for a limited time, keeping the end of what it printed."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

OUTPUT_LIMIT = 64 << 10
_TICK_SECONDS = 0.25


class Ended(Struct, frozen=True):
    """How a program ended: `exit_code` is negative for a signal; `output` is its last 64 KiB, both streams."""

    exit_code: int
    output: bytes
    timed_out: bool = False

    @property
    def last_line(self) -> str:
        lines = self.output.decode(errors="replace").strip().splitlines()
        return lines[-1].strip("= ")[:300] if lines else ""


def run(
    command: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    timeout_seconds: float,
    on_tick: Callable[[], None] = lambda: None,
    stdout: int | None = None,
) -> Ended:
    """Run `command` to its end, or to the end of its time; nothing of its process group survives either.

    With `stdout`, an open file takes what it prints there, and only what it says on stderr is kept.
    Raises OSError when it cannot be started. A program that moved to another session is out of reach.
    """
    deadline = time.monotonic() + timeout_seconds
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.STDOUT if stdout is None else subprocess.PIPE,
        start_new_session=True,
    )
    pipe = process.stdout or process.stderr
    assert pipe is not None
    output = _Tail(pipe.fileno())
    try:
        while process.poll() is None and time.monotonic() < deadline:
            seconds = min(_TICK_SECONDS, max(0.0, deadline - time.monotonic()))
            if output.closed:
                await_end(process, seconds)
            else:
                output.read(seconds)
            on_tick()
        timed_out = process.poll() is None
    finally:
        kill_group(process)
        output.read_rest()
        pipe.close()
    return Ended(process.returncode, output.content, timed_out)


def await_end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait at most `seconds` until a process has ended: one that closed its output is mostly about to."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process with all of its group, and wait for it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Tail:
    """The last bytes of a pipe, read without ever waiting for its writers to close it."""

    def __init__(self, pipe: int) -> None:
        self.content = b""
        self._pipe = pipe
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)
        os.set_blocking(pipe, False)

    @property
    def closed(self) -> bool:
        """Whether every writer has closed it."""
        return not self._selector.get_map()

    def read(self, seconds: float) -> bool:
        """Wait at most `seconds` for output and keep it; False when there was none."""
        if self.closed or not self._selector.select(seconds):
            return False
        chunk = os.read(self._pipe, OUTPUT_LIMIT)
        self.content = (self.content + chunk)[-OUTPUT_LIMIT:]
        if not chunk:
            self._selector.unregister(self._pipe)
        return bool(chunk)

    def read_rest(self) -> None:
        # A survivor in another session may go on writing: what the pipe held is enough.
        for _ in range(32):
            if not self.read(0):
                break
        self._selector.close()
