"""Why a workflow cannot run: every fault of a definition, with its line, its reason and a remedy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import chain, combinations, islice
from typing import NamedTuple, get_args

import msgspec

from phasegate.settings import FileClass
from phasegate.workflow.choices import both_apply, contradiction, gap, needs, targets
from phasegate.workflow.definition import ACTIONS, ASKED, FACTS, KINDS, LANES, Condition, Step, Transition, Workflow
from phasegate.workflow.paths import Graph, backwards, cycles, reachable, without

KIND_GATES = "kind_gates"
"""Stands in a condition for all gates of the phase's kind."""

PHASE_ACTIONS = frozenset({"take_next_phase", "close_phase"})
"""A cycle through one of these ends with the last phase, if it heeds that there is no other."""


class _Tail(NamedTuple):
    """What a run without end would come to: facts that stay as they are, and what a cycle then still does for ever."""

    given: dict[str, str]
    reason: str
    remedy: str


TAILS = (
    _Tail({}, "counts no loop", "Mark one of its steps with `counts_loop`."),
    _Tail(
        {"must_escalate": "yes"},
        "goes on when the loop limit is reached",
        "Lead out of it when `must_escalate is yes`.",
    ),
    _Tail({"phases_left": "no"}, "goes on when no phase is left", "Lead out of it when `phases_left is no`."),
    _Tail(
        {"must_escalate": "yes", "phases_left": "no"},
        "goes on when the loop limit is reached and no phase is left",
        "Lead out of it when `must_escalate is yes`, or when `phases_left is no`.",
    ),
)

FILE_CLASSES = tuple(each for each in get_args(FileClass) if each != "own")
"""What may be edited, beside patterns of paths."""

NAME_LENGTH = 80

MOST_PASSED = 50
"""Steps that the engine may pass through at once."""

MOST_LISTED = 24

MOST_DRAWN = 6

MOST_PROBLEMS = 100
"""Nobody reads more at once, and looking for what was meant takes time."""


class Problem(msgspec.Struct, frozen=True):
    """One fault. `at` is the way to it through keys and positions, such as ("step", 2, "then", 0)."""

    line: int
    step: str
    reason: str
    remedy: str
    at: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        where = f"step {shown(self.step)}: " if self.step else ""
        return f"{where}{self.reason} {self.remedy}"


def problems(workflow: Workflow, *, gates: Collection[str]) -> tuple[Problem, ...]:
    """The faults of `workflow`, where `gates` are the names of the gates there are; empty when it can run.

    What follows from another fault is not reported beside it: arrows are followed when all of them lead to a step,
    and the choices of a step are judged when all its words are known.
    """
    places = _first(_headings(workflow), _names(workflow), _targets(workflow))
    words = _first(_kinds(workflow, gates), _lanes(workflow, gates), _words(workflow, gates), _shapes(workflow))
    misread = {problem.step for problem in words if not {"leaves_when", "may_edit"}.intersection(problem.at)}
    rows = [(position, step) for position, step in enumerate(workflow.steps) if step.name not in misread]
    choices = _first(*(_choices(position, step) for position, step in rows))
    ways = [] if places else _ways(workflow, misread | {problem.step for problem in choices})
    found = sorted([*places, *words, *_first(_closings(workflow)), *choices, *ways], key=lambda problem: problem.line)
    return tuple(found[:MOST_PROBLEMS])


def _first(*sources: Iterable[Problem]) -> list[Problem]:
    return list(islice(chain.from_iterable(sources), MOST_PROBLEMS))


