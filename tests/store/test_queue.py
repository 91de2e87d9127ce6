"""Writers wait in line: one at a time, none for ever, and whoever gives up holds nobody else up."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from phasegate.store.queue import Queue


def soon(seconds: float = 0.05) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "ledger.db.queue")


def test_only_one_is_in_at_a_time(path: str) -> None:
    one, two = Queue(path), Queue(path)
    assert one.enter(soon())
    assert not two.enter(soon())
    one.leave()
    assert two.enter(soon())
    two.leave()


def test_leaving_without_having_been_in_is_nothing(path: str) -> None:
    Queue(path).leave()


def test_everyone_who_waits_is_served(path: str) -> None:
    holder, served = Queue(path), []
    assert holder.enter(soon())

    def wait(name: int) -> None:
        queue = Queue(path)
        assert queue.enter(soon(30))
        served.append(name)
        queue.leave()

    waiting = [threading.Thread(target=wait, args=(name,)) for name in range(8)]
    for thread in waiting:
        thread.start()
    holder.leave()
    for thread in waiting:
        thread.join(30)
    assert sorted(served) == list(range(8))


def test_whoever_gave_up_passes_the_turn_on(path: str) -> None:
    """Its thread still stands in line; when its turn comes, it lets go at once."""
    holder = Queue(path)
    assert holder.enter(soon())
    for _ in range(3):
        assert not Queue(path).enter(soon(0.02))
    holder.leave()
    late = Queue(path)
    assert late.enter(soon(30))
    late.leave()


def test_an_interrupted_wait_passes_the_turn_on(path: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    holder = Queue(path)
    assert holder.enter(soon())
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            Queue(path).enter(soon(30))
    finally:
        signal.signal(signal.SIGALRM, before)
    holder.leave()
    late = Queue(path)
    assert late.enter(soon(30))
    late.leave()


def test_a_dead_holder_holds_nothing(path: str) -> None:
    ready, entered = os.pipe()
    if (child := os.fork()) == 0:
        try:
            Queue(path).enter(soon(30))
            os.write(entered, b"!")
            signal.pause()
        finally:
            os._exit(1)
    os.read(ready, 1)
    assert not Queue(path).enter(soon())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    late = Queue(path)
    assert late.enter(soon(30))
    late.leave()
