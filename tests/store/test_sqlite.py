"""What SQLite adds to the promises of a `Log`: durable, append-only, and clear when file or disk are not well."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.errors import Failure
from phasegate.ledger.chain import verify
from phasegate.ledger.event import Actor, Draft, Event
from phasegate.ledger.log import Head, LedgerTooNew, LedgerUnreadable, LedgerUnwritable, Snapshot
from phasegate.store import schema
from phasegate.store.sqlite import SqliteLog

LEDGER = "ledger-1"
ANN = Actor("person", "ann")


def record(log: SqliteLog, count: int = 1, body: bytes = b"{}") -> tuple[Event, ...]:
    drafts = [Draft("run/1", "StepEntered", 1, body)] * count
    return log.append(drafts, actor=ANN, expected={}, now_ms=1000)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "ledger.db")


@pytest.fixture
def filled(path: str) -> str:
    """A ledger of 20 events, 10 of them folded into the file and 10 in the WAL."""
    log = SqliteLog(path, LEDGER)
    record(log, 10)
    log.close()
    raw(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    log = SqliteLog(path, LEDGER)
    record(log, 10)
    log.close()
    return path


def raw(path: str, sql: str) -> list[Any]:
    """What somebody with another SQLite program does to the file."""
    database = apsw.Connection(path)
    database.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    try:
        return list(database.execute(sql))
    finally:
        database.close()


def events(path: str) -> list[Event]:
    log = SqliteLog(path)
    try:
        return list(log.read())
    finally:
        log.close()


# --- whose file it is -----------------------------------------------------------------------------------------------


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "project" / "clone" / "ledger.db"
    before = os.umask(0)
    try:
        log = SqliteLog(str(path), LEDGER)
        record(log)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        log.close()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert len(modes) == 4
    assert {stat.S_IMODE(parent.stat().st_mode) for parent in list(path.parents)[:2]} == {0o700}


def test_without_a_name_only_what_exists_is_opened(path: str) -> None:
    with pytest.raises(LedgerUnreadable):
        SqliteLog(path)
    assert not os.path.exists(path)
    SqliteLog(path, LEDGER).close()
    log = SqliteLog(path)
    assert log.ledger == LEDGER
    log.close()


def test_the_ledger_of_another_clone_is_refused(filled: str) -> None:
    with pytest.raises(LedgerUnreadable, match="holds the ledger ledger-1, not ledger-2"):
        SqliteLog(filled, "ledger-2")


def test_the_file_of_another_program_is_refused_and_left_alone(path: str) -> None:
    raw(path, "CREATE TABLE theirs (a)")
    before = Path(path).read_bytes()
    with pytest.raises(LedgerUnreadable, match="another program"):
        SqliteLog(path, LEDGER)
    assert Path(path).read_bytes() == before


def test_a_newer_ledger_is_refused_and_left_alone(filled: str) -> None:
    raw(filled, f"PRAGMA user_version = {schema.CURRENT + 1}")
    with pytest.raises(LedgerTooNew, match="newer phasegate") as refused:
        SqliteLog(filled, LEDGER)
    assert "Upgrade" in refused.value.hint
    assert raw(filled, "SELECT count(*) FROM events") == [(20,)]


@pytest.mark.parametrize("make", [os.mkdir, lambda path: os.symlink(path, path), os.mkfifo])
def test_what_is_no_file_is_refused(path: str, make: Callable[[str], None]) -> None:
    make(path)
    with pytest.raises(Failure):
        SqliteLog(path, LEDGER)


def test_an_old_ledger_is_brought_up_to_date(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE later (a INT) STRICT"))
    monkeypatch.setattr(schema, "CURRENT", 2)
    assert len(events(filled)) == 20
    assert raw(filled, "PRAGMA user_version") == [(2,)]
    assert raw(filled, "SELECT count(*) FROM later") == [(0,)]


def test_a_step_that_fails_leaves_the_old_ledger(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE later (a INT) STRICT; DROP TABLE absent")
        )
        patch.setattr(schema, "CURRENT", 2)
        with pytest.raises(LedgerUnwritable):
            SqliteLog(filled)
    assert raw(filled, "PRAGMA user_version") == [(1,)]
    assert len(events(filled)) == 20


# --- append-only ----------------------------------------------------------------------------------------------------


COLUMNS = "ms, tick, {stream}, {version}, {id}, actor_kind, actor_name, actor_session, kind, schema, body, body_digest"


def copy_of_the_last(position: int, previous: str, **columns: str) -> str:
    """The rest of an INSERT that adds the last event once more, with other values in some `columns`."""
    values = COLUMNS.format(**({"stream": "stream", "version": "version", "id": "id"} | columns))
    return f"INTO events SELECT {position}, {values}, {previous}, 'h' FROM events WHERE position = 20"


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM events WHERE position = 20",
        "UPDATE events SET kind = 'PhaseClosed' WHERE position = 3",
        "UPDATE events SET body = x'7b7d' WHERE position = 3",
        "UPDATE OR REPLACE events SET position = 3 WHERE position = 4",
        "REPLACE " + copy_of_the_last(20, "previous"),
        "REPLACE " + copy_of_the_last(21, "hash", version="21"),
        "REPLACE " + copy_of_the_last(21, "hash", id="'new'"),
        "INSERT " + copy_of_the_last(22, "hash", version="21", id="'new'"),
        "INSERT " + copy_of_the_last(21, "hash", version="22", id="'new'"),
        "INSERT " + copy_of_the_last(21, "previous", version="21", id="'new'"),
    ],
)
def test_the_file_itself_refuses_anything_but_the_next_event(filled: str, sql: str) -> None:
    before = events(filled)
    with pytest.raises(apsw.ConstraintError):
        raw(filled, sql)
    assert events(filled) == before


def test_the_file_itself_takes_the_next_event(filled: str) -> None:
    """What the refusals above are worth: they differ from this in one thing each."""
    raw(filled, "INSERT " + copy_of_the_last(21, "hash", version="21", id="'new'"))
    assert len(events(filled)) == 21


def test_a_body_can_be_erased_and_the_chain_holds(filled: str) -> None:
    raw(filled, "UPDATE events SET body = NULL WHERE position = 3")
    kept = events(filled)
    assert kept[2].body is None
    assert verify(kept) is None


# --- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"not a database, but longer than a header would be" * 9, b"\0" * 4096])
def test_a_file_that_is_no_database_is_refused_with_a_remedy(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)
    with pytest.raises(LedgerUnreadable) as refused:
        SqliteLog(path, LEDGER)
    assert "backup" in refused.value.hint
    assert Path(path).read_bytes() == content


def test_a_file_cut_to_nothing_is_not_taken_for_a_new_one(filled: str) -> None:
    os.truncate(filled, 0)
    with pytest.raises(LedgerUnreadable, match="is empty"):
        SqliteLog(filled, LEDGER)


def test_a_file_taken_from_beside_its_wal_is_not_made_anew(filled: str) -> None:
    os.unlink(filled)
    with pytest.raises(LedgerUnreadable, match="is gone"):
        SqliteLog(filled, LEDGER)
    assert not os.path.exists(filled)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Head]:
    directory = tmp_path_factory.mktemp("sound")
    log = SqliteLog(str(directory / "ledger.db"), LEDGER)
    record(log, 30, b'{"text": "%s"}' % (b"x" * 300))
    log.keep_snapshot(Snapshot(log.head(), "fold-1", b"state" * 100))
    log.close()
    raw(str(directory / "ledger.db"), "PRAGMA wal_checkpoint(TRUNCATE)")
    log = SqliteLog(str(directory / "ledger.db"), LEDGER)
    record(log, 5)
    head = log.head()
    log.close()
    return directory, head


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_is_mistaken_for_a_sound_ledger(sound: tuple[Path, Head], data: st.DataObject) -> None:
    """Whatever bytes change: all is still there, or it is refused as unreadable, or the chain says where it breaks."""
    source, head = sound
    with tempfile.TemporaryDirectory() as place:
        for name in ("ledger.db", "ledger.db-wal"):
            shutil.copy(source / name, place)
        _damage(Path(place) / data.draw(st.sampled_from(["ledger.db", "ledger.db", "ledger.db-wal"])), data)
        try:
            log = SqliteLog(str(Path(place) / "ledger.db"), LEDGER)
            log.snapshot()
            log.versions()
            broken = verify(log.read(), until=head)
            if broken is None:
                record(log)
                assert verify(log.read(), until=head) is None
            log.close()
        except Failure as failure:
            assert failure.hint


def _damage(file: Path, data: st.DataObject) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 99))
        noise = data.draw(st.binary(min_size=1, max_size=8) | st.just(b"\0" * 512))
        content[start : start + len(noise)] = noise
    file.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])


def test_a_damaged_snapshot_is_no_snapshot(filled: str) -> None:
    log = SqliteLog(filled)
    log.keep_snapshot(Snapshot(log.head(), "fold-1", b"state"))
    raw(filled, "UPDATE snapshot SET state = x'00'")
    assert log.snapshot() is None
    log.close()


# --- a disk that is not well ----------------------------------------------------------------------------------------


class Failing(apsw.VFS):
    """The usual file layer, whose `at`-th write or sync from now on fails or does what `then` does."""

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self.name, self.then, self.left = name, then, -1
        self.writes = 0
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return FailingFile(self, name, flags)

    def count(self) -> None:
        self.writes += 1
        self.left -= 1
        if self.left == 0:
            self.then()


class FailingFile(apsw.VFSFile):
    def __init__(self, disk: Failing, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.count()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.count()
        super().xSync(flags)


@pytest.fixture
def failing() -> Iterator[Callable[[Callable[[], None]], Failing]]:
    made: list[Failing] = []

    def make(then: Callable[[], None]) -> Failing:
        made.append(Failing(f"failing-{time.monotonic_ns()}", then))
        return made[-1]

    yield make
    for disk in made:
        disk.unregister()


def _full() -> None:
    raise apsw.FullError("database or disk is full")


def _broken() -> None:
    raise apsw.IOError("disk I/O error")


@pytest.mark.parametrize("then", [_full, _broken])
def test_an_append_that_the_disk_refuses_changes_nothing(
    filled: str, failing: Callable[[Callable[[], None]], Failing], then: Callable[[], None]
) -> None:
    """Whichever write or sync it is that fails; and the very next append works."""
    disk = failing(then)
    log = SqliteLog(filled, LEDGER, vfs=disk.name)
    refused = 0
    for at in range(1, 40):
        before = list(log.read())
        disk.left = at
        try:
            record(log, 3)
        except LedgerUnwritable as problem:
            refused += 1
            assert problem.hint
            assert list(log.read()) == before
        disk.left = -1
        record(log)
        assert verify(log.read(), until=log.head()) is None
    assert refused > 5
    log.close()
    assert verify(events(filled)) is None


def test_a_snapshot_that_the_disk_refuses_is_simply_not_kept(
    filled: str, failing: Callable[[Callable[[], None]], Failing]
) -> None:
    disk = failing(_full)
    log = SqliteLog(filled, LEDGER, vfs=disk.name)
    disk.left = 1
    log.keep_snapshot(Snapshot(log.head(), "fold-1", b"state"))
    assert log.snapshot() is None
    record(log)
    log.close()


def test_reopening_writes_nothing(filled: str, failing: Callable[[Callable[[], None]], Failing]) -> None:
    """Opening is what every hook call pays for."""
    disk = failing(_full)
    log = SqliteLog(filled, LEDGER, vfs=disk.name)
    assert len(list(log.read(15))) == 5
    log.close()
    assert disk.writes == 0


LIMITED = """
import resource, sys
from phasegate.store.sqlite import SqliteLog
from phasegate.ledger.event import Actor, Draft
log = SqliteLog(sys.argv[1], "ledger-1")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
while True:
    log.append([Draft("run/1", "Written", 1, b"x" * 5000)], actor=Actor("person", "ann"), expected={}, now_ms=1)
    print(log.head().position, flush=True)
