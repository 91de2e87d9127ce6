"""What is next: a pure function of the definition, the step and the facts."""

from __future__ import annotations

from collections.abc import Mapping

from phasegate.workflow.definition import Step, Transition, Workflow


def transition(step: Step, facts: Mapping[str, str]) -> Transition | None:
    """The transition that applies when `step` may be left; None when none does (the step waits).

    `facts` has each gate's verdict ("pass", "fail", "unknown") and the value of each fact in `definition.FACTS`.
    """
    for candidate in step.then:
        if not candidate.otherwise and all(condition.holds(facts) for condition in candidate.when):
            return candidate
    return next((candidate for candidate in step.then if candidate.otherwise), None)


def gates_of(workflow: Workflow, step: Step, kind: str, lane: str) -> tuple[str, ...]:
    """The names of all gates that leaving `step` in a phase of `kind` and `lane` can ask about, each once, in order."""
    named = list(step.leaves_when)
    for candidate in step.then:
        for condition in candidate.when:
            if condition.gate == "kind_gates":
                named.extend(workflow.closing_gates(kind, lane))
            elif not condition.values:
                named.append(condition.gate)
    return tuple(dict.fromkeys(named))
