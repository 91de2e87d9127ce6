"""Open when scanners looked at all code of exactly this tree, and what they found was there before or is waived."""

from __future__ import annotations

from phasegate.gates.found import judged
from phasegate.gates.interface import Moment, Verdict


def gate(moment: Moment) -> Verdict:
    """Is there no weak code that was not there before?"""
    return judged(moment.state, "sast", moment.subject, moment.today, moment.run.phase)
