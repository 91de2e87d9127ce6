"""A client process under supervision: its lines as they come, and its end, orderly or not."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from phasegate.errors import Exit, Failure
from phasegate.workspace import processes

LINE = 8 * 1024 * 1024 + 2
"""Bytes of one line that are handed on; a longer one is cut, and so is no longer JSON."""

WAITING = 10_000
"""Lines that may wait to be heard; a client that prints faster has to wait."""

PATIENCE = 10.0
"""Seconds that a client gets to end in order."""

ERRORS_KEPT = 2000


class ClientNotStarted(Failure):
    """The client's program could not be started."""

    code = "client-not-started"
    exit_code = Exit.CANNOT_TELL


class ClientProcess:
    """One run of the client. Lines of its stdout are taken with `line`; stderr goes to a file that nobody else sees."""

    def __init__(self, argv: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._lines: queue.Queue[bytes | None] = queue.Queue(WAITING)
        try:
            self._process = subprocess.Popen(
                argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors,
                start_new_session=True,
            )  # fmt: skip
        except OSError as problem:
            self._errors.close()
            raise ClientNotStarted(
                f"{argv[0]} could not be started: {problem.strerror or problem}.",
                hint="Name a working Claude Code binary in PHASEGATE_CLAUDE, or install it.",
            ) from problem
        self.born = processes.born(self.pid)
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self, stream: IO[bytes]) -> None:
        """A line that is too long is handed on in pieces, none of which is JSON."""
        with contextlib.suppress(OSError, ValueError):
            while piece := stream.readline(LINE):
                self._lines.put(piece)
        self._lines.put(None)

    def line(self, seconds: float) -> bytes | None:
        """The next line, or b"" when none came in time; None once there is no more and the process has ended."""
        try:
            found = self._lines.get(timeout=seconds)
        except queue.Empty:
            # A grandchild may hold the pipe open after the client itself is gone.
            return b"" if self._process.poll() is None else None
        if found is None:
            self._process.wait()
        return found

    def stop(self) -> None:
        """Ask the client to end, then kill what is left of it and below it."""
        below = [(pid, processes.born(pid)) for pid in processes.family_of(self.pid)]
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        for pid, born in below:
            if born and processes.born(pid) == born:
                processes.kill_tree(pid)
        self._process.wait()

    def kill(self) -> None:
        """Kill the client with every process below it: hooks and shells lead sessions of their own."""
        if self._process.poll() is None:
            processes.kill_tree(self.pid)
        self._process.wait()

    def ended(self) -> tuple[int, str]:
        """Its exit code (negative: the signal) and the end of its stderr."""
        code = self._process.wait()
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - ERRORS_KEPT))
        said = self._errors.read().decode("utf-8", "replace").strip()
        self._errors.close()
        return code, said
