"""What a plan file says is read as a person reads it, or refused with its line."""

from __future__ import annotations

from pathlib import Path

from phasegate.workflow.plan_markdown import parse_plan

PLANS = Path(__file__).parent / "plans"


def test_a_plan_of_headings_is_read_with_kinds_blockers_areas_and_nested_tasks() -> None:
    plan = parse_plan((PLANS / "headings.md").read_text(), path="headings.md")
    assert [(phase.id, phase.title, phase.kind, phase.kind_stated) for phase in plan.phases] == [
        ("1", "Add a parser (Weeks 1-2) 🔄", "feature", False),
        ("2", "Speed", "refactor", True),
        ("3", "Manual", "docs", True),
    ]
    one, two, three = plan.phases
    assert (one.area, one.detail, one.blocked_by, one.done) == ("billing", "phases/phase_1.md", (), False)
    assert [(task.id, task.done) for task in one.tasks] == [
        ("1.1", True), ("1.2", False), ("1.2.1", False), ("1.2.2", True), ("1.3", False),
    ]  # fmt: skip
    assert one.tasks[0].evidence == "archive/billing/p1/evidence.json"
    assert one.tasks[1].text == "1.2 Tree - build the tree, which takes two lines"
    assert (two.blocked_by, two.no_new_behaviour) == (("1",), True)
    assert [(task.id, task.text) for task in two.tasks] == [("2.1.1", "read in blocks"), ("2.1", "twice as fast")]
    assert three.blocked_by == ("1", "2")
    assert plan.next_open() == one
    assert plan.next_open(closed=["1"]) == two
    assert plan.next_open(deferred=["1"]) is None
