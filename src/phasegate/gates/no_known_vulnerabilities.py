"""Open when every package that exactly this tree names was looked up, and has no known hole but old and waived ones."""

from __future__ import annotations

from phasegate.gates.found import judged
from phasegate.gates.interface import Moment, Verdict


def gate(moment: Moment) -> Verdict:
    """Do the packages have no known hole that was not there before?"""
    return judged(moment.state, "deps", moment.subject, moment.today, moment.run.phase)
