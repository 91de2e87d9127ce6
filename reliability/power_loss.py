"""Cuts the power under a ledger, thousands of times on a simulated disk, and checks that nothing acknowledged is lost.

    python reliability/power_loss.py --states 20000 --record

A real `SqliteLog` works on real files while a tape notes every write, sync and deletion. Then the tape is stopped at
random instants, `disk.py` lays out what a power cut there could leave, and a fresh `SqliteLog` opens it: all that was
acknowledged must be there, the chain must hold, SQLite must find the file sound, and the next append must work. One of
the states becomes the ground on which the next life of the same ledger begins. Exit code 1 when a promise was broken.

Not seen here: a ledger's birth, directories and blobs, which are made and renamed without SQLite; a drive that lies
about having synced; faults of the file system itself; several processes writing (here one, by two connections).
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import sys
from collections.abc import Iterator
from typing import Final

import apsw
from disk import Acknowledged, Disk, Operation, Tape
from trials import Lost, Trial, parsed, parser, run

from phasegate.errors import Failure
from phasegate.ledger.chain import verify
from phasegate.ledger.event import Actor, Draft, Event
from phasegate.ledger.log import Snapshot, StateMoved
from phasegate.store.sqlite import SqliteLog

LEDGER: Final = "ledger-in-the-dark"
LIVES: Final = 4
STATES: Final = 25
"""A ledger lives `LIVES` times; each life is looked at in `STATES` states."""

Promised = dict[int, str]
"""Position and hash of all events that were acknowledged."""


class Frequent(SqliteLog):
    """Folds its WAL into the file every few appends, so that power cuts hit that too."""

    pages_before_folding = 25


class Normal(Frequent):
    """Planted bug: SQLite's usual advice for WAL, which does not sync commits."""

    level = "NORMAL"

    def _begin(self, *, patience: float | None = None, synchronous: str = "") -> None:
        super()._begin(patience=patience, synchronous=self.level)


class Off(Normal):
    """Planted bug: no syncs at all."""

    level = "OFF"


BUGS: Final[dict[str, type[SqliteLog]]] = {
    "synchronous-normal": Normal,
    "synchronous-off": Off,
    "file-never-synced": Frequent,  # The WAL is folded into a file whose syncs the disk does not honour.
}
DEAF: Final = {"file-never-synced": frozenset({"ledger.db"})}


def live(directory: str, tape: Tape, chance: random.Random, kind: type[SqliteLog]) -> None:
    """Some appends, snapshots, stale appends and reopenings by two connections; acknowledgements go on the tape."""
    path = os.path.join(directory, "ledger.db")
    logs = [kind(path, LEDGER, vfs=tape.name) for _ in range(2)]
    for _ in range(chance.randint(5, 40)):
        which = chance.randrange(2)
        match chance.choice(["append"] * 8 + ["snapshot", "reopen", "stale"]):
            case "append":
                events = _append(logs[which], chance)
                tape.operations.append(Acknowledged(tuple((event.position, event.hash) for event in events)))
            case "snapshot":
                state = chance.randbytes(chance.choice([10, 6000]))
                logs[which].keep_snapshot(Snapshot(logs[which].head(), "fold-1", state))
            case "reopen":
                logs[which].close()
                logs[which] = kind(path, LEDGER, vfs=tape.name)
            case "stale":
                _append_stale(logs[which])
    for log in logs:
        log.close()


def _append(log: SqliteLog, chance: random.Random) -> tuple[Event, ...]:
    body = b'"' + b"x" * chance.choice([0, 100, 1000, 9000]) + b'"'
    drafts = [Draft(f"run/{chance.randrange(3)}", "Written", 1, body) for _ in range(chance.randint(1, 3))]
    return log.append(drafts, actor=Actor("phasegate", "power-loss"), expected={}, now_ms=1_000_000)


def _append_stale(log: SqliteLog) -> None:
    try:
        log.append([Draft("run/0", "Stale", 1, b"{}")], actor=Actor("person", "x"), expected={"run/0": -1}, now_ms=1)
    except StateMoved:
        return
    raise Lost("an append based on an old reading went through")


