"""Times as people write them, in their own zone: `yesterday`, `8h`, `07:30`, an ISO date and time; past or coming."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from phasegate.errors import Exit, Failure
from phasegate.plain import line

UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(m|min|h|d|w)")
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
EVERYTHING = ("all", "ever", "beginning")
DAY = timedelta(days=1)


class UnknownTime(Failure):
    """A time was written in a way that cannot be read."""

    code = "unknown-time"
    exit_code = Exit.USAGE


def moment_of(written: str, now: datetime) -> int:
    """UTC milliseconds of `written`, a time before `now` (which has its zone); `all` is the beginning of time."""
    wanted = written.strip().lower()
    if wanted in EVERYTHING:
        return 0
    try:
        span = _span(re.sub(r"\s+ago$", "", wanted))
        clock = _clock(wanted, now)
        if clock is not None and clock > now:
            clock -= DAY
        return _utc_ms(_day(wanted, now) or (now - span if span is not None else clock) or _iso(written))
    except (ValueError, OverflowError, OSError):
        raise UnknownTime(
            f"{line(written, 60)!r} is no time that can be read.",
            hint="Write `yesterday`, `8h`, `2d`, `07:30`, `2026-11-21`, `2026-11-21T22:00` or `all`.",
        ) from None


def until_ms(written: str, now: datetime) -> int:
    """UTC milliseconds of `written`, a time after `now`: the next time the clock shows it, or `+8h`. ValueError."""
    span = _span(written.removeprefix("+"))
    clock = _clock(written, now)
    if clock is not None and clock <= now:
        clock += DAY
    try:
        return _utc_ms((now + span if span is not None else clock) or _iso(written, now))
    except (OverflowError, OSError):
        raise ValueError("beyond the calendar") from None


def _utc_ms(at: datetime) -> int:
    return max(0, int(at.timestamp() * 1000))


def _iso(written: str, now: datetime | None = None) -> datetime:
    """An ISO time; one that names no zone is in that of `now`, or of this machine on that day."""
    at = datetime.fromisoformat(written.strip())
    if at.tzinfo:
        return at
    return at.replace(tzinfo=now.tzinfo) if now is not None else at.astimezone()


def _span(wanted: str) -> timedelta | None:
    found = SPAN.fullmatch(wanted)
    return timedelta(**{UNITS[found[2]]: float(found[1])}) if found else None


def _day(wanted: str, now: datetime) -> datetime | None:
    """Midnight of today or yesterday."""
    days = {"today": 0, "yesterday": 1}.get(wanted)
    if days is None:
        return None
    day = (now - DAY * days).date()
    return datetime(day.year, day.month, day.day).astimezone()


def _clock(wanted: str, now: datetime) -> datetime | None:
    """Today's time at which the clock shows that."""
    found = CLOCK.fullmatch(wanted)
    return now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0) if found else None
