"""govulncheck over Go modules: which known holes the code can reach, as far as it can be built."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from phasegate.collectors.scanners import program
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing, together
from phasegate.dependencies.packages import Locked
from phasegate.evidence.findings import Finding
from phasegate.foreign import UNREADABLE
from phasegate.plain import line

REMEDY = "Install it: `go install golang.org/x/vuln/cmd/govulncheck@latest`."
MOST_MESSAGES = 500_000


class Config(Struct):
    """How the program was called; without it the stream is of something else."""

    protocol_version: str = ""
    scanner_name: str = ""
    scanner_version: str = ""
    db_last_modified: str | None = ""


class Record(Struct):
    """What is needed of an advisory."""

    id: str
    aliases: tuple[str, ...] | None = ()
    summary: str | None = ""


class Frame(Struct):
    """A place on the way to the hole; the first is the hole itself."""

    module: str
    version: str = ""
    package: str = ""
    function: str = ""


class Found(Struct):
    """That a module has a hole, and with functions in the trace that the code reaches it."""

    osv: str
    fixed_version: str | None = ""
    trace: tuple[Frame, ...] = ()


class Message(Struct):
    """One object of the stream that `-format json` writes."""

    config: Config | None = None
    osv: Record | None = None
    finding: Found | None = None


def audit(asked: Asked, locks: Mapping[str, Locked], args: Sequence[str]) -> Looked:
    """What govulncheck says of the module of each go.mod."""
    tool = program.found("govulncheck", asked.root, remedy=REMEDY)
    looks = []
    for path in locks:
        ran = program.run(
            (tool, "-format", "json", *args, "./..."), cwd=os.path.join(asked.root, os.path.dirname(path)),
            scratch=asked.scratch, seconds=asked.seconds, fine=(0,),
        )  # fmt: skip
        looks.append(read(ran.output, path))
    return together(looks)


def read(output: bytes, path: str) -> Looked:
    """What a stream says. Raises ToolSaysNothing for any other."""
    messages = list(_messages(output, path))
    config = next((each.config for each in messages if each.config is not None), None)
    if config is None or not config.protocol_version.startswith("v1."):
        raise ToolSaysNothing(f"What govulncheck wrote about {path} is of no version that is read.", hint=REMEDY)
    records = {each.osv.id: each.osv for each in messages if each.osv is not None}
    found: dict[tuple[str, str], Found] = {}
    for each in messages:
        if each.finding is not None:
            module = each.finding.trace[0].module if each.finding.trace else "?"
            known = found.get((each.finding.osv, module))
            if known is None or (_reached(each.finding) and not _reached(known)):
                found[each.finding.osv, module] = each.finding
    version = line(f"govulncheck {config.scanner_version} (advisories of {config.db_last_modified or '?'})", 100)
    return Looked(tuple(_finding(each, records, path) for each in found.values()), tools=(version,))


def _messages(output: bytes, path: str) -> Iterator[Message]:
    decoder, at, count = json.JSONDecoder(), 0, 0
    try:
        text = output.decode()
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            value: Any
            value, at = decoder.raw_decode(text, at)
            count += 1
            if count > MOST_MESSAGES:
                raise ValueError("it has no end")
            yield msgspec.convert(value, Message)
    except (*UNREADABLE, ValueError) as problem:
        raise ToolSaysNothing(
            f"What govulncheck wrote about {path} cannot be read: {line(str(problem), 200)}.", hint=""
        ) from problem


def _reached(found: Found) -> bool:
    return any(frame.function for frame in found.trace)


def _finding(found: Found, records: Mapping[str, Record], path: str) -> Finding:
    """A hole that the code reaches is `high`, one that it only carries is `low`: Go's database tells no severity."""
    record = records.get(found.osv, Record(found.osv))
    first = found.trace[0] if found.trace else Frame("?")
    where = f"called: {first.package}.{first.function}" if _reached(found) else "no call of it was found"
    mended = f"; mended in {found.fixed_version}" if found.fixed_version else ""
    ids = sorted({found.osv, *(record.aliases or ())}, key=lambda id: (not id.startswith("CVE-"), id))
    words = f"{first.module} {first.version}: {record.summary or 'a known hole'} ({ids[0]}); {where}{mended}"
    return Finding(
        ids[0], path, 0, line(words, 500), first.module, "govulncheck", "high" if _reached(found) else "low",
        package=f"{first.module} {first.version.removeprefix('v')}".strip(), advisory=ids[0], aliases=tuple(ids[1:]),
    )  # fmt: skip
