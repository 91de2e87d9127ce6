"""Open when nothing above minor is open in the phase: no error, no uncertainty, no strategic discovery."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed, some


def gate(moment: Moment) -> Verdict:
    """Discoveries below strategic are for reading; everything else above minor must be settled."""
    open_ = [
        note.id
        for note in moment.state.open_notes(moment.run.phase)
        if note.severity == "strategic" or (note.kind != "discovery" and note.severity != "minor")
    ]
    if open_:
        remedy = "Settle them; `phasegate note list` shows what each waits for."
        return failed(f"open: {some(open_)}", remedy=remedy)
    return passed("no note above minor is open")
