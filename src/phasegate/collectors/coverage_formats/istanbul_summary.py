"""Istanbul's `coverage-summary.json`: how much of each file ran, and not what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from phasegate.collectors.coverage_formats.reading import Places, UnreadableReport, coverage, from_json
from phasegate.evidence.coverage import Coverage, FileCoverage
from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import Metric, added, of_totals

TOOL = "istanbul summary"
_TOTAL = "total"


class _Count(Struct, frozen=True):
    total: int
    covered: int


class _Sums(Struct, frozen=True):
    lines: _Count
    statements: _Count
    functions: _Count
    branches: _Count


def read(content: bytes, *, root: str, within: str = "") -> Coverage:
    """What `coverage-summary.json` says; which lines ran stays unknown."""
    places = Places(root, within)
    parsed = from_json(content, dict[str, _Sums])
    _adds_up(parsed)
    return coverage(TOOL, _files(parsed, places), places)


def _files(parsed: Mapping[str, _Sums], places: Places) -> Iterator[FileCoverage]:
    for name, sums in parsed.items():
        path = places.of(name) if name != _TOTAL else None
        if path is not None:
            yield FileCoverage(
                path,
                (),
                (),
                statements=_metric(name, sums.statements),
                branches=_metric(name, sums.branches),
                functions=_metric(name, sums.functions),
                lines=_metric(name, sums.lines),
            )


def _metric(name: str, count: _Count) -> Metric:
    if not 0 <= count.covered <= count.total:
        raise UnreadableReport(f"the summary says that {count.covered} of {count.total} ran in {name[:200]!r}")
    return of_totals(count.covered, count.total)


def _adds_up(parsed: Mapping[str, _Sums]) -> None:
    """A summary whose total is not the sum of its files was cut or written by several hands."""
    files = [sums.statements for name, sums in parsed.items() if name != _TOTAL]
    total = parsed.get(_TOTAL)
    if total is None:
        raise UnreadableReport("the summary has no total")
    if added(Counts(each.covered, each.total) for each in files) != Counts(
        total.statements.covered, total.statements.total
    ):
        raise UnreadableReport("the summary's total is not the sum of its files")
