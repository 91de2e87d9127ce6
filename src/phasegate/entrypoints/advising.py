"""Brings advisories into the user's cache, by request: from OSV's server, from a zip file, from a folder."""

from __future__ import annotations

import calendar
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping

from phasegate.collectors import osv_export
from phasegate.collectors.osv_export import ExportUnusable, Say
from phasegate.dependencies.osv import Advisory, NoRecord, advisories, read
from phasegate.dependencies.packages import ECOSYSTEMS, Ecosystem
from phasegate.plain import line
from phasegate.store.advisories import About, folder, write

SAY_EVERY = 20_000
DAY_MS = 86_400_000


def update(source: str, ecosystems: Iterable[Ecosystem], env: Mapping[str, str], say: Say) -> list[About]:
    """Fetch and keep the advisories of each ecosystem."""
    done = []
    for ecosystem in ecosystems:
        with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
            file = os.path.join(scratch, "all.zip")
            say(f"{ecosystem}: fetching")
            now_ms = time.time_ns() // 1_000_000
            osv_export.fetch(source, ecosystem, file, say)
            made = _taken_in(file, {ecosystem}, f"{source.rstrip('/')}/{ecosystem}", env, say, now_ms)
            if not made:
                raise ExportUnusable(f"What came for {ecosystem} has no record of it.", hint="See `[deps] source`.")
            done += made
    return done


def bring(path: str, env: Mapping[str, str], say: Say) -> list[About]:
    """Keep the advisories of a file or folder, as old as the newest of its records."""
    if not os.path.exists(path):
        raise ExportUnusable(f"{line(path)} does not exist.", hint="Name a zip file or a folder of OSV records.")
    made = _taken_in(path, {*ECOSYSTEMS}, os.path.abspath(path), env, say, None)
    if not made:
        raise ExportUnusable(f"{line(path)} has no record of {', '.join(ECOSYSTEMS)}.", hint="Name another.")
    return made


def _taken_in(
    path: str, wanted: set[Ecosystem], source: str, env: Mapping[str, str], say: Say, as_of_ms: int | None
) -> list[About]:
    """Read everything before anything is written: what cannot be read whole replaces nothing."""
    found: dict[Ecosystem, list[tuple[str, Advisory]]] = {}
    newest: dict[Ecosystem, int] = {}
    counts: dict[Ecosystem, int] = {}
    for ecosystem, modified_ms, told in _records(path, say):
        if ecosystem in wanted:
            found.setdefault(ecosystem, []).extend(told)
            newest[ecosystem] = max(newest.get(ecosystem, 0), modified_ms)
            counts[ecosystem] = counts.get(ecosystem, 0) + 1
    made = []
    for ecosystem, rows in found.items():
        about = About(ecosystem, source, counts[ecosystem], as_of_ms if as_of_ms is not None else newest[ecosystem])
        write(folder(env), about, rows)
        made.append(about)
    return made


def _records(path: str, say: Say) -> Iterator[tuple[Ecosystem, int, list[tuple[str, Advisory]]]]:
    tomorrow = time.time_ns() // 1_000_000 + DAY_MS
    for at, (name, content) in enumerate(osv_export.records(path)):
        if at and at % SAY_EVERY == 0:
            say(f"{at} records read")
        try:
            record = read(content)
        except NoRecord as problem:
            raise ExportUnusable(
                f"{line(name, 100)} is unreadable: {line(str(problem), 200)}.", hint="The export is not used."
            ) from problem
        modified = _milliseconds(record.modified)
        told: dict[Ecosystem, list[tuple[str, Advisory]]] = {}
        for ecosystem, package, advisory in advisories(record):
            told.setdefault(ecosystem, []).append((package, advisory))
        for ecosystem, rows in told.items():
            yield ecosystem, modified if modified < tomorrow else 0, rows


def _milliseconds(text: str) -> int:
    """The moment that RFC 3339 text in UTC names; 0 for any other text."""
    try:
        return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 1000
    except ValueError:
        return 0
