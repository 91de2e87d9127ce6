"""Open when a person answered what the strategic uncertainties of the phase ask."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed, some, unknown


def gate(moment: Moment) -> Verdict:
    """Every open strategic note of the phase has a question, and every such question an answer."""
    notes = [note for note in moment.state.open_notes(moment.run.phase) if note.category == "strategic"]
    questions = {question.note: question for question in moment.state.questions.values() if question.note}
    unasked = [note.id for note in notes if note.id not in questions]
    if unasked:
        remedy = 'Write the documents, then run `phasegate note ask ID "QUESTION"`.'
        return failed(f"not yet put to a person: {some(unasked)}", remedy=remedy)
    waiting = [questions[note.id].id for note in notes if questions[note.id].open]
    if waiting:
        remedy = "A person answers with `phasegate answer approve ID` or `phasegate answer reject ID`."
        return unknown(f"waiting for a person: {some(waiting)}", remedy=remedy)
    return passed("a person has answered")