def suggestion(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant; empty when none is near."""
    near = get_close_matches(word, list(known), n=1) if len(word) <= NAME_LENGTH else []
    return near[0] if near else ""


def meant(word: str, known: Collection[str]) -> str:
    """A remedy for an unknown word: the nearest known one, else all of them."""
    if near := suggestion(word, known):
        return f"Did you mean {shown(near)}?"
    listed = sorted(known)[:MOST_LISTED]
    more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    return f"Known are: {', '.join(map(shown, listed)) or 'none'}{more}."


def shown(text: str) -> str:
    """`text` in quotes, fit for one line of a terminal: shortened, and escaped where it does not print."""
    return repr(text if len(text) <= NAME_LENGTH else f"{text[: NAME_LENGTH - 3]}...")


def _headings(workflow: Workflow) -> Iterator[Problem]:
    names = [step.name for step in workflow.steps]
    for key, name in (("start", workflow.start), ("recovery", workflow.recovery)):
        if name not in names:
            yield Problem(0, "", f"{key} names the unknown step {shown(name)}.", meant(name, names), (key,))
    for key in ("loop_limit", "same_failure_limit", "alternation_limit"):
        if (limit := getattr(workflow, key)) < 1:
            yield Problem(0, "", f"{key} is {limit}.", "Give a number of at least 1.", (key,))
    if sum(step.passes_through for step in workflow.steps) > MOST_PASSED:
        remedy = "Say in `does` what the agent does there."
        yield Problem(0, "", f"More than {MOST_PASSED} steps need no agent.", remedy, ("step",))
    if workflow.steps and not any(step.ends or "end_run" in step.acts for step in workflow.steps):
        yield Problem(0, "", "No step ends the run.", "Mark the last one with `ends`.", ("step",))


def _names(workflow: Workflow) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, step in enumerate(workflow.steps):
        at = ("step", position, "name")
        if not step.name.strip() or not step.name.isprintable() or step.name == ASKED or len(step.name) > NAME_LENGTH:
            remedy = f"Give it one of 1 to {NAME_LENGTH} printable characters, other than {ASKED}."
            yield Problem(step.line, step.name, f"{shown(step.name)} cannot be the name of a step.", remedy, at)
        elif step.name in seen:
            yield Problem(step.line, step.name, "Another step has this name.", "Rename or remove one of them.", at)
        seen.add(step.name)


def _targets(workflow: Workflow) -> Iterator[Problem]:
    known = {ASKED, *(step.name for step in workflow.steps)}
    for position, step in enumerate(workflow.steps):
        for index, transition in enumerate(step.then):
            if transition.to not in known:
                reason = f"A transition leads to the unknown step {shown(transition.to)}."
                at = ("step", position, "then", index, "to")
                yield Problem(transition.line or step.line, step.name, reason, meant(transition.to, known), at)


def _kinds(workflow: Workflow, gates: Collection[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, kind in enumerate(workflow.kinds):
        at = ("kind", position, "name")
        if kind.name not in KINDS:
            yield Problem(kind.line, "", f"Unknown kind {shown(kind.name)}.", meant(kind.name, KINDS), at)
        elif kind.name in seen:
            yield Problem(kind.line, "", f"The kind {kind.name} has two rows.", "Remove one of them.", at)
        seen.add(kind.name)
        for index, gate in enumerate(kind.gates):
            if found := _no_gate(gate, gates):
                yield Problem(kind.line, "", *found, ("kind", position, "gates", index))
        for index, entry in enumerate(kind.may_edit):
            if found := _no_files(entry):
                yield Problem(kind.line, "", *found, ("kind", position, "may_edit", index))
    missing = [kind for kind in KINDS if kind not in seen]
    # A row with an unknown or a repeated name is probably the one that is missing.
    if missing and len(workflow.kinds) < len(KINDS):
        reason = f"No row for phases of kind {', '.join(missing)}."
        yield Problem(0, "", reason, "Give each kind a row: what it may edit, and its gates.", ("kind",))


def _lanes(workflow: Workflow, gates: Collection[str]) -> Iterator[Problem]:
    working = [step.name for step in workflow.steps if step.does]
    seen: set[str] = set()
    for position, lane in enumerate(workflow.lanes):
        if lane.name not in LANES:
            reason, at = f"Unknown lane {shown(lane.name)}.", ("lane", position, "name")
            yield Problem(lane.line, "", reason, meant(lane.name, LANES), at)
        elif lane.name in seen:
            reason = f"The lane {lane.name} has two rows."
            yield Problem(lane.line, "", reason, "Remove one of them.", ("lane", position, "name"))
        seen.add(lane.name)
        if lane.start and lane.start not in working:
            reason = f"The lane {shown(lane.name)} starts at {shown(lane.start)}, which is no step for an agent."
            yield Problem(lane.line, "", reason, meant(lane.start, working), ("lane", position, "start"))
        for key, named in (("without", lane.without), ("gates", lane.gates)):
            for index, gate in enumerate(named):
                if found := _no_gate(gate, gates):
                    yield Problem(lane.line, "", *found, ("lane", position, key, index))


def _words(workflow: Workflow, gates: Collection[str]) -> Iterator[Problem]:
    for position, step in enumerate(workflow.steps):
        for index, gate in enumerate(step.leaves_when):
            if found := _no_gate(gate, gates):
                yield Problem(step.line, step.name, *found, ("step", position, "leaves_when", index))
        for index, entry in enumerate(step.may_edit):
            if found := _no_files(entry):
                yield Problem(step.line, step.name, *found, ("step", position, "may_edit", index))
        for index, action in enumerate(step.acts):
            if action not in ACTIONS:
                reason = f"Unknown action {shown(action)}."
                yield Problem(step.line, step.name, reason, meant(action, ACTIONS), ("step", position, "acts", index))
        for index, transition in enumerate(step.then):
            for which, condition in enumerate(transition.when):
                if found := _no_condition(condition, gates):
                    at = ("step", position, "then", index, "when", which)
                    yield Problem(transition.line or step.line, step.name, *found, at)


def _no_gate(name: str, gates: Collection[str]) -> tuple[str, str] | None:
    """Reason and remedy when `name` cannot stand where only gates may; None when it can."""
    if name in gates:
        return None
    if name in FACTS or name == KIND_GATES:
        return f"{shown(name)} is no gate.", "Name gates here; use it in the `when` of a transition."
    return f"Unknown gate {shown(name)}.", meant(name, gates)


def _no_files(entry: str) -> tuple[str, str] | None:
    """Reason and remedy when `entry` names neither a class of files nor a pattern of paths; None when it does."""
    if entry in FILE_CLASSES or "/" in entry or "*" in entry:
        return None
    remedy = f"{meant(entry, FILE_CLASSES)} A pattern has a `/` or a `*`, as in `src/**`."
    return f"{shown(entry)} is no class of files and no pattern.", remedy


def _no_condition(condition: Condition, gates: Collection[str]) -> tuple[str, str] | None:
    """Reason and remedy when `condition` can never be asked; None when it can."""
    name, values = condition.gate, condition.values
    if name in FACTS:
        return _no_values(name, values)
    if name.split() != [name]:
        return f"{shown(name)} is no condition.", "Write `gate`, `not gate`, `fact is a` or `fact is a or b`."
    if name not in gates and name != KIND_GATES:
        return f"Unknown gate or fact {shown(name)}.", meant(name, {*gates, *FACTS, KIND_GATES})
    if values:
        return f"{shown(name)} is a gate and has no values.", f"Write `{name}` or `not {name}`."
    return None


def _no_values(fact: str, values: tuple[str, ...]) -> tuple[str, str] | None:
    unknown = [value for value in values if value not in FACTS[fact]]
    if unknown:
        return f"The fact {fact} is never {shown(unknown[0])}.", meant(unknown[0], FACTS[fact])
    if not values:
        return f"{fact} is a fact, and no value is named.", f"Write `{fact} is {' or '.join(FACTS[fact][:2])}`."
    return None


def _shapes(workflow: Workflow) -> Iterator[Problem]:
    """Rows whose parts contradict each other."""
    recovery = workflow.recovery if workflow.recovery in {step.name for step in workflow.steps} else ""
    for position, step in enumerate(workflow.steps):
        for reason, remedy in _misshapen(step, returns=step.rests or recovery in ("", step.name)):
            yield Problem(step.line, step.name, reason, remedy, ("step", position))


def _misshapen(step: Step, *, returns: bool) -> Iterator[tuple[str, str]]:
    if _returns(step) and not returns:
        yield f"Nobody asked in it, so it cannot return to {ASKED}.", "Mark it with `rests`, or name a step."
    if step.ends and step.rests:
        yield "It both rests and ends.", "A run that waits goes on; keep one of the two."
    if step.ends and (step.then or step.leaves_when):
        yield "It ends the run, so nothing can follow.", "Remove `ends`, or `then` and `leaves_when`."
    if not step.ends and "end_run" in step.acts:
        yield "It acts `end_run` but is no end.", "Mark it with `ends`."
    elif not step.ends and not step.then:
        idle = not (step.does or step.acts or step.rests)
        reason = "It neither does, acts, rests, ends nor passes on." if idle else "No transition leads out of it."
        yield reason, "Say in `then` where it goes, or mark it with `ends`."


def _closings(workflow: Workflow) -> Iterator[Problem]:
    """Ways into a step that closes a phase, which must all ask the gates of the phase's kind."""
    closing = {step.name for step in workflow.steps if "close_phase" in step.acts}
    for key, name in (("start", workflow.start), ("recovery", workflow.recovery)):
        if name in closing:
            reason = f"{key} names {shown(name)}, which closes a phase before its gates were asked."
            yield Problem(0, "", reason, f'Lead to it by a transition with when = ["{KIND_GATES}"].', (key,))
    for position, step in enumerate(workflow.steps):
        for index, each in enumerate(step.then):
            if each.to in closing and Condition(KIND_GATES) not in each.when:
                reason = f"It leads to {shown(each.to)}, which closes a phase, without asking the gates of its kind."
                remedy = f'Add "{KIND_GATES}" to its `when`.'
                yield Problem(each.line or step.line, step.name, reason, remedy, ("step", position, "then", index))


def _choices(position: int, step: Step) -> Iterator[Problem]:
    """Transitions of one step that contradict themselves or each other, or leave a situation open."""
    chosen = [(index, each, needs(each)) for index, each in enumerate(step.then) if not each.otherwise]
    fallbacks = [(index, each) for index, each in enumerate(step.then) if each.otherwise]

    def told(index: int, reason: str, remedy: str) -> Problem:
        return Problem(step.then[index].line or step.line, step.name, reason, remedy, ("step", position, "then", index))

    for index, each in fallbacks:
        if each.when:
            yield told(index, "An otherwise has conditions.", "Remove `when`, or `otherwise`.")
    for index, _ in fallbacks[1:]:
        yield told(index, "It has more than one otherwise.", "Keep one of them.")
    for index, each, needed in chosen:
        if name := contradiction(needed):
            yield told(index, f"The {_said(each)} can never apply: {name} cannot be both.", "Remove one condition.")
    able = [each for each in chosen if not contradiction(each[2])]
    for (_, one, needed), (index, other, also_needed) in combinations(able, 2):
        if both_apply(needed, also_needed):
            reason = f"The {_said(other)} and the {_said(one)} can both apply."
            yield told(index, reason, "Make their conditions exclude each other.")
    if step.then and not fallbacks and (open_case := gap([needed for _, _, needed in chosen])):
        case = ", ".join(f"{name} is {value}" for name, value in open_case.items())
        reason, remedy = f"No transition applies when {case}.", "Add a transition for it, or an otherwise."
        yield Problem(step.line, step.name, reason, remedy, ("step", position))


def _said(transition: Transition) -> str:
    conditions = " and ".join(str(condition) for condition in transition.when) or "always"
    return f"transition to {shown(transition.to)} ({conditions})"


def _ways(workflow: Workflow, unclear: Collection[str]) -> list[Problem]:
    """Faults of the graph. A step in `unclear` may go wherever it says, and is trusted to end its cycles in time."""
    arrows = {
        step.name: _onwards(targets(step, {}) if step.name not in unclear else {each.to for each in step.then})
        for step in workflow.steps
    }
    trapped = _trapped(workflow, arrows)
    return _first(
        _unreachable(workflow, arrows),
        _endless(workflow, trapped),
        _circles(workflow, {*unclear, *trapped}),
    )


def _onwards(found: Iterable[str]) -> list[str]:
    """`found` without returns to the step that asked, for these lead where the run has been before."""
    return sorted(set(found) - {ASKED})


def _unreachable(workflow: Workflow, arrows: Graph) -> Iterator[Problem]:
    """Steps no way leads to; of a chain of them, the first, for the others follow from it."""
    reached = reachable(arrows, [workflow.start, workflow.recovery])
    lost = without(arrows, reached)
    sources = backwards(lost)
    for name in sorted(lost, key=lambda each: bool(set(sources[each]) - {each})):
        if name not in reached:
            reached |= reachable(arrows, [name])
            reason = f"No way leads to it from {shown(workflow.start)} or {shown(workflow.recovery)}."
            yield _of_step(workflow, name, reason, "Add a transition to it, or remove it.")


def _trapped(workflow: Workflow, arrows: Graph) -> list[str]:
    """Steps from which no way leads to an end; a step with no way out at all is told of elsewhere."""
    final = [step.name for step in workflow.steps if step.ends or not step.then or _returns(step)]
    leading = reachable(backwards(arrows), final)
    return [name for name in arrows if name not in leading]


def _endless(workflow: Workflow, trapped: Sequence[str]) -> Iterator[Problem]:
    if trapped:
        others = f" (nor from {', '.join(map(shown, trapped[1:5]))})" if trapped[1:] else ""
        reason = f"No way leads from it to an end{others}."
        yield _of_step(workflow, trapped[0], reason, "Add a transition that leads towards an end.")


def _returns(step: Step) -> bool:
    return any(each.to == ASKED for each in step.then)


def _circles(workflow: Workflow, unclear: Collection[str]) -> Iterator[Problem]:
    """Cycles without the agent, or that nothing bounds: each must count a loop or take a phase, and heed the last."""
    clear = [step for step in workflow.steps if step.name not in unclear]
    passed = {step.name: _onwards(targets(step, {})) for step in clear if step.passes_through}
    for cycle in cycles(without(passed, {step.name for step in workflow.steps} - passed.keys())):
        yield _of_step(
            workflow, cycle[0], f"The cycle {_drawn(cycle)} never meets the agent.", "Say in `does` what it does."
        )
        unclear = {*unclear, *cycle}
    for tail in TAILS:
        ending = {step.name for step in workflow.steps if _ends_in_time(step, tail)}
        arrows = {step.name: _onwards(targets(step, tail.given)) for step in clear}
        found = list(cycles(without(arrows, {*ending, *unclear})))
        for cycle in found:
            yield _of_step(workflow, cycle[0], f"The cycle {_drawn(cycle)} {tail.reason}.", tail.remedy)
        if found:
            return


def _ends_in_time(step: Step, tail: _Tail) -> bool:
    """Whether a cycle through `step` ends before the facts of `tail` stay as they are."""
    counts = step.counts_loop and "must_escalate" not in tail.given
    return counts or ("phases_left" not in tail.given and bool(PHASE_ACTIONS.intersection(step.acts)))


def _drawn(cycle: list[str]) -> str:
    names = cycle if len(cycle) <= MOST_DRAWN else [*cycle[:4], "...", cycle[-1]]
    return " -> ".join(names)


def _of_step(workflow: Workflow, name: str, reason: str, remedy: str) -> Problem:
    position, step = next((position, step) for position, step in enumerate(workflow.steps) if step.name == name)
    return Problem(step.line, name, reason, remedy, ("step", position))
