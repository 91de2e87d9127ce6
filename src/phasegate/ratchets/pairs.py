"""Which test of the new tree continues which of the old: by its name, its body, or what it checks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from phasegate.ratchets.suites import Check, Test, words_of

ALIKE = 0.5
"""The part of a test that has to stand in another for that to be the same test under another name."""


FEW_WORDS, SAME_WORDS = 4, 0.7
"""Words of a name from which on it says something, and the part of them that two names of one test share."""


class Located(msgspec.Struct, frozen=True):
    """A test and the file it stands in."""

    path: str
    name: str
    test: Test

    @property
    def node(self) -> str:
        """How pytest calls it, without parameters."""
        return f"{self.path}::{self.name.replace('.', '::')}"

    @property
    def last(self) -> str:
        """Its name without the class or group around it."""
        return self.name.rpartition(".")[2].rpartition(" > ")[2]


class Pool:
    """What the new tree checks beyond the old: there may be found what went from where it was."""

    def __init__(self, pairs: Iterable[tuple[Located, Located | None]], new: Iterable[Located]) -> None:
        self._keys: Counter[str] = Counter()
        self._shapes: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()
        for each in new:
            self._keys += _counted(each, "key")
            self._shapes += _counted(each, "shape")
        continued = {id(after.test): (before, after) for before, after in pairs if after is not None}
        for before, after in continued.values():
            self._keys -= _counted(before, "key") & _counted(after, "key")
            self._shapes -= _counted(before, "shape") & _counted(after, "shape")
        known = {(a.path, a.name): len(before.test.cases or ()) for before, a in continued.values()}
        for each in new:
            more = len(each.test.cases or ()) - known.get((each.path, each.name), 0)
            for check in each.test.live if more > 0 else ():
                self._rows[check.shape] += more

    def takes(self, checks: Iterable[Check]) -> bool:
        """Whether every one of `checks` is made elsewhere now, or is a row of a table; each place is taken once."""
        keys: Counter[str] = Counter()
        rows: Counter[str] = Counter()
        for check in checks:
            if keys[check.key] < self._keys[check.key]:
                keys[check.key] += 1
            elif rows[check.shape] < self._rows[check.shape]:
                rows[check.shape] += 1
            else:
                return False
        self._keys -= keys
        self._rows -= rows
        return True

    def takes_cases(self, test: Test, count: int) -> bool:
        """Whether `count` rows of a table are checks of their own, or rows of another table, now."""
        shapes = [check.shape for check in test.live]
        shape = next((s for s in shapes if self._shapes[s] + self._rows[s] >= count), None)
        if shape is None:
            return False
        taken = min(self._shapes[shape], count)
        self._shapes[shape] -= taken
        self._rows[shape] -= count - taken
        return True


def _counted(each: Located, what: Literal["key", "shape"]) -> Counter[str]:
    return Counter(getattr(check, what) for check in each.test.live) if not each.test.off else Counter()


def pair(old: list[Located], new: list[Located]) -> Iterator[tuple[Located, Located | None]]:
    """Every test of `old` with the one of `new` that continues it, or None."""
    there = {(each.path, each.name): each for each in new}
    known = {(each.path, each.name) for each in old}
    fresh = [each for each in new if (each.path, each.name) not in known]
    gone = []
    for each in old:
        found = there.get((each.path, each.name))
        if found is not None:
            yield each, found
        else:
            gone.append(each)
    yield from _successors(gone, fresh)


def _successors(gone: list[Located], fresh: list[Located]) -> Iterator[tuple[Located, Located | None]]:
    free = {id(each): each for each in fresh}
    left = gone
    for same in (lambda e: (e.last, e.test.body), lambda e: e.test.body, lambda e: e.last):
        places: dict[object, list[Located]] = defaultdict(list)
        for each in free.values():
            places[same(each)].append(each)
        rest = []
        for each in left:
            found = places[same(each)]
            if found:
                chosen = found.pop(0)
                del free[id(chosen)]
                yield each, chosen
            else:
                rest.append(each)
        left = rest
    for each in left:
        likest = _likest(each, free.values())
        if likest is not None:
            del free[id(likest)]
        yield each, likest


def _likest(each: Located, free: Iterable[Located]) -> Located | None:
    scored = ((max(_likeness(each.test, other.test), _called_alike(each, other)), other) for other in free)
    best = max(scored, key=lambda found: found[0], default=(0.0, None))
    return best[1] if best[0] >= ALIKE else None


def _likeness(old: Test, new: Test) -> float:
    """The part of `old` that stands in `new`: of its checks, or of its lines."""
    keys, lines = Counter(check.key for check in old.checks), Counter(old.lines)
    shared = (keys & Counter(check.key for check in new.checks)).total() / keys.total() if keys else 0.0
    same = (lines & Counter(new.lines)).total() / lines.total() if lines else 0.0
    return max(shared, same)


def _called_alike(old: Located, new: Located) -> float:
    """How much the names of two tests of one file have in common; one that was rewritten is still compared."""
    if old.path != new.path or old.name.rpartition("/")[0] != new.name.rpartition("/")[0]:
        return 0.0
    one, other = {*words_of(old.last.replace("_", " "))}, {*words_of(new.last.replace("_", " "))}
    shared = len(one & other) / len(one | other) if min(len(one), len(other)) >= FEW_WORDS else 0.0
    return shared if shared >= SAME_WORDS else 0.0
