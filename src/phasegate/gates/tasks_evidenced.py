"""Open when every task of the phase is linked to evidence that speaks for the tree as it is."""

from __future__ import annotations

from phasegate.evidence.items import CommandSeen, Evidence, NoCoverage, TestsSeen
from phasegate.gates.interface import Moment, Verdict, failed, passed, some, unknown


def gate(moment: Moment) -> Verdict:
    """Links to stale, claimed, failed or incomplete evidence count for nothing."""
    listed = moment.listed
    if listed is None and moment.state.plan:
        return unknown(
            f"the plan lists no phase {moment.run.phase} any more, so nobody knows its tasks",
            remedy="Bring the phase back into the plan.",
        )
    if listed is None or not listed.tasks:
        return passed("the phase lists no tasks")
    bare, stale, read = [], [], []
    for task in listed.tasks:
        linked = [moment.state.evidence.get(id) for id in moment.phase.links.get(task.id, ())]
        fresh = [evidence.id for evidence in linked if evidence and _shows(evidence, moment.subject)]
        read += fresh
        if not linked:
            bare.append(task.id)
        elif not fresh:
            stale.append(task.id)
    reasons = [f"tasks without evidence: {some(bare)}"] if bare else []
    reasons += [f"tasks whose evidence is of another tree, or shows a failure: {some(stale)}"] if stale else []
    if reasons:
        remedy = "Run `phasegate check tests` or `phasegate record -- CMD`, then `phasegate evidence link TASK`."
        return failed(*reasons, remedy=remedy)
    return passed(f"{len(listed.tasks)} tasks are shown by fresh evidence", evidence=tuple(dict.fromkeys(read)))


def _shows(evidence: Evidence, subject: str) -> bool:
    """Whether it is of this tree and shows something done: a failed command or an interrupted run does not."""
    if not evidence.speaks_for(subject):
        return False
    match evidence.seen:
        case TestsSeen(complete=complete):
            return complete
        case CommandSeen(exit_code=code):
            return code == 0
        case NoCoverage():
            return False
    return True
