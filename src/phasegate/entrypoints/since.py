"""A time in the past as people write it: `yesterday`, `8h`, `07:30`, or an ISO date and time; in their own zone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from phasegate.errors import Exit, Failure
from phasegate.plain import line

UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
AGO = re.compile(r"(\d{1,6})\s*(m|min|h|d|w)(?:\s+ago)?")
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
EVERYTHING = ("all", "ever", "beginning")


class UnknownTime(Failure):
    """A time was written in a way that cannot be read."""

    code = "unknown-time"
    exit_code = Exit.USAGE


def moment_of(written: str, now: datetime) -> int:
    """UTC milliseconds of `written`, as seen at `now` (a time with its zone); `all` is the beginning of time."""
    wanted = written.strip().lower()
    if wanted in EVERYTHING:
        return 0
    try:
        found = _day(wanted, now) or _ago(wanted, now) or _clock(wanted, now) or datetime.fromisoformat(written.strip())
        found = found if found.tzinfo else found.astimezone()
        return max(0, int(found.timestamp() * 1000))
    except (ValueError, OverflowError, OSError):
        raise UnknownTime(
            f"{line(written, 60)!r} is no time that can be read.",
            hint="Write `yesterday`, `8h`, `2d`, `07:30`, `2026-11-21`, `2026-11-21T22:00` or `all`.",
        ) from None


def _day(wanted: str, now: datetime) -> datetime | None:
    """Midnight of today or yesterday."""
    days = {"today": 0, "yesterday": 1}.get(wanted)
    if days is None:
        return None
    day = (now - timedelta(days=days)).date()
    return datetime(day.year, day.month, day.day).astimezone()


def _ago(wanted: str, now: datetime) -> datetime | None:
    found = AGO.fullmatch(wanted)
    return now - timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None


def _clock(wanted: str, now: datetime) -> datetime | None:
    """The newest time at which the clock showed that."""
    found = CLOCK.fullmatch(wanted)
    if not found:
        return None
    today = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)
