"""What every `Log` must do, whatever it is kept in; a new store joins by one line in `STORES`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from phasegate.ledger.chain import EMPTY, Unrecordable, verify
from phasegate.ledger.event import Actor, Clock, Draft, Event
from phasegate.ledger.log import Head, Log, Snapshot, StateMoved
from phasegate.store.memory import MemoryLog
from phasegate.store.sqlite import SqliteLog

Open = Callable[[], Log]
"""Gives a handle on one and the same ledger each time; what another process would hold."""


def memory(directory: Path) -> Open:
    log = MemoryLog("ledger-1")
    return lambda: log


def sqlite(directory: Path) -> Open:
    return lambda: SqliteLog(str(directory / "ledger.db"), "ledger-1")


STORES: dict[str, Callable[[Path], Open]] = {"memory": memory, "sqlite": sqlite}

ANN = Actor("person", "ann")
BOT = Actor("agent", "claude-code", "session-7")


@pytest.fixture(params=STORES)
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return STORES[request.param](tmp_path)


@pytest.fixture
def log(opens: Open) -> Iterator[Log]:
    log = opens()
    yield log
    log.close()


def draft(stream: str = "run/1", kind: str = "StepEntered", body: bytes = b"{}") -> Draft:
    return Draft(stream, kind, 1, body)


def record(log: Log, *drafts: Draft, now_ms: int = 1000, **expected: int) -> tuple[Event, ...]:
    return log.append(drafts or (draft(),), actor=ANN, expected=expected, now_ms=now_ms)


def test_a_new_ledger_is_empty(log: Log) -> None:
    assert log.ledger == "ledger-1"
    assert log.head() == EMPTY
    assert log.versions() == {}
    assert list(log.read()) == []
    assert log.snapshot() is None


def test_what_is_read_is_what_the_append_returned(log: Log) -> None:
    first = log.append([draft(), draft("phase/2")], actor=BOT, expected={}, now_ms=1000)
    second = record(log, draft(body=b'{"step": "implement \xe2\x9c\x93"}'))
    assert tuple(log.read()) == first + second
    assert log.head() == Head(3, second[0].hash)


def test_positions_and_versions_are_dense_from_one(log: Log) -> None:
    record(log, draft("a"), draft("b"), draft("a"))
    record(log, draft("b"))
    assert [(event.position, event.stream, event.version) for event in log.read()] == [
        (1, "a", 1),
        (2, "b", 1),
        (3, "a", 2),
        (4, "b", 2),
    ]
    assert log.versions() == {"a": 2, "b": 2}


def test_the_chain_of_what_was_appended_holds(log: Log) -> None:
    for _ in range(5):
        record(log, draft("a"), draft("b"))
    assert verify(log.read(), until=log.head()) is None


def test_reading_starts_behind_the_position_that_is_named(log: Log) -> None:
    record(log, *(draft() for _ in range(5)))
    assert [event.position for event in log.read(after=3)] == [4, 5]
    assert list(log.read(after=5)) == []
    assert list(log.read(after=99)) == []


def test_reading_shows_one_moment_whatever_is_appended_meanwhile(log: Log) -> None:
    """Also across the pages in which a store may fetch."""
    record(log, *(draft() for _ in range(700)))
    reading = log.read()
    first = next(reading)
    record(log)
    assert [first.position, *(event.position for event in reading)] == list(range(1, 701))


def test_an_append_based_on_an_old_reading_changes_nothing(log: Log) -> None:
    record(log, draft("a"), draft("b"))
    before = list(log.read())
    with pytest.raises(StateMoved, match="'a' is at version 1, not 0"):
        record(log, draft("b"), a=0)
    assert list(log.read()) == before
    assert log.versions() == {"a": 1, "b": 1}


def test_an_append_that_expects_more_than_there_is_changes_nothing(log: Log) -> None:
    with pytest.raises(StateMoved, match="'a' is at version 0, not 3"):
        record(log, draft("a"), a=3)
    assert log.head() == EMPTY


def test_streams_that_are_not_named_are_not_compared(log: Log) -> None:
    record(log, draft("a"))
    record(log, draft("b"))
    assert record(log, draft("a"), b=1)[0].version == 2


def test_an_append_of_nothing_still_compares_versions(log: Log) -> None:
    assert log.append((), actor=ANN, expected={"a": 0}, now_ms=1) == ()
    with pytest.raises(StateMoved):
        log.append((), actor=ANN, expected={"a": 1}, now_ms=1)


def test_of_two_who_read_the_same_only_one_appends(opens: Open) -> None:
    one, two = opens(), opens()
    record(one, a=0)
    record(one, draft("a"), a=0)
    with pytest.raises(StateMoved):
        record(two, draft("a"), a=0)
    assert record(two, draft("a"), a=1)[0].version == 2


def test_one_handle_sees_at_once_what_another_appended(opens: Open) -> None:
    one, two = opens(), opens()
    recorded = record(one)
    assert tuple(two.read()) == recorded
    assert two.head() == one.head()


def test_the_clock_never_goes_back(log: Log) -> None:
    """A wall clock that stands still or is set back orders nothing wrongly."""
    for now_ms in (1000, 1000, 400, 1001):
        record(log, now_ms=now_ms)
    assert [event.clock for event in log.read()] == [Clock(1000), Clock(1000, 1), Clock(1000, 2), Clock(1001)]


def test_events_of_one_append_have_different_clocks_and_ids(log: Log) -> None:
    events = record(log, *(draft() for _ in range(20)))
    assert len({event.clock for event in events}) == len({event.id for event in events}) == 20


@pytest.mark.parametrize("text", ["zero\0", "half a pair \ud83d", "\udcff from a file name"])
def test_text_that_not_every_store_can_keep_is_refused(log: Log, text: str) -> None:
    with pytest.raises(Unrecordable):
        record(log, draft("fine"), draft(text))
    with pytest.raises(Unrecordable):
        log.append([draft()], actor=Actor("person", text), expected={}, now_ms=1)
    assert log.head() == EMPTY


@pytest.mark.parametrize("now_ms", [-1, 1 << 60])
def test_a_wall_clock_beyond_reason_is_refused(log: Log, now_ms: int) -> None:
    with pytest.raises(Unrecordable):
        record(log, now_ms=now_ms)
    assert log.head() == EMPTY


def test_the_newest_snapshot_is_kept(log: Log) -> None:
    one, two = Snapshot(Head(1, "a" * 64), "fold-1", b"one"), Snapshot(Head(2, "b" * 64), "fold-1", b"\0two")
    log.keep_snapshot(one)
    log.keep_snapshot(two)
    log.keep_snapshot(one)
    assert log.snapshot() == two


def test_a_snapshot_of_another_fold_replaces_even_a_newer_one(log: Log) -> None:
    log.keep_snapshot(Snapshot(Head(9, "a" * 64), "fold-1", b"old code"))
    log.keep_snapshot(Snapshot(Head(2, "b" * 64), "fold-2", b"new code"))
    kept = log.snapshot()
    assert kept is not None and kept.code == "fold-2"


def test_closing_twice_is_closing_once(log: Log) -> None:
    log.close()
    log.close()


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
DRAFTS = st.lists(
    st.builds(Draft, stream=st.sampled_from("abc"), kind=TEXT, schema=st.integers(1, 99), body=st.binary(max_size=50)),
    max_size=4,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drafts=DRAFTS, name=TEXT, now_ms=st.integers(0, 10**12))
def test_whatever_is_appended_comes_back_unchanged(opens: Open, drafts: list[Draft], name: str, now_ms: int) -> None:
    log = opens()
    before = log.head().position
    returned = log.append(drafts, actor=Actor("agent", name, name), expected={}, now_ms=now_ms)
    kept = tuple(log.read(after=before))
    assert kept == returned
    assert [Draft(e.stream, e.kind, e.schema, e.body or b"") for e in kept] == drafts
    log.close()


class AnyLog(RuleBasedStateMachine):
    """Appends, stale appends, reopening and snapshots in any order, against a model that is one list."""

    store: Callable[[Path], Open]

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.open = type(self).store(Path(self.directory.name))
        self.log = self.open()
        self.model: list[Draft] = []
        self.now_ms = 1000

    def version(self, stream: str) -> int:
        return sum(draft.stream == stream for draft in self.model)

    @rule(drafts=DRAFTS, relied_on=st.sets(st.sampled_from("abc")), elapsed=st.integers(-50, 50))
    def append(self, drafts: list[Draft], relied_on: set[str], elapsed: int) -> None:
        self.now_ms += elapsed
        expected = {stream: self.version(stream) for stream in relied_on}
        self.log.append(drafts, actor=ANN, expected=expected, now_ms=self.now_ms)
        self.model += drafts

    @rule(drafts=DRAFTS, stream=st.sampled_from("abc"), off=st.sampled_from([-1, 1, 5]))
    def append_stale(self, drafts: list[Draft], stream: str, off: int) -> None:
        with pytest.raises(StateMoved):
            self.log.append(drafts, actor=ANN, expected={stream: self.version(stream) + off}, now_ms=self.now_ms)

    @rule()
    def reopen(self) -> None:
        self.log.close()
        self.log = self.open()

    @precondition(lambda self: self.model)
    @rule(state=st.binary(max_size=20))
    def keep_snapshot(self, state: bytes) -> None:
        self.log.keep_snapshot(Snapshot(self.log.head(), "fold", state))
        assert self.log.snapshot() == Snapshot(self.log.head(), "fold", state)

    @rule(after=st.integers(0, 12))
    def read_the_tail(self, after: int) -> None:
        assert [event.kind for event in self.log.read(after)] == [draft.kind for draft in self.model[after:]]

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "log"):
            return
        events = list(self.log.read())
        assert [(e.stream, e.kind, e.body) for e in events] == [(d.stream, d.kind, d.body) for d in self.model]
        assert verify(events, until=self.log.head()) is None
        assert self.log.versions() == {s: self.version(s) for s in "abc" if self.version(s)}

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.log.close()
            self.directory.cleanup()


@pytest.mark.parametrize("store", STORES)
def test_any_order_of_calls_agrees_with_a_list(store: str) -> None:
    machine = type("AnyLogIn" + store.title(), (AnyLog,), {"store": staticmethod(STORES[store])})
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))
