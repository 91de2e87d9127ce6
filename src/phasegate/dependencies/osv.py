"""What is known of holes in packages: records of the OSV format, and which versions one speaks of.

Source: the OSV schema, version 1.7: https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from packaging.utils import canonicalize_name

from phasegate.dependencies.packages import ECOSYSTEMS, Ecosystem, Package
from phasegate.dependencies.versions import ORDER, Unorderable
from phasegate.foreign import UNREADABLE

LARGEST = 8 << 20
"""Bytes of one record."""

Does = Literal["yes", "no", "unclear"]


class NoRecord(ValueError):
    """The content is no record of the format."""


class Event(Struct, frozen=True, omit_defaults=True):
    """A version at which something begins or ends."""

    introduced: str = ""
    fixed: str = ""
    last_affected: str = ""
    limit: str = ""


class Range(Struct, frozen=True):
    """Versions by what happened to them, in the order of `type`: SEMVER, ECOSYSTEM; GIT speaks of commits."""

    type: str
    events: tuple[Event, ...] = ()


class Named(Struct, frozen=True):
    """A package as a record names it."""

    ecosystem: str
    name: str


class Score(Struct, frozen=True):
    """A CVSS vector."""

    type: str
    score: str


class Affected(Struct, frozen=True, omit_defaults=True):
    """One package that a record speaks of."""

    package: Named | None = None
    ranges: tuple[Range, ...] | None = ()
    versions: tuple[str, ...] | None = ()
    severity: tuple[Score, ...] | None = ()
    database_specific: dict[str, Any] | None = {}
    ecosystem_specific: dict[str, Any] | None = {}


class Record(Struct, frozen=True):
    """A record as it is published, less what is not needed."""

    id: str
    modified: str
    withdrawn: str | None = ""
    aliases: tuple[str, ...] | None = ()
    summary: str | None = ""
    details: str | None = ""
    severity: tuple[Score, ...] | None = ()
    affected: tuple[Affected, ...] | None = ()
    database_specific: dict[str, Any] | None = {}


class Advisory(Struct, frozen=True, omit_defaults=True):
    """What one record says of one package: all that is kept. `severity` is a word of its database, or ""."""

    id: str
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    summary: str = ""
    severity: str = ""
    scores: tuple[Score, ...] = ()

    @property
    def fixed(self) -> tuple[str, ...]:
        """The versions in which it is mended."""
        return tuple(dict.fromkeys(event.fixed for each in self.ranges for event in each.events if event.fixed))


_DECODER = msgspec.json.Decoder(Record)


def read(content: bytes) -> Record:
    """The record in `content`. Raises NoRecord."""
    if len(content) > LARGEST:
        raise NoRecord(f"it is larger than {LARGEST >> 20} MiB")
    try:
        record = _DECODER.decode(content)
    except UNREADABLE as problem:
        raise NoRecord(f"it is no record of OSV: {str(problem)[:200]}") from problem
    if not record.id or not record.modified:
        raise NoRecord("it has no id, or does not say when it was changed")
    return record


def advisories(record: Record) -> list[tuple[Ecosystem, str, Advisory]]:
    """What a record says of each package of the ecosystems that are read; nothing when it was withdrawn."""
    if record.withdrawn:
        return []
    found = []
    for each in record.affected or ():
        ecosystem = _ecosystem(each)
        if ecosystem is not None and each.package is not None:
            found.append((ecosystem, key(ecosystem, each.package.name), _advisory(record, each)))
    return found


def _ecosystem(affected: Affected) -> Ecosystem | None:
    said = affected.package.ecosystem.partition(":")[0] if affected.package is not None else ""
    return next((each for each in ECOSYSTEMS if each == said), None)


def key(ecosystem: Ecosystem, name: str) -> str:
    """The name under which a package is looked up."""
    return canonicalize_name(name) if ecosystem == "PyPI" else name


def _advisory(record: Record, affected: Affected) -> Advisory:
    words = (affected.ecosystem_specific, affected.database_specific, record.database_specific)
    severity = next(
        (str(each["severity"])[:40] for each in words if each and isinstance(each.get("severity"), str)), ""
    )
    first = (record.summary or record.details or "").strip().partition("\n")[0][:300]
    scores = (*(affected.severity or ()), *(record.severity or ()))
    return Advisory(
        record.id, affected.ranges or (), affected.versions or (), record.aliases or (), first,
        "malicious" if record.id.startswith("MAL-") else severity, scores,
    )  # fmt: skip


def speaks_of(advisory: Advisory, package: Package) -> Does:
    """Whether an advisory about a package of this name is about this version.

    "unclear" where versions cannot be compared, or the record has nothing but commits.
    """
    if package.version in advisory.versions:
        return "yes"
    order = ORDER[package.ecosystem]
    try:
        version = order(package.version)
    except Unorderable:
        return "unclear"
    listed = _listed(advisory.versions, version, package.ecosystem)
    said = [
        _within(each, version, package.ecosystem) for each in advisory.ranges if each.type in ("SEMVER", "ECOSYSTEM")
    ]
    if listed or "yes" in said:
        return "yes"
    if "unclear" in said or not (said or advisory.versions):
        return "unclear"
    return "no"


def _listed(versions: Sequence[str], version: Any, ecosystem: Ecosystem) -> bool:
    for each in versions:
        try:
            if ORDER[ecosystem](each) == version:
                return True
        except Unorderable:
            continue  # no version that could be installed is spelt like that
    return False


def _within(range_: Range, version: Any, ecosystem: Ecosystem) -> Does:
    """The evaluation that the schema demands: events in their order, the last one up to the version decides."""
    order = ORDER[ecosystem]
    try:
        happened = sorted((_place(event, order) for event in range_.events), key=lambda place: place[:2])
        limits = [order(event.limit) for event in range_.events if event.limit and event.limit != "*"]
    except Unorderable:
        return "unclear"
    inside = False
    for at, kind, _ in happened:
        if kind == INTRODUCED and at <= (1, version):
            inside = True
        elif (kind == FIXED and at <= (1, version)) or (kind == LAST_AFFECTED and at < (1, version)):
            inside = False
    return "yes" if inside and (not limits or any(version < limit for limit in limits)) else "no"


# In this order where they are about one version: what is fixed and introduced anew in it is there.
FIXED, INTRODUCED, LAST_AFFECTED, LIMIT = range(4)


def _place(event: Event, order: Callable[[str], Any]) -> tuple[tuple[Any, ...], int, Event]:
    """Where an event stands among the versions; `0` comes before all of them."""
    kind, text = next(
        ((kind, text) for kind, text in enumerate((event.fixed, event.introduced, event.last_affected)) if text),
        (LIMIT, event.limit),
    )
    return ((0,) if text in ("0", "*", "") else (1, order(text))), kind, event