"""


def test_where_the_system_gives_no_more_room_all_that_was_acknowledged_stays(path: str) -> None:
    """A real refusal by the kernel, here of the process's file size limit."""
    ended = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=False)
    assert "LedgerUnwritable" in ended.stderr
    acknowledged = int(ended.stdout.split()[-1])
    assert len(events(path)) == acknowledged > 3
    assert verify(events(path)) is None


def unprivileged(act: Callable[[], None]) -> str:
    """What `act` ends with, run by a user who may not write everywhere: its failure's code, or "fine"."""
    receive, send = os.pipe()
    if (child := os.fork()) == 0:
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            act()
            os.write(send, b"fine")
        except Failure as failure:
            os.write(send, failure.code.encode())
        finally:
            traceback.print_exc()
            os._exit(0)
    os.close(send)
    os.waitpid(child, 0)
    with os.fdopen(receive) as pipe:
        return pipe.read()


@pytest.fixture
def shown() -> Iterator[str]:
    """A ledger in a directory that others may read and nobody but root may write to."""
    directory = tempfile.mkdtemp()
    path = os.path.join(directory, "ledger.db")
    log = SqliteLog(path, LEDGER)
    record(log, 5)
    for name in os.listdir(directory):
        os.chmod(os.path.join(directory, name), 0o444)
    os.chmod(directory, 0o555)
    yield path
    log.close()
    os.chmod(directory, 0o755)
    shutil.rmtree(directory)


