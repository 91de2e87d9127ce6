"""Which statements a test run executed, whatever tool measured it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct


class FileCoverage(Struct, frozen=True):
    """One source file; `path` is relative to the root, lines count from 1 and name the first line of a statement.

    `excluded` are lines that the project told its tool not to count, and that did not run.
    """

    path: str
    executed: tuple[int, ...]
    missing: tuple[int, ...]
    excluded: tuple[int, ...] = ()


class Coverage(Struct, frozen=True):
    """What one run executed, file by file; files that no test imported are listed as missing."""

    tool: str
    files: tuple[FileCoverage, ...]

    @property
    def statements(self) -> tuple[int, int]:
        """(covered, total)"""
        covered = sum(len(file.executed) for file in self.files)
        return covered, covered + sum(len(file.missing) for file in self.files)

    @property
    def percent(self) -> float | None:
        """Of all statements; None when there were none, since nothing measured is not everything covered."""
        covered, total = self.statements
        return 100 * covered / total if total else None


def of_changed_lines(coverage: Coverage, changed: Mapping[str, Collection[int]]) -> tuple[int, int]:
    """(covered, total) of the executable lines among `changed`, which maps source paths to line numbers.

    Lines that are no statement, and excluded ones, do not count. A file that is not in the report was not measured:
    whether its lines ran is unknown, and unknown counts as uncovered, every line of it.
    """
    covered = total = 0
    measured = {file.path: file for file in coverage.files}
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
    """The paths of `changed` that the report does not know: the ones to name when a person asks why."""
    return tuple(sorted(changed.keys() - {file.path for file in coverage.files}))
