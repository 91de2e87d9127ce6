"""Holds the licences of every package that a lock file names against the policy of the settings."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping

from phasegate.collectors.licence_files import Sources
from phasegate.collectors.scanners.interface import Say
from phasegate.dependencies.licences import Judged, judged, unknown_names
from phasegate.dependencies.packages import LARGEST, Package
from phasegate.entrypoints.known_holes import packages_named
from phasegate.errors import Failure
from phasegate.evidence.findings import Finding, FindingsSeen, Severity, fingerprinted, seen
from phasegate.gates.interface import some
from phasegate.plain import line
from phasegate.settings import Licences, matches
from phasegate.wiring import RealDesk
from phasegate.workspace import files, listing

NO_POLICY = "no licence policy is set: name licences under `[licences] allow` or `deny` in phasegate.toml"


def licences(desk: RealDesk, say: Say) -> FindingsSeen:
    """Which packages have a licence that the policy does not let be, or one that nobody can tell."""
    policy = desk.settings.licences
    named = packages_named(desk.worktree, listing.paths(desk.project.where), desk.settings.deps.left_out)
    sources = Sources(desk.worktree, _contents(desk.worktree, [*named.locks]), os.environ)
    found: list[Finding] = []
    told: Counter[str] = Counter()
    number = 0
    for path, lock in named.locks.items():
        for package in lock.packages:
            if matches(package.name, policy.left_out):
                continue
            number += 1
            stated = sources.of(package, path)
            told[stated or "unknown"] += 1
            found += _finding(package, path, stated, _judged(stated, policy), policy)
    say(f"the licences of {number} packages of {len(named.locks)} lock files were looked up")
    strange = unknown_names((*policy.allow, *policy.deny))
    why = [*named.left_open, *([] if policy.allow or policy.deny else [NO_POLICY])]
    why += [f"{some(strange)} in `[licences]` is no SPDX identifier"] if strange else []
    notes = tuple(f"{line(name, 100)}: {count}" for name, count in told.most_common(20))
    placed = fingerprinted(found, lambda path, at: "")
    return seen("licences", len(named.locks), placed, why_unknown=tuple(why), notes=notes, least="low")


def _contents(root: str, paths: list[str]) -> Mapping[str, bytes]:
    read = {}
    for path in paths:
        try:
            read[path] = files.read_capped(root, path, LARGEST)
        except Failure:
            continue
    return read


def _judged(stated: str | None, policy: Licences) -> Judged:
    if stated is None:
        return Judged("unknown", "it is not installed here")
    if not stated:
        return Judged("unknown", "it says nothing that is an SPDX expression")
    return judged(stated, policy.allow, policy.deny)


def _finding(package: Package, path: str, stated: str | None, said: Judged, policy: Licences) -> list[Finding]:
    if said.says == "allowed":
        return []
    rule = f"licence-{said.says.replace(' ', '-')}"
    severity: Severity = "high" if said.says != "unknown" else "medium" if policy.unknown == "fail" else "info"
    which = f"{package.name} {package.version}"
    words = f"{which}: the licence is unknown, {said.why}" if said.says == "unknown" else f"{which}: {said.why}"
    own = f"{package.name} {stated or ''}"
    return [Finding(rule, path, 0, line(words, 500), own, "phasegate", severity, package=which)]
