"""Kills writers of one ledger with SIGKILL at random instants, and checks that nothing acknowledged is ever lost.

    python reliability/kill_writers.py --kills 3000 --record

A round is one ledger: a few processes append to it as fast as they can, racing to create it first, and send what was
acknowledged through a pipe. Some or all are killed, the survivors and newcomers go on, and after each kill the new part
of the chain is verified and compared with the acknowledgements. Exit code 1 when anything acknowledged is missing or
differs, the chain does not hold, or nobody can write any more.

What a kill cannot show: the kernel lives on, so writes that were never synced survive. See `power_loss.py`.
"""

from __future__ import annotations

import os
import random
import selectors
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NoReturn

import apsw
from trials import Lost, Trial, parsed, parser, run

from phasegate.ledger.chain import EMPTY, verify
from phasegate.ledger.event import Actor, Draft, Event
from phasegate.ledger.log import Head, StateMoved
from phasegate.store.sqlite import SqliteLog

LEDGER: Final = "ledger-under-fire"
ROUND: Final = 50
"""Kills before a new ledger is begun."""

Acknowledge = Callable[[Event], None]
_FRAME = struct.Struct(">Q32s")


class Frequent(SqliteLog):
    """Folds its WAL into the file every few appends, so that kills hit that too."""

    pages_before_folding = 40


class Hasty(Frequent):
    """The planted bug: acknowledges just before it commits."""

    acknowledge: Acknowledge

    def _linked(
        self, drafts: Sequence[Draft], actor: Actor, expected: Mapping[str, int], now_ms: int
    ) -> tuple[Event, ...]:
        self._pending = super()._linked(drafts, actor, expected, now_ms)
        return self._pending

    def _commit(self) -> None:
        for event in getattr(self, "_pending", ()):
            self.acknowledge(event)
        super()._commit()


def write_for_ever(path: str, pipe: int, seed: int, hasty: bool) -> NoReturn:
    """What a writer process does until it is killed."""
    chance = random.Random(seed)

    def acknowledge(event: Event) -> None:
        os.write(pipe, _FRAME.pack(event.position, bytes.fromhex(event.hash)))

    log = (Hasty if hasty else chance.choice([SqliteLog, Frequent]))(path, LEDGER)
    if isinstance(log, Hasty):
        log.acknowledge = acknowledge
    own = f"writer/{os.getpid()}"
    while True:
        events = _append(log, own, chance)
        if not hasty:
            for event in events:
                acknowledge(event)


def _append(log: SqliteLog, own: str, chance: random.Random) -> tuple[Event, ...]:
    """A few drafts in this writer's stream and the common one, now and then relying on the latter's version."""
    expected = {"common": log.versions().get("common", 0)} if chance.random() < 0.3 else {}
    body = b'"' + b"x" * chance.choice([0, 50, 500, 9000]) + b'"'
    drafts = [Draft(chance.choice([own, "common"]), "Written", 1, body) for _ in range(chance.randint(1, 4))]
    try:
        return log.append(drafts, actor=Actor("agent", own), expected=expected, now_ms=time.time_ns() // 1_000_000)
    except StateMoved:
        return ()


class Writer:
    """A child process and the pipe through which it says what was acknowledged."""

    def __init__(self, path: str, seed: int, hasty: bool) -> None:
        self.pipe, far_end = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.pipe)
            try:
                write_for_ever(path, far_end, seed, hasty)
            finally:  # Whatever it was, the child must never run on as a second parent.
                traceback.print_exc()
                os._exit(1)
        os.close(far_end)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> None:
        _, self._status = os.waitpid(self.pid, 0)

    def bury(self) -> None:
        os.close(self.pipe)
        if not os.WIFSIGNALED(self._status):
            raise Lost(f"a writer ended by itself with status {os.waitstatus_to_exitcode(self._status)}")

    def acknowledged(self) -> Iterator[tuple[int, str]]:
        """What it sent since last asked; for a dead writer, all that is left."""
        os.set_blocking(self.pipe, False)
        rest = b""
        while chunk := self._chunk():
            rest += chunk
            whole = len(rest) - len(rest) % _FRAME.size
            for position, hash_ in _FRAME.iter_unpack(rest[:whole]):
                yield position, hash_.hex()
            rest = rest[whole:]

    def _chunk(self) -> bytes:
        try:
            return os.read(self.pipe, 64 * 1024)
        except BlockingIOError:
            return b""


