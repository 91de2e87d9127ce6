"""`workflow.md`, `gates.md` and `steps.md`: the default workflow as a picture, as tables, and as the agent reads it."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from phasegate.context.instruction import instruction
from phasegate.entrypoints.reference.markdown import code, doc, fenced, page, table
from phasegate.gates.interface import Gate, Moment
from phasegate.ledger.state import PhaseRecord, RunRecord, State
from phasegate.settings import Settings
from phasegate.workflow.definition import ACTIONS, FACTS, Lane, Step, Transition, Workflow
from phasegate.workflow.mermaid import mermaid
from phasegate.workflow.next import gates_of
from phasegate.workflow.plan import Phase, Task

PICTURE = """Square boxes are steps where the agent works, rounded ones are passed through by phasegate alone. A dashed
frame counts a loop of the phase, a double frame rests or ends."""

LANES = """How much ceremony a phase gets. A task without a plan begins in `trivial`, a phase of the plan
in `standard`. A lane may only rise by itself within a phase: when the difference since its start outgrows it."""

STEPS = """What the agent is told on entering each step, on a feature phase with two tasks. The text is the one
`phasegate next` prints; steps that phasegate passes through by itself have none."""

GATES = """A gate is a question about evidence. It says *pass*, *fail* or *unknown*, with reasons and a remedy; unknown
never passes. `phasegate why GATE` asks one now."""


def workflow_page(workflow: Workflow) -> str:
    """A workflow: its picture, its steps, its kinds, and what conditions can speak of."""
    limits = (
        f"A phase is put to a person after {workflow.loop_limit} loops, when the same failure came "
        f"{workflow.same_failure_limit} times, when nothing changed over as many loops, or when two steps took turns "
        f"{workflow.alternation_limit} times on the same tree."
    )
    return page(
        f"The {workflow.name} workflow", PICTURE, fenced(mermaid(workflow), "mermaid"), limits,
        "## Steps", table(("step", "may edit", "leaves when", "then"), map(_step, workflow.steps)),
        "## What phasegate does by itself", table(("step", "does"), _acts(workflow)),
        "## Kinds of phases", "A step lets the agent edit what both the step and the kind of the phase name.",
        table(("kind", "may edit", "closes when these gates pass"),
              ((code(kind.name), code(*kind.may_edit), code(*kind.gates)) for kind in workflow.kinds)),
        "## Lanes", LANES,
        table(("lane", "a task begins at", "leaves out these gates", "adds these"), map(_lane, workflow.lanes)),
        "## Facts that conditions name", "`kind_gates` stands for every gate of the phase's kind.",
        table(("fact", "values"), ((code(name), code(*values)) for name, values in FACTS.items())),
    )  # fmt: skip


def _step(step: Step) -> tuple[str, str, str, str]:
    name = f"`{step.name}`" + (" (counts a loop)" if step.counts_loop else "")
    ways = "; ".join(map(_way, step.then)) or ("rests" if step.rests else "ends")
    return name, code(*step.may_edit), code(*step.leaves_when), ways


def _lane(lane: Lane) -> tuple[str, str, str, str]:
    return code(lane.name), code(*filter(None, [lane.start])), code(*lane.without), code(*lane.gates)


def _way(transition: Transition) -> str:
    target = "the step that asked" if transition.to.startswith("@") else f"`{transition.to}`"
    condition = " and ".join(map(str, transition.when))
    return f"{target} otherwise" if transition.otherwise else f"{target} if {condition}" if condition else target


def _acts(workflow: Workflow) -> list[tuple[str, str]]:
    return [(code(step.name), "; ".join(ACTIONS[act] for act in step.acts)) for step in workflow.steps if step.acts]


def gates_page(gates: Mapping[str, Gate], workflow: Workflow) -> str:
    """Every gate: when it is open, how it judges, who asks it."""
    return page("Gates", GATES, *(_gate(name, gate, workflow) for name, gate in sorted(gates.items())))


def _gate(name: str, gate: Gate, workflow: Workflow) -> str:
    opens = doc(sys.modules[gate.__module__])
    kinds = [kind.name for kind in workflow.kinds if name in kind.gates]
    steps = [step.name for step in workflow.steps if any(name in gates_of(_bare(workflow), step, k.name, "standard")
                                                         for k in workflow.kinds)]  # fmt: skip
    asked = [f"asked in {code(*steps)}"] if steps else []
    asked += [f"closes phases of kind {code(*kinds)}"] if kinds else []
    said = " and ".join(asked) or "not asked by the default workflow"
    return f"## {name}\n\n{opens}\n\n{doc(gate)}\n\n{said[0].upper()}{said[1:]}."


def _bare(workflow: Workflow) -> Workflow:
    """The workflow without what its kinds demand, so that only what a step itself names is left."""
    from msgspec.structs import replace

    return replace(workflow, lanes=(), kinds=tuple(replace(kind, gates=()) for kind in workflow.kinds))


def steps_page(workflow: Workflow) -> str:
    """What the agent is told at each step."""
    told = [f"## {step.name}\n\n{fenced(_told(workflow, step), 'text')}" for step in workflow.steps
            if not step.passes_through]  # fmt: skip
    return page("What the agent is told", STEPS, *told)


def _told(workflow: Workflow, step: Step) -> str:
    tasks = (Task("1.1", "The first task", False, 3), Task("1.2", "The second task", False, 4))
    phase = Phase("1", "Title of the phase", "feature", True, "", tasks, (), False, 1, False, "", "")
    run = RunRecord("run-1", "/project", "start", workflow.name, step.name, phase="1")
    record = PhaseRecord("1", "started", "feature", run.id)
    state = State(plan=(phase,), phases={"1": record}, runs={run.id: run})
    return instruction(Moment(state, run, Settings(), ""), workflow)
