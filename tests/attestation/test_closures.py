"""A phase counts as closed when an exported ledger closed it, on evidence, with the files that the commit has."""

from __future__ import annotations

import msgspec
import pytest

from phasegate.attestation.closures import Closed, judged
from phasegate.attestation.statement import ApprovalSeen
from phasegate.evidence.items import Evidence, TestsSeen
from phasegate.gates.interface import Verdict
from phasegate.ledger.facts import FileKept, GateSaid, PhaseClosed, QuestionAsked

MANIFEST, OTHER = "archive/1/evidence.json", "archive/1/notes.md"
FILES = {MANIFEST: "a" * 64, OTHER: "b" * 64}
EVIDENCE = Evidence("ev-1", TestsSeen("pytest", True), "tree", "recorded", "x")
TESTS = GateSaid("tests_ran", "pass", ("ev-1",))
APPROVED = GateSaid("approved", "pass")


def closing(*gates: GateSaid, files: dict[str, str] = FILES) -> PhaseClosed:
    kept = tuple(FileKept(path, digest) for path, digest in files.items())
    return PhaseClosed("1", "run", "tree", "archive/1", kept, gates or (TESTS,), MANIFEST)


def asked(phase: str = "1", subject: str = "tree") -> QuestionAsked:
    return QuestionAsked("q-1", "run", "May it close?", phase=phase, subject=subject)


def approval(counts: bool = True, id: str = "q-1") -> ApprovalSeen:
    return ApprovalSeen(id, "closing", "ann", "strong", counts, "")


def verdict(
    closed: PhaseClosed | None, *approvals: ApprovalSeen, added: dict[str, str] = FILES,
    evidence: Evidence = EVIDENCE, question: QuestionAsked | None = None,
) -> Verdict:  # fmt: skip
    questions = {} if question is None else {question.question: question}
    ledgers = () if closed is None else (Closed((closed,), {evidence.id: evidence}, questions),)
    return judged(ledgers, added, [path for path in added if path == MANIFEST], approvals)


def test_a_phase_that_stands_in_the_ledger_as_in_the_commit_is_closed() -> None:
    said = verdict(closing())
    assert said.passes and said.reasons == ("1 phases are closed as the ledger says, with these very files",)


def test_a_change_that_closes_nothing_needs_no_ledger() -> None:
    said = verdict(None, added={})
    assert said.passes and said.reasons == ("the change closes no phase",)
    assert verdict(closing(), added={}).passes


def test_a_phase_that_no_ledger_closed_is_unknown() -> None:
    said = verdict(None)
    assert said.says == "unknown" and MANIFEST in said.reasons[0] and "log export" in said.remedy


@pytest.mark.parametrize(
    ("added", "why"),
    [(FILES | {OTHER: "c" * 64}, f"phase 1: {OTHER} is not the file that the ledger names"),
     ({MANIFEST: "a" * 64}, f"phase 1: {OTHER} is not in the commit")],
)  # fmt: skip
def test_every_file_of_an_archive_is_the_one_that_the_ledger_names(added: dict[str, str], why: str) -> None:
    said = verdict(closing(), added=added)
    assert (said.says, said.reasons) == ("fail", (why,)) and said.remedy


@pytest.mark.parametrize("says", ["fail", "unknown"])
def test_a_phase_that_was_closed_although_a_gate_was_shut_fails(says: str) -> None:
    said = verdict(closing(GateSaid("tests_ran", says, ("ev-1",))))
    assert said.reasons == (f"phase 1: it was closed although tests_ran said {says}",) and said.says == "fail"


@pytest.mark.parametrize(("counts", "id", "passes"), [(True, "w-1", True), (False, "w-1", False), (True, "w-2", False)])
def test_a_gate_that_was_let_pass_needs_an_approval_that_counts_here(counts: bool, id: str, passes: bool) -> None:
    said = verdict(closing(GateSaid("tests_ran", "pass", ("ev-1",), "w-1")), approval(counts, id))
    assert said.passes is passes
    assert passes or said.reasons == ("phase 1: tests_ran was let pass by w-1, an approval that does not count here",)


def test_evidence_that_the_ledger_does_not_have_or_that_somebody_claimed_is_none() -> None:
    gone = verdict(closing(), evidence=msgspec.structs.replace(EVIDENCE, id="ev-2"))
    assert gone.reasons == ("phase 1: the evidence ev-1 of tests_ran is not in the ledger",)
    claimed = verdict(closing(), evidence=msgspec.structs.replace(EVIDENCE, assurance="claimed"))
    assert claimed.reasons == ("phase 1: the evidence ev-1 of tests_ran is a claim",)


@pytest.mark.parametrize(
    ("question", "given", "passes"),
    [
        (asked(), approval(), True), (None, approval(), False), (asked(phase="2"), approval(), False),
        (asked(subject="another"), approval(), False), (asked(), approval(counts=False), False),
        (asked(), approval(id="q-2"), False),
    ],
)  # fmt: skip
def test_an_approved_closing_has_a_signature_that_counts_for_this_phase_on_this_tree(
    question: QuestionAsked | None, given: ApprovalSeen, passes: bool
) -> None:
    said = verdict(closing(APPROVED), given, question=question)
    assert said.passes is passes
    assert passes or said.reasons == ("phase 1: no signature that counts here approved its closing",)