class Round:
    """One ledger and its writers."""

    def __init__(self, directory: str, chance: random.Random, hasty: bool) -> None:
        self._path = os.path.join(directory, "ledger.db")
        self._chance = chance
        self._hasty = hasty
        self._writers: list[Writer] = []
        self._acknowledged: dict[int, str] = {}
        self._seen: dict[int, str] = {}
        self._head = EMPTY

    def play(self, kills: int) -> int:
        """Kill `kills` writers or a few more, checking after each blow; returns how many events were acknowledged."""
        crew = self._chance.randint(2, 5)
        try:
            while kills > 0:
                self._writers += [self._writer() for _ in range(crew - len(self._writers))]
                self._drain_for(self._instant())
                kills -= self._strike()
                self._check()
        finally:
            for writer in self._writers:
                writer.kill()
                writer.reap()
                os.close(writer.pipe)
        self._check_whole()
        return len(self._acknowledged)

    def _writer(self) -> Writer:
        return Writer(self._path, self._chance.getrandbits(32), self._hasty)

    def _instant(self) -> float:
        """Seconds until the next blow: as often in the first millisecond as in the tens that follow."""
        return float(0.0003 * 10 ** self._chance.uniform(0, 2.2))

    def _drain_for(self, seconds: float) -> None:
        """Read acknowledgements, so that no writer ever blocks on a full pipe, until the time is up."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for writer in self._writers:
                selector.register(writer.pipe, selectors.EVENT_READ, writer)
            while (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    self._acknowledged.update(key.data.acknowledged())

    def _strike(self) -> int:
        """Kill one writer, some, or all of them at once."""
        count = self._chance.choice([1, 1, 1, len(self._writers), self._chance.randint(1, len(self._writers))])
        struck = self._chance.sample(self._writers, count)
        for writer in struck:
            writer.kill()
        for writer in struck:
            self._writers.remove(writer)
            writer.reap()
            self._acknowledged.update(writer.acknowledged())
            writer.bury()
        return count

    def _check(self) -> None:
        """The new part of the chain holds, and what was acknowledged stands in it."""
        due = dict(self._acknowledged)
        log = SqliteLog(self._path, LEDGER)
        try:
            fresh = list(log.read(self._head.position))
        finally:
            log.close()
        if broken := verify(fresh, after=self._head):
            raise Lost(f"position {broken.position} {broken.why}: {broken.message}")
        self._seen.update((event.position, event.hash) for event in fresh)
        if fresh:
            self._head = Head(fresh[-1].position, fresh[-1].hash)
        for position, hash_ in due.items():
            if self._seen.get(position) != hash_:
                raise Lost(f"acknowledged event {position} is {'another' if position in self._seen else 'gone'}")

    def _check_whole(self) -> None:
        """From its birth the chain holds, SQLite finds its file sound, and the next writer can write."""
        self._check()
        log = SqliteLog(self._path, LEDGER)
        try:
            _append(log, "after", random.Random(0))
            if broken := verify(log.read(), until=self._head):
                raise Lost(f"position {broken.position} {broken.why}: {broken.message}")
        finally:
            log.close()
        database = apsw.Connection(self._path)
        try:
            if (found := database.pragma("integrity_check")) != "ok":
                raise Lost(f"SQLite says: {found}")
        finally:
            database.close()


def play(trial: Trial) -> tuple[int, str]:
    """One ledger under fire."""
    kills = min(ROUND, trial.left)
    return kills, f"{Round(trial.directory, trial.chance, bool(trial.bug)).play(kills)} events acknowledged"


def main() -> int:
    arguments = parsed(parser(__doc__, counts="kills", default=300, bugs=("ack-before-commit",)))
    what = "kills of concurrent writers after which nothing acknowledged was missing"
    return run(arguments, play, name="kill_writers", counts="kills", what=what)


if __name__ == "__main__":
    sys.exit(main())
