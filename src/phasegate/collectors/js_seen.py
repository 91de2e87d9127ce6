"""One run of a JavaScript test tool as its frames tell it: which test has which id, what each file came to."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from phasegate.collectors import js_frames as wire
from phasegate.collectors.frames import Read
from phasegate.collectors.process import Ended

_TITLE_LIMIT = 1000
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_Kind = TypeVar("_Kind", bound=wire.AnyFrame)


class Named(Struct, frozen=True):
    """A test by the id it has in evidence, with its file relative to where the tool ran."""

    id: str
    file: str


class Seen(Struct, frozen=True):
    """What is known once the tool has ended.

    `doubts` are reasons of the runner's own against the run; `uncaught` says for a file what its process died of.
    """

    tool: str
    command: tuple[str, ...]
    root: str
    read: Read[wire.AnyFrame]
    ended: Ended
    timeout_seconds: float
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    uncaught: Mapping[str, wire.Thrown] = {}

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """The frames of one kind, in their order."""
        return [frame for frame in self.read.frames if isinstance(frame, kind)]

    def only(self, kind: type[_Kind]) -> _Kind | None:
        """The first frame of that kind."""
        return next(iter(self.of(kind)), None)

    def relative(self, file: str) -> str:
        """A file as ids name it: relative to where the tool ran, with `/` between its parts."""
        if not file:
            return "."
        place = real(os.path.join(self.root, file))
        path = os.path.relpath(place, real(self.root)) if place else file
        return shown(path.replace(os.sep, "/"))

    def names(self) -> dict[str, Named]:
        """Each listed test by its key. Ids that would be the same are numbered in the order of their declaration."""
        listed = self.of(wire.Inventory)
        projects: dict[str, set[str]] = {}
        for frame in listed:
            projects.setdefault(frame.file, set()).add(frame.project)
        named: dict[str, Named] = {}
        times: Counter[str] = Counter()
        for frame in sorted(listed, key=lambda frame: frame.project):
            file = self.relative(frame.file)
            project = (frame.project,) if len(projects[frame.file]) > 1 else ()
            for test in frame.tests:
                if test.key in named:
                    continue
                id = test_id(file, (*project, *test.titles))
                times[id] += 1
                named[test.key] = Named(id if times[id] == 1 else f"{id} ({times[id]})", file)
        return named


def real(path: str) -> str:
    """Where a path really leads; "" when no file could have that name."""
    try:
        return os.path.realpath(path)
    except ValueError:  # a zero byte, half a character
        return ""


def test_id(file: str, titles: Sequence[str]) -> str:
    """`path/to/file.test.ts::suite > name`; a file that is a test by itself has no titles."""
    return f"{file}::{' > '.join(map(shown, titles))}" if titles else file


def shown(title: str) -> str:
    """A title on one line, and not longer than anybody reads."""
    text = _CONTROLS.sub(lambda found: f"\\u{ord(found.group()):04x}", title)
    return text if len(text) <= _TITLE_LIMIT else text[:_TITLE_LIMIT] + "…"
