"""Appending to a ledger and folding it, against bare inserts and selects of the same rows by the same library."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import apsw
import generated
from figures import Report, compared
from measure import call, interleaved

from phasegate.ledger.event import Draft
from phasegate.ledger.fold import fold
from phasegate.store.sqlite import SqliteLog

COLUMNS = 15
SINGLE = 20
"""Events that are appended one by one in a round."""


def run(base: Path, *, rounds: int, events: int) -> list[Report]:
    """Measure with `events` events in one round."""
    drafts = generated.history(events)
    log = SqliteLog(str(base / "append.db"), "ledger-of-a-benchmark")
    whole = SqliteLog(str(base / "whole.db"), "ledger-of-a-benchmark")
    _append(whole, drafts)
    rows = _rows(base / "whole.db")
    bare = _bare(base / "bare.db")
    read = _bare(base / "read.db")
    _insert(read, rows)
    many, one = f"append {events:,} at once", f"append {SINGLE} one by one"
    actions = {
        "bare insert": lambda: call(lambda: _insert(bare, rows)),
        many: lambda: call(lambda: _append(log, drafts)),
        "bare inserts, a commit each": lambda: call(lambda: [_insert(bare, [row]) for row in rows[:SINGLE]]),
        one: lambda: call(lambda: [_append(log, [draft]) for draft in drafts[:SINGLE]]),
        "bare select": lambda: call(lambda: list(read.execute("SELECT * FROM events"))),
        f"read {events:,}": lambda: call(lambda: list(whole.read())),
        f"read and fold {events:,}": lambda: call(lambda: fold(whole.read())),
    }
    found = interleaved(actions, rounds=rounds)
    pairs = (
        (many, "bare insert"), (one, "bare inserts, a commit each"), (f"read {events:,}", "bare select"),
        (f"read and fold {events:,}", "bare select"),
    )  # fmt: skip
    figures = [compared(case, found, baseline, wall=wall) for wall in (False, True) for case, baseline in pairs]
    for opened in (log, whole):
        opened.close()
    folded, appended = (events / found[case].cpu * 1000 for case in (f"read and fold {events:,}", many))
    title = f"Ledger: {folded:,.0f} events folded and {appended:,.0f} appended in a second of CPU"
    return [Report("ledger", title, tuple(figures))]


def _append(log: SqliteLog, drafts: Sequence[Draft]) -> None:
    log.append(drafts, actor=generated.AGENT, expected={}, now_ms=time.time_ns() // 1_000_000)


def _rows(path: Path) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        return list(connection.execute("SELECT * FROM events"))
    finally:
        connection.close()


def _bare(path: Path) -> apsw.Connection:
    """The same columns without key, index, trigger or chain; as durable as a ledger."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
    connection.execute(f"CREATE TABLE events ({', '.join(f'c{number}' for number in range(COLUMNS))})")
    return connection


def _insert(connection: apsw.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    with connection:
        connection.executemany(f"INSERT INTO events VALUES ({', '.join('?' * COLUMNS)})", rows)
