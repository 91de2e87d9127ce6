"""Puts the rules that apply at steps and before a closing into the workflow, where gates are asked by name."""

from __future__ import annotations

from msgspec.structs import replace

from phasegate.rules.rule import CLOSE, LEAD, Rule, Rules
from phasegate.workflow.definition import LANES, PhaseKind, Step, Workflow


def woven(workflow: Workflow, rules: Rules) -> Workflow:
    """`workflow` with each rule as one gate more of the steps and kinds that it names; none is taken away."""
    steps = tuple(_step(step, rules.at(step.name)) for step in workflow.steps)
    kinds = tuple(_kind(kind, rules.at(CLOSE)) for kind in workflow.kinds)
    return replace(workflow, steps=steps, kinds=kinds)


def unwoven(workflow: Workflow) -> Workflow:
    """`workflow` without the rules that were put into it."""
    steps = tuple(replace(step, leaves_when=_without(step.leaves_when)) for step in workflow.steps)
    kinds = tuple(replace(kind, gates=_without(kind.gates)) for kind in workflow.kinds)
    return replace(workflow, steps=steps, kinds=kinds)


def as_rules(workflow: Workflow) -> tuple[Rule, ...]:
    """The gates that a workflow names, at steps and before closings, as the rules that demand the same."""
    at_steps = (
        Rule(f"{gate}-at-{step.name}".replace("_", "-"), gate=gate, at=(step.name,))
        for step in workflow.steps
        for gate in step.leaves_when
    )
    gates = dict.fromkeys(gate for kind in workflow.kinds for gate in kind.gates)
    closing = (_closing(gate, workflow) for gate in gates)
    of_lanes = (
        Rule(f"{gate}-closes-{lane.name}".replace("_", "-"), gate=gate, at=(CLOSE,), lanes=(lane.name,))
        for lane in workflow.lanes
        for gate in lane.gates
    )
    return (*at_steps, *closing, *of_lanes)


def _closing(gate: str, workflow: Workflow) -> Rule:
    kinds = tuple(kind.name for kind in workflow.kinds if gate in kind.gates)
    left_out = {lane.name for lane in workflow.lanes if gate in lane.without}
    lanes = tuple(lane for lane in LANES if lane not in left_out) if left_out else ()
    every = len(kinds) == len(workflow.kinds)
    return Rule(f"{gate}-closes".replace("_", "-"), gate=gate, at=(CLOSE,), kinds=() if every else kinds, lanes=lanes)


def _without(gates: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(gate for gate in gates if not gate.startswith(LEAD))


def _step(step: Step, rules: tuple[Rule, ...]) -> Step:
    return replace(step, leaves_when=_with(step.leaves_when, rules)) if rules else step


def _kind(kind: PhaseKind, rules: tuple[Rule, ...]) -> PhaseKind:
    meant = tuple(rule for rule in rules if not rule.kinds or kind.name in rule.kinds)
    return replace(kind, gates=_with(kind.gates, meant)) if meant else kind


def _with(gates: tuple[str, ...], rules: tuple[Rule, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*gates, *(f"{LEAD}{rule.id}" for rule in rules)]))
