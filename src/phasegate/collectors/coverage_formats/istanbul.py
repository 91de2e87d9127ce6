"""Istanbul's `coverage-final.json`, as nyc, c8, jest and vitest write it: every statement, branch and function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from phasegate.collectors.coverage_formats.reading import (
    Places,
    UnreadableReport,
    coverage,
    from_json,
    line_number,
    numbered,
    ran,
)
from phasegate.evidence.coverage import Coverage, FileCoverage, file_of
from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import STATEMENT, of_elements, of_lines

TOOL = "istanbul"


class _Point(Struct, frozen=True):
    line: int | None = None
    column: float | None = None


class _Span(Struct, frozen=True):
    start: _Point = _Point()
    end: _Point = _Point()


class _Function(Struct, frozen=True):
    decl: _Span | None = None
    loc: _Span | None = None


class _Branch(Struct, frozen=True):
    loc: _Span | None = None
    locations: tuple[_Span, ...] = ()


class _File(Struct, frozen=True, rename="camel"):
    statement_map: dict[str, _Span]
    s: dict[str, float]
    fn_map: dict[str, _Function]
    f: dict[str, float]
    branch_map: dict[str, _Branch]
    b: dict[str, tuple[float, ...]]
    path: str = ""


def read(content: bytes, *, root: str, within: str = "") -> Coverage:
    """What `coverage-final.json` says."""
    places = Places(root, within)
    return coverage(TOOL, _files(from_json(content, dict[str, _File]), places), places)


def _files(parsed: Mapping[str, _File], places: Places) -> Iterator[FileCoverage]:
    for name, file in parsed.items():
        path = places.of(file.path or name)
        if path is not None:
            _complete(name, file)
            lines = _lines(file)
            yield file_of(
                path,
                of_elements(STATEMENT, _statements(file)),
                branches=of_elements("path", _branches(file)),
                functions=of_elements("function", _functions(file)),
                lines=of_lines((n for n in lines if lines[n] > 0), lines),
            )


def _complete(name: str, file: _File) -> None:
    for map, counts in ((file.statement_map, file.s), (file.fn_map, file.f), (file.branch_map, file.b)):
        if {*map} != {*counts}:
            raise UnreadableReport(f"the report of {name[:200]!r} is torn: it places other elements than it counts")


def _statements(file: _File) -> Iterator[tuple[str, Counts]]:
    name = numbered()
    for id, span in file.statement_map.items():
        line_number(span.start.line or 0)
        yield name(_place(span)), ran(file.s[id])


def _branches(file: _File) -> Iterator[tuple[str, Counts]]:
    name = numbered()
    for id, branch in file.branch_map.items():
        place = name(_place(branch.loc or (branch.locations[0] if branch.locations else _Span())))
        for way, count in enumerate(file.b[id]):
            yield f"{place} way {way}", ran(count)


def _functions(file: _File) -> Iterator[tuple[str, Counts]]:
    name = numbered()
    for id, function in file.fn_map.items():
        yield name(_place(function.decl or function.loc or _Span())), ran(file.f[id])


def _lines(file: _File) -> dict[int, float]:
    """A line ran as often as the statement beginning on it that ran most often: istanbul's own rule."""
    lines: dict[int, float] = {}
    for id, span in file.statement_map.items():
        line = line_number(span.start.line or 0)
        lines[line] = max(lines.get(line, 0), file.s[id])
    return lines


def _place(span: _Span) -> str:
    (start, end) = (span.start, span.end)
    return f"{start.line or 0}:{start.column or 0:g}-{end.line or 0}:{end.column or 0:g}"
