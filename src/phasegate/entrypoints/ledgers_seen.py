"""What exported ledgers say of a change: do they hold, do its closed phases stand there, which approvals count?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from phasegate.attestation import anchors as held
from phasegate.attestation import approvals, closures, export
from phasegate.attestation.anchors import Anchor, anchors_in
from phasegate.attestation.approvals import Claim
from phasegate.attestation.export import Exported
from phasegate.attestation.statement import ApprovalSeen, LedgerSeen
from phasegate.entrypoints import exporting
from phasegate.errors import Exit, Failure
from phasegate.evidence import manifest
from phasegate.gates.interface import Verdict
from phasegate.ledger.waivers import WaiverGiven
from phasegate.settings import Settings
from phasegate.workspace import signatures
from phasegate.workspace.branches import Repository
from phasegate.workspace.ledger_refs import PREFIX, LedgerRefs
from phasegate.workspace.signatures import Signers

ARCHIVE = "archive/"
LARGEST_IN_BUNDLE = 8 << 20
MOST_CLAIMS = 200


class Change(Struct, frozen=True):
    """What is looked at: a commit, what it grew from, and where its project lies."""

    repository: Repository
    base: str
    head: str
    prefix: str
    settings: Settings


class Seen(Struct, frozen=True):
    """What the ledgers came to. `waivers` are exceptions whose signature counts, `files` the ledgers for a bundle."""

    verdicts: tuple[Verdict, ...] = ()
    ledgers: tuple[LedgerSeen, ...] = ()
    approvals: tuple[ApprovalSeen, ...] = ()
    waivers: tuple[WaiverGiven, ...] = ()
    files: dict[str, bytes] = {}


def look(change: Change, root: str, scratch: str, sources: Sequence[str], anchors: Sequence[Anchor]) -> Seen:
    """Judge the exported ledgers in the clone and those named by `sources`; nothing is said where there is none."""
    named = [(source, "") for source in sources]
    found = [(ref, ref.removeprefix(PREFIX)) for ref in LedgerRefs(root, scratch).names()]
    known = (*anchors, *_trailers(change))
    seen = [each for source, due in (*named, *found) if (each := _one(change, root, source, due, known))]
    sound = [each.exported for each in seen if each.exported is not None and each.verdict.passes]
    judged = [pair for exported in sound for pair in _approvals(change, exported)]
    if not seen:
        return Seen()
    said = tuple(approval for _, approval in judged)
    waivers = tuple(claim.fact for claim, approval in judged if approval.counts and isinstance(claim.fact, WaiverGiven))
    closing = closures.judged([closures.closed(each) for each in sound], *_archives(change), said)
    files = {_file(each): _content(each) for each in sound}
    return Seen(
        (*(each.verdict for each in seen), closing), tuple(_said(each, known) for each in sound), said, waivers, files
    )


class _One(Struct, frozen=True):
    """One exported ledger, where it could be read, and what it is worth."""

    verdict: Verdict
    exported: Exported | None = None


def _one(change: Change, root: str, source: str, due: str, anchors: Sequence[Anchor]) -> _One | None:
    """None for the ledger of another project, which has no say here."""
    name = f"{held.GATE} {(due or source)[:40]}"
    try:
        exported = exporting.read(source, root)
    except Failure as failure:
        says = "fail" if failure.exit_code == Exit.GATE_FAILED else "unknown"
        return _One(Verdict(name, "fail" if says == "fail" else "unknown", (failure.message,), failure.hint))
    if due and exported.top.project != change.settings.project:
        return None
    verdict = held.judged(exported, anchors, ledger=due, project=change.settings.project)
    return _One(replace(verdict, gate=f"{held.GATE} {exported.top.ledger[:8]}"), exported)


def _trailers(change: Change) -> Iterator[Anchor]:
    """The heads that the messages of the change's commits name: who rewrites a ledger cannot rewrite those unseen."""
    listing = change.repository.run(
        "log", "--format=%(trailers:key=Ledger-Head,valueonly)", f"{change.base}..{change.head}"
    )
    yield from anchors_in(listing.output.decode("utf-8", "replace"), "in a commit")


# -- approvals --------------------------------------------------------------------------------------------------------


def _approvals(change: Change, exported: Exported) -> Iterator[tuple[Claim, ApprovalSeen]]:
    signers = _signers(change)
    for claim in approvals.claims(exported)[-MOST_CLAIMS:]:
        yield claim, _weighed(claim, signers, change)


def _weighed(claim: Claim, signers: Signers | None, change: Change) -> ApprovalSeen:
    if claim.why_not:
        return claim.seen(claim.why_not, "")
    if signers is None:
        return claim.seen(f"no allowed signers are in {change.base[:12]}, which the change grew from", "")
    try:
        signer = signatures.verify(claim.text.encode(), claim.signature.encode(), signers)
    except Failure as failure:
        return claim.seen(failure.message, "")
    return claim.seen("", f"signed by {signer.identity}, an allowed signer of {change.base[:12]}")


def _signers(change: Change) -> Signers | None:
    """The allowed signers as they were before the change."""
    path = f"{change.prefix}{change.settings.approvals.allowed_signers}"
    shown = change.repository.run("cat-file", "blob", f"{change.base}:{path}", accept=(0, 128))
    return Signers(shown.output, change.base) if shown.status == 0 else None


# -- archives ---------------------------------------------------------------------------------------------------------


def _archives(change: Change) -> tuple[dict[str, str], list[str]]:
    """The SHA-256 of each file that the change has under the archives, by its name in the project; the manifests."""
    below = f"{change.prefix}{ARCHIVE}"
    listing = change.repository.run(
        "diff", "--no-renames", "--name-status", "-z", change.base, change.head, "--", below
    )
    rows = listing.output.split(b"\0")
    added = {os.fsdecode(path): status for status, path in zip(rows[::2], rows[1::2], strict=False)}
    names = {path: path.removeprefix(change.prefix) for path, status in added.items() if status != b"D"}
    digests = {name: _digest(change, path) for path, name in names.items()}
    news = [names[path] for path, status in added.items() if status == b"A" and path.endswith(f"/{manifest.NAME}")]
    return digests, news


def _digest(change: Change, path: str) -> str:
    blob = change.repository.run("cat-file", "blob", f"{change.head}:{path}", accept=(0, 128))
    return hashlib.sha256(blob.output).hexdigest() if blob.status == 0 else ""


# -- for the bundle ---------------------------------------------------------------------------------------------------


def _file(exported: Exported) -> str:
    return f"ledgers/{manifest.safe(exported.top.ledger)}.ledger"


def _content(exported: Exported) -> bytes:
    """The ledger without artifacts; of a long one its end."""
    events = exported.events
    while True:
        content = export.write(exported.top.ledger, exported.top.project, events, {})
        if len(content) <= LARGEST_IN_BUNDLE or len(events) < 2:
            return content
        events = events[len(events) // 2 :]


def _said(exported: Exported, anchors: Sequence[Anchor]) -> LedgerSeen:
    top = exported.top
    mine = (each for each in anchors if each.ledger in ("", top.ledger))
    return LedgerSeen(
        top.ledger, top.head.position, top.head.hash, _file(exported),
        tuple(f"{each.head.position}:{each.head.hash}" for each in mine),
    )  # fmt: skip
