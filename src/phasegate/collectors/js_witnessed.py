"""Holds what a JavaScript runner reports against what its tests said themselves: a pass is one that came to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from phasegate.collectors.frames import FILE_LIMIT
from phasegate.collectors.js_witness import Placed, Witnesses
from phasegate.evidence.levels import Hollow
from phasegate.evidence.tests import TestResult
from phasegate.foreign import UNREADABLE


class _Said(Struct, frozen=True):
    nonce: str
    kind: str
    key: str
    claims: int
    bent: str


_DECODER = msgspec.json.Decoder(_Said)


class Word(Struct):
    """What a test said over all its runs: how often it began, came to its end, or was left by what it threw.

    `silent` came to their end without a claim. What was thrown through several tests is counted where it was thrown.
    """

    begun: int = 0
    ended: int = 0
    thrown: int = 0
    passed_on: int = 0
    silent: int = 0

    @property
    def lost(self) -> int:
        """How often it did not come to its end."""
        return self.begun - self.ended - self.passed_on


class Heard(Struct, frozen=True):
    """What all tests said, by their key, and the first claim or assertion of node's that was found changed."""

    words: dict[str, Word]
    bent: str = ""


def heard(content: bytes, nonce: str) -> Heard:
    """Lines that are not ours are passed over: they confirm nothing."""
    words: dict[str, Word] = {}
    bent = ""
    for line in content[:FILE_LIMIT].split(b"\n"):
        try:
            said = _DECODER.decode(line)
        except UNREADABLE:
            continue
        if said.nonce == nonce:
            _take(words.setdefault(said.key, Word()), said)
            bent = bent or said.bent
    return Heard(words, bent)


def _take(word: Word, said: _Said) -> None:
    match said.kind:
        case "begin":
            word.begun += 1
        case "end":
            word.ended += 1
            word.silent += not said.claims
        case "thrown":
            word.thrown += 1
        case "passed on":
            word.passed_on += 1


class Compared(Struct, frozen=True):
    """Why the run cannot be believed, what a reader should know, and the tests that passed and claimed nothing."""

    doubts: tuple[str, ...]
    notes: tuple[str, ...]
    hollow: tuple[Hollow, ...]


def compare(
    told: Witnesses, said: Heard, results: Sequence[TestResult], loaded: Collection[str], tries: Mapping[str, int]
) -> Compared:
    """What the tests said, against the results.

    `loaded` are the files that the runner says it ran; `tries` counts, by file, how often a test was tried again.
    """
    by_file = _by_file(told.placed)
    of_file: dict[str, list[TestResult]] = {}
    for result in results:
        of_file.setdefault(result.file, []).append(result)
    doubts = [*_unread(told, of_file), *_bent(said)]
    for file, placed in by_file.items():
        if file in of_file or file in loaded:
            doubts += _missing(placed, said, of_file.get(file, ()), tries.get(file, 0))
    notes = tuple(_notes(by_file, said, of_file, loaded))
    return Compared(tuple(doubts), notes, tuple(_hollow(by_file, said, of_file)))


def _by_file(placed: Sequence[Placed]) -> dict[str, list[Placed]]:
    found: dict[str, list[Placed]] = {}
    for each in placed:
        found.setdefault(each.file, []).append(each)
    return found


def _unread(told: Witnesses, of_file: Mapping[str, Sequence[TestResult]]) -> Iterator[str]:
    for file, why in told.unread.items():
        if any(result.outcome == "passed" for result in of_file.get(file, ())):
            yield f"nobody could look into tests that are reported as passed: {why}"


def _bent(said: Heard) -> Iterator[str]:
    if said.bent:
        yield f"{said.bent} of node was replaced while the tests ran, so that what they claim says nothing"


def _missing(placed: Sequence[Placed], said: Heard, results: Sequence[TestResult], tries: int) -> Iterator[str]:
    """Tests that were not begun or did not come to their end, although too few of the file are red or skipped."""
    lacking: Counter[Placed] = Counter()
    for each in placed:
        word = said.words.get(each.key, Word())
        if word.lost > 0:
            lacking[each] = word.lost
        elif not word.begun and not each.site.off and not each.site.maybe:
            lacking[each] = 1
    passed = sum(result.outcome == "passed" for result in results)
    excused = len(results) - passed + tries
    if any(result.uncollected for result in results) or lacking.total() <= excused:
        return
    first = next(iter(lacking))
    how = "did not come to its end" if first.key in said.words else "was never begun"
    told = f"of the {len(results)} tests reported of its file {passed} are said to have passed"
    yield f"{_shown(first)} {how}, and {told}"


def _shown(placed: Placed) -> str:
    title = f" ({placed.site.title[:80]!r})" if placed.site.title else ""
    return f"the test at {placed.file}:{placed.site.line}{title}"


def _notes(
    by_file: Mapping[str, Sequence[Placed]], said: Heard,
    of_file: Mapping[str, Sequence[TestResult]], loaded: Collection[str],
) -> Iterator[str]:  # fmt: skip
    idle = [file for file in by_file if file not in of_file and file not in loaded]
    if idle:
        yield f"{len(idle)} files with tests were not run, the first is {idle[0]}"
    passed = {file: sum(result.outcome == "passed" for result in results) for file, results in of_file.items()}
    ended = {file: sum(said.words[each.key].ended for each in placed if each.key in said.words)
             for file, placed in by_file.items()}  # fmt: skip
    unseen = sum(max(0, count - ended.get(file, 0)) for file, count in passed.items())
    if unseen:
        first = next(file for file, count in passed.items() if count > ended.get(file, 0))
        yield f"{unseen} tests that passed were made by code outside of the test files, the first in {first}"


def _hollow(
    by_file: Mapping[str, Sequence[Placed]], said: Heard, of_file: Mapping[str, Sequence[TestResult]]
) -> Iterator[Hollow]:
    """Of tests that one call registers, by a title that stands there: those in which nothing was claimed, ever."""
    for file, placed in by_file.items():
        titles = Counter(each.site.title for each in placed)
        for each in placed:
            word = said.words.get(each.key, Word())
            if titles[each.site.title] > 1 or not each.site.title or not word.ended or word.silent < word.ended:
                continue
            if each.site.speaks and not each.claims:
                continue  # it speaks in other words than those that are seen
            why = "none of its claims was made" if each.claims else "it claims nothing"
            endings = (f"::{each.site.title}", f" > {each.site.title}")
            for result in of_file.get(file, ()):
                if result.outcome == "passed" and result.id.endswith(endings):
                    yield Hollow(result.id, why)
