"""Checks a bundle anywhere, offline: does all of it agree, do its chains hold, who signed, and what does it say?"""

from __future__ import annotations

from collections.abc import Iterator

from phasegate.attestation import export
from phasegate.attestation.bundle import Bundle
from phasegate.attestation.keys import PublicKey
from phasegate.attestation.statement import Verification, result
from phasegate.errors import Failure
from phasegate.gates.interface import Verdict
from phasegate.ledger import chain
from phasegate.ledger.log import Head

LEDGER = ".ledger"
"""How the names of files end that are exported ledgers."""


def check(bundle: Bundle, key: PublicKey | None, *, integrity_only: bool = False) -> tuple[Verdict, ...]:
    """One verdict a question: who signed, do the chains hold, does the result follow, what is it."""
    predicate = bundle.statement.predicate
    return (_signed(bundle, key, integrity_only), *_chains(bundle), _follows(predicate), _says(predicate))


def _signed(bundle: Bundle, key: PublicKey | None, integrity_only: bool) -> Verdict:
    if key is not None and key.signed(bundle.envelope):
        return Verdict("signature", "pass", (f"signed by the key {key.id[:16]}",))
    if key is not None:
        by = f"by {bundle.signed_by[0][:16]}" if bundle.signed_by else "by nobody (integrity only)"
        return Verdict(
            "signature", "fail", (f"the key {key.id[:16]} did not sign this; it is signed {by}",),
            "Ask whoever wrote it for a bundle signed by that key.",
        )  # fmt: skip
    why = (
        f"whether the key {bundle.signed_by[0][:16]} signed this is not checked"
        if bundle.signed_by
        else "integrity only: no key signed this, so anybody could have written it"
    )
    if integrity_only:
        return Verdict("signature", "pass", (why,))
    return Verdict(
        "signature", "unknown", (why,),
        "Name the public key that you trust with --key, or accept that with --integrity-only.",
    )  # fmt: skip


def _chains(bundle: Bundle) -> Iterator[Verdict]:
    """Each ledger in the bundle holds together and ends where the statement says."""
    ends = {seen.file: Head(seen.position, seen.head) for seen in bundle.statement.predicate.ledgers}
    for name, content in bundle.files.items():
        if name.endswith(LEDGER):
            yield _chain(name, content, ends.get(name))


def _chain(name: str, content: bytes, end: Head | None) -> Verdict:
    gate = f"chain of {name}"
    try:
        exported = export.read(content)
        broken = chain.verify(exported.events, after=exported.top.after, until=end)
    except Failure as failure:
        return Verdict(gate, "unknown" if failure.exit_code != 1 else "fail", (failure.message,), failure.hint)
    if broken is not None:
        return Verdict(
            gate, "fail", (f"event {broken.position}: {broken.message}",), "It was changed; ask for another."
        )
    head = exported.top.head
    return Verdict(gate, "pass", (f"{len(exported.events)} events, head {head.position}:{head.hash[:16]}",))


def _follows(predicate: Verification) -> Verdict:
    """Nobody signs a pass over verdicts that are none."""
    due = result(predicate.verdicts)
    if due == predicate.verification_result:
        return Verdict("result", "pass", (f"{due} follows from {len(predicate.verdicts)} verdicts",))
    return Verdict(
        "result", "fail", (f"it says {predicate.verification_result}, and its verdicts come to {due}",),
        "Whoever wrote it is not phasegate; ask for another.",
    )  # fmt: skip


def _says(predicate: Verification) -> Verdict:
    """What was found out, in one word."""
    match predicate.verification_result:
        case "PASSED":
            return Verdict("verdict", "pass", ("every gate passed",))
        case "FAILED":
            shut = [gate.gate for gate in predicate.verdicts if gate.says == "fail"]
            return Verdict("verdict", "fail", (f"gates failed: {', '.join(shut)}",), "See the verdicts.")
        case _:
            unsure = [gate.gate for gate in predicate.verdicts if gate.says == "unknown"]
            return Verdict("verdict", "unknown", (f"gates could not tell: {', '.join(unsure) or 'there is none'}",))
