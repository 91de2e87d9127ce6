"""bandit over Python, as a second opinion, without the repository's own settings and `nosec` comments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from msgspec import Struct

from phasegate.collectors.scanners import program
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing
from phasegate.collectors.scanners.python_rules import suppressed
from phasegate.evidence.findings import Finding, Severity
from phasegate.foreign import NotReadable, from_json
from phasegate.plain import line

REMEDY = "Install it beside phasegate (`uv tool install phasegate --with bandit`), or take it out of `[sast] tools`."
SEVERITIES: Mapping[str, Severity] = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low"}
NOWHERE = "/phasegate/excludes/nothing"
"""Without a pattern bandit leaves out files by the names of their folders."""


class Error(Struct):
    """A file that bandit could not read."""

    filename: str
    reason: str


class Issue(Struct):
    """One entry of `results`."""

    filename: str
    test_id: str
    issue_text: str
    issue_severity: str
    line_number: int
    col_offset: int = -1
    line_range: tuple[int, ...] = ()


class Output(Struct):
    """What `-f json` writes; `metrics` has a row for each file that was looked at."""

    errors: tuple[Error, ...]
    results: tuple[Issue, ...]
    metrics: dict[str, object]


def scan(asked: Asked) -> Looked:
    """What bandit says, also where a `nosec` comment asks for silence."""
    bandit = program.found("bandit", asked.root, remedy=REMEDY)
    settings = os.path.join(asked.scratch, "bandit.ini")
    with open(settings, "w") as file:
        file.write("[bandit]\n")
    found, unread = _run(bandit, asked, asked.paths, settings, "--ignore-nosec")
    told, _ = _run(bandit, asked, sorted({each.path for each in found}), settings)
    version = program.version(bandit, asked.scratch)
    return Looked(suppressed(found, told, "a nosec comment"), unread, tools=(version,))


def _run(
    bandit: str, asked: Asked, paths: Sequence[str], settings: str, *options: str
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    found: list[Finding] = []
    unread: list[str] = []
    for some in program.chunks(paths):
        command = (bandit, "-q", "-f", "json", "--exit-zero", "--ini", settings, "-x", NOWHERE, *options, "--", *some)
        ran = program.run(command, cwd=asked.root, scratch=asked.scratch, seconds=asked.seconds)
        output = _read(ran.output)
        looked_at = {os.path.normpath(name) for name in output.metrics}
        unread += [os.path.normpath(error.filename) for error in output.errors]
        unread += [path for path in map(os.path.normpath, some) if path not in looked_at]
        found += map(_finding, output.results)
    return tuple(found), tuple(dict.fromkeys(unread))


def _read(output: bytes) -> Output:
    try:
        return from_json(output, Output)
    except NotReadable as problem:
        raise ToolSaysNothing(f"bandit's report cannot be read: {line(str(problem), 200)}.", hint="") from problem


def _finding(issue: Issue) -> Finding:
    return Finding(
        issue.test_id, os.path.normpath(issue.filename), issue.line_number, line(issue.issue_text, 500), "", "bandit",
        SEVERITIES.get(issue.issue_severity, "unknown"), issue.col_offset + 1,
        last=max(issue.line_range, default=0),
    )  # fmt: skip
