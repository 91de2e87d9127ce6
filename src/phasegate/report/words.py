"""How durations, numbers, money, shares and instants are worded: here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from phasegate.evidence.items import cut, per_cent
from phasegate.report.values import Figure

UNKNOWN = "unknown"

NEAR_MS = 5 * 86_400_000
"""So near the name of the day says which."""


class Stamp(msgspec.Struct, frozen=True):
    """An instant (UTC milliseconds) as the reader's clock shows it: `Sat 21 Nov 2026`, `23:10`, `UTC+01:00`."""

    at: int
    date: str
    clock: str
    zone: str

    @property
    def day(self) -> str:
        """The date without its year."""
        return self.date.rpartition(" ")[0]


Local = Callable[[int], Stamp]
"""What the reader's clock shows for an instant in UTC milliseconds; the core has no clock and no time zones."""


def duration(seconds: float) -> str:
    """At most two units: `42 s`, `12 min`, `1 h 20 min`, `2 d 3 h`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s" if whole or not seconds else "under 1 s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if not hours:
        return f"{minutes} min"
    return _two(hours, "h", minutes % 60, "min") if not days else _two(days, "d", hours % 24, "h")


def _two(great: int, unit: str, small: int, smaller: str) -> str:
    return f"{great} {unit} {small} {smaller}" if small else f"{great} {unit}"


def number(value: float) -> str:
    """A count, with commas between thousands."""
    return f"{int(value):,}"


def rough(value: float) -> str:
    """A count with at most three digits: `912`, `31.2 k`, `1.9 M`; cut off, never rounded up."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{int(value / size * 10) / 10:g} {unit}"
    return number(value)


def money(usd: float) -> str:
    """US dollars to the cent."""
    return f"${usd:,.2f}" if usd >= 0.005 or usd == 0 else "under $0.01"


def percent(value: float) -> str:
    """Per cent to one place, cut off: what is not quite 80 is not shown as 80."""
    return per_cent(value)


def difference(before: float, after: float, *, places: int = 0) -> str:
    """How much more or less, with its sign."""
    change = round(cut(after, places) - cut(before, places), places)  # of what is shown beside it
    return f"{'+' if change > 0 else '−'}{abs(change):,.{places}f}" if change else "±0"


def some(figure: Figure, shown: Callable[[float], str] = number) -> str:
    """A figure in words; unknown is said as unknown."""
    if figure.value is None:
        return UNKNOWN
    return f"at least {shown(figure.value)}" if figure.least else shown(figure.value)


def counted(count: float | None, thing: str, things: str = "") -> str:
    """`1 question`, `2 questions`."""
    if count is None:
        return f"{UNKNOWN} {things or thing + 's'}"
    return f"{number(count)} {thing if count == 1 else things or thing + 's'}"


def listed(items: tuple[str, ...] | list[str], most: int = 4) -> str:
    """`1, 2 and 3`; beyond `most`, how many more there are."""
    shown = list(items[:most])
    if len(items) > most:
        return f"{', '.join(shown)} and {len(items) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def moment(stamp: Stamp, beside: Stamp) -> str:
    """An instant, with its day where that differs from the one it stands beside, and its date where that is far."""
    if stamp.date == beside.date:
        return stamp.clock
    near = abs(stamp.at - beside.at) < NEAR_MS
    return f"{stamp.date.partition(' ')[0]} {stamp.clock}" if near else f"{stamp.day}, {stamp.clock}"


def stretch(since: Stamp, until: Stamp) -> str:
    """From one instant to another, each date once, with the zone of the reader's clock."""
    zone = since.zone if since.zone == until.zone else f"{since.zone}, then {until.zone}"
    if since.date == until.date:
        return f"{until.date}, {since.clock} – {until.clock} ({zone})"
    return f"{since.day}, {since.clock} – {until.date}, {until.clock} ({zone})"


def utc(ms: int) -> str:
    """An instant in ISO 8601, UTC, to the second.

    Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    """
    seconds = ms // 1000
    days, rest = divmod(seconds, 86400)
    era, of_era = divmod(days + 719468, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    day = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * day + 2) // 153
    month_number = month + 3 if month < 10 else month - 9
    whole_year = year + era * 400 + (month_number <= 2)
    date = f"{whole_year:04d}-{month_number:02d}-{day - (153 * month + 2) // 5 + 1:02d}"
    return f"{date}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}Z"
