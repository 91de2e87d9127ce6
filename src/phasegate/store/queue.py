"""Where writers of one ledger wait in line, across processes, so that none starves and none waits for ever."""

from __future__ import annotations

import errno
import fcntl
import os
import time


class Queue:
    """A lock file that the kernel hands on in order of arrival (about; flock promises no more). Dies with its holder.

    Waiting with a deadline takes a thread, because flock has no timeout and polling would let latecomers overtake.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._held: int | None = None

    def enter(self, deadline: float) -> bool:
        """Wait for our turn until `deadline` (monotonic seconds); False when it did not come. May raise OSError."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _try(descriptor) or _wait(descriptor, deadline):
            self._held = descriptor
            return True
        return False

    def leave(self) -> None:
        """Let the next writer in; nothing happens when it is not our turn."""
        if self._held is not None:
            held, self._held = self._held, None
            os.close(held)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        os.close(descriptor)
        raise
    return True


def _wait(descriptor: int, deadline: float) -> bool:
    """Block in a thread that owns `descriptor` until it has the lock; if nobody waits for it then, it lets go."""
    import threading  # Only who has to wait pays for it.

    seconds = deadline - time.monotonic()
    if seconds <= 0:
        os.close(descriptor)
        return False
    settle = threading.Lock()
    ours = threading.Event()
    abandoned = False

    def block() -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with settle:
            if abandoned:
                os.close(descriptor)
            else:
                ours.set()

    threading.Thread(target=block, name="ledger queue", daemon=True).start()
    came = False
    try:
        came = ours.wait(seconds)
    finally:  # Also when a signal's exception ends the waiting.
        with settle:
            abandoned = not came
            if abandoned and ours.is_set():
                os.close(descriptor)
    return came
