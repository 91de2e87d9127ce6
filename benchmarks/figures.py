"""What a benchmark found: each figure beside its baseline of the same run and the goal it should stay under."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec
from measure import Spent

RESULTS = Path(__file__).parent / "results"


class Goal(msgspec.Struct, frozen=True):
    """What a figure should stay under, as a multiple of its baseline; `says` is the goal in words."""

    limit: float
    says: str


class Figure(msgspec.Struct, frozen=True):
    """One row: what `case` took, what its baseline took, and `ratio`, the figure to compare between machines."""

    case: str
    unit: str
    value: float
    p90: float
    baseline: str
    ratio: float
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        """Whether the goal is met; else by how much it is missed."""
        if self.goal is None:
            return ""
        over = self.ratio / self.goal.limit - 1
        return "met" if over <= 0 else f"missed by {over:.0%}"


class Report(msgspec.Struct, frozen=True):
    """The figures of one benchmark."""

    name: str
    title: str
    figures: tuple[Figure, ...]


def compared(
    case: str, found: Mapping[str, Spent], baseline: str, *, goal: Goal | None = None, wall: bool = False
) -> Figure:
    """`case` against `baseline`, in CPU time unless `wall`."""
    mine, other = found[case], found[baseline]
    if wall:
        return Figure(case, "ms wall", mine.wall, mine.wall_p90, baseline, mine.wall / other.wall, goal)
    return Figure(case, "ms CPU", mine.cpu, mine.cpu_p90, baseline, mine.cpu / other.cpu, goal)


def table(report: Report) -> str:
    """The report as text for a terminal."""
    rows = [("", "p50", "p90", "", "ratio", "to", "goal", "")]
    for figure in report.figures:
        goal = figure.goal.says if figure.goal else ""
        rows.append(
            (figure.case, f"{figure.value:.1f}", f"{figure.p90:.1f}", figure.unit, f"{figure.ratio:.2f} x",
             figure.baseline, goal, figure.verdict)
        )  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([report.title, *(f"  {line}" for line in lines)])


def record(reports: Iterable[Report], *, name: str, tier: str) -> Path:
    """Write the reports with the facts of the machine that a reader needs, and nothing that names it."""
    now = datetime.now(UTC)
    kept = {
        "date": now.strftime("%Y-%m-%dT%H:%MZ"),
        "tier": tier,
        "machine": machine(),
        "reports": msgspec.to_builtins(tuple(reports)),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%d}-{name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(_rounded(kept)), indent=1) + b"\n")
    return path


def machine() -> dict[str, object]:
    """Cores, load and versions."""
    git = subprocess.run(("git", "version"), capture_output=True, text=True, check=True).stdout.split()[-1]
    packages = ("phasegate", "apsw", "msgspec")
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "git": git,
        **{package: metadata.version(package) for package in packages},
    }


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value
