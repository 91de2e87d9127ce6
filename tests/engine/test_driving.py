"""The next move of a supervisor: it never starts a client past a limit, its waits grow to a cap, and it always ends."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.engine import driving
from phasegate.engine.driving import Finish, Launch, Park, Situation, Used, WaitUntil, next_move, reached
from phasegate.errors import Exit
from phasegate.ledger.driving import ClientEnding, Limits
from phasegate.ledger.state import RunRecord, State

HOUR = 60 * driving.MINUTE_MS
NOW = 1_800_000_000_000

endings = st.sampled_from(get_args(ClientEnding))
fractions = st.floats(0, 1, exclude_max=True)
limits = st.builds(
    Limits,
    st.sampled_from([0.0, 0.5, 20.0]),
    st.sampled_from([0, 1000]),
    st.sampled_from([0.0, 5.0, 480.0]),
    st.sampled_from([0, 1, 3]),
    st.sampled_from([0, NOW - 1, NOW + 1, NOW + HOUR]),
)
used = st.builds(
    Used, st.floats(0, 40), st.integers(0, 3000), st.integers(0, 5), st.integers(0, 600 * driving.MINUTE_MS)
)
situations = st.builds(
    Situation,
    st.sampled_from(["works", "asks", "rests", "complete"]),
    limits,
    used,
    st.just(NOW),
    st.none() | endings,
    st.text(max_size=20),
    st.sampled_from([0, NOW - HOUR, NOW + HOUR]),
    st.booleans(),
    st.integers(0, 40),
    st.booleans(),
    st.integers(NOW - HOUR, NOW),
)


def situation(**more: object) -> Situation:
    return Situation(**({"position": "works", "limits": Limits(), "used": Used(), "now_ms": NOW} | more))  # type: ignore[arg-type]


def test_a_run_that_a_person_paused_or_ended_is_not_driven() -> None:
    run = RunRecord("r", "/w", "drive", "default", "implement")
    assert driving.position(State(), run, rests=False, asks=False) == "works"
    run.status = "paused"
    assert driving.position(State(), run, rests=False, asks=False) == "rests"
    run.status = "ended"
    assert driving.position(State(), run, rests=False, asks=False) == "complete"


def test_every_way_to_end_has_a_rule() -> None:
    assert set(driving.RULES) == set(get_args(ClientEnding))


@given(situations, fractions)
def test_no_client_is_started_past_a_limit(at: Situation, fraction: float) -> None:
    move = next_move(at, fraction)
    if reached(at.limits, at.used, at.now_ms):
        assert isinstance(move, Finish)


@given(situations, fractions)
def test_no_wait_is_begun_that_outlasts_the_drive(at: Situation, fraction: float) -> None:
    move = next_move(at, fraction)
    if isinstance(move, WaitUntil):
        assert move.until_ms > at.now_ms and move.attempt >= 1
        end = driving.ends_ms(at.limits, at.used, at.now_ms)
        assert not end or move.until_ms < end
        if not at.until_ms:
            assert move.until_ms - at.now_ms <= at.longest_ms


@given(situations, fractions)
def test_nobody_is_driven_who_waits_for_a_person(at: Situation, fraction: float) -> None:
    if at.position in ("rests", "complete", "asks"):
        assert not isinstance(next_move(at, fraction), Launch | WaitUntil)


@given(st.sampled_from([how for how, rule in driving.RULES.items() if rule.backoff is not None]), fractions)
def test_waits_grow_and_stay_under_the_cap(how: ClientEnding, fraction: float) -> None:
    backoff = driving.RULES[how].backoff
    assert backoff is not None
    ceilings = [backoff.wait(attempt, 1.0) for attempt in range(1, 80)]
    assert ceilings == sorted(ceilings) and ceilings[-1] == backoff.most_ms <= driving.LONGEST_MS
    assert all(0 < backoff.wait(attempt, fraction) <= ceilings[attempt - 1] for attempt in range(1, 80))
    assert all(backoff.wait(attempt, fraction, 1000) <= 1000 for attempt in range(1, 80))


@pytest.mark.parametrize("how", ["died", "silent", "api_error"])
def test_a_client_that_breaks_off_again_and_again_ends_the_drive(how: ClientEnding) -> None:
    moves = [next_move(situation(last=how, barren=barren), 0.5) for barren in range(1, 60)]
    given_up = [move for move in moves if isinstance(move, Finish)]
    assert given_up and given_up[0].exit_code == Exit.CANNOT_TELL
    assert isinstance(moves[0], WaitUntil)


def test_sessions_that_bring_nothing_park_the_phase() -> None:
    moves = [next_move(situation(last="ended", barren=barren), 0.5) for barren in range(5)]
    assert [type(move) for move in moves] == [Launch, Launch, Launch, Park, Park]


def test_a_usage_limit_waits_until_its_reset_and_a_little_longer() -> None:
    move = next_move(situation(last="usage_limit", until_ms=NOW + HOUR, barren=9), 0.999)
    assert isinstance(move, WaitUntil)
    assert NOW + HOUR < move.until_ms <= NOW + HOUR + 1000 + driving.JITTER_MS


@given(endings, st.integers(1, 10), st.integers(0, HOUR))
def test_a_session_is_resumed_once_and_only_while_the_model_remembers_it(
    how: ClientEnding, barren: int, ago: int
) -> None:
    move = next_move(situation(last=how, barren=barren, waited=True, since_ms=NOW - ago), 0.5)
    if isinstance(move, Launch) and move.resume:
        assert how in driving.RESUMED and barren == 1 and ago < driving.REMEMBERED_MS


@given(
    st.lists(st.tuples(endings, st.booleans(), st.integers(0, 10 * driving.MINUTE_MS)), max_size=60),
    st.sampled_from([Limits(minutes=30.0), Limits(iterations=3, until_ms=NOW + HOUR), Limits(until_ms=NOW + HOUR)]),
)
def test_a_drive_with_a_time_limit_always_ends(story: list[tuple[ClientEnding, bool, int]], within: Limits) -> None:
    now, barren, last, waited, iterations = NOW, 0, None, False, 0
    for step in range(10_000):
        how, progress, took = story[step % len(story)] if story else ("network", False, 0)
        at = situation(
            limits=within, used=Used(iterations=iterations, awake_ms=now - NOW), now_ms=now, last=last, barren=barren,
            waited=waited, since_ms=now,
        )  # fmt: skip
        move = next_move(at, 0.5)
        match move:
            case Finish():
                return
            case WaitUntil():
                now, waited = move.until_ms, True
            case Launch():
                now, last, waited = now + took + 1000, how, False
                barren = 0 if progress else barren + 1
                iterations += progress
            case Park():
                return
    raise AssertionError("it went on for ever")
