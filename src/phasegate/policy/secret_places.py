"""Finds the places of a text where a rule is worth trying: what makes reading fast where there is no secret.

Long runs are found by C alone: every byte becomes 0 or 1, and twenty zeros are looked for. One expression then tries
the keywords of all tokens at once, and only where no letter stands before. Everything else costs one search a keyword.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter

from phasegate.policy.secret_contexts import CONTEXTS
from phasegate.policy.secret_shapes import Rule
from phasegate.policy.secret_tokens import TOKENS

SHORTEST_RUN = 20
SHORTEST_BASE64 = 27

SHORT = 8192
"""Bytes of long runs up to which looking for each mark costs less than compiling the expression for all of them."""

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_NOT_IN_RUN = bytes(byte not in _LETTERS + b"_.+/~-" for byte in range(256))
_NOT_BASE64 = bytes(byte not in _LETTERS + b"+/_-" for byte in range(256))


class Words:
    """The long runs of a text, one a line, and where in the text each of them stands."""

    __slots__ = ("_at", "_starts", "joined")

    def __init__(self, flat: bytes) -> None:
        runs = list(_runs(flat, _NOT_IN_RUN, SHORTEST_RUN))
        self._starts = [start for start, _ in runs]
        self._at: list[int] = []
        length = 1
        for start, end in runs:
            self._at.append(length)
            length += end - start + 1
        self.joined = b"\n".join([b"", *(flat[start:end] for start, end in runs)])

    def place(self, at: int) -> int:
        """Where in the text the character `at` of the runs stands."""
        run = bisect_right(self._at, at) - 1
        return self._starts[run] + at - self._at[run]

    def base64(self) -> Iterator[tuple[int, bytes]]:
        """Every run that could be base64, with its place in the text."""
        for start, end in _runs(self.joined, _NOT_BASE64, SHORTEST_BASE64):
            yield self.place(start), self.joined[start:end]


def _runs(text: bytes, outside: bytes, least: int) -> Iterator[tuple[int, int]]:
    """Start and end of each run of at least `least` bytes that the table `outside` maps to 0."""
    mask, wanted = text.translate(outside), bytes(least)
    start = mask.find(wanted)
    while start >= 0:
        end = mask.find(b"\1", start + least)
        end = len(text) if end < 0 else end
        yield start, end
        start = mask.find(wanted, end)


def flattened(text: str) -> bytes:
    """`text` with one byte a character; what is not ASCII becomes a question mark."""
    return text.encode("ascii", "replace")


def of_tokens(joined: bytes) -> Iterator[tuple[Rule, int]]:
    """Each rule of a token and the place of one of its keywords, in the long runs `joined`."""
    rules = _rules_by_mark()
    if len(joined) > SHORT or any(mark in joined for mark in rules):
        marks = _marks()
        found = marks.search(joined)
        while found is not None:
            for rule in rules[found[1]]:
                yield rule, found.start(1)
            found = marks.search(joined, found.start(1))
    for keyword, rule in _glued():
        place = joined.find(keyword)
        while place >= 0:
            yield rule, place
            place = joined.find(keyword, place + 1)


@cache
def contexts() -> dict[bytes, tuple[Rule, ...]]:
    """The rules that each keyword in lower case stands for."""
    keywords = dict.fromkeys(keyword for rule in CONTEXTS for keyword in rule.keywords)
    return {each.encode(): tuple(rule for rule in CONTEXTS if each in rule.keywords) for each in keywords}


@cache
def _glued() -> tuple[tuple[bytes, Rule], ...]:
    return tuple((keyword.encode(), rule) for rule in TOKENS if rule.glued for keyword in rule.keywords)


@cache
def _rules_by_mark() -> dict[bytes, tuple[Rule, ...]]:
    """The rules to try where a mark stands: those with a keyword that begins with it."""
    rules: dict[bytes, tuple[Rule, ...]] = {}
    mark, open_to_all = "", [(keyword, rule) for rule in TOKENS if not rule.glued for keyword in rule.keywords]
    for keyword, rule in sorted(open_to_all, key=itemgetter(0)):  # so that a beginning comes before what it begins
        if not (mark and keyword.startswith(mark)):
            mark = keyword
        known = rules.get(mark.encode(), ())
        rules[mark.encode()] = known if rule in known else (*known, rule)
    return rules


@cache
def _marks() -> re.Pattern[bytes]:
    """Every mark behind the edge of a word, or behind an escape at such an edge."""
    escape = r"(?:[nrt]|[0-9A-Fa-f]{2}|u00[0-9a-f]{2}|x[0-9a-f]{2}|[0-9]{1,2}m)??"
    return re.compile(f"[\n_.+/~-]{escape}({_any_of([mark.decode() for mark in _rules_by_mark()])})".encode())


def _any_of(words: Sequence[str]) -> str:
    """An expression for any of `words`, sorted and none a beginning of another, that decides letter by letter."""
    if len(words) == 1:
        return re.escape(words[0])
    branches = [
        re.escape(letter) + _any_of([word[1:] for word in same])
        for letter, group in groupby(words, itemgetter(0))
        for same in [list(group)]
    ]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
