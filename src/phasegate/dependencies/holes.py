"""Holds packages against advisories: each hole once, under one name, however many databases tell of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from phasegate.dependencies.osv import Advisory, Score, speaks_of
from phasegate.dependencies.packages import Package

Severity = Literal["unknown", "low", "medium", "high", "critical"]
WORDS: Mapping[str, Severity] = {
    "low": "low", "minor": "low", "moderate": "medium", "medium": "medium", "high": "high", "important": "high",
    "critical": "critical", "malicious": "critical",
}  # fmt: skip
"""The words of the databases."""

BOUNDS: tuple[tuple[float, Severity], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
"""The least score of each word (CVSS 3.1, section 5)."""

_ORDER: tuple[Severity, ...] = ("unknown", "low", "medium", "high", "critical")


class Hole(Struct, frozen=True):
    """A known hole in a package: the id it goes by here, what else it is called, how bad, where it is mended."""

    package: Package
    id: str
    aliases: tuple[str, ...]
    severity: Severity
    summary: str
    fixed: tuple[str, ...]


class Audit(Struct, frozen=True):
    """What is known of some packages, and in words what could not be told."""

    holes: tuple[Hole, ...]
    unclear: tuple[str, ...] = ()


def audited(packages: Iterable[Package], known: Callable[[Package], Sequence[Advisory]]) -> Audit:
    """The holes of `packages` by what is `known` of each."""
    holes: list[Hole] = []
    unclear: list[str] = []
    for package in packages:
        about = [(each, speaks_of(each, package)) for each in known(package)]
        told = merged([each for each, does in about if does == "yes"])
        holes += [_hole(package, group) for group in told]
        said = {id for group in told for each in group for id in (each.id, *each.aliases)}
        unclear += [
            f"whether {each.id} is about {package.name} {package.version} cannot be told"
            for each, does in about
            if does == "unclear" and said.isdisjoint((each.id, *each.aliases))
        ]
    return Audit(tuple(holes), tuple(dict.fromkeys(unclear)))


def merged(found: Sequence[Advisory]) -> list[list[Advisory]]:
    """The advisories in groups: those that share an id or an alias, directly or by way of others, are one hole."""
    groups: list[tuple[set[str], list[Advisory]]] = []
    for each in found:
        ids, own = {each.id, *each.aliases}, [each]
        apart = []
        for other_ids, others in groups:
            if ids.isdisjoint(other_ids):
                apart.append((other_ids, others))
            else:
                ids, own = ids | other_ids, [*others, *own]
        groups = [*apart, (ids, own)]
    return [own for _, own in groups]


def _hole(package: Package, group: Sequence[Advisory]) -> Hole:
    ids = sorted({id for each in group for id in (each.id, *each.aliases)}, key=_rank)
    return Hole(
        package, ids[0], tuple(ids[1:]), max(map(severity_of, group), key=_ORDER.index),
        next((each.summary for each in group if each.summary), ""),
        tuple(dict.fromkeys(version for each in group for version in each.fixed)),
    )  # fmt: skip


def _rank(id: str) -> tuple[int, str]:
    """The id that most databases share comes first, so that a hole keeps its name when another tells of it too."""
    families = ("CVE-", "GHSA-", "PYSEC-", "GO-", "MAL-")
    return next((at for at, family in enumerate(families) if id.startswith(family)), len(families)), id


def severity_of(advisory: Advisory) -> Severity:
    """By the word of its database, else by its CVSS vectors; "unknown" when it has neither."""
    word = WORDS.get(advisory.severity.strip().lower())
    if word is not None:
        return word
    scores = [score for each in advisory.scores if (score := _score(each)) is not None]
    return of_score(max(scores)) if scores else "unknown"


def of_score(score: float) -> Severity:
    """The word for a CVSS score."""
    return next((word for least, word in BOUNDS if score >= least), "low")


def _score(said: Score) -> float | None:
    from cvss import CVSS2, CVSS3, CVSS4

    if len(said.score) > 300 or not re.fullmatch(r"[A-Za-z0-9:./]+", said.score):
        return None
    try:
        match said.type:
            case "CVSS_V4":
                return float(CVSS4(said.score).base_score)
            case "CVSS_V3":
                return float(CVSS3(said.score).base_score)
            case "CVSS_V2":
                return float(CVSS2(said.score).base_score)
    except Exception:  # the library raises what it likes for a vector that is none
        return None
    return None
