"""How much of one file ran, counted in statements, branches, functions or lines, and how two such counts become one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from typing import Literal

from msgspec import Struct

from phasegate.evidence.items import Counts

Name = Literal["statements", "branches", "functions", "lines"]
NAMES: tuple[Name, ...] = ("statements", "branches", "functions", "lines")

LINE, STATEMENT, BLOCK, TOTALS = "line", "statement", "block", "totals"
"""Ways to tell elements apart: by the line (`12`); by the place (`12:4-14:1`), an element lying on the line where it
begins, or on all its lines; and not at all, where a report gives sums only."""

RAN, MISSED = Counts(1, 1), Counts(0, 1)
_UNSURE = -1
_TORN = Counts(_UNSURE, _UNSURE)

Elements = Mapping[str, Counts]


class Metric(Struct, frozen=True):
    """One metric of one file: way of telling elements apart -> text that places an element in the file -> its count.

    Most elements count 1. A block of Go counts its statements; where a report says only how many branches of a line
    were taken, they are one element together. `doubts` are reasons why the elements cannot be all.
    """

    ways: Mapping[str, Elements] = {}
    doubts: frozenset[str] = frozenset()

    @property
    def counts(self) -> Counts | None:
        """The sum over its elements; None when nobody knows it."""
        return self._weighed()[0]

    @property
    def why_unknown(self) -> str:
        """Why there is no sum; empty when there is one."""
        return self._weighed()[1]

    @property
    def placed(self) -> bool:
        """Whether it says where its elements lie, or has none."""
        return not self.ways.get(TOTALS) or any(self.ways[way] for way in self.ways if way != TOTALS)

    def _weighed(self) -> tuple[Counts | None, str]:
        if self.doubts:
            return None, "; ".join(sorted(self.doubts))
        ways = sorted(way for way, elements in self.ways.items() if elements and way != TOTALS)
        if len(ways) > 1:
            return None, f"reports tell its elements apart in different ways ({', '.join(ways)})"
        sums = {*self.ways.get(TOTALS, {}).values()}
        for way in ways or ([] if sums else [""]):
            elements = self.ways.get(way, {}).values()
            if any(element.total == _UNSURE for element in elements):
                return None, "reports disagree about how much there is to cover; they are of different sources"
            if any(element.covered == _UNSURE for element in elements):
                return None, "reports say how many branches of a line were taken, not which"
            sums.add(added(elements))
        if len(sums) > 1:
            return None, "a report gives sums only, and they are not those of another report"
        return sums.pop(), ""


def added(counts: Iterable[Counts]) -> Counts:
    """The sum of `counts`."""
    covered = total = 0
    for each in counts:
        covered, total = covered + each.covered, total + each.total
    return Counts(covered, total)


def of_elements(way: str, elements: Iterable[tuple[str, Counts]]) -> Metric:
    """A metric from (place, count) pairs; the same place twice is one element, covered when either was."""
    met: dict[str, Counts] = {}
    for place, count in elements:
        met[place] = joined_element(met[place], count) if place in met else count
    return Metric({way: met})


def of_totals(covered: int, total: int) -> Metric:
    """A metric of which only the sums are known."""
    return Metric({TOTALS: {f"{covered}/{total}": Counts(covered, total)}})


def of_lines(executed: Iterable[int], missing: Iterable[int]) -> Metric:
    """A metric whose elements are lines."""
    return Metric({LINE: {**{str(line): MISSED for line in missing}, **{str(line): RAN for line in executed}}})


def joined(metrics: Iterable[Metric]) -> Metric:
    """The union of elements; one is covered when any report covered it."""
    return reduce(_joined_two, metrics, Metric())


def _joined_two(one: Metric, other: Metric) -> Metric:
    ways = [*one.ways, *(way for way in other.ways if way not in one.ways)]
    return Metric(
        {way: _union(one.ways.get(way, {}), other.ways.get(way, {})) for way in ways}, one.doubts | other.doubts
    )


def _union(one: Elements, other: Elements) -> Elements:
    if not one or not other:
        return one or other
    met = dict(one)
    for place, count in other.items():
        met[place] = joined_element(met[place], count) if place in met else count
    return met


def joined_element(one: Counts, other: Counts) -> Counts:
    """The least that follows from both: nothing gives way to anything, all wins, two different parts are unsure."""
    if one == other:
        return one
    if one.total != other.total:
        return _TORN
    if one.covered == 0 or other.covered == other.total:
        return other
    if other.covered == 0 or one.covered == one.total:
        return one
    return Counts(_UNSURE, one.total)


def lines_of(statements: Metric, code: Collection[int] | None = None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(executed, missing) lines, among `code` when that is known: a line ran when every element on it did."""
    ran: set[int] = set()
    missed: set[int] = set()
    for way, elements in statements.ways.items():
        if way == TOTALS:
            continue
        for place, count in elements.items():
            if count.total:
                (ran if count.covered == count.total else missed).update(_span(way, place))
    if code is not None:
        ran, missed = ran.intersection(code), missed.intersection(code)
    return tuple(sorted(ran - missed)), tuple(sorted(missed))


def _span(way: str, place: str) -> range:
    """The lines that the element at `place` speaks for."""
    begin, _, end = place.partition("-")
    first = int(begin.partition(":")[0])
    return range(first, int(end.partition(":")[0]) + 1) if way == BLOCK else range(first, first + 1)
