"""Durations, numbers and dates: worded once, never rounded to what is not so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.report.night import _day
from phasegate.report.words import Stamp, counted, difference, duration, listed, moment, money, percent, rough, utc

DAY = 86_400_000


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(0, "0 s"), (0.4, "under 1 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h"), (4800, "1 h 20 min"),
     (90000, "1 d 1 h"), (172800, "2 d")],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds: float, says: str) -> None:
    assert duration(seconds) == says


@pytest.mark.parametrize(("value", "says"), [(79.96, "79.9 %"), (100.0, "100.0 %"), (99.99, "99.9 %"), (0.0, "0.0 %")])
def test_what_is_not_quite_there_is_not_shown_as_there(value: float, says: str) -> None:
    assert percent(value) == says


@pytest.mark.parametrize(("value", "says"), [(912, "912"), (31_250, "31.2 k"), (1_999_999, "1.9 M"), (2e9, "2 G")])
def test_a_rough_number_is_cut_off(value: float, says: str) -> None:
    assert rough(value) == says


def test_money_is_never_nothing_when_something_was_spent() -> None:
    assert (money(0), money(0.001), money(4.31), money(1234.5)) == ("$0.00", "under $0.01", "$4.31", "$1,234.50")


def test_an_instant_names_its_day_only_where_that_is_another() -> None:
    until = Stamp(20 * DAY, "Sun 22 Nov 2026", "06:41", "UTC+01:00")
    assert moment(Stamp(20 * DAY, "Sun 22 Nov 2026", "02:00", ""), until) == "02:00"
    assert moment(Stamp(19 * DAY, "Sat 21 Nov 2026", "23:10", ""), until) == "Sat 23:10"
    assert moment(Stamp(2 * DAY, "Wed 4 Nov 2026", "23:10", ""), until) == "Wed 4 Nov, 23:10"


def test_lists_and_counts_read_as_sentences() -> None:
    assert listed(["1"]) == "1" and listed(["1", "2", "3"]) == "1, 2 and 3"
    assert listed(list("123456")) == "1, 2, 3, 4 and 2 more"
    assert counted(1, "question") == "1 question" and counted(None, "file") == "unknown files"
    assert difference(3, 1) == "−2" and difference(1, 1) == "±0"


@given(st.integers(0, 253_402_300_799_000))
def test_an_instant_is_worded_as_the_standard_library_does(ms: int) -> None:
    assert utc(ms) == datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


@given(st.dates(), st.dates())
def test_days_between_dates_are_counted_as_the_calendar_does(one: object, other: object) -> None:
    assert _day(str(other)) - _day(str(one)) == (other - one).days  # type: ignore[operator]
