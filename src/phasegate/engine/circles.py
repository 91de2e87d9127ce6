"""When a phase goes round in circles: too many loops, the same failure again, two steps in turn, nothing changed."""

from __future__ import annotations

from itertools import pairwise

from phasegate.ledger.state import PhaseRecord, RunRecord, Visit
from phasegate.workflow.definition import Workflow


def circling(run: RunRecord, phase: PhaseRecord, workflow: Workflow) -> str:
    """Why the phase must be escalated, as a clause; empty when it need not be."""
    visits = [visit for visit in run.trail if visit.phase == phase.id]
    loops = [visit for visit in visits if visit.loop][-phase.loops :] if phase.loops else []
    if phase.loops >= workflow.loop_limit:
        return f"it has gone through {phase.loops} loops, and {workflow.loop_limit} is the limit"
    recent = loops[-workflow.same_failure_limit :]
    if len(recent) == workflow.same_failure_limit:
        if recent[0].failure and len({visit.failure for visit in recent}) == 1:
            return f"the same tests failed in the same way {len(recent)} times"
        if recent[0].subject and len({visit.subject for visit in recent}) == 1:
            return f"nothing in the tree has changed over {len(recent)} loops"
    return _alternating(visits, workflow.alternation_limit)


def _alternating(visits: list[Visit], limit: int) -> str:
    """Two steps taking turns on one and the same tree."""
    last = visits[-limit:]
    steps = [visit.step for visit in last]
    if len(last) < limit or len(set(steps)) != 2 or len({visit.subject for visit in last}) != 1:
        return ""
    if any(first == second for first, second in pairwise(steps)):
        return ""
    return f"{steps[-2]} and {steps[-1]} have taken turns {limit} times on the same tree"
