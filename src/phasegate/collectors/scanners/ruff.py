"""ruff's security rules over Python, whatever the repository's own configuration and comments switch off."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from phasegate.collectors.scanners import program
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing
from phasegate.collectors.scanners.python_rules import severity_of, suppressed
from phasegate.evidence.findings import Finding
from phasegate.foreign import NotReadable, from_json
from phasegate.plain import line

# The newest Python: for an older one ruff would call newer syntax an error.
OPTIONS = (
    "check", "--isolated", "--select", "S", "--target-version", "py314", "--output-format", "json", "--no-cache",
    "--exit-zero", "--no-respect-gitignore",
)  # fmt: skip
NOT_LINTED = re.compile(r"(?m)^warning: Failed to lint (.+?): [^:\n]*$")
SYNTAX = "invalid-syntax"


class Place(Struct):
    """Where a diagnostic begins."""

    row: int
    column: int


class Diagnostic(Struct):
    """One entry of `--output-format json`."""

    code: str | None
    filename: str
    message: str
    location: Place | None
    end_location: Place | None = None


def scan(asked: Asked) -> Looked:
    """What the rules `S` say, also where a `noqa` comment asks for silence; files that ruff cannot parse are unread."""
    ruff = program.found("ruff", asked.root, remedy="It comes with phasegate: install that anew.")
    found, unread = _run(ruff, asked, asked.paths, "--ignore-noqa")
    with_findings = sorted({each.path for each in found})
    told, _ = _run(ruff, asked, with_findings) if found else ((), ())
    version = program.version(ruff, asked.scratch)
    return Looked(suppressed(found, told, "a noqa comment"), unread, tools=(version,))


def _run(ruff: str, asked: Asked, paths: Sequence[str], *options: str) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    found: list[Finding] = []
    unread: list[str] = []
    for some in program.chunks(paths):
        ran = program.run(
            (ruff, *OPTIONS, *options, "--", *some), cwd=asked.root, scratch=asked.scratch, seconds=asked.seconds
        )
        said = list(_findings(ran.output, asked.root))
        unread += [each.path for each in said if each.rule == SYNTAX]
        unread += NOT_LINTED.findall(ran.complaint)
        found += [each for each in said if each.rule != SYNTAX]
    return tuple(found), tuple(dict.fromkeys(unread))


def _findings(output: bytes, root: str) -> Iterator[Finding]:
    top = os.path.realpath(root)
    try:
        said = from_json(output, tuple[Diagnostic, ...])
    except NotReadable as problem:
        raise ToolSaysNothing(f"ruff's report cannot be read: {line(str(problem), 200)}.", hint="") from problem
    for each in said:
        rule, place = each.code or SYNTAX, each.location or Place(0, 0)
        yield Finding(
            rule, os.path.relpath(each.filename, top), place.row, line(each.message, 500), "", "ruff",
            severity_of(rule), place.column, last=each.end_location.row if each.end_location else 0,
        )  # fmt: skip
