"""Open when every open uncertainty of the phase says what it needs."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed, some


def gate(moment: Moment) -> Verdict:
    """Each open uncertainty or error has a category: implement, research or strategic."""
    notes = [note for note in moment.state.open_notes(moment.run.phase) if note.kind != "discovery"]
    bare = [note.id for note in notes if not note.category]
    if bare:
        remedy = "Run `phasegate note correct ID --category implement|research|strategic` for each."
        return failed(f"without a category: {some(bare)}", remedy=remedy)
    return passed(f"{len(notes)} uncertainties have a category")
