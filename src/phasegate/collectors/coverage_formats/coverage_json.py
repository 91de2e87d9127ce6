"""coverage.py's JSON report: statements by line, branches as pairs of lines, functions by name."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from phasegate.collectors.coverage_formats.reading import Places, UnreadableReport, coverage, from_json, line_number
from phasegate.evidence.coverage import Coverage, FileCoverage
from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import MISSED, RAN, Metric, of_elements, of_totals

TOOL = "coverage.py"


class _Region(Struct, frozen=True):
    executed_lines: tuple[int, ...] = ()
    missing_lines: tuple[int, ...] = ()


class _Sums(Struct, frozen=True):
    num_statements: int | None = None
    num_branches: int | None = None
    covered_branches: int | None = None


class _File(Struct, frozen=True):
    executed_lines: tuple[int, ...] = ()
    missing_lines: tuple[int, ...] = ()
    excluded_lines: tuple[int, ...] = ()
    executed_branches: tuple[tuple[int, int], ...] | None = None
    missing_branches: tuple[tuple[int, int], ...] | None = None
    functions: dict[str, _Region] | None = None
    summary: _Sums = _Sums()

    @property
    def executed(self) -> tuple[int, ...]:
        """The statements that ran; coverage.py 7.3 lists excluded lines that ran among them, and counts them not."""
        excluded = frozenset(self.excluded_lines)
        return tuple(line for line in self.executed_lines if line not in excluded)


class _Meta(Struct, frozen=True):
    version: str = ""


class _Report(Struct, frozen=True):
    meta: _Meta
    files: dict[str, _File]
    totals: _Sums = _Sums()


def read(content: bytes, *, root: str, within: str = "") -> Coverage:
    """What `coverage json` says; its paths are relative to the directory it was made in."""
    places = Places(root, within)
    parsed = from_json(content, _Report)
    _adds_up(parsed)
    return coverage(f"{TOOL} {parsed.meta.version[:40]}".strip(), _files(parsed, places), places)


def _files(parsed: _Report, places: Places) -> Iterator[FileCoverage]:
    for name, file in parsed.files.items():
        path = places.of(name)
        if path is not None:
            for line in (*file.executed_lines, *file.missing_lines, *file.excluded_lines):
                line_number(line)
            yield FileCoverage(
                path,
                file.executed,
                file.missing_lines,
                file.excluded_lines,
                branches=_branches(file),
                functions=_functions(file),
            )


def _branches(file: _File) -> Metric | None:
    """By arc; by their sums where the report counts other branches than it lists."""
    if file.executed_branches is None or file.missing_branches is None:
        return None
    arcs = [(f"{a}->{b}", RAN) for a, b in file.executed_branches]
    arcs += [(f"{a}->{b}", MISSED) for a, b in file.missing_branches]
    covered, total = file.summary.covered_branches, file.summary.num_branches
    listed = of_elements("arc", arcs)
    if covered is None or total is None or listed.counts == Counts(covered, total):
        return listed
    return of_totals(covered, total)


def _functions(file: _File) -> Metric | None:
    """A function ran when a statement in it did; one without statements does not count."""
    if file.functions is None:
        return None
    inside = {name: region for name, region in file.functions.items() if name}
    return of_elements(
        "named",
        (
            (name, RAN if region.executed_lines else MISSED)
            for name, region in inside.items()
            if region.executed_lines or region.missing_lines
        ),
    )


def _adds_up(parsed: _Report) -> None:
    said = parsed.totals.num_statements
    listed = sum(len(file.executed) + len(file.missing_lines) for file in parsed.files.values())
    if said is not None and said != listed:
        raise UnreadableReport(f"the report counts {said} statements and lists {listed}")
