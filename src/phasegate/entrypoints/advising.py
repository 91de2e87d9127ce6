"""Brings advisories into the user's cache, by request: from OSV's server, from a zip file, from a folder."""

from __future__ import annotations

import calendar
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack

from phasegate.collectors import osv_export
from phasegate.collectors.osv_export import ExportUnusable, Say
from phasegate.dependencies.osv import NoRecord, Record, advisories, read
from phasegate.dependencies.packages import ECOSYSTEMS, Ecosystem
from phasegate.plain import line
from phasegate.store.advisories import About, Writing, folder

SAY_EVERY = 20_000
DAY_MS = 86_400_000


def update(source: str, ecosystems: Iterable[Ecosystem], env: Mapping[str, str], say: Say) -> list[About]:
    """Fetch and keep the advisories of each ecosystem."""
    done = []
    for ecosystem in ecosystems:
        with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
            file = os.path.join(scratch, "all.zip")
            say(f"{ecosystem}: fetching")
            osv_export.fetch(source, ecosystem, file, say)
            made = _taken_in(file, {ecosystem}, f"{source.rstrip('/')}/{ecosystem}", env, say)
            if not made:
                raise ExportUnusable(f"What came for {ecosystem} has no record of it.", hint="See `[deps] source`.")
            done += made
    return done


def bring(path: str, env: Mapping[str, str], say: Say) -> list[About]:
    """Keep the advisories of a file or folder."""
    made = _taken_in(path, {*ECOSYSTEMS}, os.path.abspath(path), env, say)
    if not made:
        raise ExportUnusable(f"{line(path)} has no record of {', '.join(ECOSYSTEMS)}.", hint="Name another.")
    return made


class _Heap:
    """The advisories of one ecosystem as they come in: how many records, and when the newest was changed."""

    def __init__(self, place: str, ecosystem: Ecosystem) -> None:
        self.writing = Writing(place, ecosystem)
        self.records: set[str] = set()
        self.newest_ms = 0


def _taken_in(path: str, wanted: set[Ecosystem], source: str, env: Mapping[str, str], say: Say) -> list[About]:
    """Read everything before anything is put in place: what cannot be read whole replaces nothing.

    They are as old as the newest record that was changed, whenever they were fetched: a mirror may be far behind.
    """
    heaps: dict[Ecosystem, _Heap] = {}
    tomorrow = time.time_ns() // 1_000_000 + DAY_MS
    with ExitStack() as open_things:
        for record in _records(path, say):
            changed = _milliseconds(record.modified)
            for ecosystem, name, advisory in advisories(record):
                if ecosystem not in wanted:
                    continue
                if ecosystem not in heaps:
                    heaps[ecosystem] = _Heap(folder(env), ecosystem)
                    open_things.callback(heaps[ecosystem].writing.close)
                heap = heaps[ecosystem]
                heap.writing.add(name, advisory)
                heap.records.add(record.id)
                heap.newest_ms = max(heap.newest_ms, changed if changed < tomorrow else 0)
        made = [About(each, source, len(heap.records), heap.newest_ms) for each, heap in heaps.items()]
        for about in made:
            heaps[about.ecosystem].writing.finish(about)
    return made


def _records(path: str, say: Say) -> Iterator[Record]:
    for at, (name, content) in enumerate(osv_export.records(path)):
        if at and at % SAY_EVERY == 0:
            say(f"{at} records read")
        try:
            yield read(content)
        except NoRecord as problem:
            raise ExportUnusable(
                f"{line(name, 100)} is unreadable: {line(str(problem), 200)}.", hint="The export is not used."
            ) from problem


def _milliseconds(text: str) -> int:
    """The moment that RFC 3339 text in UTC names; 0 for any other text."""
    try:
        return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 1000
    except ValueError:
        return 0
