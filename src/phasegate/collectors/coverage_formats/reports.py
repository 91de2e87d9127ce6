"""The coverage reports that one run left, as one: absent, old, empty or unreadable is unknown, with the reason."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from msgspec import Struct

from phasegate.collectors.coverage_formats import recognise
from phasegate.collectors.coverage_formats.reading import LIMIT, UnreadableReport
from phasegate.collectors.left_out import with_left_out
from phasegate.collectors.results import Artifact
from phasegate.evidence.coverage import Coverage, merge

_CLOCK_SECONDS = 1.0
"""By how much a file system's time may lag behind the clock that says when a run began."""


class Measured(Struct, frozen=True):
    """What was measured, or why nothing was; `reports` are the bytes that were read."""

    coverage: Coverage | None
    why_not: str = ""
    reports: tuple[Artifact, ...] = ()


def measured(paths: Sequence[str], *, root: str, began: float, within: str = "") -> Measured:
    """What the reports at `paths` say together, of a run in `root` that began at `began` (seconds since the epoch).

    Paths in the result are relative to `root`; files below `within` count, which is `root` if not said.
    """
    if not paths:
        return Measured(None, "the run left no coverage report")
    found: list[Coverage] = []
    artifacts: list[Artifact] = []
    for number, path in enumerate(sorted({*paths})):
        name = os.path.relpath(path, root)
        try:
            content = _fresh(path, began)
            found.append(recognise.read(content, root=root, within=within))
        except UnreadableReport as failure:
            return Measured(None, f"{os.path.basename(name) if name.startswith('..') else name}: {failure.message}")
        ending = os.path.splitext(path)[1] or ".txt"
        artifacts.append(Artifact(f"coverage-{number + 1}{ending}" if len(paths) > 1 else f"coverage{ending}", content))
    return Measured(with_left_out(merge(found), root), reports=tuple(artifacts))


def _fresh(path: str, began: float) -> bytes:
    """The bytes of a report that was written since `began`. Raises UnreadableReport."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise UnreadableReport(f"the report cannot be opened: {problem.strerror}") from problem
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableReport("the report is no regular file")
        if status.st_mtime < began - _CLOCK_SECONDS:
            raise UnreadableReport("the report is older than the run, so it is of another one",
                                   hint="Let the command write it at each run.")  # fmt: skip
        return file.read(LIMIT + 1)
