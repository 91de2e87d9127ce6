"""Cobertura's XML, as coverage.py, gcovr, istanbul, coverlet and others write it: lines, and branches by number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from phasegate.collectors.coverage_formats.reading import (
    Places,
    UnreadableReport,
    coverage,
    line_number,
    ran,
    times,
)
from phasegate.collectors.coverage_formats.xml import Begin, stream
from phasegate.evidence.coverage import Coverage, FileCoverage
from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import Metric, added, of_elements

TOOL = "Cobertura"
_CONDITIONS = re.compile(r"\s*\d+(?:\.\d+)?%?\s*\((\d{1,6})/(\d{1,6})\)\s*", re.ASCII)
_MOST_SOURCES = 1000
_WAY = "branches of a line"


class _File:
    """What all classes in one file say."""

    def __init__(self) -> None:
        self.lines: dict[int, int] = {}
        self.of_methods: dict[int, int] = {}
        self.branches: dict[str, Counts] = {}
        self.functions: dict[str, int] = {}

    def take(self, line: Mapping[str, str], owner: str, method: str) -> None:
        """One `<line>`: of a class, or of a method, where istanbul lists lines that hold no statement."""
        number, hits = line_number(line.get("number", "")), times(line.get("hits", ""))
        lines = self.of_methods if method else self.lines
        lines[number] = max(lines.get(number, 0), hits)
        if method:
            self.functions[method] = max(self.functions.get(method, 0), hits)
        if line.get("branch", "").lower() == "true" and "condition-coverage" in line:
            self.branches[f"{number} {owner}".strip()] = _conditions(line["condition-coverage"])


class _Report:
    def __init__(self) -> None:
        self.sources: list[str] = []
        self.files: dict[str, _File] = {}
        self.said: Mapping[str, str] = {}

    def read(self, content: bytes) -> None:
        file, owner, method = _File(), "", ""
        for event in stream(content):
            if isinstance(event, Begin):
                match event.name:
                    case "coverage":
                        self.said = event.attributes
                    case "class":
                        name = event.attributes.get("filename", "")
                        file = self.files.setdefault(name, _File())
                        owner, method = event.attributes.get("name", ""), ""
                    case "method":
                        method = f"{owner} {event.attributes.get('name', '')}{event.attributes.get('signature', '')}"
                        file.functions.setdefault(method, 0)
                    case "line":
                        file.take(event.attributes, owner, method)
            elif event.name == "method":
                method = ""
            elif event.name == "source" and len(self.sources) < _MOST_SOURCES:
                self.sources.append(event.text.strip())

    def lines(self) -> dict[str, dict[int, int]]:
        """File -> line -> how often it ran: by what classes list, and only if none lists anything, by methods."""
        if any(file.lines for file in self.files.values()):
            return {name: file.lines for name, file in self.files.items()}
        return {name: file.of_methods for name, file in self.files.items()}

    def more_than(self, listed: int, name: str) -> str:
        """Why what is listed cannot be all; empty when it can."""
        said = self.said.get(name, "0") or "0"
        return f"the report counts {said} in `{name}` and lists {listed}" if times(said) > listed else ""


def read(content: bytes, *, root: str, within: str = "") -> Coverage:
    """What the XML says. A statement is a line; whether branches or functions were measured, the whole report shows."""
    report = _Report()
    report.read(content)
    why = report.more_than(sum(map(len, report.lines().values())), "lines-valid")
    if why:
        raise UnreadableReport(f"the report is partial: {why}")
    places = Places(root, within, filter(None, report.sources))
    return coverage(TOOL, _files(report, places), places)


def _files(report: _Report, places: Places) -> Iterator[FileCoverage]:
    measured = report.lines()
    branches = added(count for file in report.files.values() for count in file.branches.values())
    doubt = report.more_than(branches.total, "branches-valid")
    has_branches = bool(branches.total or doubt)
    has_functions = any(file.functions for file in report.files.values())
    for name, file in report.files.items():
        path = places.of(name)
        if path is not None:
            lines = measured[name]
            yield FileCoverage(
                path,
                tuple(sorted(line for line, hits in lines.items() if hits)),
                tuple(sorted(line for line, hits in lines.items() if not hits)),
                branches=Metric({_WAY: file.branches}, frozenset(filter(None, [doubt]))) if has_branches else None,
                functions=_functions(file) if has_functions else None,
            )


def _functions(file: _File) -> Metric:
    return of_elements("named", ((name, ran(hits)) for name, hits in file.functions.items()))


def _conditions(text: str) -> Counts:
    """`50% (1/2)`"""
    found = _CONDITIONS.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise UnreadableReport(f"the report says of a line's branches {text[:60]!r}")
    return Counts(int(found[1]), int(found[2]))