def wakings(directory: str, tape: Tape, disk: Disk, promised: Promised, chance: random.Random) -> Iterator[str]:
    """Directories as power cuts at random instants could leave them, each checked; `disk` and `promised` move along."""
    for index, cut in enumerate(_cuts(tape, chance)):
        for operation in cut:
            disk.apply(operation)
            if isinstance(operation, Acknowledged):
                promised.update(operation.events)
        state = os.path.join(directory, f"state-{index}")
        os.mkdir(state)
        disk.lose_power(state, chance)
        if chance.random() < 0.3:  # What a stale -shm may hold after a reboot is anybody's guess.
            with open(os.path.join(state, "ledger.db-shm"), "wb") as shared:
                shared.write(chance.randbytes(32768))
        yield state


def _cuts(tape: Tape, chance: random.Random) -> Iterator[list[Operation]]:
    """The tape in `STATES` consecutive pieces: half of them end anywhere, half right behind an acknowledgement."""
    operations = tape.operations
    promises = [n + 1 for n, operation in enumerate(operations) if isinstance(operation, Acknowledged)]
    anywhere = range(len(operations) + 1)
    ends = sorted(chance.choice(promises if promises and n % 2 else anywhere) for n in range(STATES))
    for start, end in itertools.pairwise([0, *ends]):
        yield list(operations[start:end])


def check(directory: str, promised: Promised) -> Promised:
    """Raise `Lost` unless the ledger in `directory` keeps its promises; return all events it holds then."""
    path = os.path.join(directory, "ledger.db")
    try:
        log = SqliteLog(path, LEDGER)
        kept = {event.position: event.hash for event in log.read()}
        if missing := [position for position, hash_ in promised.items() if kept.get(position) != hash_]:
            raise Lost(f"{len(missing)} of {len(promised)} acknowledged events are gone, the first is {min(missing)}")
        _append(log, random.Random(0))
        if broken := verify(log.read(), until=log.head()):
            raise Lost(f"position {broken.position} {broken.why}: {broken.message}")
        kept = {event.position: event.hash for event in log.read()}
        log.close()
    except Failure as failure:
        raise Lost(f"{failure.code}: {failure.message}") from failure
    database = apsw.Connection(path)
    if (found := database.pragma("integrity_check")) != "ok":
        raise Lost(f"SQLite says: {found}")
    database.close()
    return kept


def play(trial: Trial) -> tuple[int, str]:
    """Several lives of one ledger, each looked at in many states."""
    directory, chance, bug = trial.directory, trial.chance, trial.bug
    ground, promised = os.path.join(directory, "life-0"), Promised()
    SqliteLog(os.path.join(ground, "ledger.db"), LEDGER).close()
    tape = Tape(f"tape-{os.getpid()}", deaf_to=DEAF.get(bug, frozenset()))
    kind = BUGS.get(bug, Frequent)
    try:
        for life in range(1, LIVES + 1):
            tape.operations.clear()
            disk, after = Disk.of(ground), os.path.join(directory, f"life-{life}")
            live(ground, tape, chance, kind)
            promised = _look(wakings(directory, tape, disk, promised, chance), promised, after, chance)
            ground = after
    finally:
        tape.unregister()
    return LIVES * STATES, f"{len(promised)} events acknowledged"


def _look(states: Iterator[str], promised: Promised, after: str, chance: random.Random) -> Promised:
    """Check all `states`; one of them moves to `after`, and what it holds is promised from then on."""
    chosen, held = chance.randrange(STATES), promised
    for index, state in enumerate(states):
        kept = check(state, promised)
        if index == chosen:
            os.rename(state, after)
            held = kept
        else:
            shutil.rmtree(state)
    return held


def main() -> int:
    asked = parser(__doc__, counts="states", default=1000, bugs=BUGS)
    asked.set_defaults(directory="/dev/shm" if os.path.isdir("/dev/shm") else None)  # in memory
    what = "states after a simulated power cut in which nothing acknowledged was missing"
    return run(parsed(asked), play, name="power_loss", counts="states", what=what)


if __name__ == "__main__":
    sys.exit(main())
