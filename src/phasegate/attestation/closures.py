"""Do the phases that a change closed stand in its exported ledger as they stand in its commit?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from phasegate.attestation.export import Exported
from phasegate.attestation.statement import ApprovalSeen
from phasegate.evidence.items import Evidence
from phasegate.gates.interface import Verdict, some
from phasegate.ledger.facts import EvidenceRecorded, GateSaid, PhaseClosed, QuestionAsked
from phasegate.ledger.schema import fact_of

GATE = "closures"
REMEDY = "Close the phase again in the clone that did: `phasegate status` there says what is missing."


class Closed(msgspec.Struct, frozen=True):
    """What an exported ledger says of closed phases: the closings, the evidence, which question was about which."""

    closings: tuple[PhaseClosed, ...]
    evidence: Mapping[str, Evidence]
    asked: Mapping[str, QuestionAsked]


def closed(exported: Exported) -> Closed:
    """Read the closings out of a ledger whose every event can be read."""
    facts = [fact_of(event) for event in exported.events]
    return Closed(
        tuple(fact for fact in facts if isinstance(fact, PhaseClosed)),
        {fact.evidence.id: fact.evidence for fact in facts if isinstance(fact, EvidenceRecorded)},
        {fact.question: fact for fact in facts if isinstance(fact, QuestionAsked)},
    )


def judged(
    ledgers: Sequence[Closed], added: Mapping[str, str], manifests: Sequence[str], approvals: Sequence[ApprovalSeen]
) -> Verdict:
    """Whether every phase that the change closes is closed in a ledger, on evidence, with these very files.

    `added` are the files of the change under archives, with the SHA-256 (hex) of each; `manifests` those among them
    that say a phase is closed.
    """
    known = {closing.manifest: (closing, each) for each in ledgers for closing in each.closings}
    missing = [path for path in manifests if path not in known]
    counting = {approval.id for approval in approvals if approval.counts}
    wrong = [why for path in manifests if path in known for why in _faults(*known[path], added, counting)]
    if wrong:
        return Verdict(GATE, "fail", tuple(wrong[:20]), REMEDY)
    if missing:
        why = f"closed in no exported ledger: {some(missing)}"
        return Verdict(GATE, "unknown", (why,), "Export the ledger that closed them: `phasegate log export --push`.")
    if not manifests:
        return Verdict(GATE, "pass", ("the change closes no phase",))
    return Verdict(GATE, "pass", (f"{len(manifests)} phases are closed as the ledger says, with these very files",))


def _faults(closing: PhaseClosed, ledger: Closed, added: Mapping[str, str], counting: set[str]) -> Iterator[str]:
    phase = f"phase {closing.phase}"
    for kept in closing.files:
        if kept.path in added and added[kept.path] != kept.sha256:
            yield f"{phase}: {kept.path} is not the file that the ledger names"
        elif kept.path not in added:
            yield f"{phase}: {kept.path} is not in the commit"
    for gate in closing.gates:
        yield from (f"{phase}: {why}" for why in _gate_faults(gate, closing, ledger, counting))


def _gate_faults(gate: GateSaid, closing: PhaseClosed, ledger: Closed, counting: set[str]) -> Iterator[str]:
    if gate.says != "pass":
        yield f"it was closed although {gate.gate} said {gate.says}"
    if gate.waived and gate.waived not in counting:
        yield f"{gate.gate} was let pass by {gate.waived}, an approval that does not count here"
    for id in gate.evidence:
        evidence = ledger.evidence.get(id)
        if evidence is None:
            yield f"the evidence {id} of {gate.gate} is not in the ledger"
        elif evidence.assurance == "claimed":
            yield f"the evidence {id} of {gate.gate} is a claim"
    if gate.gate == "approved" and not _approved(closing, ledger, counting):
        yield "no signature that counts here approved its closing"


def _approved(closing: PhaseClosed, ledger: Closed, counting: set[str]) -> bool:
    about = (asked for asked in ledger.asked.values() if asked.phase == closing.phase)
    return any(asked.subject == closing.subject and asked.question in counting for asked in about)
