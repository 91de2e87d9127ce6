"""Runs any command that writes JUnit reports, and reads those that it wrote, and no older ones."""

from __future__ import annotations

import glob
import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from phasegate.collectors import environment, one_run
from phasegate.collectors.coverage_formats import reports as coverage_reports
from phasegate.collectors.interface import Ask, NoTestCommand, SuiteRun
from phasegate.collectors.junit_outcomes import Observed, as_test_run
from phasegate.collectors.junit_xml import read_junit
from phasegate.collectors.results import Artifact

FOLDER = "{reports}"
"""Stands, in the command, its arguments and variables and the patterns, for a new folder outside of the tree."""
REPORT_LIMIT = 64 << 20
_MOST_REPORTS = 5_000
_ALL_BYTES = 512 << 20
_CLOCK_SECONDS = 1.0


class _Stamp(Struct, frozen=True):
    """Enough of a file to tell whether it was written again."""

    changed: int
    digest: str


def detect(root: str, settings: str = "") -> tuple[str, ...]:
    """Nobody can know. Raises NoTestCommand."""
    raise NoTestCommand(
        "The runner junit needs to be told its command.",
        hint='Set `command` and `reports` of the tests in phasegate.toml, for example `command = ["mvn", "test"]` and '
        '`reports = ["target/surefire-reports/*.xml"]`.',
    )


def run(ask: Ask) -> SuiteRun:
    """Run `ask.command`, and read what it wrote to `ask.reports` and `ask.coverage_reports`."""
    if not ask.reports:
        raise NoTestCommand(
            "The runner junit needs to be told which reports its command writes.",
            hint='Set `reports` of the tests in phasegate.toml, for example `reports = ["build/**/TEST-*.xml"]`.',
        )
    folder = os.path.join(one_run.new_folder(ask.scratch), "reports")
    os.mkdir(folder)
    ask = _filled(ask, folder)
    places = (os.path.realpath(ask.root), folder)
    before = {path: _stamp(path) for path in _matching((*ask.reports, *ask.coverage_reports), ask.place, places)}
    clean, began = environment.clean(ask.env), time.time()
    argv = (*one_run.placed(ask.root, ask.command), *ask.args)
    ended = one_run.start(argv, ask, clean.variables)
    found = list(_matching(ask.reports, ask.place, places))
    fresh = [path for path in found if _is_fresh(path, before, began)]
    contents, problem = _read(fresh)
    seen = {os.path.relpath(path, ask.place): read_junit(content) for path, content in contents.items()}
    stale = tuple(os.path.relpath(path, ask.place) for path in found if path not in fresh)
    tests = as_test_run(
        Observed(
            argv, ask.place, seen, stale, tuple(ask.reports), ended, ask.timeout_seconds, problem, clean.notes,
        )
    )  # fmt: skip
    measured = _measured(ask, places, before, began, tests.why_incomplete)
    kept = (*_artifacts(contents), *one_run.artifacts(output_txt=ended.output), *measured.reports)
    return SuiteRun(tests, measured.coverage, measured.why_not, kept)


def _filled(ask: Ask, folder: str) -> Ask:
    def fill(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(text.replace(FOLDER, folder) for text in texts)

    return msgspec.structs.replace(
        ask, command=fill(ask.command), args=fill(ask.args), reports=fill(ask.reports),
        coverage_reports=fill(ask.coverage_reports),
        env={name: value.replace(FOLDER, folder) for name, value in ask.env.items()},
    )  # fmt: skip


def _matching(patterns: Sequence[str], place: str, places: Sequence[str]) -> Iterator[str]:
    """The regular files that match, in order; none outside of the project and of our folder."""
    found = {
        os.path.normpath(os.path.join(place, name))
        for pattern in patterns
        for name in glob.glob(pattern, root_dir=place, recursive=True, include_hidden=True)
    }
    for path in sorted(found):
        real = os.path.realpath(path)
        if os.path.isfile(real) and any(real.startswith(each.rstrip(os.sep) + os.sep) for each in places):
            yield path


def _stamp(path: str) -> _Stamp:
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return _Stamp(os.fstat(file.fileno()).st_mtime_ns, digest)
    except OSError:
        return _Stamp(0, "")


def _is_fresh(path: str, before: Mapping[str, _Stamp], began: float) -> bool:
    """Whether the run wrote it: it has a new time or other bytes, and a time after the beginning."""
    now = _stamp(path)
    return now != before.get(path) and now.changed >= (began - _CLOCK_SECONDS) * 1e9


def _read(paths: Sequence[str]) -> tuple[dict[str, bytes], str]:
    """The bytes of the reports, and why some were not read."""
    contents: dict[str, bytes] = {}
    if len(paths) > _MOST_REPORTS:
        return contents, f"the command wrote more than {_MOST_REPORTS} reports"
    for path in paths:
        try:
            with open(path, "rb") as file:
                content = file.read(REPORT_LIMIT + 1)
        except OSError as problem:
            return contents, f"{path} cannot be read: {problem.strerror}"
        if len(content) > REPORT_LIMIT:
            return contents, f"{path} is above {REPORT_LIMIT >> 20} MiB"
        contents[path] = content
        if sum(map(len, contents.values())) > _ALL_BYTES:
            return contents, f"the reports are above {_ALL_BYTES >> 20} MiB together"
    return contents, ""


def _measured(
    ask: Ask, places: Sequence[str], before: Mapping[str, _Stamp], began: float, why_incomplete: str
) -> coverage_reports.Measured:
    if not ask.measure:
        return coverage_reports.Measured(None, "not asked for")
    if not ask.coverage_reports:
        return coverage_reports.Measured(None, "no `coverage_reports` are set for these tests in phasegate.toml")
    if why_incomplete:
        return coverage_reports.Measured(None, f"the run is incomplete: {why_incomplete}")
    found = list(_matching(ask.coverage_reports, ask.place, places))
    fresh = [path for path in found if _is_fresh(path, before, began)]
    if found and not fresh:
        name = os.path.relpath(found[0], ask.place)
        return coverage_reports.Measured(None, f"{name} is older than the run: let the command write it each time")
    return coverage_reports.measured(fresh, root=ask.place, began=began)


def _artifacts(contents: Mapping[str, bytes]) -> Iterator[Artifact]:
    for number, content in enumerate(contents.values()):
        if content:
            yield Artifact(f"junit-{number + 1}.xml", content)
