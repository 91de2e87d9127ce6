"""Open when no test, and nothing that judges tests, demands less than at the start, but for what a person waived."""

from __future__ import annotations

from phasegate.evidence.findings import Finding, FindingsSeen, rank
from phasegate.evidence.items import Evidence
from phasegate.gates.found import newest_scan
from phasegate.gates.interface import Moment, Verdict, failed, passed, unknown
from phasegate.ledger.state import State

SCANNER = "ratchets"
MOST = 10


def gate(moment: Moment) -> Verdict:
    """Looks at the comparison of this tree with the tree that the phase began from."""
    found = compared(moment)
    return found if isinstance(found, Verdict) else _said(moment.state, found, moment.today, moment.run.phase)


def compared(moment: Moment) -> tuple[Evidence, FindingsSeen] | Verdict:
    """The comparison of this tree with the phase's start; a verdict where there is none, or none is needed."""
    phase = moment.phase
    if moment.subject and moment.subject == phase.subject:
        return passed("the tree is as it was when the phase began")
    found = newest_scan(moment.state, SCANNER, moment.subject)
    if found is None or not phase.tree or found[1].against != phase.tree:
        return unknown(
            "the tests of this tree were not compared with those of the phase's start",
            remedy="Run `phasegate check tests`.",
        )
    return found


def judged(state: State, subject: str, today: str) -> Verdict:
    """The same outside a phase, against the tree that the newest comparison began from."""
    found = newest_scan(state, SCANNER, subject)
    if found is None:
        return unknown("the tests of this tree were not compared", remedy=f"Run `phasegate check {SCANNER}`.")
    return _said(state, found, today, "")


def _said(state: State, found: tuple[Evidence, FindingsSeen], today: str, phase: str) -> Verdict:
    evidence, seen = found
    weak = [each for each in seen.findings if rank(each.severity) >= rank(seen.least)]
    left = [each for each in weak if state.waiver_for("finding", names(each, phase), today) is None]
    if left:
        told = [f"{each.place} {each.rule}: {each.message} [{each.fingerprint}]" for each in left]
        more = (f"and {len(told) - MOST} more",) if len(told) > MOST else ()
        return failed(
            *told[:MOST], *more, *seen.why_unknown[:MOST], remedy=remedy(left[0], phase), evidence=(evidence.id,)
        )
    if seen.why_unknown or seen.total > len(seen.findings):
        unlisted = (f"{seen.total} findings are more than are listed",) if seen.total > len(seen.findings) else ()
        mend = "Let those files be read, then `phasegate check tests`."
        return unknown(*seen.why_unknown[:MOST], *unlisted, remedy=mend, evidence=(evidence.id,))
    told = [f"{each.place} {each.rule}: {_by(state, each, today, phase)}" for each in weak]
    return passed(f"nothing is tested less, {seen.files} files compared", *told[:MOST], *seen.notes[:MOST],
                  evidence=(evidence.id,))  # fmt: skip


def _by(state: State, finding: Finding, today: str, phase: str) -> str:
    waiver = state.waiver_for("finding", names(finding, phase), today)
    return f"waived by {waiver.by} as {waiver.id}: {waiver.reason}" if waiver is not None else ""


def names(finding: Finding, phase: str) -> tuple[str, ...]:
    """What a person can call it in an exception: for good, or for this phase alone."""
    return (*finding.names, f"{finding.fingerprint}@{phase}") if phase else finding.names


def remedy(first: Finding, phase: str) -> str:
    """What opens a gate that is shut by `first`."""
    subject = f"{first.fingerprint}@{phase}" if phase else first.fingerprint
    ask = f'ask for an exception: `phasegate waiver ask finding {subject} --reason "WHY"`' if phase else ""
    person = f'let a person make an exception: `phasegate waiver add finding {subject} --reason "WHY" --until 7d`'
    return f"Bring it back, or {ask or person}."
