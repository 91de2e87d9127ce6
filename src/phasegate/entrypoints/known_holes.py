"""Looks for known holes in the packages that lock files name, by the fetched advisories and by ecosystems' programs."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Sequence

from msgspec.structs import replace

from phasegate.collectors.scanners.catalog import AUDITS, audit
from phasegate.collectors.scanners.interface import Asked, Looked, Say, by, together
from phasegate.dependencies import go_modules
from phasegate.dependencies.audit_arguments import refused
from phasegate.dependencies.holes import Hole, audited
from phasegate.dependencies.locks import asks, is_unlocked, reader_of, why_not_read
from phasegate.dependencies.osv import key
from phasegate.dependencies.packages import LARGEST, Ecosystem, Locked, NoLock, Package
from phasegate.errors import Failure
from phasegate.evidence.findings import Finding, FindingsSeen, Severity, fingerprinted, rank, seen
from phasegate.gates.interface import some
from phasegate.ledger.state import utc_date
from phasegate.plain import line
from phasegate.settings import Deps, matches
from phasegate.store.advisories import Advisories, AdvisoriesUnusable, folder
from phasegate.wiring import RealDesk
from phasegate.workspace import files, listing

DAY_MS = 86_400_000
LAST_DAY_MS = 253_402_300_799_000
"""The end of the year 9999, for settings that never want to hear of age."""
REMEDY = "`phasegate check deps --update` fetches them"


class Found:
    """What the lock files of a tree name, by file, and what they leave open."""

    def __init__(self) -> None:
        self.locks: dict[str, Locked] = {}
        self.left_open: list[str] = []
        self.notes: list[str] = []

    @property
    def ecosystems(self) -> set[Ecosystem]:
        """Those of which a package is named."""
        return {package.ecosystem for read in self.locks.values() for package in read.packages}


def known_holes(desk: RealDesk, say: Say) -> FindingsSeen:
    """What is known of every package that a lock file of the tree names."""
    settings = desk.settings.deps
    named = packages_named(desk.worktree, listing.paths(desk.project.where), settings.left_out)
    ecosystems = ", ".join(sorted(named.ecosystems))
    say(
        f"packages of {ecosystems}, by {len(named.locks)} lock file(s)"
        if ecosystems
        else "no lock file names a package"
    )
    known_at, looks = time.time_ns() // 1_000_000, [Looked(why_unknown=(*named.left_open,), notes=(*named.notes,))]
    if "osv" in settings.tools:
        for ecosystem in sorted(named.ecosystems):
            looked, as_of_ms = _by_advisories(ecosystem, named, settings)
            known_at = min(known_at, as_of_ms)
            looks.append(looked)
    else:
        read = {ecosystem for tool in settings.tools for ecosystem in AUDITS.get(tool, ())}
        missing = sorted(named.ecosystems - read)
        looks += [Looked(why_unknown=(f"nothing looks at packages of {each}: see `[deps] tools`",)) for each in missing]
    looked = together([*looks, *_by_programs(desk, settings, named, say)])
    return seen(
        "deps", len(named.locks), fingerprinted(_once(looked.findings), lambda path, number: ""), looked.unread,
        why_unknown=looked.why_unknown, tools=looked.tools, least=settings.fails_from, notes=looked.notes,
        until=_until(known_at, settings) if named.ecosystems else "",
    )  # fmt: skip


def _until(known_at: int, settings: Deps) -> str:
    """The UTC date after which what was known at `known_at` (milliseconds) is too old."""
    return utc_date(min(LAST_DAY_MS, int(known_at + settings.oldest_days * DAY_MS)))


def ecosystems_of(desk: RealDesk) -> list[Ecosystem]:
    """Those of which a lock file of the tree names a package."""
    paths = listing.paths(desk.project.where)
    return sorted(packages_named(desk.worktree, paths, desk.settings.deps.left_out).ecosystems)


def packages_named(root: str, paths: Sequence[str], left_out: Sequence[str]) -> Found:
    """What every lock file among `paths` names; those that match one of the patterns `left_out` are passed by."""
    found = Found()
    waiting = [path for path in paths if reader_of(path) is not None]
    accepted = tuple(left_out)
    done: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        if path not in done and not matches(path, accepted):
            done.add(path)
            waiting += _read(root, path, found)
    for path in paths:
        why = why_not_read(path) or ("it has no lock file" if is_unlocked(path, paths) and _asks(root, path) else "")
        if why and not matches(path, accepted):
            found.left_open.append(f"{path} was not looked at: {why}")
    return found


def _read(root: str, path: str, found: Found) -> list[str]:
    """Read one lock file into `found`; the files that it includes."""
    reader = reader_of(path) or reader_of("requirements.txt")
    assert reader is not None
    try:
        content = files.read_capped(root, path, LARGEST)
        read = (
            go_modules.go_mod(content, _beside(root, path)) if path.rpartition("/")[2] == "go.mod" else reader(content)
        )
    except (NoLock, Failure) as problem:
        found.left_open.append(f"{path} was not looked at: {line(str(problem), 200)}")
        return []
    found.locks[path] = read
    found.left_open += [f"{path}: {line(each, 200)}" for each in read.left_open]
    found.notes += [line(each, 200) for each in read.notes]
    return [os.path.normpath(os.path.join(os.path.dirname(path), each)) for each in read.includes]


def _beside(root: str, path: str) -> bytes | None:
    try:
        return files.read_capped(root, path.removesuffix("mod") + "sum", LARGEST)
    except Failure:
        return None


def _asks(root: str, path: str) -> bool:
    """Whether a manifest asks for any package; one that cannot be read may."""
    try:
        return asks(path, files.read_capped(root, path, LARGEST))
    except Failure:
        return True


def _by_advisories(ecosystem: Ecosystem, named: Found, settings: Deps) -> tuple[Looked, int]:
    """The holes by the advisories in the cache, and of which moment those are (UTC milliseconds; 0: unknown)."""
    try:
        known = Advisories(folder(os.environ), ecosystem)
    except AdvisoriesUnusable as problem:
        return Looked(why_unknown=(f"{problem.message} {problem.hint}",)), 0
    try:
        days = (time.time_ns() // 1_000_000 - known.about.as_of_ms) / DAY_MS
        age = f"{max(0, int(days))} days old" if known.about.as_of_ms > 0 else "nobody knows how old"
        about = f"OSV {ecosystem} of {known.about.date} ({known.about.records} records, {age})"
        unclear: list[str] = []
        if days > settings.oldest_days:
            unclear.append(f"the advisories for {ecosystem} are {age}: {REMEDY} anew")
        found: list[Finding] = []
        for path, read in named.locks.items():
            wanted = [package for package in read.packages if package.ecosystem == ecosystem]
            result = audited(wanted, lambda package: known.of(key(package.ecosystem, package.name)))
            found += [finding(hole, path) for hole in result.holes]
            unclear += result.unclear
        return Looked((*found,), (), (*unclear,), (about,)), max(0, known.about.as_of_ms)
    except AdvisoriesUnusable as problem:
        return Looked(why_unknown=(f"{problem.message} {problem.hint}",)), 0
    finally:
        known.close()


def finding(hole: Hole, path: str) -> Finding:
    """A hole as a finding in the lock file; its fingerprint has no version, for a newer one may have the hole too."""
    mended = f"; mended in {', '.join(hole.fixed[:4])}" if hole.fixed else "; no version without it is known"
    package: Package = hole.package
    said = f"{package.name} {package.version}: {hole.summary or 'a known hole'} ({hole.id}){mended}"
    return Finding(
        hole.id, path, 0, line(said, 500), package.name, "osv", hole.severity,
        package=f"{package.name} {package.version}", advisory=hole.id, aliases=hole.aliases,
    )  # fmt: skip


def _once(found: Sequence[Finding]) -> list[Finding]:
    """Each hole of a package in a file once, under all its names, as bad as the worst that anybody calls it."""
    by_package: dict[tuple[str, str], list[Finding]] = {}
    for each in found:
        kept = by_package.setdefault((each.path, each.package), [])
        own = {each.advisory, *each.aliases}
        at = next((at for at, other in enumerate(kept) if own & {other.advisory, *other.aliases}), None)
        if at is None:
            kept.append(each)
        else:
            names = dict.fromkeys((*kept[at].aliases, each.advisory, *each.aliases))
            aliases = tuple(name for name in names if name != kept[at].advisory)
            kept[at] = replace(kept[at], aliases=aliases, severity=_worse(kept[at].severity, each.severity))
    return [each for kept in by_package.values() for each in kept]


def _worse(one: Severity, other: Severity) -> Severity:
    """The worse of what is known; whoever does not know has no say."""
    known = [each for each in (one, other) if each != "unknown"]
    return max(known, key=rank) if known else "unknown"


def _by_programs(desk: RealDesk, settings: Deps, named: Found, say: Say) -> list[Looked]:
    looks = []
    for tool in settings.tools:
        wanted = {*AUDITS.get(tool, ())}
        locks = {path: read for path, read in named.locks.items() if {p.ecosystem for p in read.packages} & wanted}
        if not locks:
            continue
        args = settings.args.get(tool, ())
        hiding = refused(tool, args)
        if hiding:
            why = f"{tool} was not asked: `[deps.args]` names {some(hiding)}, which may hide what it finds"
            looks.append(Looked(why_unknown=(f"{why}. A waiver excepts one hole, by name and with an end.",)))
            continue
        say(f"{tool} looks at {some([*locks])}")
        with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
            asked = Asked(desk.worktree, [*locks], scratch, settings.timeout_seconds, say)
            look = functools.partial(audit(tool), locks=locks, args=args)
            looks.append(by(look, asked))
    return looks
