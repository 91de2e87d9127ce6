"""Open when no forbidden change stands in the tree."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, passed, some, unknown


def gate(moment: Moment) -> Verdict:
    """A held change leaves everything unknown until it is undone or a person accepts it."""
    if moment.run.held:
        remedy = "Undo them, or let a person accept them: `phasegate answer settle PATH`."
        return unknown(f"changes that no step allowed are held: {some(sorted(moment.run.held))}", remedy=remedy)
    return passed("no change is held")
