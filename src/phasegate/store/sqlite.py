"""A ledger in one SQLite file: appends are acknowledged once they would survive a power cut."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import apsw

from phasegate.ledger.chain import EMPTY, check_expected, check_text, link
from phasegate.ledger.event import Actor, Clock, Draft, Event, digest
from phasegate.ledger.log import Head, LedgerTooNew, LedgerUnreadable, LedgerUnwritable, Snapshot
from phasegate.store import schema
from phasegate.store.durable import make_private_directory, sync_directory
from phasegate.store.ids import new_id
from phasegate.store.queue import Queue

# WAL is set once, when the file is made, and stays. Who closes last leaves the WAL where it is: hooks come and go many
# times a minute, and folding the WAL in and making it anew would cost each of them several syncs.
_PER_CONNECTION = """
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
"""

# SQLite checks types when it writes. A damaged page can hold anything, and must not reach code that trusts them.
_HEAD = (int, str, int, int)
_SNAPSHOT = (int, str, str, bytes, str)
_EVENT = (int, int, int, str, int, str, str, str, str, str, int, bytes, str, str, str)
_ERASED = (*_EVENT[:11], type(None), *_EVENT[12:])


class SqliteLog:
    """A `Log` in the file `path`. One object for one thread; any number of processes.

    Given `ledger`, the file is made when absent and must be that ledger's; without, it must exist. A writer waits
    `patience` seconds for its turn. `vfs` names the SQLite file layer, for tests that break it.
    """

    pages_before_folding = 250
    """How long the WAL may grow. SQLite's usual 1000 would cost who opens the file first a millisecond of reading."""

    def __init__(self, path: str, ledger: str | None = None, *, patience: float = 10.0, vfs: str | None = None) -> None:
        self._path = path
        self._patience = patience
        self._queue = Queue(f"{path}.queue")
        self._closed = False
        self._db = self._open(ledger, vfs)
        try:
            self._prepare()
            self._ledger = self._own_id(ledger)
        except BaseException:
            self.close()
            raise

    @property
    def ledger(self) -> str:
        return self._ledger

    def head(self) -> Head:
        return self._end()[0]

    def versions(self) -> Mapping[str, int]:
        return dict(self._rows(schema.VERSIONS, (), (str, int)))

    def read(self, after: int = 0) -> Iterator[Event]:
        return self._pages(max(after, 0), self.head().position)

    def append(
        self, drafts: Sequence[Draft], *, actor: Actor, expected: Mapping[str, int], now_ms: int
    ) -> tuple[Event, ...]:
        try:
            self._begin()
            events = self._linked(drafts, actor, expected, now_ms)
            self._write(schema.INSERT, [_row(event) for event in events])
            self._commit()
        finally:
            self._end_turn()
        return events

    def snapshot(self) -> Snapshot | None:
        rows = self._rows(schema.SNAPSHOT, (), _SNAPSHOT)
        if not rows:
            return None
        position, hash_, code, state, state_digest = rows[0]
        return Snapshot(Head(position, hash_), code, state) if digest(state) == state_digest else None

    def keep_snapshot(self, snapshot: Snapshot) -> None:
        """As the protocol says; when somebody else is writing or the disk is full, it is simply not kept."""
        head = snapshot.head
        row = (head.position, head.hash, snapshot.code, snapshot.state, digest(snapshot.state))
        try:
            self._begin(patience=0, synchronous="NORMAL")
            self._write(schema.KEEP_SNAPSHOT, [row])
            self._commit()
        except LedgerUnwritable:
            pass
        finally:
            self._end_turn()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._db.close()

    # --- opening ------------------------------------------------------------------------------------------------

    def _open(self, ledger: str | None, vfs: str | None) -> apsw.Connection:
        size = _size(self._path)
        if size == 0:
            # SQLite would take the file for a new one, and throw away a WAL that is still there.
            self._cannot_read(apsw.CorruptError("the file is empty"))
        if size < 0 and ledger is not None:
            self._give_birth(ledger, vfs)
        try:
            connection = apsw.Connection(self._path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
        except apsw.Error as problem:
            self._cannot_read(problem)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.wal_autocheckpoint(self.pages_before_folding)
        connection.set_busy_timeout(int(self._patience * 1000))
        return connection

    def _give_birth(self, ledger: str, vfs: str | None) -> None:
        """Make the file under another name and rename it: nobody ever sees, or has to judge, one half made."""
        directory = os.path.dirname(os.path.abspath(self._path))
        try:
            make_private_directory(directory)
            self._take_turn(self._patience)
            if not os.path.lexists(self._path):
                if _size(f"{self._path}-wal") > 0:
                    # SQLite would play it into the new file.
                    self._cannot_read(apsw.CorruptError("the file is gone, yet events that belong to it are there"))
                _lay_out(f"{self._path}.new", ledger, vfs)
                os.rename(f"{self._path}.new", self._path)
                sync_directory(directory)
        except OSError as problem:
            raise LedgerUnwritable(
                f"Cannot make the ledger {self._path}: {problem.strerror}.",
                hint="Make its directory writable for you, or name another one in XDG_STATE_HOME.",
            ) from problem
        except apsw.Error as problem:
            self._cannot_write(problem)
        finally:
            self._queue.leave()

    def _prepare(self) -> None:
        """Settings of this connection; new tables when the file has old ones."""
        self._rows(_PER_CONNECTION)
        if self._version() < schema.CURRENT:
            try:
                self._take_turn(self._patience)
                self._migrate(self._version())
            finally:
                self._end_turn()

    def _version(self) -> int:
        """The file's `user_version`; raises when it is not ours or too new for us."""
        version = self._number("user_version")
        if self._number("application_id") != schema.APPLICATION or version < 1:
            raise LedgerUnreadable(
                f"{self._path} is an SQLite file of another program.",
                hint="Move it away, or name another directory in XDG_STATE_HOME.",
            )
        if version > schema.CURRENT:
            raise LedgerTooNew(
                f"{self._path} was written by a newer phasegate (format {version}; this one knows {schema.CURRENT}).",
                hint="Upgrade phasegate.",
            )
        return version

    def _migrate(self, version: int) -> None:
        self._write("BEGIN IMMEDIATE")
        for statements in schema.MIGRATIONS[version:]:
            self._write(statements)
        self._write(f"PRAGMA user_version = {schema.CURRENT}")
        self._commit()

    def _own_id(self, ledger: str | None) -> str:
        rows = self._rows("SELECT id FROM ledger", (), (str,))
        kept = rows[0][0] if rows else ""
        if not kept or kept != (ledger or kept):
            raise LedgerUnreadable(
                f"{self._path} holds the ledger {kept or 'of nobody'}, not {ledger}.",
                hint="It was moved or copied here; `phasegate doctor` says how to adopt it.",
            )
        return kept

    # --- reading ------------------------------------------------------------------------------------------------

    def _end(self) -> tuple[Head, Clock]:
        rows = self._rows(schema.HEAD, (), _HEAD)
        if not rows:
            return EMPTY, Clock(0)
        position, hash_, ms, tick = rows[0]
        return Head(position, hash_), Clock(ms, tick)

    def _pages(self, after: int, last: int) -> Iterator[Event]:
        while after < last and (rows := self._rows(schema.PAGE, (after, last), _EVENT, _ERASED)):
            for row in rows:
                yield _event(self._ledger, row)
            after = rows[-1][0]

    def _number(self, pragma: str) -> int:
        return int(self._rows(f"PRAGMA {pragma}")[0][0])

    def _rows(self, sql: str, values: Sequence[Any] = (), *shapes: tuple[type, ...]) -> list[tuple[Any, ...]]:
        """All rows; when `shapes` are named each must have one of them."""
        try:
            rows = list(self._db.execute(sql, values))
        except (apsw.Error, UnicodeDecodeError) as problem:
            self._cannot_read(problem)
        if shapes and any(tuple(map(type, row)) not in shapes for row in rows):
            self._cannot_read(apsw.CorruptError("a row does not have its shape"))
        return rows

    # --- writing ------------------------------------------------------------------------------------------------

    def _begin(self, *, patience: float | None = None, synchronous: str = "FULL") -> None:
        """Wait for our turn and begin; whoever calls this calls `_end_turn` too, whatever happens."""
        self._take_turn(self._patience if patience is None else patience)
        self._write(f"PRAGMA synchronous = {synchronous}; BEGIN IMMEDIATE")

    def _take_turn(self, patience: float) -> None:
        try:
            came = self._queue.enter(time.monotonic() + patience)
        except OSError as problem:
            raise LedgerUnwritable(
                f"Cannot write beside {self._path}: {problem.strerror}.",
                hint="Make its directory writable for you and see that its disk has room.",
            ) from problem
        if not came:
            raise LedgerUnwritable(
                f"Another process has been writing to {self._path} for more than {patience:g} s.",
                hint="Try again; if it lasts, end the process that holds the file with `.queue` at its end.",
            )

    def _end_turn(self) -> None:
        """Take back what was not committed and let the next writer in."""
        try:
            if self._db.in_transaction:
                self._write("ROLLBACK")
        finally:
            self._queue.leave()

    def _linked(
        self, drafts: Sequence[Draft], actor: Actor, expected: Mapping[str, int], now_ms: int
    ) -> tuple[Event, ...]:
        streams = {*expected, *(draft.stream for draft in drafts)}
        check_text(*streams)
        versions = {stream: self._rows(schema.VERSION, (stream,), (int,))[0][0] for stream in streams}
        check_expected(expected, versions)
        head, clock = self._end()
        return link(
            drafts,
            head=head,
            clock=clock,
            versions=versions,
            ledger=self._ledger,
            actor=actor,
            now_ms=now_ms,
            new_id=lambda: new_id(now_ms),
        )

    def _commit(self) -> None:
        # SQLite folds the WAL into the file inside a commit, when it is due; that too happens within our turn.
        self._write("COMMIT")

    def _write(self, sql: str, rows: Sequence[Sequence[Any]] = ((),)) -> None:
        try:
            for row in rows:
                self._db.execute(sql, row)
        except apsw.Error as problem:
            self._cannot_write(problem)

    # --- telling what went wrong --------------------------------------------------------------------------------

    def _cannot_read(self, problem: apsw.Error | UnicodeDecodeError) -> NoReturn:
        if isinstance(problem, apsw.NotADBError | apsw.CorruptError | UnicodeDecodeError):
            raise LedgerUnreadable(
                f"{self._path} is damaged or no ledger: {problem}.",
                hint="Keep a copy of the file, and restore a backup. If it still opens, `phasegate log verify` names "
                "the first event that is lost. `phasegate pause` lets the agent work meanwhile.",
            ) from problem
        if not os.path.lexists(self._path):
            raise LedgerUnreadable(
                f"The ledger {self._path} is not there.",
                hint="Put it back, or set XDG_STATE_HOME as it was. If it is lost, move the clone's "
                "`.git/phasegate/ledger.json` away and run `phasegate init`: a new ledger begins.",
            ) from problem
        raise LedgerUnreadable(
            f"Cannot read {self._path}: {problem}.",
            hint="See that the file and its directory exist and are yours to read and write.",
        ) from problem

    def _cannot_write(self, problem: apsw.Error) -> NoReturn:
        if isinstance(problem, apsw.NotADBError | apsw.CorruptError):
            self._cannot_read(problem)
        raise LedgerUnwritable(f"Cannot write to {self._path}: {problem}.", hint=_remedy(problem)) from problem


def _remedy(problem: apsw.Error) -> str:
    if isinstance(problem, apsw.FullError):
        return "Make room on the disk and try again; what was acknowledged before is safe."
    if isinstance(problem, apsw.BusyError | apsw.LockedError):
        return "Another program holds the file: close it and try again."
    return "See that the file and its directory are yours to write and that the disk is well, and try again."


def _lay_out(path: str, ledger: str, vfs: str | None) -> None:
    """A ledger without events at `path`, durable, all in one file; what a killed process left there goes first."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        if os.path.lexists(path + suffix):
            os.unlink(path + suffix)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    database = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        database.execute(f"{_PER_CONNECTION}; BEGIN")
        for statements in schema.MIGRATIONS:
            database.execute(statements)
        database.execute("INSERT INTO ledger (slot, id) VALUES (1, ?)", (ledger,))
        database.execute(
            f"PRAGMA application_id = {schema.APPLICATION}; PRAGMA user_version = {schema.CURRENT}; COMMIT"
        )
        database.execute("PRAGMA journal_mode = WAL")
    finally:
        database.close()


def _row(event: Event) -> tuple[Any, ...]:
    return (
        event.position,
        event.clock.ms,
        event.clock.tick,
        event.stream,
        event.version,
        event.id,
        event.actor.kind,
        event.actor.name,
        event.actor.session,
        event.kind,
        event.schema,
        event.body,
        event.body_digest,
        event.previous,
        event.hash,
    )


def _event(ledger: str, row: tuple[Any, ...]) -> Event:
    position, ms, tick, stream, version, id_, *actor, kind, schema_, body, body_digest, previous, hash_ = row
    return Event(
        ledger=ledger,
        position=position,
        clock=Clock(ms, tick),
        stream=stream,
        version=version,
        id=id_,
        actor=Actor(*actor),
        kind=kind,
        schema=schema_,
        body=body,
        body_digest=body_digest,
        previous=previous,
        hash=hash_,
    )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1
