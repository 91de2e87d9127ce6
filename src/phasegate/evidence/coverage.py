"""Which statements, branches, functions and lines a run executed, whatever tool measured it; several reports as one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import Metric, Name, added, joined, lines_of, of_lines


class FileCoverage(Struct, frozen=True):
    """One source file; `path` is relative to the root, lines count from 1 and name the first line of a statement.

    `excluded` are lines that the project told its tool not to count, and that did not run. A metric that the report
    does not give is None. Without `statements` the lines are the statements, and the lines too.
    """

    path: str
    executed: tuple[int, ...]
    missing: tuple[int, ...]
    excluded: tuple[int, ...] = ()
    statements: Metric | None = None
    branches: Metric | None = None
    functions: Metric | None = None
    lines: Metric | None = None

    def metric(self, name: Name) -> Metric | None:
        """What is known of the metric `name`; None when the report does not give it."""
        given: Metric | None = getattr(self, name)
        if given is None and self.statements is None and name in ("statements", "lines"):
            return of_lines(self.executed, self.missing)
        return given

    def counts(self, name: Name) -> Counts | None:
        """How much of it ran; None when that is unknown."""
        if self.statements is None and name in ("statements", "lines") and getattr(self, name) is None:
            return Counts(len(self.executed), len(self.executed) + len(self.missing))
        metric = self.metric(name)
        return metric.counts if metric is not None else None

    def why_unknown(self, name: Name) -> str:
        """Why `counts` is None; empty when it is not."""
        metric = self.metric(name)
        return metric.why_unknown if metric is not None else f"its report gives no {name}"

    @property
    def knows_lines(self) -> bool:
        """Whether it says which lines ran; a summary does not."""
        return self.statements is None or self.statements.placed


class Total(Struct, frozen=True):
    """One metric over all files; unknown, with the reason, when it is so in one of the files, which `unknown` names."""

    counts: Counts | None
    why: str = ""
    unknown: tuple[str, ...] = ()


class Coverage(Struct, frozen=True):
    """What one run executed, file by file; files that no test imported are listed as missing.

    `outside` are files that the report names and that do not lie below the root, or nobody knows where.
    """

    tool: str
    files: tuple[FileCoverage, ...]
    outside: tuple[str, ...] = ()

    def total(self, name: Name) -> Total:
        """The sum over all files, known only when every file's part is."""
        if not self.files:
            return Total(None, "the report names no file")
        counts = {file.path: file.counts(name) for file in self.files}
        unknown = tuple(path for path, known in counts.items() if known is None)
        if unknown:
            why = next(file.why_unknown(name) for file in self.files if file.path == unknown[0])
            return Total(None, f"{unknown[0]}: {why}", unknown)
        return Total(added(known for known in counts.values() if known is not None))

    @property
    def statements(self) -> tuple[int, int]:
        """(covered, total) of the files whose statements are known."""
        known = added(filter(None, (file.counts("statements") for file in self.files)))
        return known.covered, known.total

    @property
    def percent(self) -> float | None:
        """Of all statements; None when there were none, since nothing measured is not everything covered."""
        counts = self.total("statements").counts
        return counts.percent if counts is not None else None


def file_of(
    path: str,
    statements: Metric,
    *,
    code: Collection[int] | None = None,
    excluded: tuple[int, ...] = (),
    branches: Metric | None = None,
    functions: Metric | None = None,
    lines: Metric | None = None,
) -> FileCoverage:
    """A file whose statements have places of their own; `code` are the lines that hold code, when that is known."""
    executed, missing = lines_of(statements, code)
    return FileCoverage(path, executed, missing, excluded, statements, branches, functions, lines)


def merge(reports: Iterable[Coverage]) -> Coverage:
    """All `reports` as one: the union of files and of their elements, an element covered when any report covered it.

    The order, the grouping and giving one report twice make no difference.
    """
    given = list(reports)
    found: dict[str, list[FileCoverage]] = {}
    for report in given:
        for file in report.files:
            found.setdefault(file.path, []).append(file)
    tools = sorted({tool for report in given for tool in report.tool.split(" + ")})
    outside = sorted({path for report in given for path in report.outside})
    return Coverage(" + ".join(tools), tuple(_merged(found[path]) for path in sorted(found)), tuple(outside))


def _merged(files: list[FileCoverage]) -> FileCoverage:
    def known(name: Name) -> list[Metric]:
        return [metric for metric in (file.metric(name) for file in files) if metric is not None]

    lines_only = all(file.statements is None and file.lines is None for file in files)
    code = {line for file in files for line in (*file.executed, *file.missing)}
    statements = joined(known("statements"))
    executed, missing = lines_of(statements, code)
    return FileCoverage(
        files[0].path,
        executed,
        missing,
        tuple(sorted({line for file in files for line in file.excluded} - code)),
        None if lines_only else statements,
        joined(known("branches")) if known("branches") else None,
        joined(known("functions")) if known("functions") else None,
        joined(known("lines")) if known("lines") and not lines_only else None,
    )


def of_changed_lines(coverage: Coverage, changed: Mapping[str, Collection[int]]) -> tuple[int, int]:
    """(covered, total) of the executable lines among `changed`, which maps source paths to line numbers.

    Lines that are no statement, and excluded ones, do not count. A file that is not in the report, or of which it gives
    only sums, was not measured: whether its lines ran is unknown, and unknown counts as uncovered, every line of it.
    """
    covered = total = 0
    measured = {file.path: file for file in coverage.files if file.knows_lines}
    for path, lines in changed.items():
        file = measured.get(path)
        if file is None:
            total += len(set(lines))
            continue
        ran = len(set(lines).intersection(file.executed))
        covered += ran
        total += ran + len(set(lines).intersection(file.missing))
    return covered, total


def unmeasured(coverage: Coverage, changed: Mapping[str, Collection[int]]) -> tuple[str, ...]:
    """The paths of `changed` of whose lines the report says nothing: the ones to name when a person asks why."""
    return tuple(sorted(changed.keys() - {file.path for file in coverage.files if file.knows_lines}))
