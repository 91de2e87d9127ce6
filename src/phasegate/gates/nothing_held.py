"""Open when no forbidden change stands in the tree."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, passed, some, unknown


def gate(moment: Moment) -> Verdict:
    """A held change leaves everything unknown until it is undone or a person accepts it."""
    if moment.run.held:
        held = some(sorted(moment.run.held))
        remedy = "Undo them, or let a person look: `phasegate answer held`, then `phasegate answer settle PATH`."
        return unknown(f"changes that nobody was allowed to make are held: {held}", remedy=remedy)
    return passed("no change is held")
