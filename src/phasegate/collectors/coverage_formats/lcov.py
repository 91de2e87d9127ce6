"""lcov's tracefiles, as geninfo, c8, istanbul and many others write them: lines, functions and branches by line."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import md5
from itertools import zip_longest

from phasegate.collectors.coverage_formats.reading import (
    Places,
    UnreadableReport,
    coverage,
    line_number,
    ran,
    text_of,
    times,
)
from phasegate.evidence.coverage import Coverage, FileCoverage, merge
from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import Metric, of_elements

TOOL = "lcov"
_IGNORED = frozenset("TN VER FNF FNH BRF BRH LF LH MCDC MCF MCH".split())
_NUMBER = r"(\d{1,39})"
_LINE = re.compile(rf"{_NUMBER},{_NUMBER}(?:,(.*))?", re.ASCII)
_BRANCH = re.compile(rf"{_NUMBER},(e?\d{{1,39}}),(.*),(\d{{1,39}}|-)", re.ASCII)
_FUNCTION = re.compile(rf"{_NUMBER},(?:{_NUMBER},)?(.+)", re.ASCII)
_CALLS = re.compile(rf"{_NUMBER},(.+)", re.ASCII)
_NUMBERED_FUNCTION = re.compile(rf"{_NUMBER},{_NUMBER}(?:,{_NUMBER})?", re.ASCII)
_NUMBERED_CALLS = re.compile(rf"{_NUMBER},{_NUMBER},.*", re.ASCII)


class _Record:
    """What lies between `SF:` and `end_of_record`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[int, int] = {}
        self.digests: dict[int, str] = {}
        self.branches: list[tuple[str, Counts]] = []
        self.begins: dict[str, list[int]] = {}
        self.calls: dict[str, list[int]] = {}
        self.numbered: dict[str, int] = {}
        self.numbered_calls: dict[str, int] = {}

    def take(self, key: str, value: str) -> None:
        """One line of the record."""
        match key:
            case "DA":
                line, count, digest = _parts(_LINE, key, value)
                number = line_number(line)
                if digest:
                    self.digests[number] = digest
                self.lines[number] = self.lines.get(number, 0) + times(count)
            case "BRDA":
                line, block, branch, count = _parts(_BRANCH, key, value)
                taken = 0 if count == "-" else times(count)
                self.branches.append((f"{line_number(line)},{block},{branch}", ran(taken)))
            case "FN":
                line, _, name = _parts(_FUNCTION, key, value)
                self.begins.setdefault(name, []).append(line_number(line))
            case "FNDA":
                count, name = _parts(_CALLS, key, value)
                self.calls.setdefault(name, []).append(times(count))
            case "FNL":
                number_of, line, _ = _parts(_NUMBERED_FUNCTION, key, value)
                self.numbered[number_of] = line_number(line)
            case "FNA":
                number_of, count = _parts(_NUMBERED_CALLS, key, value)
                self.numbered_calls[number_of] = self.numbered_calls.get(number_of, 0) + times(count)
            case _:
                raise UnreadableReport(f"the tracefile has a line that is none: {f'{key}:{value}'[:100]!r}")

    def functions(self) -> Iterator[tuple[str, Counts]]:
        """Functions with the same name are told apart by where they begin, and counted in the order of the report."""
        for name, begins in self.begins.items():
            calls = self.calls.get(name, [])
            apart = len(calls) == len(begins)
            for line, count in zip_longest(begins, calls if apart else []):
                yield f"{line} {name}", ran(count if apart else sum(calls))
        for number, line in self.numbered.items():
            yield f"{line} number {number}", ran(self.numbered_calls.get(number, 0))


def read(content: bytes, *, root: str, within: str = "") -> Coverage:
    """What a tracefile says. A statement is a line; of a file in several records, the union is told."""
    places = Places(root, within)
    records = [*_records(content)]
    has_branches = any(record.branches for record in records) or b"\nBRF:" in content
    has_functions = any(record.begins or record.numbered for record in records) or b"\nFNF:" in content
    files = [file for record in records for file in _file(record, places, has_branches, has_functions)]
    return coverage(TOOL, merge(Coverage(TOOL, (file,)) for file in files).files, places)


def _records(content: bytes) -> Iterator[_Record]:
    record: _Record | None = None
    for text in text_of(content):
        key, colon, value = text.strip().partition(":")
        if record is None and key == "SF" and colon:
            record = _Record(value)
        elif record is not None and key == "end_of_record":
            yield record
            record = None
        elif key in _IGNORED or not key or text.startswith("#"):
            continue
        elif record is not None:
            record.take(key, value)
        else:
            raise UnreadableReport(f"the tracefile has a line outside of any file: {text[:100]!r}")
    if record is not None:
        raise UnreadableReport(f"the tracefile was cut: what it says of {record.name[:200]!r} has no end")


def _file(record: _Record, places: Places, has_branches: bool, has_functions: bool) -> Iterator[FileCoverage]:
    path = places.of(record.name)
    if path is not None:
        _same_source(record, places.content(path))
        yield FileCoverage(
            path,
            tuple(sorted(line for line, count in record.lines.items() if count)),
            tuple(sorted(line for line, count in record.lines.items() if not count)),
            branches=of_elements("branch of a line", record.branches) if has_branches else None,
            functions=_functions(record) if has_functions else None,
        )


def _same_source(record: _Record, source: bytes) -> None:
    """A line's digest is its MD5: geninfo writes base64 without padding, gcovr hex. Other digests say nothing."""
    lines = source.split(b"\n") if record.digests else []
    for number, said in record.digests.items():
        digest = md5(lines[number - 1] if number <= len(lines) else b"", usedforsecurity=False).digest()
        known = {22: b64encode(digest).decode().rstrip("="), 32: digest.hex()}
        if known.get(len(said), said) != said:
            raise UnreadableReport(
                f"line {number} of {record.name[:200]!r} is another one than was measured",
                hint="Let the command write the report at each run.",
            )


def _functions(record: _Record) -> Metric:
    return of_elements("named", record.functions())


def _parts(pattern: re.Pattern[str], key: str, value: str) -> tuple[str, ...]:
    found = pattern.fullmatch(value)
    if found is None:
        raise UnreadableReport(f"the tracefile has a line that is none: {f'{key}:{value}'[:100]!r}")
    return found.groups()
