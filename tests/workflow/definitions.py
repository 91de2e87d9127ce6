"""Definitions to test with: a small legal text, random legal workflows, and random changes that may break them."""

from __future__ import annotations

import os
from itertools import product

import msgspec
from hypothesis import strategies as st

from phasegate.gates.catalog import CATALOG
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import ASKED, FACTS, KINDS, Condition, Step, Transition, Workflow

GATES = frozenset(CATALOG)

TIMES = 40 if os.environ.get("PHASEGATE_TIER") == "release" else 1
"""How many times as many random definitions are tried."""

SMALL = """\
name = "small"
start = "work"
recovery = "again"

[[step]]
name = "work"
does = "Do it."
leaves_when = ["tests_ran"]
[[step.then]]
to = "close"
when = ["no_new_red", "kind_gates"]
[[step.then]]
to = "look"
otherwise = true

[[step]]
name = "look"
does = "Look at what is wrong."
counts_loop = true
[[step.then]]
to = "ask"
when = ["must_escalate is yes"]
[[step.then]]
to = "work"
when = ["must_escalate is no"]

[[step]]
name = "close"
acts = ["close_phase", "take_next_phase"]
[[step.then]]
to = "work"
when = ["phases_left is yes"]
[[step.then]]
to = "ask"
when = ["phases_left is blocked"]
[[step.then]]
to = "done"
when = ["phases_left is no"]

[[step]]
name = "ask"
rests = true
[[step.then]]
to = "@asked"

[[step]]
name = "again"
[[step.then]]
to = "@asked"

[[step]]
name = "done"
ends = true
acts = ["end_run"]

[[kind]]
name = "feature"
may_edit = ["source"]
gates = ["tests_ran", "covered"]
""" + "".join(f'[[kind]]\nname = "{kind}"\nmay_edit = ["source"]\ngates = []\n' for kind in KINDS[1:])


def line_of(text: str, part: str) -> int:
    """The line of `text` on which `part` first begins."""
    assert part in text, f"{part!r} is not in the text"
    return text[: text.index(part)].count("\n") + 1


def bare(workflow: Workflow) -> Workflow:
    """`workflow` without line numbers."""
    steps = tuple(
        msgspec.structs.replace(
            step, line=0, then=tuple(msgspec.structs.replace(transition, line=0) for transition in step.then)
        )
        for step in workflow.steps
    )
    kinds = tuple(msgspec.structs.replace(kind, line=0) for kind in workflow.kinds)
    lanes = tuple(msgspec.structs.replace(lane, line=0) for lane in workflow.lanes)
    return msgspec.structs.replace(workflow, steps=steps, kinds=kinds, lanes=lanes)


names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12).filter(
    lambda name: name != ASKED
)
"""Hostile, printable names: quotes, brackets, hashes, every script."""

gates = st.sampled_from(sorted(GATES)[:3])
files = st.one_of(
    st.sampled_from(["tests", "source", "docs", "config"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(lambda text: f"{text}/**"),
)
words = st.lists(files, max_size=3).map(tuple)
conditions = st.one_of(
    st.builds(Condition, gates, negated=st.booleans()),
    st.sampled_from(sorted(FACTS)).flatmap(
        lambda fact: st.builds(
            Condition,
            st.just(fact),
            st.lists(st.sampled_from(FACTS[fact]), min_size=1, max_size=3, unique=True).map(tuple),
            st.booleans(),
        )
    ),
)


@st.composite
def legal_workflows(draw: st.DrawFn) -> Workflow:
    """Steps in a row up to an end, with branches forwards, and ways back where a loop is counted or a phase taken."""
    called = draw(st.lists(names, min_size=2, max_size=5, unique=True))
    steps = [_step(draw, called, position) for position in range(len(called) - 1)]
    last = Step(called[-1], ends=True, acts=("end_run",))
    limits = st.integers(1, 2**40)
    return Workflow(
        draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=9)),
        start=called[0],
        recovery=draw(st.sampled_from(called)),
        steps=(*steps, last),
        kinds=DEFAULT.kinds,
        loop_limit=draw(limits),
        same_failure_limit=draw(limits),
        alternation_limit=draw(limits),
    )


