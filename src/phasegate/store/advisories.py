"""Advisories about packages in the user's cache, one file an ecosystem: written whole or not, looked up by name."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

import apsw
import msgspec
from msgspec import Struct

from phasegate.dependencies.osv import Advisory
from phasegate.dependencies.packages import ECOSYSTEMS, Ecosystem
from phasegate.errors import Exit, Failure
from phasegate.store import cache

SCHEMA = "1"
HINT = "Run `phasegate check deps --update`."
_TABLES = """
    PRAGMA journal_mode=OFF;
    PRAGMA synchronous=FULL;
    CREATE TABLE about(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE advisory(name TEXT NOT NULL, record BLOB NOT NULL);
    BEGIN;
"""


class AdvisoriesUnusable(Failure):
    """There are no advisories of an ecosystem, or the file that holds them cannot be read or written."""

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
        if self.as_of_ms <= 0:
            return "an unknown day"
        return time.strftime("%Y-%m-%d", time.gmtime(self.as_of_ms / 1000))


def folder(env: Mapping[str, str]) -> str:
    """Where advisories are kept: `phasegate/advisories` in the user's cache."""
    return cache.folder(env, "advisories")


def _file(place: str, ecosystem: Ecosystem) -> str:
    assert ecosystem in ECOSYSTEMS
    return os.path.join(place, f"{ecosystem}.db")


class Writing:
    """The next advisories of one ecosystem, on the disk beside those that are in use until `finish`."""

    def __init__(self, place: str, ecosystem: Ecosystem) -> None:
        """Raises AdvisoriesUnusable."""
        self._target = _file(place, ecosystem)
        self._aside = f"{self._target}.{os.getpid()}.new"
        try:
            os.makedirs(place, mode=0o700, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._aside)
            self._connection = apsw.Connection(self._aside)
            list(self._connection.execute(_TABLES))
        except (OSError, apsw.Error) as problem:
            raise _unwritable(place, problem) from problem

    def add(self, name: str, advisory: Advisory) -> None:
        """One more, about the package that is looked up by `name`."""
        try:
            self._connection.execute("INSERT INTO advisory VALUES(?, ?)", (name, msgspec.json.encode(advisory)))
        except apsw.Error as problem:
            raise _unwritable(self._target, problem) from problem

    def finish(self, about: About) -> None:
        """Put them in the place of those that were there."""
        values = {"schema": SCHEMA, "about": msgspec.json.encode(about).decode()}
        try:
            self._connection.executemany("INSERT INTO about VALUES(?, ?)", values.items())
            self._connection.execute("CREATE INDEX by_name ON advisory(name); COMMIT")
            self._connection.close()
            os.replace(self._aside, self._target)
        except (OSError, apsw.Error) as problem:
            raise _unwritable(self._target, problem) from problem

    def close(self) -> None:
        """Drop what was not finished."""
        self._connection.close()
        with contextlib.suppress(OSError):
            os.unlink(self._aside)


def _unwritable(path: str, problem: Exception) -> AdvisoriesUnusable:
    return AdvisoriesUnusable(f"{path} cannot be written: {problem}.", hint="Make room there, or set XDG_CACHE_HOME.")


class Advisories:
    """The advisories of one ecosystem, open for reading."""

    def __init__(self, place: str, ecosystem: Ecosystem) -> None:
        """Raises AdvisoriesUnusable."""
        path = _file(place, ecosystem)
        if not os.path.isfile(path):
            raise AdvisoriesUnusable(f"There are no advisories for {ecosystem}.", hint=HINT)
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
        return AdvisoriesUnusable(f"The advisories for {self._ecosystem} cannot be read.", hint=HINT)
