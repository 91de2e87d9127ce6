"""Open when every task of the phase is linked to evidence, or a note says why it is not."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed, some


def gate(moment: Moment) -> Verdict:
    """Each task has a link, or an open note that names it by its id in `about`."""
    listed = moment.listed
    if listed is None or not listed.tasks:
        return passed("the phase lists no tasks")
    noted = {note.about for note in moment.state.open_notes(moment.run.phase)}
    bare = [task.id for task in listed.tasks if task.id not in moment.phase.links and f"task:{task.id}" not in noted]
    if bare:
        remedy = "Run `phasegate evidence link TASK` for each, or `phasegate note add uncertainty TEXT --task TASK`."
        return failed(f"tasks without an answer: {some(bare)}", remedy=remedy)
    return passed("every task has an answer")
