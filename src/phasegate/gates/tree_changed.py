"""Open when something was changed since the step began."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed, unknown


def gate(moment: Moment) -> Verdict:
    """Compares the tree with the one the newest visit of the present step began on."""
    visit = moment.entered(moment.run.step)
    if not moment.subject or visit is None:
        return unknown("the tree could not be digested", remedy="Run `phasegate doctor`.")
    if visit.subject == moment.subject:
        return failed(
            "nothing has changed since the step began",
            remedy="Do the tasks of the phase; add a note if there is nothing to do.",
        )
    return passed("the tree has changed")
