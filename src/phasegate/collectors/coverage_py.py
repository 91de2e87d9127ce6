"""Measures a Python run by coverage.py, in the environment of the user, and reads its JSON report."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from phasegate.collectors import process
from phasegate.collectors.coverage_formats import cobertura, coverage_json
from phasegate.collectors.coverage_formats.reading import LIMIT as REPORT_LIMIT
from phasegate.collectors.coverage_formats.reading import UnreadableReport
from phasegate.evidence.coverage import Coverage, FileCoverage

_READING_SECONDS = 300.0
_NOTHING_EXCLUDED = "[report]\nexclude_lines =\n    (?!)\npartial_branches =\n    (?!)\n"

# Each of its actions in a process of its own would cost a start of Python.
_IN_TURN = (
    "import json, sys; from coverage.cmdline import main; "
    "sys.exit(next(filter(None, map(main, json.loads(sys.argv[1]))), 0))"
)


_CONTEXTS = """
import json, os, sys
from coverage import CoverageData
data, wanted, into = CoverageData(sys.argv[1]), json.loads(sys.argv[2]), {}
data.read()
for path in data.measured_files():
    name = wanted.get(os.path.abspath(path))
    if name is not None:
        into[name] = {line: [each for each in found if each] for line, found in data.contexts_by_lineno(path).items()}
with open(sys.argv[3], "w") as file:
    json.dump(into, file)
"""
"""Writes of some files which contexts, here ids of tests, ran which of their lines."""


class Measured(Struct, frozen=True):
    """What was measured, or why nothing was; `report` is the bytes of coverage.py's own JSON."""

    coverage: Coverage | None
    why_not: str = ""
    report: bytes = b""


def measuring(python: Sequence[str], *, scratch: str, source_roots: Sequence[str]) -> tuple[str, ...]:
    """The command that `python` becomes when what follows (`-m module ...`) is measured.

    The user's own settings of coverage.py hold, found from the working directory as ever; only where the data goes
    and which sources count is ours. Each process writes a file of its own, so that forks and workers do not collide.
    """
    return (
        *python,
        "-m",
        "coverage",
        "run",
        "--parallel-mode",
        f"--data-file={_data_file(scratch)}",
        f"--source={','.join(source_roots) or '.'}",
    )


def read(python: Sequence[str], *, root: str, scratch: str, env: Mapping[str, str]) -> Measured:
    """Combine what the processes of a run in `root` wrote below `scratch`, and read it."""
    data, settings = _data_file(scratch), os.path.join(scratch, "nothing-excluded")

    def why_not(*actions: Sequence[str]) -> str:
        asked = json.dumps([(name, f"--data-file={data}", "-q", *rest) for name, *rest in actions])
        command = (*python, "-c", _IN_TURN, asked)
        ended = process.run(command, cwd=root, env=env, timeout_seconds=_READING_SECONDS)
        return f"coverage.py could not read what it measured: {ended.last_line}" if ended.exit_code else ""

    def reported(name: str, before: Sequence[Sequence[str]] = (), *words: str) -> Measured:
        place, asked = os.path.join(scratch, name), ("-i", "--fail-under=0", *words, "-o")
        if why := why_not(*before, ("json", *asked, f"{place}.json")):
            return Measured(None, why)
        found = from_json(_content(f"{place}.json"), root=root)
        # Before 7.4 its JSON lists lines that ran and are no statements; its XML lists statements alone.
        if found.coverage is not None or not found.report or why_not(("xml", *asked, f"{place}.xml")):
            return found
        return _from_xml(_content(f"{place}.xml"), found, root=root)

    measured = reported("coverage", [("combine", os.path.dirname(data))])
    if measured.coverage is None or not _excludes(measured.coverage):
        return measured
    with open(settings, "w", encoding="utf-8") as file:
        file.write(_NOTHING_EXCLUDED)
    whole = reported("whole", (), f"--rcfile={settings}")
    return msgspec.structs.replace(measured, coverage=_unrun(measured.coverage, whole))


def contexts(
    python: Sequence[str], *, root: str, scratch: str, env: Mapping[str, str], paths: Sequence[str]
) -> dict[str, dict[int, list[str]]]:
    """Of each of `paths` (relative to `root`) the tests that ran each line; after `read`, and nothing if unknown."""
    into = os.path.join(scratch, "contexts.json")
    wanted = {os.path.normpath(os.path.join(root, path)): path for path in paths}
    command = (*python, "-c", _CONTEXTS, _data_file(scratch), json.dumps(wanted), into)
    ended = process.run(command, cwd=root, env=env, timeout_seconds=_READING_SECONDS)
    try:
        return msgspec.json.decode(_content(into), type=dict[str, dict[int, list[str]]]) if not ended.exit_code else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _excludes(coverage: Coverage) -> bool:
    """Whether lines may have been left out; XML does not say."""
    return coverage.tool == cobertura.TOOL or any(file.excluded for file in coverage.files)


def _unrun(coverage: Coverage, whole: Measured) -> Coverage:
    """`coverage` with those lines as excluded that are statements only in `whole`, and did not run."""
    missing = {file.path: {*file.missing} for file in whole.coverage.files} if whole.coverage else {}
    files = [
        msgspec.structs.replace(file, excluded=_left_out(file, missing[file.path])) if file.path in missing else file
        for file in coverage.files
    ]
    return msgspec.structs.replace(coverage, files=tuple(files))


def _left_out(file: FileCoverage, missing: set[int]) -> tuple[int, ...]:
    return tuple(sorted(missing.difference(file.executed, file.missing)))


def from_json(report: bytes, *, root: str) -> Measured:
    """What a `coverage json` report says; its paths are relative to the directory it was made in, here `root`."""
    if not report:
        return Measured(None, f"coverage.py wrote no report, or one above {REPORT_LIMIT >> 20} MiB")
    try:
        return Measured(coverage_json.read(report, root=root), report=report)
    except UnreadableReport as failure:
        return Measured(None, f"coverage.py: {failure.message}", report)


def _from_xml(report: bytes, otherwise: Measured, *, root: str) -> Measured:
    try:
        return Measured(cobertura.read(report, root=root), report=otherwise.report)
    except UnreadableReport:
        return otherwise


def _data_file(scratch: str) -> str:
    return os.path.join(scratch, "coverage", "data")


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(REPORT_LIMIT + 1)
    except OSError:
        return b""
    return content if len(content) <= REPORT_LIMIT else b""
