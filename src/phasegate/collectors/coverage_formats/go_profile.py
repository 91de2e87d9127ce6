"""The profile of `go test -coverprofile`: blocks of statements, named by import path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from msgspec import Struct

from phasegate.collectors.coverage_formats.go_source import Source, source_of
from phasegate.collectors.coverage_formats.reading import (
    Places,
    UnreadableReport,
    coverage,
    line_number,
    text_of,
    times,
)
from phasegate.evidence.coverage import Coverage, FileCoverage, file_of
from phasegate.evidence.items import Counts
from phasegate.evidence.metrics import BLOCK, of_elements

TOOL = "go cover"
_MODES = ("mode: set", "mode: count", "mode: atomic")
_BLOCK = re.compile(r"(.+):(\d+)\.(\d+),(\d+)\.(\d+) (\d+) (\d+)", re.ASCII)
_MODULE = re.compile(rb"^\s*module\s+\"?([^\s\"]+)", re.MULTILINE)
_STATEMENTS = re.compile(rb"^func\b|\bfunc\s*\([^\n]*\{", re.MULTILINE)
_SKIPPED = frozenset({"vendor", "node_modules", "testdata"})
_MOST_FOLDERS = 50_000
_MODULE_FILE_BYTES = 1 << 20
_MOST_STATEMENTS = 1_000_000


def read(content: bytes, *, root: str, within: str = "") -> Coverage:
    """What a cover profile says; the modules below `within` (or `root`) say where an import path lies.

    A profile does not mention a file without statements: those beside a file that it does mention are known to be so.
    """
    places = Places(root, within)
    modules = _modules(places.within)
    files = [*_files(_blocks(content), modules, places)]
    return coverage(TOOL, [*files, *_without_statements(files, places)], places)


class _Block(Struct, frozen=True):
    begin: tuple[int, int]
    end: tuple[int, int]
    count: Counts


def _blocks(content: bytes) -> dict[str, list[_Block]]:
    """Import path of a file -> its blocks."""
    lines = text_of(content)
    mode = next(lines, "")
    if mode not in _MODES:
        raise UnreadableReport(f"a cover profile begins with its mode, this one with {mode[:60]!r}")
    if not content.endswith(b"\n"):
        raise UnreadableReport("the cover profile was cut: its last line has no end")
    files: dict[str, list[_Block]] = {}
    for line in lines:
        if line == mode or not line:
            continue
        found = _BLOCK.fullmatch(line)
        if found is None:
            raise UnreadableReport(f"the cover profile has a line that is none: {line[:100]!r}")
        files.setdefault(found[1], []).append(_block(found))
    return files


def _block(found: re.Match[str]) -> _Block:
    begin, end = (line_number(found[2]), times(found[3])), (line_number(found[4]), times(found[5]))
    weight = times(found[6])
    if begin > end or weight > _MOST_STATEMENTS:
        raise UnreadableReport(f"the cover profile has an impossible block: {found[0][:100]!r}")
    return _Block(begin, end, Counts(weight if times(found[7]) else 0, weight))


def _files(blocks: dict[str, list[_Block]], modules: dict[str, str], places: Places) -> Iterator[FileCoverage]:
    for name, found in blocks.items():
        path = places.of(_placed(name, modules))
        if path is not None:
            source = source_of(places.content(path))
            elements = ((_place(source, block), block.count) for block in found)
            yield file_of(path, of_elements(BLOCK, elements), code=source.lines)


def _without_statements(files: list[FileCoverage], places: Places) -> Iterator[FileCoverage]:
    mentioned = {file.path for file in files}
    for folder in sorted({os.path.dirname(path) for path in mentioned}):
        for name in sorted(os.listdir(os.path.join(places.root, folder))):
            path = os.path.join(folder, name)
            is_source = name.endswith(".go") and not name.endswith("_test.go") and path not in mentioned
            if is_source and _has_no_statements(places.content(path)):
                yield FileCoverage(path, (), (), statements=of_elements(BLOCK, ()))


def _has_no_statements(source: bytes) -> bool:
    return bool(source) and not _STATEMENTS.search(source)


def _place(source: Source, block: _Block) -> str:
    (first, column), (last, end) = source.within(block.begin, block.end)
    return f"{first}:{column}-{last}:{end}"


def _placed(name: str, modules: dict[str, str]) -> str:
    """Where the file with this import path lies, by the module with the longest path that it begins with."""
    parts = name.split("/")
    for length in range(len(parts) - 1, 0, -1):
        folder = modules.get("/".join(parts[:length]))
        if folder is not None:
            return os.path.join(folder, *parts[length:])
    return name


def _modules(root: str) -> dict[str, str]:
    """Module path -> folder, for each `go.mod` below `root`."""
    found: dict[str, str] = {}
    for seen, (folder, folders, files) in enumerate(os.walk(root)):
        if seen > _MOST_FOLDERS:
            break
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith((".", "_")))
        if "go.mod" in files:
            module = _MODULE.search(_content(os.path.join(folder, "go.mod"), _MODULE_FILE_BYTES))
            if module is not None:
                found.setdefault(module[1].decode(errors="replace"), folder)
    return found


def _content(path: str, limit: int) -> bytes:
    """The bytes of a file; nothing when it is larger than `limit` or cannot be read."""
    try:
        with open(path, "rb") as file:
            content = file.read(limit + 1)
    except OSError:
        return b""
    return content if len(content) <= limit else b""
