"""What `phasegate drive` understands and refuses before it starts anything."""

from __future__ import annotations

import datetime

import pytest

from phasegate.entrypoints.times import until_ms

NOW = datetime.datetime(2026, 11, 22, 22, 0, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("07:30", "2026-11-23T07:30+00:00"),
        ("23:15", "2026-11-22T23:15+00:00"),
        ("+8h", "2026-11-23T06:00+00:00"),
        ("+90m", "2026-11-22T23:30+00:00"),
        ("1.5h", "2026-11-22T23:30+00:00"),
        ("2026-11-24T06:00", "2026-11-24T06:00+00:00"),
        ("2026-11-24T06:00+02:00", "2026-11-24T04:00+00:00"),
    ],
)
def test_a_time_is_understood(text: str, meant: str) -> None:
    assert until_ms(text, NOW) == datetime.datetime.fromisoformat(meant).timestamp() * 1000


@pytest.mark.parametrize("text", ["", "soon", "25:00", "+8", "+h", "7.30", "99999-01-01", "+999999w"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        until_ms(text, NOW)
