"""What a plan file says is read as a person reads it, or refused with its line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from phasegate.workflow.plan import UnknownPhase
from phasegate.workflow.plan_markdown import PlanEmpty, PlanUnreadable, parse_plan, status_in_phase_file

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


def test_phases_written_as_list_items_have_boxes_of_their_own() -> None:
    one, two, three = parse_plan((PLANS / "items.md").read_text(), path="p").phases
    assert (one.title, one.kind, one.done, one.evidence) == ("Research the format", "spike", True, "archive/p1.json")
    assert (two.title, two.area, two.detail, two.done) == ("Read files", "reader", "detail/reader plan.md", False)
    assert [(task.id, task.text, task.done) for task in two.tasks] == [
        ("2.1", "open them", True), ("2.2", "decode them", False),
    ]  # fmt: skip
    assert (two.blocked_by, three.blocked_by, three.kind, three.tasks) == (("1",), ("2",), "fix", ())


def test_numbered_headings_are_phases_where_no_word_names_any() -> None:
    wiring, lamps = parse_plan((PLANS / "numbered.md").read_text(), path="p").phases
    assert (wiring.id, wiring.title, [task.id for task in wiring.tasks]) == ("2", "Wiring", ["2.1.1", "2.1.2"])
    assert (lamps.id, lamps.title, lamps.done, lamps.line) == ("3", "Lamps", True, 11)


def test_without_numbers_each_heading_with_boxes_is_a_phase() -> None:
    near, ideas = parse_plan((PLANS / "unnamed_crlf.md").read_bytes().decode(), path="p").phases
    assert (near.id, near.title) == ("near-term", "🧭 Near term")
    assert [task.id for task in near.tasks] == ["near-term.1", "near-term.1.1"]
    assert (ideas.id, ideas.title, ideas.kind) == ("idées", "Idées", "spike")


def test_a_phase_keeps_its_id_when_its_kind_is_corrected() -> None:
    ids = {parse_plan(f"## Clean up{tag}\n- [ ] a\n", path="p").phases[0].id for tag in ("", " (refactor)", " [chore]")}
    assert ids == {"clean-up"}


def test_a_task_may_begin_with_a_word_that_labels_something_elsewhere() -> None:
    text = "## Task 1A: x\n- [ ] detail.md is read\n  area by area\n- [ ] y\n  Depends on: z\n"
    (phase,) = parse_plan(text, path="p").phases
    assert (phase.id, phase.blocked_by) == ("1a", ())
    assert [task.text for task in phase.tasks] == ["detail.md is read area by area", "y"]


def test_what_is_next_waits_for_blockers_and_passes_deferred_phases_by() -> None:
    plan = parse_plan("## 1. a\n- [ ] x\n## 2. b\nBlocked by 1.\n- [ ] y\n## 3. c\n- [ ] z\n", path="p")
    one, two, three = plan.phases
    assert plan.next_open() == one
    assert plan.next_open(closed=["1"]) == two
    assert plan.next_open(deferred=["1"]) == three
    assert plan.next_open(closed=["3"], deferred=["1"]) is None
    with pytest.raises(UnknownPhase):
        plan.phase("4")


@pytest.mark.parametrize(("said", "blockers"), [
    ("Blocked by: Phase 1", ["1"]), ("**Blocked by:** 1, 2", ["1", "2"]), ("- depends on Phases 1-3", ["1", "2", "3"]),
    ("Blocked by: Phase 1 and Phase 3 (both, wholly)", ["1", "3"]), ("*Blocked-by*: Search and find", ["2"]),
    ("Depends on: None (starting point)", []), ("Blocked by: —", []), ("Depends on the weather.", []),
    ("Depends on 3 people", []), ("> Blocked by: [Phase 2](#phase-2)", ["2"]),
    ("Blocked by: phase 1 — One, 2", ["1", "2"]),
    ("Blocked by: 1 through 3", ["1", "2", "3"]), ("Kind: fix · Blocked by: 2", ["2"]),
])  # fmt: skip
def test_blockers_are_understood_as_people_write_them(said: str, blockers: list[str]) -> None:
    text = "## Phase 1: One\n- [ ] a\n## Phase 2: Search and find\n- [ ] b\n## Phase 3: C\n- [ ] c\n## Phase 4: D\n\n"
    assert list(parse_plan(f"{text}{said}\n\n- [ ] d\n", path="p").phase("4").blocked_by) == blockers


@pytest.mark.parametrize(("title", "kind"), [
    ("Billing", "feature"), ("Fix the docs build", "fix"), ("Add documentation search", "feature"),
    ("User guide", "docs"),
    ("Refactor: split the parser", "refactor"), ("Upgrade Python", "chore"),
    ("Investigate caching", "spike"),
])  # fmt: skip
def test_a_kind_that_is_not_stated_is_inferred_from_the_title(title: str, kind: str) -> None:
    phase = parse_plan(f"## Phase 1: {title}\n- [ ] a\n", path="p").phase("1")
    assert (phase.kind, phase.kind_stated) == (kind, False)
    phase = parse_plan(f"## Phase 1: {title} [chore]\n- [ ] a\n", path="p").phase("1")
    assert (phase.title, phase.kind, phase.kind_stated) == (title, "chore", True)


HEAD = "## Phase 1: A\n"


@pytest.mark.parametrize(("text", "line", "about"), [
    (HEAD + "- [-] a", 2, "state"), (HEAD + "- [✓] a", 2, "state"), (HEAD + "- [] a", 2, "state"),
    (HEAD + "- [ x ] a", 2, "state"), (HEAD + "- [ ]a", 2, "state"), (HEAD + "- [ ]* 1.3 a", 2, "state"),
    (HEAD + "- [wip] a", 2, "state"), (HEAD + "- [x]a", 2, "state"), (HEAD + "- [ ]", 2, "text"),
    (HEAD + "- [ ] <!-- a -->", 2, "text"), (HEAD + "- [ ] a\n\n# B\n- [ ] c", 5, "outside"), ("- [ ] a", 1, "outside"),
    (HEAD + "> - [ ] a", 2, "does not show"), (HEAD + "- [ ] a\n\n        - [x] b\n", 4, "does not show"),
    (HEAD + "text\n    - [ ] a", 3, "does not show"), (HEAD + "<div>\n- [ ] a\n</div>", 3, "does not show"),
    (HEAD + "| a | b |\n|---|---|\n| [x] | c |", 4, "does not show"), (HEAD + "[ ] a", 2, "does not show"),
    (HEAD + "-\n  [ ] a", 3, "does not show"), (HEAD + "- [ ] a\n  ===", 2, "does not show"),
    (HEAD + "- # [ ] a", 2, "does not show"), ("---\na: 1\n\n- [ ] b\n---\n", 4, "does not show"),
    ("## Phase [ ] 1: A\n- [ ] a", 1, "cannot place"), ("## [ ] Phase 1: A [x]\n", 1, "cannot place"),
    ("[ ] Phase 1: A\n---\n- [ ] a", 1, "cannot place"),
    (HEAD + "- [ ] a\n## Phase 1: B\n- [ ] b", 3, "id 1 again, which line 1 has"),
    (HEAD + "- [ ] 1.2 a\n- [ ] b", 3, "id 1.2 again"), ("## A\n- [ ] a\n## a!\n- [ ] b", 3, "id a again"),
    (HEAD + "- [ ] a\n### Phase 2: B\n- [ ] b", 3, "starts 2 inside 1"),
    (HEAD + "- [ ] a\n## Phase 2: B\n", 3, "without a check box"),
    (HEAD + "text\n## Later\n- [ ] a", 1, "without a check box"), ("## A\n**Phase 1: B**\n- [ ] a", 2, "no heading"),
    (HEAD + "- [ ] a\n\n**Phase 2: B**\n- [ ] b", 4, "no heading"),
    ("- [ ] Phase 1: A\n  - [ ] a\n- Phase 2: B\n", 3, "without a check box"),
    (HEAD + "Blocked by: Phase 2\n- [ ] a", 2, "blocked by 'Phase 2'"),
    (HEAD + "Blocked by: the rest\n- [ ] a", 2, "no phase of this plan"),
    (HEAD + "Blocked by:\n- [ ] a", 2, "names no phase"),
    (HEAD + "### Depends on\n- [ ] a", 2, "names no phase"),
    (HEAD + "Depends on: 1 or 2\n- [ ] a", 2, "no phase of this plan"), (HEAD + "Blocked by: 1\n- [ ] a", 1, "circle"),
    ("## 1. A\nBlocked by 2\n- [ ] a\n## 2. B\nBlocked by 1\n- [ ] b", 1, "circle"),
    ("| Phase | Depends on |\n|---|---|\n| 2 | 1 |\n\n## Phase 1\n- [ ] a", 1, "table column"),
    (HEAD + "Kind: bug\n- [ ] a", 2, "kind 'bug'"),
    ("## Phase 1: A (docs)\nKind: fix\n- [ ] a", 2, "kind 'docs and fix'"),
    (HEAD + "Area: ../etc\n- [ ] a", 2, "area"), (HEAD + "Area: a\nArea: b\n- [ ] a", 3, "area"),
    (HEAD + "- [ ] a\n```\n- [ ] b\n", 3, "never closed"), (HEAD + "- [ ] a\n\n<!-- b\n- [ ] c\n", 4, "never closed"),
    (HEAD + "- [ ] a\n\n[x]: https://a", 4, "a link"),
    (HEAD + "- [ ] a\r- [ ] b", 2, "carriage return"), ("## 🚀\n- [ ] a", 1, "without a name"),
    (HEAD + "- [ ] a\n" * 5_001, 1, "more than 5000 boxes"), ("a" * 300_000, 1, "longer than"),
    (HEAD + "Blocked by: " + "1," * 200 + "\n- [ ] a", 2, "more than 100 phases"),
])  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused_with_its_line(text: str, line: int, about: str) -> None:
    with pytest.raises(PlanUnreadable) as refused:
        parse_plan(text, path="docs/plan.md")
    assert refused.value.message.startswith(f"docs/plan.md:{line} ")
    assert about in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "\ufeff", "\n", "# Plan\n\nSoon.\n", "```\n- [ ] a\n```\n", "<!--\n- [ ] a\n-->\n", "## Phase 1: A\n- a\n"],
)
def test_a_plan_without_a_box_is_empty_and_says_what_to_write(text: str) -> None:
    with pytest.raises(PlanEmpty) as refused:
        parse_plan(text, path="p")
    assert "## Phase 1: Title" in refused.value.hint


@pytest.mark.parametrize("text", [
    "- [x](https://a) link", "- [1] note", "- [^1] note", "- `[x]` code", "- [a][b] link", "[y]: https://a",
    "text [x] text",
    "- \\[x\\] escaped", "| a |\n|---|\n| b |", "```\n- [-] a\n```", "<!-- - [-] a -->", "<pre>\n- [x] a\n</pre>",
])  # fmt: skip
def test_what_only_resembles_a_box_is_no_task(text: str) -> None:
    assert len(parse_plan(f"{HEAD}- [ ] a\n\n{text}\n", path="p").phase("1").tasks) == 1


def test_a_phase_file_carries_no_status() -> None:
    text = """---
status: draft
---
# Phase 1: Parser ✅
**Status**: In Progress
Status codes are read here.
- [x] done
- [ ] open
```
- [x] in a fence
Status: done
```
<!-- Status: done -->
## Reading (COMPLETED)
- tokens ✅ done
- ✅ trees
- trees ([evidence](a.json))
"""
    assert [found.line for found in status_in_phase_file(text)] == [2, 4, 5, 7, 14, 15, 16, 17]
    assert status_in_phase_file("# Phase 1\n\n- [ ] a\n") == ()


def test_the_values_of_a_plan_load_without_a_markdown_parser() -> None:
    heavy = ["markdown_it", "pathlib", "json", "dataclasses"]
    code = f"import sys, phasegate.workflow.plan; print([name for name in {heavy} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
