"""Open when a person approved, by a signature, that the phase closes on exactly this tree."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed, unknown
from phasegate.ledger.state import Question


def gate(moment: Moment) -> Verdict:
    """Looks at the newest question about the closing of this phase; each names the tree it was asked about."""
    asked = asked_of(moment)
    remedy = "Bring it to what the person said, then to the step that closes the phase: they are asked again."
    if asked is None or asked.open:
        return unknown("no person has approved the closing", remedy=remedy)
    if asked.subject != moment.subject or not moment.subject:
        return failed("what a person answered about is another tree", remedy=remedy)
    if asked.verdict != "approve":
        return failed(f"a person said no: {asked.words or 'without words'}", remedy=remedy)
    if asked.approval != "strong":
        return failed(f"{asked.id} was approved without a signature", remedy=remedy)
    return passed(f"{asked.by} approved it by a signature, as {asked.id}")


def asked_of(moment: Moment) -> Question | None:
    """The newest question whether this phase may close."""
    about = [q for q in moment.state.questions.values() if q.phase == moment.run.phase and q.subject]
    return about[-1] if about else None
