"""npm audit over npm's lock files, in a folder of its own: the repository's .npmrc could name another registry."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from phasegate.collectors.scanners import program
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing, together
from phasegate.dependencies.packages import Locked
from phasegate.evidence.findings import Finding, Severity
from phasegate.foreign import NotReadable, from_json
from phasegate.plain import line

OURS = ("package-lock.json", "npm-shrinkwrap.json")
SEVERITIES: Mapping[str, Severity] = {
    "info": "info", "low": "low", "moderate": "medium", "high": "high", "critical": "critical",
}  # fmt: skip
ALL_KINDS = ("--include=prod", "--include=dev", "--include=optional", "--include=peer")
"""What a user's settings or NODE_ENV leave out is looked at all the same."""

_GHSA = re.compile(r"GHSA(?:-[0-9a-z]{4}){3}")


class Via(Struct):
    """Why a package is vulnerable: an advisory."""

    source: int | str = 0
    name: str = ""
    title: str = ""
    url: str = ""
    severity: str = ""
    range: str = ""


class Vulnerability(Struct):
    """One entry of `vulnerabilities`; `via` names advisories, or packages it relies on."""

    name: str
    via: tuple[Via | str, ...] = ()


class Problem(Struct):
    """What npm says when it could not audit."""

    code: str | None = ""
    summary: str | None = ""


class Output(Struct, rename="camel"):
    """What `--json` writes since npm 7."""

    audit_report_version: int = 0
    vulnerabilities: dict[str, Vulnerability] | None = None
    error: Problem | None = None
    message: str = ""


def audit(asked: Asked, locks: Mapping[str, Locked], args: Sequence[str]) -> Looked:
    """What npm says of each of its own lock files; of another's it says nothing."""
    npm = program.found("npm", asked.root, remedy="Install Node.js with npm.")
    version = program.version(npm, asked.scratch)
    looks = [Looked(tools=(f"npm {version.rpartition(' ')[2]} audit",))]
    for path, lock in locks.items():
        if path.rpartition("/")[2] in OURS:
            looks.append(_of(npm, asked, path, lock, args))
        else:
            looks.append(Looked(why_unknown=(f"npm audit does not read {path}",)))
    return together(looks)


def _of(npm: str, asked: Asked, path: str, lock: Locked, args: Sequence[str]) -> Looked:
    with tempfile.TemporaryDirectory(dir=asked.scratch) as folder:
        for name in ("package.json", path.rpartition("/")[2]):
            _copy(os.path.join(asked.root, os.path.dirname(path), name), os.path.join(folder, name))
        ran = program.run(
            (npm, "audit", "--json", "--package-lock-only", "--audit-level=none", *ALL_KINDS, *args),
            cwd=folder, scratch=asked.scratch, seconds=asked.seconds, fine=(0, 1),
        )  # fmt: skip
    return read(ran.output, path, lock)


def _copy(source: str, target: str) -> None:
    try:
        with open(os.open(source, os.O_RDONLY | os.O_NONBLOCK), "rb") as old, open(target, "wb") as new:
            new.write(old.read(64 << 20))
    except OSError as problem:
        name = os.path.basename(source)
        raise ToolSaysNothing(
            f"npm audit needs {name}, which cannot be read: {problem.strerror}.", hint=""
        ) from problem


def read(output: bytes, path: str, lock: Locked) -> Looked:
    """What a report says. Raises ToolSaysNothing when npm could not audit, or wrote what is not known here."""
    try:
        said = from_json(output, Output)
    except NotReadable as problem:
        raise ToolSaysNothing(
            f"npm's report on {path} cannot be read: {line(str(problem), 200)}.", hint=""
        ) from problem
    if said.error is not None or said.vulnerabilities is None or said.audit_report_version != 2:
        error = said.error or Problem()
        why = said.message or error.summary or error.code or f"its report is of version {said.audit_report_version}"
        raise ToolSaysNothing(f"npm could not audit {path}: {line(why, 300)}.", hint="")
    return Looked(tuple(_findings(said.vulnerabilities, path, lock)))


def _findings(said: Mapping[str, Vulnerability], path: str, lock: Locked) -> Iterator[Finding]:
    versions: dict[str, list[str]] = {}
    for package in lock.packages:
        versions.setdefault(package.name, []).append(package.version)
    for each in said.values():
        for via in each.via:
            if isinstance(via, str):
                continue  # the package it names has an entry of its own
            ghsa = _GHSA.search(via.url)
            id = ghsa[0] if ghsa else f"npm-{via.source}"
            name = via.name or each.name
            which = f"{name} {', '.join(versions.get(name, ['?']))}"
            words = line(f"{which}: {via.title or 'a known hole'} ({id}); vulnerable: {via.range}", 500)
            severity = SEVERITIES.get(via.severity, "unknown")
            yield Finding(id, path, 0, words, name, "npm audit", severity, package=which, advisory=id)
