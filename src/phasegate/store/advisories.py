"""Advisories about packages in the user's cache, one file an ecosystem: written whole or not, looked up by name."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping

import apsw
import msgspec
from msgspec import Struct

from phasegate.dependencies.osv import Advisory
from phasegate.dependencies.packages import ECOSYSTEMS, Ecosystem
from phasegate.errors import Exit, Failure

SCHEMA = "1"
_TABLES = """
    CREATE TABLE about(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE advisory(name TEXT NOT NULL, record BLOB NOT NULL);
"""


class AdvisoriesUnusable(Failure):
    """There are no advisories of an ecosystem, or the file that holds them cannot be read."""

    code = "advisories-unusable"
    exit_code = Exit.CANNOT_TELL


class About(Struct, frozen=True):
    """Where the advisories of an ecosystem came from, how many there are, and of which moment (UTC milliseconds)."""

    ecosystem: Ecosystem
    source: str
    records: int
    as_of_ms: int

    @property
    def date(self) -> str:
        """The UTC date they are of."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.as_of_ms / 1000))


def folder(env: Mapping[str, str]) -> str:
    """Where advisories are kept: `phasegate/advisories` in the user's cache."""
    cache = env.get("XDG_CACHE_HOME", "")
    base = cache if os.path.isabs(cache) else os.path.join(env.get("HOME") or os.path.expanduser("~"), ".cache")
    return os.path.join(base, "phasegate", "advisories")


def _file(place: str, ecosystem: Ecosystem) -> str:
    assert ecosystem in ECOSYSTEMS
    return os.path.join(place, f"{ecosystem}.db")


def write(place: str, about: About, found: Iterable[tuple[str, Advisory]]) -> None:
    """Replace the advisories of an ecosystem by `found` (each with the name it is looked up by)."""
    os.makedirs(place, mode=0o700, exist_ok=True)
    target = _file(place, about.ecosystem)
    aside = f"{target}.{os.getpid()}.new"
    try:
        connection = apsw.Connection(aside)
        try:
            connection.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=FULL")
            connection.execute(_TABLES)
            with connection:
                rows = ((name, msgspec.json.encode(advisory)) for name, advisory in found)
                connection.executemany("INSERT INTO advisory VALUES(?, ?)", rows)
                connection.execute("CREATE INDEX by_name ON advisory(name)")
                values = {"schema": SCHEMA, "about": msgspec.json.encode(about).decode()}
                connection.executemany("INSERT INTO about VALUES(?, ?)", values.items())
        finally:
            connection.close()
        os.replace(aside, target)
    finally:
        if os.path.lexists(aside):
            os.unlink(aside)


class Advisories:
    """The advisories of one ecosystem, open for reading."""

    def __init__(self, place: str, ecosystem: Ecosystem) -> None:
        """Raises AdvisoriesUnusable."""
        path = _file(place, ecosystem)
        if not os.path.isfile(path):
            raise AdvisoriesUnusable(
                f"There are no advisories for {ecosystem}.", hint="Run `phasegate check deps --update`."
            )
        self._ecosystem = ecosystem
        try:
            self._connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
            values = dict(self._connection.execute("SELECT key, value FROM about"))
            self.about = msgspec.json.decode(str(values["about"]), type=About)
            if values["schema"] != SCHEMA or self.about.ecosystem != ecosystem:
                raise KeyError("schema")
        except (apsw.Error, KeyError, msgspec.DecodeError) as problem:
            raise self._broken() from problem

    def of(self, name: str) -> list[Advisory]:
        """What is known of a package. Raises AdvisoriesUnusable."""
        try:
            rows = self._connection.execute("SELECT record FROM advisory WHERE name = ?", (name,))
            return [msgspec.json.decode(record, type=Advisory) for (record,) in rows]
        except (apsw.Error, msgspec.DecodeError) as problem:
            raise self._broken() from problem

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _broken(self) -> AdvisoriesUnusable:
        return AdvisoriesUnusable(
            f"The advisories for {self._ecosystem} cannot be read.", hint="Run `phasegate check deps --update`."
        )
