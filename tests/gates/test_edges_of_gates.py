"""Where a gate turns: on exactly what is demanded it is open, one less shuts it, and what it tells is whole."""

from __future__ import annotations

import msgspec
import pytest
from moments import BEFORE, NOW, World

from phasegate.evidence.findings import Finding
from phasegate.evidence.findings import seen as findings_seen
from phasegate.evidence.items import ChangedFile, CoverageSeen
from phasegate.evidence.levels import Hollow, Infrastructure, SuiteLevel
from phasegate.gates.catalog import ask
from phasegate.gates.covered import newly_unrun
from phasegate.gates.found import judged
from phasegate.gates.interface import Verdict, some
from phasegate.ledger.state import Waiver
from phasegate.settings import Settings


def verdict(gate: str, world: World, subject: str = NOW) -> Verdict:
    (found,) = ask((gate,), world.at(subject))
    return found


def test_a_list_says_how_many_more_there_are_and_nothing_when_there_are_none() -> None:
    assert some([*"abcde"]) == "a, b, c, d, e" and some([*"abcdef"]) == "a, b, c, d, e and 1 more"


# --- tests ------------------------------------------------------------------------------------------------------------


def test_a_run_that_was_not_compared_with_the_start_of_this_phase_is_unknown() -> None:
    world = World()
    world.baseline()
    world.tests(compared_to="ev-of-another-phase")
    said = verdict("no_new_red", world)
    assert said.says == "unknown" and "not compared with the start" in said.reasons[0]


def test_the_run_of_the_start_itself_needs_no_comparison() -> None:
    world = World()
    world.baseline("old", compared_to="")
    assert verdict("no_new_red", world, BEFORE).passes


def test_tests_that_pass_and_show_nothing_shut() -> None:
    world = World()
    world.baseline()
    world.tests(hollow=(Hollow("t::a", "no assertion ran"),))
    assert verdict("no_new_red", world).reasons == ("tests pass and show nothing: t::a (no assertion ran)",)


def test_tests_that_were_red_at_first_and_pass_when_run_again_are_told() -> None:
    world = World()
    world.baseline()
    world.tests(flaky=("t::a",))
    assert verdict("no_new_red", world).reasons[1:] == ("red, and passed when they ran again: t::a",)


def test_a_run_that_broke_off_shows_nothing_red_first() -> None:
    world = World()
    world.record.red_seen = {"t::new": "assertion"}
    world.tests(complete=False, why_incomplete="it hung", held=("t::new",))
    assert verdict("red_first", world).says == "unknown"


@pytest.mark.parametrize("gate", ["red_first", "new_tests_fail"])
def test_a_phase_that_the_plan_no_longer_lists_has_to_show_something_new(gate: str) -> None:
    world = World(no_new_behaviour=True)
    world.tests()
    assert verdict(gate, world).passes
    world.state.plan = ()
    assert not verdict(gate, world).passes


def test_in_a_later_loop_tests_that_were_red_earlier_are_enough_and_new_ones_come_first() -> None:
    world = World()
    world.record.red_seen = {"t::earlier": "assertion"}
    world.tests()
    assert verdict("new_tests_fail", world).reasons == ("failed as they should earlier in this phase: t::earlier",)
    world.tests("t::new")
    assert verdict("new_tests_fail", world).reasons == ("fails as it should: t::new",)


def test_a_run_below_the_level_that_is_demanded_is_unknown_where_its_runner_can_do_better() -> None:
    world = World()
    world.tests(levels=(SuiteLevel("", "pytest", "recorded", "no mount", possible=True),))
    said = verdict("tests_ran", world)
    assert said.says == "unknown" and "ran at the level recorded, private is demanded: no mount" in said.reasons[0]
    world.tests(
        levels=(SuiteLevel("", "make", "recorded", "no mount"), SuiteLevel("", "pytest", "private", possible=True))
    )
    assert verdict("tests_ran", world).passes


