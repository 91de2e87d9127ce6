"""What is next is decided by the table alone, in every situation, and every run through a legal workflow ends."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.workflow.default import DEFAULT, SETTLED
from phasegate.workflow.definition import FACTS, KINDS, Step, Workflow, go, otherwise
from phasegate.workflow.next import gates_of, transition
from tests.workflow.definitions import GATES, TIMES, legal_workflows, situations

GOOD = {
    **dict.fromkeys([*GATES, "kind_gates"], "pass"),
    "kind": "feature",
    "lane": "standard",
    "category": "none",
    "must_escalate": "no",
    "phases_left": "yes",
}

NEXT = [
    ("load_phase_plans", {}, "explore"),
    ("explore", {"kind": "fix"}, "write_tests"),
    ("explore", {"kind": "docs"}, "implement"),
    ("explore", {"kind": "fix", "lane": "trivial"}, "implement"),
    ("implement", {}, "run_tests"),
    ("implement", {"lane": "trivial", "red_seen": "fail"}, "run_tests"),
    ("implement", {"lane": "regulated", "red_seen": "fail"}, "prove_red"),
    ("implement", {"kind": "chore", "red_seen": "fail"}, "run_tests"),
    ("implement", {"kind": "docs", "lane": "trivial"}, "validate_phase_completion"),
    ("prove_red", {}, "run_tests"),
    ("run_tests", {"lane": "trivial"}, "validate_phase_completion"),
    ("run_tests", {"lane": "trivial", "no_new_red": "fail"}, "categorize_uncertainties"),
    ("archive_phase", {"lane": "trivial"}, "load_next_phase"),
    ("archive_phase", {"lane": "regulated"}, "review_docs_between_phases"),
    ("implement", {"kind": "docs"}, "doublecheck"),
    ("implement", {"kind": "spike"}, "archive_spike"),
    ("run_tests", {}, "doublecheck"),
    ("run_tests", {"covered": "fail"}, "categorize_uncertainties"),
    ("run_tests", {"covered": "unknown"}, "categorize_uncertainties"),
    ("doublecheck", {}, "close_phase"),
    ("doublecheck", {"notes_settled": "fail"}, "categorize_uncertainties"),
    ("close_phase", {}, "validate_phase_completion"),
    ("close_phase", {"lane": "regulated"}, "ask_approval"),
    ("await_approval", {}, "validate_phase_completion"),
    ("await_approval", {"approved": "fail"}, "categorize_uncertainties"),
    ("validate_phase_completion", {}, "archive_phase"),
    ("validate_phase_completion", {"kind_gates": "unknown"}, "categorize_uncertainties"),
    ("load_next_phase", {}, "explore"),
    ("load_next_phase", {"phases_left": "blocked"}, "waiting_for_person"),
    ("load_next_phase", {"phases_left": "no"}, "complete"),
    ("categorize_uncertainties", {"category": "strategic"}, "review_architecture_behavior"),
    ("categorize_uncertainties", {"category": "research"}, "investigate_pre_impl"),
    ("categorize_uncertainties", {"category": "implement"}, "implement"),
    ("categorize_uncertainties", {"category": "research", "must_escalate": "yes"}, "escalate_to_deferred"),
    ("escalate_to_deferred", {}, "load_next_phase"),
    ("waiting_for_person", {}, "@asked"),
]


@pytest.mark.parametrize(("step", "facts", "to"), NEXT)
def test_the_default_goes_where_its_description_says(step: str, facts: dict[str, str], to: str) -> None:
    chosen = transition(DEFAULT.step(step), {**GOOD, **facts})
    assert chosen is not None
    assert chosen.to == to


def test_a_step_none_of_whose_transitions_applies_waits() -> None:
    step = Step("work", then=(go("done", "covered"),))
    assert transition(step, {"covered": "fail"}) is None


def test_unknown_never_passes_and_never_fails_silently() -> None:
    """An unknown verdict takes the way that `not` leads, as a failed one does."""
    step = Step("work", then=(go("done", "covered"), go("mend", "not covered")))
    assert [transition(step, {"covered": verdict}) for verdict in ("pass", "fail", "unknown")] == [
        step.then[0], step.then[1], step.then[1],
    ]  # fmt: skip


def test_an_otherwise_gives_way_wherever_it_stands() -> None:
    step = Step("work", then=(otherwise("mend"), go("done", "covered")))
    assert transition(step, {"covered": "pass"}) == step.then[1]
    assert transition(step, {"covered": "fail"}) == step.then[0]


@settings(max_examples=50 * TIMES)
@given(legal_workflows(), st.data())
def test_a_legal_step_decides_every_situation_in_any_order(workflow: Workflow, data: st.DataObject) -> None:
    for step in workflow.steps:
        shuffled = data.draw(st.permutations(step.then))
        for facts in situations(step):
            chosen = transition(step, facts)
            assert (chosen is None) is step.ends
            assert transition(msgspec.structs.replace(step, then=tuple(shuffled)), facts) == chosen


def walk(workflow: Workflow, data: st.DataObject, phases: int) -> int:
    """Goes through `workflow` with the worst luck there is; the number of steps until an end."""
    step, loops, steps = workflow.step(workflow.start), 0, 0
    while not step.ends:
        steps += 1
        loops += step.counts_loop
        if "take_next_phase" in step.acts and phases:
            phases, loops = phases - 1, 0
        facts = {
            **{name: data.draw(st.sampled_from(["pass", "fail", "unknown"])) for name in sorted(GATES)[:3]},
            "kind": data.draw(st.sampled_from(FACTS["kind"])),
            "lane": data.draw(st.sampled_from(FACTS["lane"])),
            "category": data.draw(st.sampled_from(FACTS["category"])),
            "must_escalate": "yes" if loops >= 2 else "no",
            "phases_left": data.draw(st.sampled_from(["yes", "blocked"])) if phases else "no",
        }
        chosen = transition(step, facts)
        assert chosen is not None
        step = workflow.step(chosen.to)
        assert steps <= len(workflow.steps) * 3 * 4
    return steps


@settings(max_examples=50 * TIMES)
@given(legal_workflows(), st.data())
def test_every_run_through_a_legal_workflow_ends(workflow: Workflow, data: st.DataObject) -> None:
    """At most two counted loops in each of three phases: more steps than that would be a run without end."""
    assert walk(workflow, data, phases=3) >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_gates_of_a_kind_are_asked_before_its_phase_closes(kind: str) -> None:
    asked = gates_of(DEFAULT, DEFAULT.step("validate_phase_completion"), kind, "standard")
    assert asked == tuple(dict.fromkeys(DEFAULT.kind(kind).gates))
    assert set(SETTLED) <= set(asked)


def test_a_lane_leaves_out_and_adds_gates_and_an_unknown_one_changes_nothing() -> None:
    trivial = DEFAULT.closing_gates("fix", "trivial")
    assert {"tests_ran", "no_new_red", "tests_not_weakened", "covered", "notes_settled", "nothing_held"} == set(trivial)
    assert DEFAULT.closing_gates("fix", "never heard of") == DEFAULT.kind("fix").gates


def test_each_gate_is_asked_once_and_no_fact_is_asked() -> None:
    step = Step(
        "work", leaves_when=("covered", "tests_ran"), then=(go("a", "covered", "kind is docs"), go("b", "not covered"))
    )
    assert gates_of(DEFAULT, step, "feature", "standard") == ("covered", "tests_ran")
