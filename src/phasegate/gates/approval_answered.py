"""Open when a person has answered whether a regulated phase may close on the tree as it was put to them."""

from __future__ import annotations

from phasegate.gates.approved import asked_of
from phasegate.gates.interface import Moment, Verdict, passed, unknown


def gate(moment: Moment) -> Verdict:
    """Looks at the newest question about the closing of this phase; each names the tree it was asked about."""
    asked = asked_of(moment)
    if asked is None:
        return unknown("nobody was asked", remedy="Run `phasegate done` at the step that closes the phase.")
    if asked.open:
        remedy = f"A person signs the answer: `phasegate answer approve {asked.id} --signature FILE`. You may stop."
        return unknown(f"waiting for a person: {asked.id}", remedy=remedy)
    return passed(f"{asked.id} is answered")
