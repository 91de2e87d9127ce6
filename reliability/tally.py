"""Adds up what long reliability runs have survived, so that a run can stop and go on another day."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import apsw
import msgspec

RESULTS = Path(__file__).parent / "results"


class Run(msgspec.Struct, omit_defaults=True):
    """One seed on one version of everything: trials `0 .. count-1` of that seed held, in `seconds` (0: unknown)."""

    seed: int
    count: int
    date: str
    version: str
    sqlite: str
    python: str
    system: str
    seconds: float = 0.0


class Tally(msgspec.Struct):
    """All runs of one harness; `total` is the sum of their counts."""

    what: str
    total: int = 0
    runs: list[Run] = []


class Recorder:
    """Keeps one run's count in `results/<name>.json`; keeps nothing when `record` is false."""

    def __init__(self, name: str, what: str, *, seed: int, record: bool) -> None:
        self._path = RESULTS / f"{name}.json"
        self._record = record
        self._tally = Tally(what)
        if record and self._path.exists():
            self._tally = msgspec.json.decode(self._path.read_bytes(), type=Tally)
        self._run = self._resumed(seed)

    @property
    def done(self) -> int:
        """Trials of this seed that held before, on the same versions."""
        return self._run.count

    def reached(self, count: int, *, seconds: float = 0.0) -> None:
        """Trials `0 .. count-1` have held, and it took `seconds` more; kept at once."""
        if self._run.seconds or not self._run.count:
            self._run.seconds = round(self._run.seconds + seconds, 1)
        self._run.count, self._run.date = count, _today()
        self._tally.total = sum(run.count for run in self._tally.runs)
        if self._record:
            RESULTS.mkdir(exist_ok=True)
            waiting = self._path.with_suffix(".tmp")
            waiting.write_bytes(msgspec.json.format(msgspec.json.encode(self._tally), indent=2) + b"\n")
            os.replace(waiting, self._path)

    def _resumed(self, seed: int) -> Run:
        fresh = Run(
            seed=seed,
            count=0,
            date=_today(),
            version=metadata.version("phasegate"),
            sqlite=apsw.sqlite_lib_version(),
            python=platform.python_version(),
            system=f"{platform.system()} {platform.machine()}",
        )
        for run in self._tally.runs:
            if msgspec.structs.replace(run, count=0, seconds=0.0, date=fresh.date) == fresh:
                return run
        self._tally.runs.append(fresh)
        return fresh


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
