"""Which test suites a repository has: each manifest is asked by a finder of its ecosystem; nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from posixpath import basename

from msgspec import Struct

from phasegate.adoption import javascript, jvm, others, python
from phasegate.adoption.finding import Found, Unread
from phasegate.adoption.look import Look, folder

Answer = Found | Unread
Finder = Callable[[Look], Answer | tuple[Answer, ...] | None]
"""What a finder makes of the place that a manifest lies in; None when there are no tests."""

FINDERS: Mapping[str, tuple[tuple[str, ...], Finder]] = {
    "python": (python.MANIFESTS, python.find),
    "js": (("package.json",), javascript.find),
    "go": (("go.mod",), others.go),
    "gopath": ((), others.go_without_module),
    "rust": (("Cargo.toml",), others.cargo),
    "gradle": (("build.gradle", "build.gradle.kts"), jvm.gradle),
    "maven": (("pom.xml",), jvm.maven),
    "dotnet": ((), others.dotnet),
    "ruby": (("Gemfile",), others.rspec),
    "php": (("composer.json",), others.phpunit),
}
"""By the short name that a suite gets: the manifests that mark a place, and the finder asked there."""

PARTS = frozenset("test tests doc docs requirements".split())
"""Folders whose `requirements.txt` or `package.json` serves the project that they are a part of."""

MOST = 24
"""Suites proposed at most; a repository with more is better set up by hand, place by place."""


class Suites(Struct, frozen=True):
    """What was found, and what was seen and cannot be run as it is."""

    found: tuple[Found, ...]
    unread: tuple[Unread, ...]


def suites(look: Look) -> Suites:
    """Every suite, those nearest to the root first."""
    answers = [answer for name in FINDERS for answer in _of_ecosystem(look, name)]
    found = [answer for answer in answers if isinstance(answer, Found)]
    unread = [answer for answer in answers if isinstance(answer, Unread)]
    found.sort(key=lambda each: (each.suite.directory.count("/") + bool(each.suite.directory), each.suite.directory))
    left_out = [
        Unread(each.suite.directory, each.why, f"more than {MOST} suites", "Set it up as a project of its own.")
        for each in found[MOST:]
    ]
    return Suites(tuple(found[:MOST]), tuple(unread + left_out))


def _of_ecosystem(look: Look, name: str) -> Iterator[Answer]:
    manifests, finder = FINDERS[name]
    places = _places(look, manifests) if manifests else [""]
    if name == "python" and "" not in places and any(path.endswith(".py") for path in look.paths):
        places.insert(0, "")
    for place in places:
        inner = tuple(other for other in places if other != place and (not place or other.startswith(f"{place}/")))
        answer = finder(look.without(inner).within(place))
        for each in answer if isinstance(answer, tuple) else (answer,):
            if each is not None:
                yield each.at(place)


def _places(look: Look, manifests: tuple[str, ...]) -> list[str]:
    """The folders that a manifest lies in, less those that are a part of a place around them."""
    places = sorted({folder(path) for path in look.named(*manifests)})
    return [place for place in places if basename(place) not in PARTS or not _around(place, places)]


def _around(place: str, places: list[str]) -> bool:
    return any(not other or place.startswith(f"{other}/") for other in places if other != place)
