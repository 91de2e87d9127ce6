"""What `docs/how-to/define-a-workflow.md` says is so: its example runs, and its lists are complete."""

from __future__ import annotations

import re
from pathlib import Path

from phasegate.workflow.definition import ACTIONS, FACTS
from phasegate.workflow.next import transition
from phasegate.workflow.toml import LANE, STEP, WORKFLOW, read_workflow
from phasegate.workflow.validate import FILE_CLASSES
from tests.workflow.definitions import GATES

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "define-a-workflow.md").read_text(encoding="utf-8")
EXAMPLE, LANE_ROWS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_is_legal_and_does_what_the_page_says() -> None:
    workflow = read_workflow(EXAMPLE, path="define-a-workflow.md", gates=GATES)
    work = workflow.step("work")
    chosen = [
        transition(work, {"kind_gates": gates, "must_escalate": limit})
        for gates, limit in [("pass", "no"), ("unknown", "no"), ("fail", "yes")]
    ]
    assert [each and each.to for each in chosen] == ["close", "work", "defer"]


def test_the_rows_of_lanes_fit_to_the_example() -> None:
    workflow = read_workflow(f"{EXAMPLE}\n{LANE_ROWS}", path="define-a-workflow.md", gates=GATES)
    assert workflow.lane("trivial").start == "work" and "approved" in workflow.closing_gates("fix", "regulated")
    assert set(re.findall(r"^(\w+) =", LANE_ROWS, re.MULTILINE)) == LANE.keys()


def test_the_page_lists_every_key_action_fact_and_class() -> None:
    rows = {match[1]: match[2] for match in re.finditer(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)}
    assert rows.keys() == STEP.keys() | FACTS.keys()
    assert {fact: tuple(re.findall(r"`(\w+)`", rows[fact])) for fact in FACTS} == FACTS
    assert set(re.findall(r"`(\w+)`", rows["acts"])) == set(ACTIONS)
    assert set(re.findall(r"`(\w+)`", rows["may_edit"])) == set(FILE_CLASSES)
    assert all(f"{key} =" in PAGE or f"`{key}`" in PAGE or f"[[{key}]]" in PAGE for key in WORKFLOW)
