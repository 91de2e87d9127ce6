"""What JavaScript's coverage tools are asked to measure, and what they wrote."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from phasegate.collectors.coverage_formats import istanbul
from phasegate.collectors.coverage_formats.reading import LIMIT, Reader, UnreadableReport
from phasegate.collectors.js_project import add_line, program
from phasegate.collectors.left_out import with_left_out
from phasegate.evidence.coverage import Coverage, FileCoverage
from phasegate.evidence.tests import TestRun

SUFFIXES = ("js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx")
NO_SOURCE = (
    "**/node_modules/**", "**/*.d.ts", "**/*.d.mts", "**/*.d.cts", "**/{test,tests,__tests__,__mocks__,spec,e2e}/**",
    "**/*.{test,spec,bench,stories,config}.*", "**/.*/**", "**/coverage/**", "**/dist/**", "**/build/**",
)  # fmt: skip
"""What is never code under test, wherever the source roots are."""
_NO_SOURCE = re.compile(
    r"(?:^|/)(?:node_modules|test|tests|__tests__|__mocks__|spec|e2e|coverage|dist|build|\.[^/]*)/"
    r"|\.d\.[cm]?ts$|\.(?:test|spec|bench|stories|config)\.[^/]*$|(?:^|/)\.[^/]*$"
)


class Measured(Struct, frozen=True):
    """What was measured, or why nothing was; `report` is the bytes of the tool's own."""

    coverage: Coverage | None
    why_not: str = ""
    report: bytes = b""


def sources(source_roots: Sequence[str]) -> tuple[str, ...]:
    """Patterns of every source file below the roots, loaded by a test or not."""
    folders = [os.path.normpath(root).replace(os.sep, "/") for root in source_roots or (".",)]
    return tuple(f"{'' if folder == '.' else folder + '/'}**/*.{{{','.join(SUFFIXES)}}}" for folder in folders)


def around(root: str, source_roots: Sequence[str], scratch: str) -> tuple[tuple[str, ...], str]:
    """What to put before a `node` command so that c8 or nyc measures it; nothing, and why, when none is installed."""
    c8, nyc = program(root, "c8"), program(root, "nyc")
    data, into = os.path.join(scratch, "measured"), folder(scratch)
    include = [word for pattern in sources(source_roots) for word in ("--include", pattern)]
    exclude = [word for pattern in NO_SOURCE for word in ("--exclude", pattern)]
    extension = [word for suffix in SUFFIXES for word in ("--extension", f".{suffix}")]
    same = (*include, *exclude, *extension, "--all", "--reporter=json", "--check-coverage=false", "--clean=true")
    if c8:
        where = [word for each in source_roots or (".",) for word in ("--src", each)]
        return ("node", c8, *same, *where, f"--reports-dir={into}", f"--temp-directory={data}"), ""
    if nyc:
        return (
            "node",
            nyc,
            *same,
            "--cache=false",
            "--babel-cache=false",
            f"--report-dir={into}",
            f"--temp-dir={data}",
        ), ""
    return (), f"neither c8 nor nyc is installed: `{add_line(root, 'c8')}`"


def folder(scratch: str) -> str:
    """Where a coverage tool writes its reports."""
    return os.path.join(scratch, "coverage")


def read(path: str, tests: TestRun, *, reader: Reader = istanbul.read) -> Measured:
    """The report at `path` of what `tests` ran; unknown when they are not complete."""
    if not tests.complete:
        return Measured(None, f"the run is incomplete: {tests.why_incomplete}")
    content = _content(path)
    if not content:
        return Measured(
            None, f"`{shlex.join(tests.command[:3])} ...` wrote no coverage report, or one above {LIMIT >> 20} MiB"
        )
    try:
        return Measured(with_left_out(reader(content, root=tests.root), tests.root), report=content)
    except UnreadableReport as unreadable:
        return Measured(None, unreadable.message, content)


def with_unloaded(measured: Measured, root: str, source_roots: Sequence[str]) -> Measured:
    """`measured` with the files that nothing loaded, for a tool that counts each line of a file and knows no others."""
    if measured.coverage is None:
        return measured
    known = {file.path for file in measured.coverage.files}
    others = [path for path in sorted(_files_below(root, source_roots)) if path not in known]
    lines = {path: tuple(range(1, 1 + _content(os.path.join(root, path)).count(b"\n"))) for path in others}
    unloaded = [FileCoverage(path, (), missing) for path, missing in lines.items() if missing]
    return replace(measured, coverage=replace(measured.coverage, files=(*measured.coverage.files, *unloaded)))


def _files_below(root: str, source_roots: Sequence[str]) -> Iterator[str]:
    """The source files below the roots, as paths relative to `root`."""
    for base in source_roots or (".",):
        for parent, folders, names in os.walk(os.path.join(root, base)):
            folders[:] = [name for name in folders if name != "node_modules" and not name.startswith(".")]
            for name in names:
                path = os.path.relpath(os.path.join(parent, name), root).replace(os.sep, "/")
                if name.rpartition(".")[2] in SUFFIXES and not _NO_SOURCE.search(path):
                    yield path


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(LIMIT + 1)
    except OSError:
        return b""
    return content if len(content) <= LIMIT else b""