def test_a_run_that_hangs_on_changed_infrastructure_is_unknown_until_a_person_approves_its_bytes() -> None:
    world = World()
    changed = Infrastructure("conftest.py", "", "b" * 40)
    world.tests(infrastructure=(changed,))
    assert verdict("tests_ran", world).says == "unknown"
    for subject, says in (("conftest.py@" + "a" * 40, "unknown"), (changed.subject, "pass")):
        waiver = Waiver(subject, "infrastructure", subject, "me", "why", "", "weak", "me", 0)
        world.state.waivers[subject] = waiver
        assert verdict("tests_ran", world).says == says


# --- coverage ---------------------------------------------------------------------------------------------------------


def test_a_path_that_meets_its_own_demand_exactly_is_covered() -> None:
    world = World()
    world.settings = msgspec.convert({"coverage": {"paths": {"src/money/**": 80.0}}}, Settings)
    world.covered(changed=(ChangedFile("src/money/a.py", 4, (3,)),))
    assert verdict("covered", world).passes
    world.covered(changed=(ChangedFile("src/money/a.py", 39, (*range(10),)),))
    assert not verdict("covered", world).passes


def test_a_new_project_that_meets_the_demand_exactly_is_covered() -> None:
    world = World()
    world.covered(part=8)
    assert verdict("covered", world).passes


def test_less_than_a_report_shows_is_no_fall() -> None:
    assert newly_unrun(CoverageSeen("c", 2000, 2000), CoverageSeen("c", 1999, 2000)) == 0
    assert newly_unrun(CoverageSeen("c", 2000, 2000), CoverageSeen("c", 1998, 2000)) == 2


# --- tasks, notes, findings -------------------------------------------------------------------------------------------


def test_a_phase_without_tasks_has_none_to_answer() -> None:
    world = World()
    world.state.plan = (msgspec.structs.replace(world.state.plan[0], tasks=()),)
    for gate in ("checklist_answered", "tasks_evidenced"):
        assert verdict(gate, world).reasons == ("the phase lists no tasks",)
    world.state.plan = ()
    for gate in ("checklist_answered", "tasks_evidenced"):
        assert verdict(gate, world).reasons == ("the phase lists no tasks",)


def test_only_a_discovery_of_this_phase_and_this_step_is_a_finding() -> None:
    world = World()
    world.run.entered = 4
    world.note("uncertainty")
    world.note("discovery").phase = "2"
    assert not verdict("finding_recorded", world).passes
    world.note("discovery")
    world.note("discovery").position = 3
    assert verdict("finding_recorded", world).passes


@pytest.mark.parametrize(("gate", "rule"), [("expectations_kept", "expectation-changed"), ("tests_not_weakened", "x")])
def test_ten_changes_are_told_and_the_rest_is_counted(gate: str, rule: str) -> None:
    def changes(count: int) -> World:
        world = World()
        world.compared(*[Finding(rule, "tests/a.py", n, "m", f"{n:016}", "high") for n in range(count)])
        return world

    assert len(verdict(gate, changes(10)).reasons) == 10
    assert verdict(gate, changes(11)).reasons[10:] == ("and 1 more",)


def test_what_is_as_severe_as_the_least_that_counts_shuts() -> None:
    world = World()
    world.compared(Finding("x", "tests/a.py", 3, "m", "f" * 16, severity="low"))
    assert verdict("tests_not_weakened", world).says == "fail"


def test_a_comparison_that_could_not_read_a_file_says_just_that() -> None:
    world = World()
    world.compared(why_unknown=("tests/a.py was not compared",))
    assert verdict("tests_not_weakened", world).reasons == ("tests/a.py was not compared",)


def test_a_finding_that_the_code_hides_from_a_scanner_is_told_with_what_hides_it() -> None:
    world = World()
    hidden = Finding("S1", "src/a.py", 3, "bad", "f" * 16, "high", suppressed="noqa")
    world.saw(findings_seen("sast", 1, (hidden, Finding("S2", "src/b.py", 3, "bad", "e" * 16, "high"))))
    (reason,) = judged(world.state, "sast", NOW, "2026-01-01").reasons
    assert "src/a.py:3 bad (suppressed in code by noqa, which no person waived)" in reason
    assert reason.count("suppressed") == 1
