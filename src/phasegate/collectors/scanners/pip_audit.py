"""pip-audit over the pins of Python's lock files, strictly: what it could not look up is unknown, never fine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from phasegate.collectors.scanners import program
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing, together
from phasegate.dependencies.packages import Locked, Package
from phasegate.evidence.findings import Finding
from phasegate.foreign import NotReadable, from_json
from phasegate.plain import line

REMEDY = "Install it beside phasegate (`uv tool install phasegate --with pip-audit`)."
OPTIONS = (
    "--strict", "--no-deps", "--disable-pip", "--format", "json", "--aliases", "on", "--desc", "on",
    "--progress-spinner", "off",
)  # fmt: skip


class Vulnerability(Struct):
    """One entry of `vulns`."""

    id: str
    fix_versions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    description: str | None = ""


class Dependency(Struct):
    """One entry of `dependencies`."""

    name: str
    version: str = ""
    vulns: tuple[Vulnerability, ...] = ()
    skip_reason: str = ""


class Output(Struct):
    """What `--format json` writes."""

    dependencies: tuple[Dependency, ...]


def audit(asked: Asked, locks: Mapping[str, Locked], args: Sequence[str]) -> Looked:
    """What pip-audit says of every pin of PyPI in `locks`."""
    tool = program.found("pip-audit", asked.root, remedy=REMEDY)
    version = program.version(tool, asked.scratch)
    looks = [_of(tool, asked, path, lock, args) for path, lock in locks.items()]
    return together([*looks, Looked(tools=(version,))])


def _of(tool: str, asked: Asked, path: str, lock: Locked, args: Sequence[str]) -> Looked:
    pins = [package for package in lock.packages if package.ecosystem == "PyPI"]
    file = os.path.join(asked.scratch, "requirements.txt")
    with open(file, "w", encoding="utf-8") as wanted:
        wanted.write("".join(f"{each.name}=={each.version}\n" for each in pins))
    ran = program.run(
        (tool, *OPTIONS, *args, "-r", file),
        cwd=asked.scratch,
        scratch=asked.scratch,
        seconds=asked.seconds,
        fine=(0, 1),
    )
    return read(ran.output, path, pins, ran.complaint)


def read(output: bytes, path: str, pins: Sequence[Package], complaint: str = "") -> Looked:
    """What a report says; packages that it skipped or does not mention are unknown. Raises ToolSaysNothing."""
    try:
        said = from_json(output, Output).dependencies
    except NotReadable as problem:
        why = line(complaint[-400:], 400) or line(str(problem), 200)
        raise ToolSaysNothing(f"pip-audit could not look up the packages of {path}: {why}.", hint="") from problem
    looked_at = {each.name.lower() for each in said if not each.skip_reason}
    skipped = [
        f"pip-audit skipped {line(each.name, 100)}: {line(each.skip_reason, 200)}" for each in said if each.skip_reason
    ]
    missing = [f"pip-audit says nothing of {pin.name}" for pin in pins if pin.name not in looked_at]
    return Looked(tuple(_findings(said, path)), (), (*skipped, *(missing if not skipped else ())))


def _findings(said: Sequence[Dependency], path: str) -> Iterator[Finding]:
    for each in said:
        for hole in each.vulns:
            ids = sorted({hole.id, *hole.aliases}, key=lambda id: (not id.startswith("CVE-"), id))
            mended = f"; mended in {', '.join(hole.fix_versions[:4])}" if hole.fix_versions else ""
            words = (
                f"{each.name} {each.version}: {(hole.description or 'a known hole').strip()[:300]} ({ids[0]}){mended}"
            )
            package = f"{each.name} {each.version}"
            yield Finding(
                ids[0], path, 0, line(words, 500), each.name, "pip-audit", "unknown", package=package,
                advisory=ids[0], aliases=tuple(ids[1:]),
            )  # fmt: skip
