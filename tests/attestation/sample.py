"""A small bundle made without running anything: a ledger of some events, a statement about them, a key."""

from __future__ import annotations

import functools

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from phasegate.attestation import bundle, export
from phasegate.attestation import statement as s
from phasegate.attestation.envelope import PAYLOAD_TYPE, pae, sealed
from phasegate.attestation.keys import PublicKey
from phasegate.ledger.event import Actor, digest
from phasegate.ledger.facts import LedgerBorn, NoteAdded, RunPaused
from phasegate.ledger.schema import draft
from phasegate.store.memory import MemoryLog

LEDGER, PROJECT = "0b54b1a0-77a9-4e36-9f3c-7e2f9d0a11c5", "6f0c8a52-6a5e-4f5e-9a43-3b1d9a0c7e11"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PublicKey(KEY.public_key())
OTHER = PublicKey(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"


@functools.cache
def log() -> MemoryLog:
    """A ledger of a few events, with text that is not ASCII and text that is hostile."""
    made = MemoryLog(LEDGER)
    facts = [
        LedgerBorn(PROJECT, "/repository/.git"),
        NoteAdded("n-1", "run-1", "1", "discovery", "minor", "grüße, \U0001f600 und mehr"),
        RunPaused("run-1"),
        NoteAdded("n-2", "run-1", "1", "error", "major", HOSTILE),
    ]
    for at, fact in enumerate(facts):
        made.append([draft(fact)], actor=Actor("agent", "claude", "s"), expected={}, now_ms=1_790_000_000_000 + at)
    return made


def ledger() -> bytes:
    """The same, exported."""
    recorded = log()
    return export.write(recorded.ledger, PROJECT, recorded.read(), {digest(b"kept"): b"kept"})


def statement(
    gates: tuple[s.Gate, ...] = (), says: s.Result | None = None, head: str = "a" * 40, tree: str = "d" * 40,
    base: str = "b" * 40,
) -> tuple[s.Statement, dict[str, bytes]]:  # fmt: skip
    """A statement about a commit and the files it names."""
    files = {"evidence.json": b"[]\n", f"ledgers/{LEDGER}.ledger": ledger(), "artifacts/a-b.txt": bytes(range(256))}
    gates = gates or (
        s.Gate("tests", "pass", ("12 of 12 tests pass",), ""),
        s.Gate("secrets", "pass", ("no secret came in",), ""),
    )
    reached = log().head()
    predicate = s.Verification(
        verifier=s.Verifier(s.VERIFIER, {"phasegate": "0.1.0"}),
        time_verified="2026-11-22T21:04:05Z",
        resource_uri=f"urn:uuid:{PROJECT}",
        policy=s.Resource(f"git:{base}:phasegate.toml", {"sha256": digest(b"")}),
        input_attestations=(s.Resource(f"refs/phasegate/ledgers/{LEDGER}", {"sha256": reached.hash}),),
        verification_result=says or s.result(gates),
        verified_levels=(s.REPRODUCED,),
        base=s.Named("base", {"gitCommit": base}),
        verdicts=gates,
        ledgers=(s.LedgerSeen(LEDGER, reached.position, reached.hash, f"ledgers/{LEDGER}.ledger", ()),),
        approvals=(
            s.ApprovalSeen("q-1", "question q-1", "ann@example.org", "strong", True, "signed by ann@example.org"),
            s.ApprovalSeen("q-2", HOSTILE, "ann", "weak", False, "typed at a terminal; only a signature counts here"),
        ),
        files=tuple(s.File(name, {"sha256": digest(data)}, len(data)) for name, data in files.items()),
        warnings=(),
    )
    subject = (s.Named("commit", {"gitCommit": head}), s.Named("tree", {"gitTree": tree}))
    return s.statement(subject, predicate), files


def made(*, signed: bool = True, gates: tuple[s.Gate, ...] = (), says: s.Result | None = None, **commits: str) -> bytes:
    """The bundle."""
    said, files = statement(gates, says, **commits)
    body = s.encoded(said)
    text = pae(PAYLOAD_TYPE, body)
    return bundle.write(sealed(body, (PUBLIC.signature(KEY.sign(text), text),) if signed else ()), files)
