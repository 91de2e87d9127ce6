"""Open when an investigation has written down what it found."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed


def gate(moment: Moment) -> Verdict:
    """A discovery was noted in this phase since the present step began."""
    since = moment.run.entered
    found = [n for n in moment.state.notes.values() if n.phase == moment.run.phase and n.kind == "discovery"]
    if not any(note.position > since for note in found):
        remedy = 'Run `phasegate note add discovery "WHAT YOU FOUND"`.'
        return failed("no discovery was noted since the step began", remedy=remedy)
    return passed("the finding is noted")
