"""Open when every task of the phase is linked to evidence that speaks for the tree as it is."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed, some


def gate(moment: Moment) -> Verdict:
    """Links to stale or claimed evidence count for nothing."""
    listed = moment.listed
    if listed is None or not listed.tasks:
        return passed("the phase lists no tasks")
    bare, stale, read = [], [], []
    for task in listed.tasks:
        linked = [moment.state.evidence.get(id) for id in moment.phase.links.get(task.id, ())]
        fresh = [evidence.id for evidence in linked if evidence and evidence.speaks_for(moment.subject)]
        read += fresh
        if not linked:
            bare.append(task.id)
        elif not fresh:
            stale.append(task.id)
    reasons = [f"tasks without evidence: {some(bare)}"] if bare else []
    reasons += [f"tasks whose evidence is of another tree: {some(stale)}"] if stale else []
    if reasons:
        remedy = "Run `phasegate check tests` or `phasegate record -- CMD`, then `phasegate evidence link TASK`."
        return failed(*reasons, remedy=remedy)
    return passed(f"{len(listed.tasks)} tasks are shown by fresh evidence", evidence=tuple(dict.fromkeys(read)))
