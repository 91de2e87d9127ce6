"""The order of versions: PEP 440 for PyPI, Semantic Versioning for npm and Go."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from packaging.version import InvalidVersion, Version

from phasegate.dependencies.packages import Ecosystem

LONGEST = 300

_SEMVER = re.compile(
    r"[v=]*(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.+-]*)?", re.ASCII
)
_GO_RELEASE = re.compile(r"(?:go)?(\d+\.\d+(?:\.\d+)?)(rc|beta)(\d+)", re.ASCII)


class Unorderable(ValueError):
    """A text that is no version of its ecosystem."""


@functools.total_ordering
class Part:
    """One identifier of a pre-release: numbers below words (SemVer 2.0.0, section 11.4)."""

    def __init__(self, text: str) -> None:
        self.key = (0, int(text), "") if text.isdigit() else (1, 0, text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Part) and self.key == other.key

    def __lt__(self, other: Part) -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)


def semver(text: str) -> tuple[Any, ...]:
    """What orders by SemVer; a `v` before and parts that are missing are forgiven. Raises Unorderable."""
    release = _GO_RELEASE.fullmatch(text[:LONGEST])
    if release:
        text = f"{release[1] if release[1].count('.') == 2 else release[1] + '.0'}-{release[2]}.{release[3]}"
    found = _SEMVER.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None:
        raise Unorderable(f"{text[:60]!r} is no version")
    numbers = tuple(int(each or 0) for each in found.groups()[:3])
    parts = tuple(map(Part, found[4].split("."))) if found[4] else ()
    return (*numbers, not parts, parts)


def pep440(text: str) -> Version:
    """What orders by PEP 440. Raises Unorderable."""
    try:
        return Version(text if len(text) <= LONGEST else "")
    except (InvalidVersion, ValueError) as problem:
        raise Unorderable(f"{text[:60]!r} is no version") from problem


ORDER: Mapping[Ecosystem, Callable[[str], Any]] = {"PyPI": pep440, "npm": semver, "Go": semver}
"""How versions of an ecosystem compare."""
