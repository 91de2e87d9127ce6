"""JaCoCo's XML: lines and branches of source files, methods of classes; bytecode instructions are not counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from phasegate.collectors.coverage_formats.java_sources import JavaSources
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
from phasegate.evidence.metrics import Metric, added

TOOL = "JaCoCo"


class _File:
    """What is known of one source file; `said` are the counters that the report gives for all of it."""

    def __init__(self) -> None:
        self.lines: dict[int, bool] = {}
        self.branches: dict[str, Counts] = {}
        self.methods: dict[str, Counts] = {}
        self.said: dict[str, Counts] = {}

    def take(self, line: Mapping[str, str]) -> None:
        """One `<line>`, which ran when one instruction of it did."""
        number = line_number(line.get("nr", ""))
        self.lines[number] = times(line.get("ci", "0")) > 0
        missed, covered = times(line.get("mb", "0")), times(line.get("cb", "0"))
        if missed + covered:
            self.branches[str(number)] = Counts(covered, missed + covered)

    def metric(self, way: str, elements: Mapping[str, Counts], counter: str) -> Metric:
        """`elements`, in doubt when the counter for all of them says something else."""
        why = self.contradicted(added(elements.values()), counter)
        return Metric({way: elements}, frozenset({why} if why else ()))

    def contradicted(self, listed: Counts, counter: str) -> str:
        """How what is listed contradicts a counter; empty when it does not."""
        said = self.said.get(counter, Counts(0, 0))
        if said == listed:
            return ""
        return (
            f"the report's {counter} counter says {said.covered} of {said.total},"
            f" what it lists {listed.covered} of {listed.total}"
        )


class _Report:
    """Files by the names of their groups, package and source file."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str, str], _File] = {}
        self.groups: list[str] = []
        self.package = self.method = self.of_class = ""
        self.file = _File()
        self.of_file = False

    def read(self, content: bytes) -> None:
        for event in stream(content):
            if isinstance(event, Begin):
                self._begin(event.name, event.attributes)
            elif event.name == "group" and self.groups:
                self.groups.pop()
            elif event.name == "method":
                self.method = ""
            elif event.name == "sourcefile":
                self.of_file = False

    def _begin(self, element: str, given: Mapping[str, str]) -> None:
        match element:
            case "group":
                self.groups.append(given.get("name", ""))
            case "package":
                self.package = given.get("name", "")
            case "class":
                self.of_class = given.get("name", "")
                self.file = self._file(given.get("sourcefilename", ""))
            case "sourcefile":
                self.file, self.of_file = self._file(given.get("name", "")), True
            case "method":
                self.method = f"{self.of_class} {given.get('name', '')}{given.get('desc', '')}"
            case "line":
                self.file.take(given)
            case "counter" if self.method and given.get("type") == "METHOD":
                self.file.methods[self.method] = ran(times(given.get("covered", "")))
            case "counter" if self.of_file:
                missed, covered = times(given.get("missed", "")), times(given.get("covered", ""))
                self.file.said[given.get("type", "")] = Counts(covered, missed + covered)

    def _file(self, name: str) -> _File:
        return self.files.setdefault(("/".join(self.groups), self.package, name), _File())


def read(content: bytes, *, root: str, within: str = "") -> Coverage:
    """What the XML says. A statement is a line; a file is looked for where its package would have it."""
    report = _Report()
    report.read(content)
    places = Places(root, within)
    return coverage(TOOL, _files(report, JavaSources(places.within), places), places)


def _files(report: _Report, sources: JavaSources, places: Places) -> Iterator[FileCoverage]:
    for (groups, package, name), file in report.files.items():
        _believable(f"{package}/{name}", file)
        path = places.of(sources.of(groups, package, name))
        if path is not None:
            yield FileCoverage(
                path,
                tuple(sorted(line for line, covered in file.lines.items() if covered)),
                tuple(sorted(line for line, covered in file.lines.items() if not covered)),
                branches=file.metric("branches of a line", file.branches, "BRANCH"),
                functions=file.metric("method", file.methods, "METHOD"),
            )


def _believable(name: str, file: _File) -> None:
    if file.methods and not file.lines:
        raise UnreadableReport(
            f"the classes of {name[:200]!r} say nothing of lines",
            hint="Compile with debug information (`-g`), and measure again.",
        )
    why = file.contradicted(Counts(sum(file.lines.values()), len(file.lines)), "LINE")
    if why:
        raise UnreadableReport(f"{name[:200]!r}: {why}")
