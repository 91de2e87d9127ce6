"""Open when the licence of every package that exactly this tree names is known, and the policy lets it be."""

from __future__ import annotations

from phasegate.gates.found import judged
from phasegate.gates.interface import Moment, Verdict


def gate(moment: Moment) -> Verdict:
    """Does every package that is new have a licence that is allowed?"""
    return judged(moment.state, "licences", moment.subject, moment.today, moment.run.phase)
