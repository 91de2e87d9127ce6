"""What every reader of a coverage report needs: its limits, its one failure, and where the files it names lie."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Protocol, TypeVar

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.evidence.coverage import Coverage, FileCoverage
from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import MISSED, RAN
from phasegate.foreign import UNREADABLE

LIMIT = 256 << 20
"""Bytes of one report."""
SOURCE_LIMIT = 16 << 20
"""Bytes of one source file that are looked at."""
LAST_LINE = 10_000_000
_LONGEST_PATH = 4096
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")

_T = TypeVar("_T")


class UnreadableReport(Failure):
    """A coverage report that cannot be read, contradicts itself, or names nothing of this project."""

    code: ClassVar[str] = "coverage-report-unreadable"
    exit_code: ClassVar[Exit] = Exit.CANNOT_TELL

    def __init__(self, message: str, *, hint: str = "Let the tool write the report again, and look at what it says."):
        super().__init__(message, hint=hint)


class Reader(Protocol):
    """Reads one format."""

    def __call__(self, content: bytes, *, root: str, within: str = "") -> Coverage:
        """What the report says of files below `within` (or `root`), with paths relative to `root`.

        Raises UnreadableReport.
        """
        ...


class Places:
    """Turns what a report calls a file into its path relative to `root`; what lies elsewhere is kept in `outside`.

    `within` is the folder, `root` or one above it, in which a file counts; `sources` are folders that relative names
    may begin at, before `root`.
    """

    def __init__(self, root: str, within: str = "", sources: Iterable[str] = ()) -> None:
        self.root = os.path.realpath(root)
        self.within = os.path.realpath(within or root)
        self.sources = [os.path.join(self.root, _slashed(source)) for source in sources]
        self.outside: list[str] = []

    def of(self, name: str) -> str | None:
        """The path of the file `name`, which is there; None when none is."""
        for candidate in self._candidates(name):
            path = os.path.realpath(candidate)
            if path.startswith(self.within.rstrip("/") + "/") and os.path.isfile(path):
                return os.path.relpath(path, self.root)
        self.outside.append(name[:_LONGEST_PATH])
        return None

    def content(self, path: str) -> bytes:
        """The bytes of the source file at `path`, relative to `root`; nothing of one that cannot be read."""
        try:
            with open(os.path.join(self.root, path), "rb") as file:
                return file.read(SOURCE_LIMIT)
        except OSError:
            return b""

    def _candidates(self, name: str) -> Iterator[str]:
        if not name or "\0" in name or len(name) > _LONGEST_PATH or not encodes(name):
            return
        for spelt in dict.fromkeys((name, _slashed(name))):
            if not _DRIVE.match(spelt):
                for base in (*self.sources, self.root):
                    yield os.path.join(base, spelt)


def encodes(name: str) -> bool:
    """Whether the operating system could have a file of this name."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _slashed(path: str) -> str:
    return path.removeprefix("file://").replace("\\", "/")


def coverage(tool: str, files: Iterable[FileCoverage], places: Places) -> Coverage:
    """The whole of a report; one that names no file of this project is refused, since it shows nothing."""
    found = sorted(files, key=lambda file: file.path)
    if not found and places.outside:
        raise UnreadableReport(
            f"the report names {len(places.outside)} files and none of them lies in this project,"
            f" as {places.outside[0][:200]!r}",
            hint="Let the tool write paths relative to the project, or run it in the project's own folder.",
        )
    if not found:
        raise UnreadableReport("the report names no file", hint="Let the tests import the code, and measure again.")
    for file in found:
        _of_these_sources(file, places)
    return Coverage(tool, tuple(found), tuple(sorted({*places.outside})))


def _of_these_sources(file: FileCoverage, places: Places) -> None:
    """A report that names lines which a file has not is of another state of it."""
    last = max((*file.executed[-1:], *file.missing[-1:]), default=0)
    source = places.content(file.path) if last else b""
    there = max(source.count(b"\n"), source.count(b"\r")) + 1
    if last > there and len(source) < SOURCE_LIMIT:
        raise UnreadableReport(
            f"the report names line {last} of {file.path[:200]!r}, which has {there}: it is of other sources",
            hint="Let the command write the report at each run.",
        )


def from_json(content: bytes, type: type[_T]) -> _T:
    """`content` as a `type`; raises UnreadableReport."""
    try:
        return msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"), type=type)
    except UNREADABLE as problem:
        raise UnreadableReport(f"the report cannot be read: {str(problem)[:300]}") from problem


def text_of(content: bytes) -> Iterator[str]:
    """The lines of a report in text, without their ends; raises UnreadableReport when it is no UTF-8."""
    try:
        return iter(content.decode("utf-8-sig").splitlines())
    except UnicodeDecodeError as problem:
        raise UnreadableReport(f"the report is no UTF-8 text: {problem.reason} at byte {problem.start}") from problem


def line_number(text: str | int) -> int:
    """A line, counted from 1; raises UnreadableReport."""
    try:
        line = int(text) if isinstance(text, int) or (text.isascii() and text.isdigit() and len(text) < 9) else 0
    except ValueError:
        line = 0
    if not 0 < line <= LAST_LINE:
        raise UnreadableReport(f"the report names a line {str(text)[:40]!r}")
    return line


def times(text: str) -> int:
    """How often something ran; raises UnreadableReport."""
    if text.isascii() and text.isdigit() and len(text) < 40:
        return int(text)
    raise UnreadableReport(f"the report says that something ran {text[:40]!r} times")


def ran(count: float) -> Counts:
    """An element that ran `count` times."""
    return RAN if count > 0 else MISSED


def numbered() -> Callable[[str], str]:
    """Names a place anew each time it comes up: a tool may count two elements that lie in one place."""
    met: dict[str, int] = {}

    def name(place: str) -> str:
        met[place] = met.get(place, 0) + 1
        return place if met[place] == 1 else f"{place} #{met[place]}"

    return name
