"""Each gate's pass, fail and unknown; what is stale, claimed or of an unknown tree opens nothing."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moments import BEFORE, NOW, World

from phasegate.evidence.findings import Finding
from phasegate.evidence.findings import seen as findings_seen
from phasegate.evidence.items import ChangedFile, CommandSeen, CoverageSeen, Evidence, NoCoverage, RedTest, TestsSeen
from phasegate.gates.catalog import CATALOG, ask
from phasegate.gates.interface import Verdict
from phasegate.ledger.state import Held, Waiver
from phasegate.settings import Settings
from phasegate.workflow.default import KINDS, STEPS

NOT_OF_THE_TREE = {
    "baseline_known",  # looks at the tree of the phase's start
    "checklist_answered", "notes_settled", "uncertainties_categorised", "strategic_answered", "finding_recorded",
    "nothing_held", "red_seen", "approval_answered",  # read the ledger alone
}  # fmt: skip
"""Gates that by definition do not look at the tree as it is."""


def verdict(gate: str, world: World, subject: str = NOW) -> Verdict:
    (found,) = ask((gate,), world.at(subject))
    assert found.gate == gate
    assert found.passes or found.reasons, "a shut gate says why"
    assert found.passes or found.remedy or gate == "nothing_held", "and what opens it"
    return found


def proven() -> World:
    """Everything as it should be, on the tree `now`."""
    world = World()
    world.baseline("old")
    world.record.red_seen = {"t::new": "assertion"}
    world.covered(subject=BEFORE)
    world.link(world.tests("old", newly_red=(), held=("t::new",)))
    world.covered()
    world.compared()
    world.visited("implement", BEFORE)
    return world


def test_every_gate_a_workflow_names_is_in_the_catalogue() -> None:
    named = {gate for kind in KINDS for gate in kind.gates} | {gate for step in STEPS for gate in step.leaves_when}
    assert named <= set(CATALOG)
    assert verdict("no_such_gate", World()).says == "unknown"


@pytest.mark.parametrize("kind", ["feature", "fix", "refactor", "chore"])
def test_the_gates_of_a_kind_open_when_everything_is_proven(kind: str) -> None:
    row = next(row for row in KINDS if row.name == kind)
    assert [v.gate for v in ask(row.gates, proven().at()) if not v.passes] == []


@pytest.mark.parametrize("gate", sorted(set(CATALOG) - NOT_OF_THE_TREE))
def test_no_gate_passes_on_an_unknown_tree(gate: str) -> None:
    world = proven()
    world.state.evidence["nowhere"] = msgspec.structs.replace(world.state.evidence["ev-2"], subject="")
    assert not verdict(gate, world, "").passes


@given(st.lists(st.tuples(st.sampled_from(["", BEFORE, NOW]), st.booleans(), st.booleans()), max_size=6))
def test_no_evidence_at_all_opens_a_gate_on_an_unknown_tree(seen: list[tuple[str, bool, bool]]) -> None:
    world = World()
    for subject, complete, covers in seen:
        world.tests(subject=subject, complete=complete)
        if covers:
            world.covered(subject=subject)
    world.link(*world.state.evidence)
    for gate in set(CATALOG) - NOT_OF_THE_TREE:
        assert not verdict(gate, world, "").passes, gate


def _claimed(evidence: Evidence) -> Evidence:
    return msgspec.structs.replace(evidence, assurance="claimed")


def _stale(evidence: Evidence) -> Evidence:
    return msgspec.structs.replace(evidence, subject="another")


@pytest.mark.parametrize("spoil", [_claimed, _stale])
@pytest.mark.parametrize(
    "gate", ["baseline_known", "tests_ran", "no_new_red", "red_first", "same_tests", "covered", "tasks_evidenced"]
)
def test_claimed_or_stale_evidence_opens_nothing(gate: str, spoil: Callable[[Evidence], Evidence]) -> None:
    world = proven()
    assert verdict(gate, world).passes
    world.state.evidence = {id: spoil(evidence) for id, evidence in world.state.evidence.items()}
    assert not verdict(gate, world).passes


# -- tests ------------------------------------------------------------------------------------------------------------


def test_a_baseline_needs_a_complete_run_on_the_tree_of_the_start() -> None:
    world = World()
    assert verdict("baseline_known", world).says == "unknown"
    world.tests(subject=BEFORE, complete=False, why_incomplete="it hung")
    assert "it hung" in verdict("baseline_known", world).reasons[0]
    world.baseline()
    assert verdict("baseline_known", world).passes
    world.record.subject = ""
    assert verdict("baseline_known", world).says == "unknown"


@pytest.mark.parametrize("kind", ["docs", "spike"])
def test_kinds_without_tests_need_no_baseline(kind: str) -> None:
    assert verdict("baseline_known", World(kind)).passes  # type: ignore[arg-type]


def test_tests_ran_says_what_is_missing() -> None:
    world = World()
    assert verdict("tests_ran", world).says == "unknown"
    world.tests(collected=0)
    assert verdict("tests_ran", world).says == "fail"
    world.tests(complete=False, why_incomplete="it hung")
    assert verdict("tests_ran", world).says == "unknown"
    world.tests("red")
    assert verdict("tests_ran", world).passes, "that they ran is all it asks"


@pytest.mark.parametrize("more", [{"gone": ("t::a",)}, {"newly_skipped": ("t::a",)}], ids=["deleted", "skipped"])
def test_a_test_that_is_deleted_or_skipped_is_no_test_that_passes(more: dict[str, tuple[str, ...]]) -> None:
    world = World()
    world.baseline()
    world.tests(**more)  # type: ignore[arg-type]
    for gate in ("no_new_red", "same_tests"):
        assert verdict(gate, world).says == "fail"


def test_red_tests_of_the_start_may_stay_and_new_ones_may_not() -> None:
    world = World()
    world.tests()
    assert verdict("no_new_red", world).says == "unknown", "without a baseline nobody can tell"
    world.baseline("old")
    world.tests("old")
    assert verdict("no_new_red", world).passes
    world.tests("old", "new")
    assert verdict("no_new_red", world).says == "fail"


def test_a_later_run_on_the_tree_of_the_start_cannot_add_to_what_was_red() -> None:
    world = World()
    world.baseline("old", "flaky")
    world.baseline("old", "poisoned")
    world.baseline(complete=False)
    for red, says in (("old", "pass"), ("poisoned", "fail"), ("flaky", "fail")):
        world.tests(red)
        assert verdict("no_new_red", world).says == says


def test_a_file_that_could_not_be_read_at_the_start_may_still_be_red_with_its_parameters() -> None:
    world = World()
    world.baseline("t::old")
    world.tests("t::old[1]")
    assert verdict("no_new_red", world).passes


def test_a_refactoring_needs_green_tests_to_hold_on_to() -> None:
    world = World("refactor")
    world.baseline(collected=0)
    world.tests()
    assert verdict("same_tests", world).says == "fail"


@pytest.mark.parametrize(
    ("cause", "passes"),
    [("assertion", True), ("missing_name", True), ("raised_by_code", True), ("syntax_of_test", False),
     ("import_of_test", False), ("fixture", False), ("timeout", False), ("collection", False), ("other", False)],
)  # fmt: skip
def test_a_new_test_must_fail_for_the_right_reason(cause: str, passes: bool) -> None:
    world = World()
    world.tests("t::new", cause=cause)
    assert verdict("new_tests_fail", world).passes is passes
    world.record.red_seen = {"t::new": cause}
    world.tests(held=("t::new",))
    assert verdict("red_first", world).passes is passes


def test_a_wrongly_red_test_beside_a_right_one_holds_the_step() -> None:
    world = World()
    red = (RedTest("t::a", "assertion"), RedTest("t::b", "syntax_of_test"))
    world.saw(TestsSeen("pytest", True, collected=2, red=red, newly_red=("t::a", "t::b")))
    assert verdict("new_tests_fail", world).says == "fail"


def test_a_test_that_was_red_before_the_phase_is_no_new_one() -> None:
    world = World()
    world.tests("t::old", newly_red=())
    assert verdict("new_tests_fail", world).says == "fail"


def test_a_test_seen_red_must_be_there_and_green_at_the_end() -> None:
    world = World()
    world.record.red_seen = {"t::new": "assertion", "t::more": "missing_name"}
    world.tests(held=("t::more",))
    assert "not seen to pass: t::new" in verdict("red_first", world).reasons[0]
    world.tests("t::new")
    assert verdict("red_first", world).says == "fail"
    world.record.red_seen = {}
    world.tests()
    assert verdict("red_first", world).says == "fail"


def test_the_plan_can_say_that_there_is_nothing_new_to_show() -> None:
    world = World(no_new_behaviour=True)
    assert verdict("new_tests_fail", world).passes


# -- coverage ---------------------------------------------------------------------------------------------------------


def test_coverage_that_is_not_known_is_unknown() -> None:
    world = World()
    assert verdict("covered", world).says == "unknown"
    world.saw(NoCoverage("coverage is not installed"))
    assert "not installed" in verdict("covered", world).reasons[0]
    world.covered(unmeasured=("src/new.py",))
    assert verdict("covered", world).says == "unknown"


@pytest.mark.parametrize(("ran", "missing", "passes"), [(8, 2, True), (79, 21, False), (0, 0, True), (0, 1, False)])
def test_80_per_cent_of_the_changed_lines_are_demanded(ran: int, missing: int, passes: bool) -> None:
    world = World()
    world.covered(changed=(ChangedFile("src/a.py", ran, tuple(range(missing))),))
    assert verdict("covered", world).passes is passes


def test_a_changed_line_excluded_from_measuring_is_missing_and_the_reason_says_so() -> None:
    world = World()
    world.covered(changed=(ChangedFile("src/a.py", 1, (3, 4), (4,)),))
    reasons = verdict("covered", world).reasons
    assert "src/a.py:3, src/a.py:4" in reasons[0] and reasons[1].startswith("src/a.py:4: no test runs them")


@pytest.mark.parametrize(("part", "passes"), [(500, True), (499, False), (501, True)])
def test_the_total_may_not_fall(part: int, passes: bool) -> None:
    world = World()
    world.covered(subject=BEFORE, part=500, whole=1000)
    world.covered(part=part, whole=1000)
    assert verdict("covered", world).passes is passes


@pytest.mark.parametrize(
    ("part", "whole", "passes"),
    [(490, 990, True), (450, 940, True), (490, 991, False), (400, 901, False), (0, 500, True)],
)
def test_taking_out_what_tests_ran_is_no_fall_while_nothing_more_goes_unrun(
    part: int, whole: int, passes: bool
) -> None:
    world = World()
    world.covered(subject=BEFORE, part=500, whole=1000)
    world.covered(part=part, whole=whole)
    assert verdict("covered", world).passes is passes


def test_a_new_project_needs_80_per_cent_in_all() -> None:
    world = World()
    world.covered(part=7)
    assert "new project" in verdict("covered", world).reasons[0]


def test_a_path_can_have_a_demand_of_its_own() -> None:
    world = World()
    world.settings = msgspec.convert({"coverage": {"paths": {"src/money/**": 100.0}}}, Settings)
    world.covered(changed=(ChangedFile("src/money/a.py", 9, (3,)), ChangedFile("src/b.py", 9, (3,))))
    assert "src/money/a.py" in verdict("covered", world).reasons[0]


# -- tasks, notes and the rest -----------------------------------------------------------------------------------------


def test_every_task_is_shown_by_fresh_evidence() -> None:
    world = World()
    assert "without evidence: 1.1, 1.2" in verdict("tasks_evidenced", world).reasons[0]
    world.link("gone")
    assert verdict("tasks_evidenced", world).says == "fail"
    world.link(world.tests())
    assert verdict("tasks_evidenced", world).passes


@pytest.mark.parametrize(
    "seen",
    [CommandSeen(("false",), 1, 0.1), NoCoverage("none"), TestsSeen("pytest", False, "it hung", collected=3)],
    ids=["failed command", "no coverage", "interrupted run"],
)
def test_what_failed_shows_no_task_done(seen: CommandSeen | NoCoverage | TestsSeen) -> None:
    world = World()
    world.link(world.saw(seen))
    assert verdict("tasks_evidenced", world).says == "fail"


def test_a_phase_that_vanished_from_the_plan_has_no_known_tasks() -> None:
    world = proven()
    world.state.plan = (msgspec.structs.replace(world.state.plan[0], id="2"),)
    assert verdict("tasks_evidenced", world).says == "unknown"


def test_a_task_is_answered_by_a_link_or_a_note_that_names_it() -> None:
    world = World()
    assert verdict("checklist_answered", world).says == "fail"
    world.record.links = {"1.1": ("ev",)}
    world.note(about="task:1.2")
    assert verdict("checklist_answered", world).passes


@pytest.mark.parametrize(
    ("kind", "severity", "passes"),
    [("uncertainty", "minor", True), ("uncertainty", "major", False), ("error", "major", False),
     ("discovery", "major", True), ("discovery", "strategic", False), ("uncertainty", "strategic", False)],
)  # fmt: skip
def test_nothing_above_minor_is_open(kind: str, severity: str, passes: bool) -> None:
    world = World()
    note = world.note(kind, severity)
    assert verdict("notes_settled", world).passes is passes
    note.resolved = "done"
    assert verdict("notes_settled", world).passes


def test_a_held_change_leaves_it_unknown() -> None:
    world = World()
    assert verdict("nothing_held", world).passes
    world.run.held["src/a.py"] = Held("src/a.py", "step", "", "")
    assert verdict("nothing_held", world).says == "unknown"


def test_every_uncertainty_says_what_it_needs() -> None:
    world = World()
    world.note("discovery")
    assert verdict("uncertainties_categorised", world).passes
    note = world.note()
    assert verdict("uncertainties_categorised", world).says == "fail"
    note.category = "research"
    assert verdict("uncertainties_categorised", world).passes


def test_a_strategic_one_waits_for_its_answer() -> None:
    world = World()
    note = world.note(category="strategic")
    assert verdict("strategic_answered", world).says == "fail"
    asked = world.question(note.id)
    assert verdict("strategic_answered", world).says == "unknown"
    asked.verdict = "reject"
    assert verdict("strategic_answered", world).passes


def test_an_investigation_writes_down_what_it_found_in_this_step() -> None:
    world = World()
    world.note("discovery")
    world.run.entered = 5
    assert verdict("finding_recorded", world).says == "fail"
    world.run.entered = 4
    assert verdict("finding_recorded", world).passes


def test_a_step_that_changes_something_compares_with_its_beginning() -> None:
    world = World()
    assert verdict("tree_changed", world).says == "unknown"
    world.visited("implement", NOW)
    assert verdict("tree_changed", world).says == "fail"
    world.visited("implement", BEFORE)
    assert verdict("tree_changed", world).passes


def test_a_spike_leaves_the_tree_as_it_was() -> None:
    world = World("spike")
    assert verdict("tree_restored", world).says == "fail"
    assert verdict("tree_restored", world, BEFORE).passes
    world.record.subject = ""
    assert verdict("tree_restored", world, BEFORE).says == "unknown"


def test_percentages_of_nothing_are_whole() -> None:
    assert CoverageSeen("coverage", 0, 0).percent == CoverageSeen("coverage", 0, 0).changed_percent == 100.0


def weakening(fingerprint: str = "0123456789abcdef") -> Finding:
    return Finding("check-weaker", "tests/a.py", 3, "test_a: was '== 6', is '>= 0'", fingerprint)


def test_a_weakened_test_shuts_until_a_person_excepts_just_that_in_this_phase() -> None:
    world = proven()
    world.compared(weakening(), weakening("f" * 16))
    said = verdict("tests_not_weakened", world)
    assert said.says == "fail" and "0123456789abcdef" in said.reasons[0] and "waiver ask finding" in said.remedy
    for subject in ("0123456789abcdef@1", "f" * 16):
        assert not verdict("tests_not_weakened", world).passes
        world.state.waivers[subject] = Waiver(subject, "finding", subject, "me", "why", "", "weak", "me", 0)
    assert verdict("tests_not_weakened", world).passes
    world.state.waivers["f" * 16] = msgspec.structs.replace(world.state.waivers["f" * 16], ended="phase 1 closed")
    assert not verdict("tests_not_weakened", world).passes


def test_a_comparison_with_another_tree_or_of_files_that_nobody_read_says_nothing() -> None:
    for more in ({"against": "another"}, {"why_unknown": ("tests/a.py was not compared: it does not parse",)}):
        world = proven()
        world.compared(**more)
        assert verdict("tests_not_weakened", world).says == "unknown"


def test_what_is_only_told_shuts_nothing() -> None:
    world = proven()
    world.compared(msgspec.structs.replace(weakening(), rule="expectation-changed", severity="info"))
    assert verdict("tests_not_weakened", world).passes


def test_where_behaviour_is_kept_another_expectation_shuts_until_a_person_excepts_it() -> None:
    other = msgspec.structs.replace(weakening(), rule="expectation-changed", severity="info")
    world = proven()
    world.compared(other)
    assert verdict("expectations_kept", world).says == "fail"
    world.state.waivers["w"] = Waiver("w", "finding", f"{other.fingerprint}@1", "me", "why", "", "weak", "me", 0)
    assert verdict("expectations_kept", world).passes
    world.compared(against="another")
    assert verdict("expectations_kept", world).says == "unknown"


def test_a_change_that_no_test_noticed_shuts_until_a_person_excepts_it_and_what_nobody_tried_is_unknown() -> None:
    world = proven()
    assert verdict("changed_lines_checked", world).says == "unknown"
    survivor = Finding(
        "comparison turned", "src/a.py", 3, "`<` became `<=`, and all tests pass", "f" * 16, severity="low"
    )
    world.saw(findings_seen("mutants", 1, (survivor,)))
    said = verdict("changed_lines_checked", world)
    assert said.says == "fail" and "src/a.py:3" in said.reasons[0] and "waiver add finding" in said.remedy
    world.state.waivers["w"] = Waiver("w", "finding", f"{survivor.fingerprint}@1", "me", "why", "", "weak", "me", 0)
    assert verdict("changed_lines_checked", world).passes
    world.saw(findings_seen("mutants", 0, (), why_unknown=("no small change was tried: a test is red",)))
    assert verdict("changed_lines_checked", world).says == "unknown"
    world.saw(findings_seen("mutants", 1, (), notes=("4 of 4",)))
    assert verdict("changed_lines_checked", world).passes
