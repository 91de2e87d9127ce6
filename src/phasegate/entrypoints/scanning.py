"""Has every scanner look at the tree as it is, and records what was seen.

Most commands come by here and few scan: what a scanner needs (parsers of links, locks, licences) is imported when it
looks.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from phasegate.collectors.scanners.interface import Asked, Looked, Say, by, together
from phasegate.engine.advance import observe
from phasegate.entrypoints import secret_search
from phasegate.errors import Failure
from phasegate.evidence.findings import Finding, FindingsSeen, fingerprinted, seen
from phasegate.evidence.items import Evidence
from phasegate.gates.found import newest_scan
from phasegate.ledger.facts import EvidenceRecorded
from phasegate.policy.scan import secrets_in
from phasegate.settings import SarifReport
from phasegate.wiring import RealDesk
from phasegate.workspace import files, listing

SAY_EVERY = 500

Scan = Callable[[RealDesk, Say], FindingsSeen]
"""Looks at the tree as it is."""


def scan(desk: RealDesk, scanner: str, say: Say, look: Scan | None = None) -> Evidence:
    """Run `scanner` (see SCANNERS), or `look` in its stead, over the tree as it is, and record what it saw."""
    state, before = observe(desk, desk.state())
    found = (look or SCANNERS[scanner])(desk, say)
    state, after = observe(desk, state)
    if after.subject != before.subject:
        why = f"the tree changed while {scanner} was looked at"
        found = replace(found, why_unknown=(*found.why_unknown, why))
    run = state.run_in(desk.worktree)
    phase, run_id = (run.phase, run.id) if run is not None else ("", "")
    made = Evidence(
        desk.new_id("ev"), found, before.subject, "recorded", f"phasegate {scanner}", phase, run_id, tree=before.tree
    )
    desk.record([EvidenceRecorded(made)], relying_on=None)
    return made


def compare_tests(desk: RealDesk, say: Say) -> None:
    """Compare the tests with those of the start, unless just that is recorded of this very tree.

    What keeps it from comparing keeps no test from running: it is said, and the gate stays unknown.
    """
    from phasegate.entrypoints.ratcheting import base_of

    try:
        state, now = observe(desk, desk.state())
        known = newest_scan(state, "ratchets", now.subject)
        if known is None or known[1].against != base_of(desk, state):
            scan(desk, "ratchets", say)
    except Failure as failure:
        say(f"the tests were not compared with what they were: {failure.message}")


def _secrets(desk: RealDesk, say: Say) -> FindingsSeen:
    paths = listing.paths(desk.project.where)
    found: list[Finding] = []
    unread: list[str] = []
    large: list[str] = []
    for at, path in enumerate(paths):
        if at and at % SAY_EVERY == 0:
            say(f"{at} of {len(paths)} files were scanned for secrets")
        try:
            found += secrets_in(path, files.read_capped(desk.worktree, path, secret_search.LARGEST))
        except files.TooLarge:
            large.append(path)
        except Failure:
            unread.append(path)
    say(f"{len(paths) - len(unread) - len(large)} of {len(paths)} files were scanned for secrets")
    others = _by_others(desk, paths, say)
    own = {(each.path, each.fingerprint, each.line) for each in found}
    found += [each for each in others.findings if (each.path, each.fingerprint, each.line) not in own]
    return seen(
        "secrets", len(paths), tuple(found), tuple(dict.fromkeys((*unread, *others.unread))),
        why_unknown=others.why_unknown, tools=others.tools, notes=(*secret_search.not_looked_at(large), *others.notes),
    )  # fmt: skip


def _by_others(desk: RealDesk, paths: Sequence[str], say: Say) -> Looked:
    """What the programs that settings name say, each secret of a place once."""
    from phasegate.collectors.scanners import sarif_tool
    from phasegate.collectors.scanners.catalog import scanner

    settings = desk.settings.secrets
    looks = []
    with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
        copy = os.path.join(scratch, "copy")
        unread = secret_search.copied(desk.worktree, paths, copy) if settings.tools else ()
        for tool in settings.tools:
            say(f"{tool} looks for secrets in {len(paths)} files")
            asked = Asked(copy, paths, scratch, settings.timeout_seconds, say, desk.worktree)
            looks.append(by(scanner(tool), asked))
        for report in settings.reports:
            asked = Asked(desk.worktree, (), scratch, report.timeout_seconds, say)
            looks.append(by(partial(sarif_tool.scan, named=report), asked))
    looked = together(looks)
    each_once = {(one.path, one.fingerprint, one.line): one for one in reversed(_marked(desk, looked.findings))}
    return replace(looked, findings=tuple(each_once.values()), unread=(*looked.unread, *unread))


def _marked(desk: RealDesk, found: Sequence[Finding]) -> list[Finding]:
    """With a fingerprint also for what a report tells without one."""
    from phasegate.entrypoints.weak_code import lines_of

    without = fingerprinted([each for each in found if not each.fingerprint], lines_of(desk.worktree))
    return [*(each for each in found if each.fingerprint), *without]


def _references(desk: RealDesk, say: Say) -> FindingsSeen:
    from phasegate.references.check import broken

    paths = listing.paths(desk.project.where)
    say(f"following the links of documents among {len(paths)} files")
    found = broken(paths, listing.reader(desk.worktree))
    nowhere = [Finding("broken-link", b.document, b.line, f"{b.written} leads nowhere", b.fingerprint) for b in found]
    return seen("references", len(paths), tuple(nowhere))


def _ratchets(desk: RealDesk, say: Say) -> FindingsSeen:
    from phasegate.entrypoints.ratcheting import ratchets

    return ratchets(desk, say)


def weak_code(desk: RealDesk, say: Say, *, also: Sequence[SarifReport] = ()) -> FindingsSeen:
    """What the analysers that settings name say, and the reports in `also`."""
    from phasegate.entrypoints.weak_code import weak_code

    return weak_code(desk, say, also=also)


def _known_holes(desk: RealDesk, say: Say) -> FindingsSeen:
    from phasegate.entrypoints.known_holes import known_holes

    return known_holes(desk, say)


def _licences(desk: RealDesk, say: Say) -> FindingsSeen:
    from phasegate.entrypoints.licensing import licences

    return licences(desk, say)


SCANNERS: dict[str, Scan] = {
    "secrets": _secrets,
    "references": _references,
    "ratchets": _ratchets,
    "sast": weak_code,
    "deps": _known_holes,
    "licences": _licences,
}
"""Every scanner by the word after `phasegate check`; which of them `check` runs by itself, settings say."""