def test_a_ledger_that_may_only_be_read_can_be_read(shown: str) -> None:
    def act() -> None:
        assert verify(events(shown)) is None

    assert unprivileged(act) == "fine"


def test_a_ledger_that_may_only_be_read_refuses_appends(shown: str) -> None:
    assert unprivileged(lambda: void(record(SqliteLog(shown)))) == "ledger-unwritable"


def test_a_ledger_cannot_be_made_in_a_directory_that_may_only_be_read(shown: str) -> None:
    directory = os.path.dirname(shown)
    assert unprivileged(lambda: void(SqliteLog(f"{directory}/new/ledger.db", LEDGER))) == "ledger-unwritable"


def void(_: object) -> None:
    """Throws its argument away."""


# --- several processes ----------------------------------------------------------------------------------------------

COMMON = """
import sys
from phasegate.store.sqlite import SqliteLog
from phasegate.ledger.event import Actor, Draft
from phasegate.ledger.log import StateMoved
log = SqliteLog(sys.argv[1], "ledger-1")
done = 0
while done < 25:
    version = log.versions().get("common", 0)
    try:
        log.append([Draft("common", "Written", 1, b"{}")], actor=Actor("agent", sys.argv[2]),
                   expected={"common": version}, now_ms=1)
        done += 1
    except StateMoved:
        pass
"""


