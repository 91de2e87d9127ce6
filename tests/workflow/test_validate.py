"""Each illegal definition is refused with its line and the reason, and nothing legal is."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings

from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import Step, Transition, Workflow, go
from phasegate.workflow.toml import DefinitionInvalid, read_workflow
from phasegate.workflow.validate import MOST_PROBLEMS, Problem, problems
from tests.workflow.definitions import GATES, SMALL, TIMES, changed_workflows, legal_workflows, line_of, situations

FEATURE = '[[kind]]\nname = "feature"'
DONE = '[[step]]\nname = "done"'
ONE_MORE = '[[step]]\nname = "more"\ndoes = "More."\n[[step.then]]\nto = "done"\n\n[[kind]]\nname = "feature"'


class Fault(NamedTuple):
    """`old` becomes `new` in the small definition, everywhere; then the line where `place` begins is at fault."""

    old: str
    new: str
    place: str
    reason: str


FAULTS = [
    Fault('start = "work"', 'start = "wrok"', "start =", "start names the unknown step 'wrok'"),
    Fault('recovery = "again"', 'recovery = "nowhere"', "recovery =", "recovery names the unknown step 'nowhere'"),
    Fault('name = "small"', 'name = "small"\nloop_limit = 0', "loop_limit", "loop_limit is 0"),
    Fault('to = "close"', 'to = "clsoe"', "to = \"clsoe", "A transition leads to the unknown step 'clsoe'"),
    Fault('leaves_when = ["tests_ran"]', 'leaves_when = ["tests_run"]', "leaves_when", "Unknown gate 'tests_run'"),
    Fault('leaves_when = ["tests_ran"]', 'leaves_when = ["kind"]', "leaves_when", "'kind' is no gate"),
    Fault('leaves_when = ["tests_ran"]', 'leaves_when = ["kind_gates"]', "leaves_when", "'kind_gates' is no gate"),
    Fault('gates = ["tests_ran", "covered"]', 'gates = ["coverd"]', "gates =", "Unknown gate 'coverd'"),
    Fault('"no_new_red", "kind_gates"', '"no_new_red", "coverd", "kind_gates"', "when = [\"no",
          "Unknown gate or fact 'coverd'"),
    Fault('"no_new_red", "kind_gates"', '"no_new_red is green", "kind_gates"', "when = [\"no",
          "'no_new_red' is a gate and has no values"),
    Fault('"no_new_red", "kind_gates"', '"kind", "kind_gates"', 'when = ["kind"',
          "kind is a fact, and no value is named"),
    Fault('"no_new_red", "kind_gates"', '"kind is bug", "kind_gates"', 'when = ["kind', "The fact kind is never 'bug'"),
    Fault('"no_new_red", "kind_gates"', '"no new red", "kind_gates"', 'when = ["no', "'no new red' is no condition"),
    Fault('"no_new_red", "kind_gates"', '"", "kind_gates"', 'when = [""', "'' is no condition"),
    Fault('["close_phase", "take_next_phase"]', '["take_next_phase", "tag"]', "acts", "Unknown action 'tag'"),
    Fault('name = "docs"', 'name = "doc"', 'name = "doc"', "Unknown kind 'doc'"),
    Fault('name = "chore"', 'name = "docs"',
          'name = "docs"\nmay_edit = ["source"]\ngates = []\n[[kind]]\nname = "spike"',
          "The kind docs has two rows"),
    Fault('[[kind]]\nname = "spike"\nmay_edit = ["source"]\ngates = []\n', "", "[[kind]]",
          "No row for phases of kind spike"),
    Fault('"again"', '"ask"', 'name = "ask"\n[[step.then]]', "Another step has this name"),
    Fault('"again"', '" "', 'name = " "', "' ' cannot be the name of a step"),
    Fault('"again"', '"@asked"', 'name = "@asked"', "'@asked' cannot be the name"),
    Fault('"again"', '"a\\u202Eb"', 'name = "a\\u', "'a\\u202eb' cannot be the name"),
    Fault('"again"', f'"{"a" * 81}"', f'name = "{"a" * 81}"', "cannot be the name"),
    Fault(FEATURE, ONE_MORE, '[[step]]\nname = "more"', "No way leads to it from 'work' or 'again'"),
    Fault('ends = true\nacts = ["end_run"]', 'does = "x"\n[[step.then]]\nto = "done"', "[[step]]",
          "No step ends the run"),
    Fault('ends = true\nacts = ["end_run"]', 'acts = ["end_run"]', DONE, "It acts `end_run` but is no end"),
    Fault("ends = true\n", "ends = true\nrests = true\n", DONE, "It both rests and ends"),
    Fault("ends = true\n", 'ends = true\nleaves_when = ["covered"]\n', DONE, "It ends the run, so nothing can follow"),
    Fault('name = "again"\n[[step.then]]\nto = "@asked"', 'name = "again"', '[[step]]\nname = "again"',
          "It neither does, acts, rests, ends nor passes on"),
    Fault('name = "again"\n[[step.then]]\nto = "@asked"', 'name = "again"\ndoes = "Wait."', '[[step]]\nname = "again"',
          "No transition leads out of it"),
    Fault('when = ["no_new_red", "kind_gates"]', 'when = ["no_new_red"]', '[[step.then]]\nto = "close"',
          "It leads to 'close', which closes a phase, without asking the gates of its kind"),
    Fault('start = "work"', 'start = "close"', "start", "start names 'close', which closes a phase before"),
    Fault('does = "Do it."', 'does = "Do it."\nmay_edit = ["src"]', "may_edit", "'src' is no class of files"),
    Fault('name = "docs"\nmay_edit = ["source"]', 'name = "docs"\nmay_edit = ["doc"]', 'may_edit = ["doc"]',
          "'doc' is no class of files and no pattern"),
    Fault("rests = true", 'does = "Wait."', '[[step]]\nname = "ask"', "it cannot return to @asked"),
    Fault("counts_loop = true\n", "", '[[step]]\nname = "work"', "The cycle work -> look -> work counts no loop"),
    Fault('when = ["no_new_red", "kind_gates"]',
          'when = ["no_new_red", "kind_gates"]\n[[step.then]]\nto = "done"\nwhen = ["covered"]',
          '[[step.then]]\nto = "done"',
          "'done' (covered) and the transition to 'close' (no_new_red and kind_gates) can both apply"),
    Fault('when = ["no_new_red", "kind_gates"]',
          'when = ["covered", "not covered", "kind_gates"]', '[[step.then]]\nto = "close"',
          "can never apply: covered cannot be both"),
    Fault("otherwise = true", 'otherwise = true\n[[step.then]]\nto = "done"\notherwise = true',
          '[[step.then]]\nto = "done"', "It has more than one otherwise"),
    Fault("otherwise = true", 'otherwise = true\nwhen = ["baseline_known"]', '[[step.then]]\nto = "look"',
          "An otherwise has conditions"),
    Fault('when = ["phases_left is blocked"]', 'when = ["phases_left is blocked", "covered"]',
          '[[step]]\nname = "close"',
          "No transition applies when phases_left is blocked, covered is fail"),
    Fault('when = ["must_escalate is no"]', 'when = ["must_escalate is no", "not category is none"]',
          '[[step]]\nname = "look"', "No transition applies when must_escalate is no, category is none"),
]  # fmt: skip


def found_in(text: str) -> tuple[Problem, ...]:
    with pytest.raises(DefinitionInvalid) as caught:
        read_workflow(text, path="flow.toml", gates=GATES)
    return caught.value.problems


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.reason for fault in FAULTS])
def test_a_planted_fault_is_told_once_with_its_line_and_reason(fault: Fault) -> None:
    text = SMALL.replace(fault.old, fault.new)
    assert text != SMALL
    (problem,) = found_in(text)
    assert fault.reason in problem.reason
    assert problem.line == line_of(text, fault.place)
    assert problem.remedy


def test_steps_that_lead_only_to_each_other_have_no_way_to_an_end() -> None:
    text = SMALL.replace(
        'to = "ask"\nwhen = ["phases_left is blocked"]', 'to = "pit"\nwhen = ["phases_left is blocked"]'
    )
    pit = '[[step]]\nname = "pit"\nacts = ["take_next_phase"]\n[[step.then]]\nto = "hole"\n'
    hole = '[[step]]\nname = "hole"\ndoes = "Dig."\n[[step.then]]\nto = "pit"\n'
    text = text.replace(FEATURE, pit + hole + FEATURE)
    (problem,) = found_in(text)
    assert problem.reason == "No way leads from it to an end (nor from 'hole')."
    assert (problem.step, problem.line) == ("pit", line_of(text, pit))


def test_a_cycle_that_counts_but_does_not_heed_the_limit_is_refused() -> None:
    text = SMALL.replace("must_escalate is yes", "covered").replace("must_escalate is no", "not covered")
    (problem,) = found_in(text)
    assert problem.reason == "The cycle work -> look -> work goes on when the loop limit is reached."
    assert problem.line == line_of(text, '[[step]]\nname = "work"')


def test_a_cycle_that_takes_phases_but_does_not_heed_the_last_is_refused() -> None:
    text = SMALL.replace('"phases_left is yes"', '"covered"').replace('"phases_left is no"', '"not covered"')
    text = text.replace('[[step.then]]\nto = "ask"\nwhen = ["phases_left is blocked"]\n', "")
    (problem,) = found_in(text)
    assert problem.reason == "The cycle work -> close -> work goes on when no phase is left."


def test_a_cycle_within_a_phase_must_heed_the_limit_while_phases_are_left() -> None:
    """Phases do not run out while the run circles in one of them."""
    text = SMALL.replace('["must_escalate is no"]', '["must_escalate is no", "phases_left is no"]')
    text = text.replace('["must_escalate is yes"]', '["must_escalate is yes", "phases_left is no"]')
    more = '[[step.then]]\nto = "work"\nwhen = ["not phases_left is no"]\n'
    (problem,) = found_in(text.replace('[[step]]\nname = "close"', more + '[[step]]\nname = "close"'))
    assert problem.reason == "The cycle work -> look -> work goes on when the loop limit is reached."


def test_a_cycle_without_the_agent_is_refused() -> None:
    """Nothing changes while the engine passes through steps by itself."""
    text = SMALL.replace('does = "Do it."\n', "").replace('does = "Look at what is wrong."\n', "")
    assert [problem.reason for problem in found_in(text)] == ["The cycle work -> close -> work never meets the agent."]


def test_more_steps_than_the_engine_passes_at_once_are_refused() -> None:
    steps = (*(Step(f"s{n}", then=(go(f"s{n + 1}"),)) for n in range(51)), Step("s51", ends=True))
    (problem,) = problems(
        msgspec.structs.replace(DEFAULT, start="s0", recovery="s0", steps=steps, lanes=()), gates=GATES
    )
    assert problem.reason == "More than 50 steps need no agent."


FAULTY_LANES = [
    ('[[lane]]\nname = "trivail"', "Unknown lane 'trivail'.", "Did you mean 'trivial'?"),
    (
        '[[lane]]\nname = "trivial"\nstart = "close"',
        "The lane 'trivial' starts at 'close', which is no step",
        "Known are",
    ),
    ('[[lane]]\nname = "trivial"\nwithout = ["red_frist"]', "Unknown gate 'red_frist'.", "Did you mean 'red_first'?"),
    ('[[lane]]\nname = "regulated"\ngates = ["kind"]', "'kind' is no gate.", "Name gates here"),
    ('[[lane]]\nname = "standard"\n[[lane]]\nname = "standard"', "The lane standard has two rows.", "Remove one"),
]


@pytest.mark.parametrize(("rows", "reason", "remedy"), FAULTY_LANES)
def test_a_fault_of_a_lane_is_told_with_its_line_and_a_remedy(rows: str, reason: str, remedy: str) -> None:
    (problem,) = found_in(f"{SMALL}\n{rows}\n")
    assert problem.reason.startswith(reason) and problem.remedy.startswith(remedy)
    assert problem.line > SMALL.count("\n")


def test_of_a_chain_of_unreachable_steps_the_first_is_told() -> None:
    second = '[[step]]\nname = "second"\ndoes = "x"\n[[step.then]]\nto = "done"\n'
    first = '[[step]]\nname = "first"\ndoes = "x"\n[[step.then]]\nto = "second"\n'
    (problem,) = found_in(SMALL.replace(FEATURE, second + first + FEATURE))
    assert problem.step == "first"


def test_all_faults_are_told_in_the_order_of_their_lines() -> None:
    text = SMALL.replace('"tests_ran"]', '"tests_run"]').replace('"blocked"', '"x"').replace("counts_loop = true\n", "")
    found = found_in(text.replace('name = "docs"', 'name = "doc"'))
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
    assert [problem.reason.split()[0:2] for problem in found] == [
        ["The", "cycle"],
        ["Unknown", "gate"],
        ["Unknown", "kind"],
    ]


def test_the_default_and_the_small_definition_are_legal() -> None:
    assert problems(DEFAULT, gates=GATES) == ()
    assert problems(read_workflow(SMALL, path="small.toml", gates=GATES), gates=GATES) == ()


def test_a_fault_in_a_python_table_names_its_step() -> None:
    steps = tuple(msgspec.structs.replace(step, counts_loop=False) for step in DEFAULT.steps)
    found = problems(msgspec.structs.replace(DEFAULT, steps=steps), gates=GATES)
    assert found
    assert all("counts no loop" in problem.reason for problem in found)
    assert found[0].step in {step.name for step in DEFAULT.steps}


def test_no_more_problems_are_told_than_anyone_reads() -> None:
    steps = (*(Step(f"s{n}", does="x", then=(go("nowhere"),)) for n in range(500)), DEFAULT.steps[-1])
    found = problems(msgspec.structs.replace(DEFAULT, start="s0", recovery="s0", steps=steps), gates=GATES)
    assert len(found) == MOST_PROBLEMS


@given(legal_workflows())
def test_a_legal_workflow_has_no_problems(workflow: Workflow) -> None:
    assert problems(workflow, gates=GATES) == ()


@settings(max_examples=200 * TIMES)
@given(changed_workflows())
def test_validation_agrees_with_trying_everything(workflow: Workflow) -> None:
    """A definition is refused exactly when enumeration finds a situation, a step or a walk that breaks a rule."""
    assert bool(problems(workflow, gates=GATES)) == bool(broken_rules(workflow))


def broken_rules(workflow: Workflow) -> list[str]:
    """The rules, once more, by enumeration of every situation and every walk, with no cleverness at all."""
    always = {step.name: targets(step, {}) for step in workflow.steps}
    phases = {step.name for step in workflow.steps if "take_next_phase" in step.acts}
    counting = {step.name for step in workflow.steps if step.counts_loop}
    ends = {step.name for step in workflow.steps if step.ends}
    broken = [f"{step.name} does not decide" for step in workflow.steps if not step.ends and not decides(step)]
    reached = closure(always, workflow.start) | closure(always, workflow.recovery)
    broken += [f"{step.name} is unreachable" for step in workflow.steps if step.name not in reached]
    broken += [f"{name} has no way to an end" for name in always if not closure(always, name) & ends]
    agents = {step.name for step in workflow.steps if not step.passes_through}
    broken += [f"{name} never meets the agent" for name in always if circles(always, name, agents)]
    for fixed, barred in [
        ({}, phases | counting),
        ({"must_escalate": "yes"}, phases),
        ({"phases_left": "no"}, counting),
        ({"must_escalate": "yes", "phases_left": "no"}, set()),
    ]:
        arrows = {step.name: targets(step, fixed) for step in workflow.steps}
        broken += [f"{name} runs for ever while {fixed}" for name in always if circles(arrows, name, barred)]
    return broken


def applying(step: Step, situation: dict[str, str]) -> list[Transition]:
    return [each for each in step.then if not each.otherwise and all(asked.holds(situation) for asked in each.when)]


def decides(step: Step) -> bool:
    """Whether in every situation exactly one transition applies, and each of them applies in one."""
    chosen = [applying(step, situation) for situation in situations(step)]
    spare = [each for each in step.then if each.otherwise]
    used = {id(each) for some in chosen for each in some}
    idle = [each for each in step.then if not each.otherwise and id(each) not in used]
    return bool(step.then) and all(len(some) == 1 or (not some and spare) for some in chosen) and not idle


def targets(step: Step, fixed: dict[str, str]) -> set[str]:
    found: set[str] = set()
    for situation in situations(step):
        if all(situation.get(name, value) == value for name, value in fixed.items()):
            some = applying(step, situation) or [each for each in step.then if each.otherwise]
            found |= {each.to for each in some}
    return found


def closure(arrows: dict[str, set[str]], name: str) -> set[str]:
    seen = {name}
    for _ in arrows:
        seen |= {target for each in seen for target in arrows[each]}
    return seen


def circles(arrows: dict[str, set[str]], name: str, barred: set[str]) -> bool:
    """Whether a walk comes back to `name` without any of `barred`."""
    if name in barred:
        return False
    kept = {each: found - barred for each, found in arrows.items()}
    return any(name in closure(kept, target) for target in kept[name])
