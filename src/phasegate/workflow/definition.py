"""What a workflow is: steps, what each may edit, what it leaves on, where it goes next; and the kinds of phases."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from collections.abc import Mapping
from typing import Literal

import msgspec

from phasegate.workflow.plan import KINDS as KINDS
from phasegate.workflow.plan import Kind as Kind

Action = Literal["archive_spike", "ask_approval", "close_phase", "take_next_phase", "defer_phase", "end_run"]
"""What the engine does by itself on entering a step; carried out by the edges, told in events."""

ACTIONS: dict[Action, str] = {
    "archive_spike": "keep the difference of a spike as an artifact",
    "ask_approval": "ask a person whether the phase may close on the tree as it is",
    "close_phase": "archive the evidence, record the closure, tick the plan",
    "take_next_phase": "begin the next phase that is open and not blocked",
    "defer_phase": "defer the phase, write the report, ask the person",
    "end_run": "end the run",
}

LANES = ("trivial", "standard", "regulated")
"""How much ceremony a phase gets, from the least to the most; within a phase the lane only rises by itself."""

FACTS: dict[str, tuple[str, ...]] = {
    "kind": KINDS,
    "lane": LANES,
    "category": ("none", "implement", "research", "strategic"),
    "must_escalate": ("yes", "no"),
    "phases_left": ("yes", "blocked", "no"),
}
"""Facts beside gates that a condition may name, with all the values each can have."""

ASKED = "@asked"
"""A target: the step that the run was in before it began to wait or was interrupted."""


class Condition(msgspec.Struct, frozen=True):
    """`gate` passes (or, with `negated`, does not); or the fact named `gate` has one of `values`."""

    gate: str
    values: tuple[str, ...] = ()
    negated: bool = False

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Whether it holds, given each fact's value; a gate's value is "pass", "fail" or "unknown"."""
        wanted = self.values or ("pass",)
        return (facts[self.gate] in wanted) is not self.negated

    def __str__(self) -> str:
        said = f"{self.gate} is {' or '.join(self.values)}" if self.values else self.gate
        return f"not {said}" if self.negated else said


class Transition(msgspec.Struct, frozen=True):
    """Where to go when all of `when` hold; with `otherwise`, when no other transition of the step applies."""

    to: str
    when: tuple[Condition, ...] = ()
    otherwise: bool = False
    line: int = 0


class Step(msgspec.Struct, frozen=True):
    """One row of a workflow. A step without an instruction in `does` needs no agent: the engine passes through it."""

    name: str
    does: str = ""
    may_edit: tuple[str, ...] = ()
    leaves_when: tuple[str, ...] = ()
    then: tuple[Transition, ...] = ()
    acts: tuple[Action, ...] = ()
    counts_loop: bool = False
    rests: bool = False
    ends: bool = False
    line: int = 0

    @property
    def passes_through(self) -> bool:
        """Whether the engine leaves it without the agent."""
        return not (self.does or self.rests or self.ends)


class PhaseKind(msgspec.Struct, frozen=True):
    """What a kind of phase may edit at most, and the gates that must pass before it closes."""

    name: Kind
    may_edit: tuple[str, ...]
    gates: tuple[str, ...]
    line: int = 0


class Lane(msgspec.Struct, frozen=True):
    """What a lane changes: the step where a task without a plan begins, gates it leaves out, gates it adds."""

    name: str
    start: str = ""
    without: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    line: int = 0


class Workflow(msgspec.Struct, frozen=True):
    """A definition: where a run starts, where an interrupted one resumes, its steps and kinds, and its loop limits."""

    name: str
    start: str
    recovery: str
    steps: tuple[Step, ...]
    kinds: tuple[PhaseKind, ...]
    loop_limit: int = 7
    same_failure_limit: int = 3
    alternation_limit: int = 6
    lanes: tuple[Lane, ...] = ()

    def step(self, name: str) -> Step:
        """The step called `name`; KeyError when there is none (a validated definition names no other)."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def kind(self, name: str) -> PhaseKind:
        """The row of kind `name`; KeyError when there is none."""
        for kind in self.kinds:
            if kind.name == name:
                return kind
        raise KeyError(name)

    def lane(self, name: str) -> Lane:
        """The row of lane `name`; one that changes nothing when there is none."""
        return next((lane for lane in self.lanes if lane.name == name), Lane(name))

    def closing_gates(self, kind: str, lane: str) -> tuple[str, ...]:
        """The gates that must pass before a phase of `kind` closes in `lane`."""
        row = self.lane(lane)
        kept = [gate for gate in self.kind(kind).gates if gate not in row.without]
        return tuple(dict.fromkeys([*kept, *row.gates]))


def condition(text: str) -> Condition:
    """Read `gate`, `not gate`, `fact is a` or `fact is a or b`."""
    words = text.split()
    negated = bool(words) and words[0] == "not"
    words = words[negated:]
    if len(words) == 1:
        return Condition(words[0], negated=negated)
    if len(words) >= 3 and words[1] == "is" and all(word == "or" for word in words[3::2]) and len(words) % 2:
        return Condition(words[0], values=tuple(words[2::2]), negated=negated)
    raise ValueError(f"{text!r} is no condition; write `gate`, `not gate`, `fact is a` or `fact is a or b`")


def go(to: str, *when: str) -> Transition:
    """A transition to `to` when all of the conditions hold (always, when none is given)."""
    return Transition(to, tuple(condition(text) for text in when))


def otherwise(to: str) -> Transition:
    """The transition for when no other applies."""
    return Transition(to, otherwise=True)
