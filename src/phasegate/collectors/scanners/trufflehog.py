"""trufflehog over a copy of the tree; it asks nobody whether a key is still good, for that would send the key away."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from phasegate.collectors.scanners import program, secret_tools
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing
from phasegate.collectors.scanners.secret_tools import Told
from phasegate.foreign import NotReadable, from_json
from phasegate.plain import line

REMEDY = "Install it (https://github.com/trufflesecurity/trufflehog), or take it out of `[secrets] tools`."


class Filesystem(Struct):
    """Where a secret is; a line of 0 is left out."""

    file: str
    line: int = 0


class Data(Struct):
    """The source that was looked at."""

    Filesystem: Filesystem


class Metadata(Struct):
    """What holds the source."""

    Data: Data


class Result(Struct):
    """One line of the report."""

    SourceMetadata: Metadata
    DetectorName: str
    Raw: str


def scan(asked: Asked) -> Looked:
    """What trufflehog says, verified or not."""
    trufflehog = program.found("trufflehog", asked.origin or asked.root, remedy=REMEDY)
    command = (
        trufflehog, "filesystem", ".", "--json", "--no-verification", "--no-update", "--fail-on-scan-errors",
        "--results=verified,unverified,unknown,filtered_unverified",
    )  # fmt: skip
    ran = program.run(command, cwd=asked.root, scratch=asked.scratch, seconds=asked.seconds)
    told = tuple(read(ran.output))
    version = program.version(trufflehog, asked.scratch)
    return Looked(secret_tools.findings("trufflehog", asked.root, told), tools=(version,))


def read(report: bytes) -> Iterator[Told]:
    """The secrets of a report, one a line. Raises ToolSaysNothing for a line that is no result."""
    for row in filter(None, report.split(b"\n")):
        try:
            result = from_json(row, Result)
        except NotReadable as problem:
            raise ToolSaysNothing(
                f"trufflehog's report cannot be read: {line(str(problem), 200)}.", hint=""
            ) from problem
        where = result.SourceMetadata.Data.Filesystem
        yield Told(result.DetectorName, where.file, where.line, result.Raw)