def test_processes_that_make_and_fill_one_ledger_together_lose_nothing(path: str) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", COMMON, path, name]) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    kept = events(path)
    assert [event.version for event in kept] == list(range(1, 101))
    assert verify(kept) is None
    assert {name: sum(event.actor.name == name for event in kept) for name in "abcd"} == dict.fromkeys("abcd", 25)


@pytest.mark.parametrize("at", [1, 2, 3, 5, 8, 12, 18, 19, 20])
def test_an_append_cut_off_by_kill_is_there_whole_or_not_at_all(filled: str, at: int) -> None:
    """Killed at its `at`-th write or sync; also those of folding the WAL into the file."""
    if (child := os.fork()) == 0:
        try:
            disk = Failing("killing", lambda: os.kill(os.getpid(), signal.SIGKILL))
            log = SqliteLog(filled, LEDGER, vfs=disk.name)
            log._db.wal_autocheckpoint(1)
            disk.left = at
            record(log, 2)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    log = SqliteLog(filled, LEDGER)
    kept = list(log.read())
    assert len(kept) in (20, 22)
    assert verify(kept) is None
    assert record(log)[0].position == len(kept) + 1
    log.close()


def test_whoever_waits_too_long_for_the_queue_is_told_and_may_try_again(filled: str) -> None:
    log = SqliteLog(filled, LEDGER, patience=0.05)
    with open(f"{filled}.queue", "wb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        for _ in range(3):
            with pytest.raises(LedgerUnwritable, match=r"more than 0\.05 s"):
                record(log)
        log.keep_snapshot(Snapshot(log.head(), "fold-1", b"not kept, not waited for"))
    patient = SqliteLog(filled, LEDGER)
    assert record(patient)[0].position == 21
    patient.close()
    log.close()


def test_a_program_that_ignores_the_queue_holds_an_append_up_but_does_not_break_it(filled: str) -> None:
    log = SqliteLog(filled, LEDGER, patience=0.05)
    other = apsw.Connection(filled)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnwritable) as refused:
        record(log)
    assert "close it" in refused.value.hint
    other.execute("ROLLBACK")
    other.close()
    assert record(log)[0].position == 21
    log.close()


def test_the_wal_does_not_grow_for_ever(path: str) -> None:
    log = SqliteLog(path, LEDGER)
    for _ in range(60):
        record(log, 10, b"x" * 20_000)
    log.close()
    assert os.path.getsize(f"{path}-wal") < 9 * 1024 * 1024
    assert os.path.getsize(path) > 6 * 1024 * 1024


# --- what it costs --------------------------------------------------------------------------------------------------

HOT = """
import sys
from phasegate.store.sqlite import SqliteLog
log = SqliteLog(sys.argv[1])
list(log.read())
slow = {"json", "pathlib", "logging", "dataclasses", "subprocess", "asyncio", "threading", "tomllib", "hypothesis"}
print(sorted(slow & set(sys.modules)))
"""


def test_opening_and_reading_load_nothing_slow(filled: str) -> None:
    package = Path(sys.modules["phasegate"].__file__ or "").parents[1]
    libraries = Path(apsw.__file__).parents[1]
    environment = {"PYTHONPATH": f"{package}:{libraries}"}
    command = [sys.executable, "-S", "-c", HOT, filled]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.stdout.strip() == "[]", ended.stdout + ended.stderr