def _step(draw: st.DrawFn, called: list[str], position: int) -> Step:
    forwards, onwards = st.sampled_from(called[position + 1 :]), called[position + 1]
    returns = st.sampled_from(called)
    counts, takes = draw(st.booleans()), draw(st.booleans())
    then = _branches(draw, forwards, onwards)
    if counts:
        then = _bounded("must_escalate", "yes", onwards, _branches(draw, returns, onwards))
    elif takes:
        then = _bounded("phases_left", "no", onwards, _branches(draw, returns, onwards))
    return Step(
        called[position],
        does=draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=counts or takes, max_size=20)),
        may_edit=draw(words),
        leaves_when=tuple(draw(st.lists(gates, max_size=2))),
        then=tuple(then),
        acts=("take_next_phase",) if takes else (),
        counts_loop=counts,
        rests=draw(st.booleans()),
    )


def _bounded(fact: str, last: str, onwards: str, branches: list[Transition]) -> list[Transition]:
    """`branches` while `fact` is not yet `last`, then onwards."""
    earlier = Condition(fact, tuple(value for value in FACTS[fact] if value != last))
    kept = [msgspec.structs.replace(each, when=(earlier, *each.when)) for each in _spelt_out(branches)]
    return [Transition(onwards, (Condition(fact, (last,)),)), *kept]


def _branches(draw: st.DrawFn, targets: st.SearchStrategy[str], onwards: str) -> list[Transition]:
    """Transitions that cover everything and exclude each other; one of them leads onwards."""
    shape = draw(st.sampled_from(["always", "gate", "fact", "otherwise"]))
    if shape == "always":
        return [Transition(onwards)]
    if shape == "fact":
        first, *others = FACTS["kind"]
        return [
            Transition(onwards, (Condition("kind", (first,)),)),
            Transition(draw(targets), (Condition("kind", tuple(others)),)),
        ]
    gate = draw(gates)
    fallback = Transition(onwards, (Condition(gate, negated=True),))
    if shape == "otherwise":
        fallback = Transition(onwards, otherwise=True)
    return [Transition(draw(targets), (Condition(gate),)), fallback]


def _spelt_out(branches: list[Transition]) -> list[Transition]:
    """The same with the otherwise as a condition, so that more can be added to it."""
    taken = branches[0].when
    return [
        Transition(each.to, (msgspec.structs.replace(taken[0], negated=True),)) if each.otherwise else each
        for each in branches
    ]


@st.composite
def changed_workflows(draw: st.DrawFn) -> Workflow:
    """Legal workflows after a few changes, any of which may make them illegal."""
    workflow = draw(legal_workflows())
    for _ in range(draw(st.integers(1, 3))):
        position = draw(st.integers(0, len(workflow.steps) - 1))
        steps = list(workflow.steps)
        steps[position] = _changed(draw, workflow, steps[position])
        workflow = msgspec.structs.replace(workflow, steps=tuple(steps))
    return workflow


def _changed(draw: st.DrawFn, workflow: Workflow, step: Step) -> Step:
    change = draw(st.sampled_from(["drop", "add", "retarget", "stop counting", "stop taking", "narrow"]))
    if change == "stop counting":
        return msgspec.structs.replace(step, counts_loop=False)
    if change == "stop taking":
        return msgspec.structs.replace(step, acts=tuple(act for act in step.acts if act != "take_next_phase"))
    if step.ends or not step.then:
        return step
    then = list(step.then)
    position = draw(st.integers(0, len(then) - 1))
    target = draw(st.sampled_from([each.name for each in workflow.steps]))
    if change == "drop":
        del then[position]
    elif change == "add":
        then.append(Transition(target, tuple(draw(st.lists(conditions, max_size=3)))))
    elif change == "retarget":
        then[position] = msgspec.structs.replace(then[position], to=target)
    elif not then[position].otherwise:
        then[position] = msgspec.structs.replace(then[position], when=(*then[position].when, draw(conditions)))
    return msgspec.structs.replace(step, then=tuple(then))


def situations(step: Step) -> list[dict[str, str]]:
    """Every assignment of values to the gates and facts that the transitions of `step` name."""
    asked = sorted({condition.gate for transition in step.then for condition in transition.when})
    values = [FACTS.get(name, ("pass", "fail", "unknown")) for name in asked]
    return [dict(zip(asked, each, strict=True)) for each in product(*values)]
