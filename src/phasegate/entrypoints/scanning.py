"""Looks at every file of the tree for secrets and for links that lead nowhere, and records what was seen."""

from __future__ import annotations

from collections.abc import Callable

from phasegate.engine.advance import observe
from phasegate.errors import Failure
from phasegate.evidence.findings import Finding, FindingsSeen, seen
from phasegate.evidence.items import Evidence
from phasegate.ledger.facts import EvidenceRecorded
from phasegate.policy.scan import secrets_in
from phasegate.references.check import broken
from phasegate.wiring import RealDesk
from phasegate.workspace import files, listing

LARGEST = 1024 * 1024
"""Bytes of a file that is scanned; data and bundles above that are listed as not looked at."""

SAY_EVERY = 500

Say = Callable[[str], None]


def scan(desk: RealDesk, scanner: str, say: Say) -> Evidence:
    """Run `scanner` (`secrets` or `references`) over the tree as it is, and record what it saw."""
    state, before = observe(desk, desk.state())
    found = SCANNERS[scanner](desk, say)
    run = state.run_in(desk.worktree)
    phase, run_id = (run.phase, run.id) if run is not None else ("", "")
    made = Evidence(
        desk.new_id("ev"), found, before.subject, "recorded", f"phasegate {scanner}", phase, run_id, tree=before.tree
    )
    desk.record([EvidenceRecorded(made)], relying_on=None)
    return made


def _secrets(desk: RealDesk, say: Say) -> FindingsSeen:
    paths = listing.paths(desk.project.where)
    found: list[Finding] = []
    unread: list[str] = []
    for at, path in enumerate(paths):
        if at and at % SAY_EVERY == 0:
            say(f"{at} of {len(paths)} files were scanned for secrets")
        try:
            found += secrets_in(path, files.read_capped(desk.worktree, path, LARGEST))
        except files.TooLarge:
            continue  # stated in the documentation: what is that large is data
        except Failure:
            unread.append(path)
    say(f"{len(paths) - len(unread)} of {len(paths)} files were scanned for secrets")
    return seen("secrets", len(paths), tuple(found), tuple(unread))


def _references(desk: RealDesk, say: Say) -> FindingsSeen:
    paths = listing.paths(desk.project.where)
    say(f"following the links of documents among {len(paths)} files")
    found = broken(paths, listing.reader(desk.worktree))
    nowhere = [Finding("broken-link", b.document, b.line, f"{b.written} leads nowhere", b.fingerprint) for b in found]
    return seen("references", len(paths), tuple(nowhere))


SCANNERS: dict[str, Callable[[RealDesk, Say], FindingsSeen]] = {"secrets": _secrets, "references": _references}
