"""The plan: boxes are phasegate's, and an agent may not plan its own work away."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bench import PLAN, PLAN_PATH, Bench

from phasegate.ledger.facts import BoxesPutBack, ChangeHeld, StepEntered
from phasegate.policy import calls as c


def to_plans(bench: Bench) -> None:
    """At the step that may edit the plan."""
    bench.desk.record(
        [StepEntered(bench.run.id, "update_plans_within_phase", bench.step, "", "1", bench.run.subject)],
        relying_on=None,
    )


def test_a_box_ticked_by_another_hand_is_put_back_and_reported(bench: Bench) -> None:
    to_plans(bench)
    said = bench.edit(PLAN_PATH, PLAN.replace("[ ] 1.1", "[x] 1.1"))
    assert isinstance(said, c.Inform) and "put back: 1.1" in said.text
    assert bench.read(PLAN_PATH) == PLAN
    assert [fact.boxes for fact in bench.facts(BoxesPutBack)] == [("1.1",)]  # type: ignore[attr-defined]
    assert not bench.state.is_closed("1")


def test_boxes_ticked_before_the_ledger_was_born_are_accepted_and_stay(lay_out: Callable[..., Bench]) -> None:
    done = PLAN.replace("## Phase 1: Adding", "## [x] Phase 1: Adding").replace("[ ] 1.", "[x] 1.")
    bench = lay_out(plan=done)
    bench.begin(baseline=False)
    assert bench.state.is_closed("1") and bench.run.phase == "2"
    bench.opens(), bench.prompt()
    to_plans(bench)
    bench.edit(PLAN_PATH, done + "- [ ] 2.2 More\n")
    assert bench.read(PLAN_PATH) == done + "- [ ] 2.2 More\n"


def test_a_closed_box_that_was_cleared_is_ticked_again(bench: Bench) -> None:
    bench.to_close()
    bench.done()
    ticked = bench.read(PLAN_PATH)
    assert "[x]" in ticked
    to_plans(bench)
    said = bench.edit(PLAN_PATH, ticked.replace("[x]", "[ ]"))
    assert isinstance(said, c.Inform) and "ticked again" in said.text
    assert bench.read(PLAN_PATH) == ticked


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("- [ ] 1.2 Refuse text\n", "", "task 1.2"),
        ("[feature]", "[docs]", "the kind feature of phase 1"),
        ("## Phase 2: Telling [docs]\n\n- [ ] 2.1 Say how\n", "", "phase 2"),
    ],
)
def test_a_plan_that_demands_less_is_held_until_a_person_accepts_it(bench: Bench, old: str, new: str, why: str) -> None:
    to_plans(bench)
    said = bench.edit(PLAN_PATH, PLAN.replace(old, new))
    assert isinstance(said, c.Inform) and why in said.text and "answer settle" in said.text
    assert list(bench.run.held) == [PLAN_PATH]
    bench.edit(PLAN_PATH, PLAN)
    assert not bench.run.held


def test_a_plan_that_demands_more_or_says_it_better_is_not_held(bench: Bench) -> None:
    to_plans(bench)
    better = PLAN.replace("Add two numbers", "Add two whole numbers") + "- [ ] 2.2 Say it again\n"
    bench.edit(PLAN_PATH, better)
    assert not bench.run.held and not bench.facts(ChangeHeld)
    assert len(bench.state.plan[1].tasks) == 2


def test_a_plan_that_cannot_be_read_leaves_the_last_one_in_force(bench: Bench) -> None:
    to_plans(bench)
    before = bench.state.plan
    said = bench.shell(lambda: bench.write(PLAN_PATH, b"\xff\xfe"))
    assert isinstance(said, c.Inform) and "in force" in said.text
    assert bench.state.plan == before


def test_a_plan_that_is_gone_is_asked_for(bench: Bench) -> None:
    to_plans(bench)
    said = bench.shell(lambda: (bench.root / PLAN_PATH).unlink())
    assert isinstance(said, c.Inform) and "bring it back" in said.text
