"""Each form of source becomes the phases that a person would have copied out of it; the shapes were met in the wild."""

from __future__ import annotations

import json

import pytest

from tests.workflow.drafting import outline_of, planned, whys

SPEC = "specs/004-birds/tasks.md"
CHANGE = "openspec/changes/add-birds/tasks.md"


# -- spec-kit ---------------------------------------------------------------------------------------------------------

BIRDS = """# Tasks: Birds

**Input**: Design documents

## Format: `[ID] [P?] [Story] Description`

- **[P]**: Can run in parallel

## Phase 1: Setup (Shared Infrastructure)

**Purpose**: A nest

- [ ] T001 Gather twigs
- [ ] T002 [P] Gather moss

**Checkpoint**: The nest holds

## Phase 2: Foundational (Blocking Prerequisites)

- [x] T003 Find a tree

## Phase 3: User Story 1 - Eggs (Priority: P1) 🎯 MVP

**Goal**: There are eggs

### Tests for User Story 1 ⚠️

> **NOTE: Write these tests FIRST**

- [ ] T004 [P] [US1] Test eggs in tests/eggs.py

### Implementation for User Story 1

- [ ] T005 [US1] Lay eggs in src/eggs.py
  - three at least

## Phase 4: User Story 2 - Songs (Priority: P2)

- [ ] T006 [US2] Sing

## Phase N: Polish & Cross-Cutting Concerns

- [ ] T007 Preen

## Dependencies & Execution Order

### Phase Dependencies

- **Setup (Phase 1)**: No dependencies - can start immediately
- **Foundational (Phase 2)**: Depends on Setup completion - BLOCKS all user stories
- **User Stories (Phase 3+)**: All depend on Foundational phase completion
- **Polish (Final Phase)**: Depends on all desired user stories being complete

### User Story Dependencies

- **User Story 2 (P2)**: Depends on US1 (needs eggs), independent of Setup
- Twigs before moss
"""


def test_phases_of_spec_kit_keep_ids_marks_and_goals_and_wait_as_the_file_says() -> None:
    phases = planned(BIRDS, SPEC)
    assert [(phase.title, phase.kind, phase.blocked_by) for phase in phases] == [
        ("004-birds: Setup (Shared Infrastructure)", "chore", ()),
        ("004-birds: User Story 1 - Eggs (Priority: P1) 🎯 MVP", "feature", ()),
        ("004-birds: User Story 2 - Songs (Priority: P2)", "feature", ("2",)),
        ("004-birds: Polish & Cross-Cutting Concerns", "chore", ("2", "3")),
    ]
    assert [task.text for task in phases[1].tasks] == [
        "T004 [P] [US1] Test eggs in tests/eggs.py",
        "T005 [US1] Lay eggs in src/eggs.py",
    ]


def test_what_spec_kit_says_besides_is_listed_with_its_line() -> None:
    lines = BIRDS.split("\n")
    found = {(lines[number - 1].strip(" ->*"), why) for number, why in whys(BIRDS, SPEC)}
    assert found >= {
        ("[x] T003 Find a tree", "already ticked"),
        ("three at least", "text beneath a task"),
        ("NOTE: Write these tests FIRST", "a quotation"),
        ("Twigs before moss", "says an order, but of no two phases of this source"),
    }


@pytest.mark.parametrize(
    ("said", "blocked"),
    [
        ("Phase 1 → Phase 2 → Phase 3", [(), ("1",), ("2",)]),
        ("**Setup (Phase 1)** -> **Phases 2–3**: nothing goes without phase 3.", [(), ("1",), ("1",)]),
        ("T001 blocks T003", [(), (), ("1",)]),
        ("Tests (T001-T002) before implementation (T003)", [(), (), ("1", "2")]),
        ("Phase 3: depends on Phase 1 and 2", [(), (), ("1", "2")]),
        ("Phase 3: depends on Phase 1, can run in parallel with Phase 2", [(), (), ("1",)]),
        ("Story 1 requires Setup; Story 2 requires Story 1", [(), ("1",), ("2",)]),
        ("Phase 1 depends on Phase 3", [(), (), ()]),
        ("Be kind before you are right", [(), (), ()]),
    ],
)
def test_an_order_is_read_where_it_names_phases_and_nowhere_else(said: str, blocked: list[tuple[str, ...]]) -> None:
    text = (
        "## Phase 1: Setup\n- [ ] T001 a\n\n## Phase 2: User Story 1 - Eggs\n- [ ] T002 b\n\n"
        f"## Phase 3: User Story 2 - Songs\n- [ ] T003 c\n\n## Dependencies\n\n- {said}\n"
    )
    assert [phase.blocked_by for phase in planned(text, SPEC)] == blocked


def test_a_task_that_names_what_it_waits_for_makes_its_phase_wait() -> None:
    text = (
        "## Phase 1: Nest\n- [ ] T001 a\n\n## Phase 2: Eggs\nDependencies: Phase 1\n\n- [ ] T002 b\n"
        "- [ ] Dependency audits\n\n## Phase 3: Songs\n- [ ] T003 c (depends on T002, T001)\n"
    )
    assert [phase.blocked_by for phase in planned(text, SPEC)] == [(), ("1",), ("1", "2")]
    assert not [why for _, why in whys(text, SPEC)]


# -- OpenSpec ---------------------------------------------------------------------------------------------------------


def test_sections_of_a_change_are_phases_named_by_it_and_tasks_lose_their_numbers() -> None:
    text = "## 1. Bird model\n- [ ] 1.1 Add wings\n- [ ] 1.2 Add a beak\n\n## 2. Documentation\n- [ ] 2.1 Draw\n"
    assert outline_of(text, CHANGE) == [
        ("add-birds: Bird model", ["Add wings", "Add a beak"]),
        ("add-birds: Documentation", ["Draw"]),
    ]
    assert [phase.kind for phase in planned(text, CHANGE)] == ["feature", "docs"]


def test_a_change_without_sections_or_boxes_is_one_phase_named_by_it() -> None:
    assert outline_of("# Tasks: add-birds\n\n- [ ] fly\n", CHANGE) == [("add-birds", ["fly"])]
    assert outline_of("1. **Fly**\n   - up\n2. Land\n", CHANGE) == [("add-birds", ["Fly", "Land"])]


# -- README, TODO, check lists ----------------------------------------------------------------------------------------


def test_a_readme_gives_its_road_map_and_nothing_else() -> None:
    text = (
        "# The Future of Birds\n\n## Install\n\n1. Get it\n2. Run it\n\n## Roadmap\n\n- Fly\n- [Sing](song.md)\n"
        "  - softly\n- ~~Bark~~\n- ✅ Hatch\n\n### v2\n\n- Migrate\n\n## Credits\n\n- Everyone\n"
    )
    assert outline_of(text, "README.md") == [("Roadmap", ["Fly", "Sing"]), ("v2", ["Migrate"])]
    assert whys(text, "README.md") == [(12, "text beneath a task"), (13, "already ticked"), (14, "already ticked")]


def test_bold_lines_serve_as_headings_and_same_headings_get_the_one_above() -> None:
    text = "# To do\n\n## Nest\n\n**Tests**\n\n- a\n\n## Song\n\n**Tests**\n\n- b\n"
    assert outline_of(text) == [("Nest: Tests", ["a"]), ("Song: Tests", ["b"])]


def test_nested_boxes_become_tasks_of_the_same_phase_and_lose_a_parent_that_is_done() -> None:
    phases = planned("# To do\n\n- [ ] nest\n  - [ ] twigs\n- [x] song\n  - [ ] second verse\n")
    assert [(task.id, task.text) for task in phases[0].tasks] == [
        ("1.1", "nest"), ("1.1.1", "twigs"), ("1.2", "second verse"),
    ]  # fmt: skip


def test_where_a_todo_file_has_boxes_other_lists_are_prose_unless_they_call_themselves_plans() -> None:
    text = "# Roadmap\n\n## Now\n\n- [ ] fly\n\n## How you can help out\n\n- clap\n\n## Backlog\n\n- sing\n"
    assert outline_of(text, "ROADMAP.md") == [("Now", ["fly"]), ("Backlog", ["sing"])]


def test_what_stands_under_done_or_rejected_is_not_to_be_done() -> None:
    text = "# Later\n\n- fly\n\n# Done\n\n- hatch\n\n# Won't do\n\n- bark\n\n# Songs ✅ shipped in v2\n\n- sing\n"
    assert outline_of(text) == [("Later", ["fly"])]


def test_a_list_without_a_heading_takes_the_name_of_its_file() -> None:
    assert outline_of("- [ ] fly\n", "notes/birds.md") == [("birds.md", ["fly"])]


def test_boxes_in_unknown_states_and_signs_are_told_apart() -> None:
    text = "- [ ] a\n- [] b\n- [?] c\n- ☐ d\n- ☑ e\n- [-] f\n- [ ]\n"
    assert outline_of(text) == [("TODO.md", ["a", "b", "d"])]
    assert [line for line, why in whys(text) if why == "a box in a state that is not known"] == [3, 6]


# -- plain text -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TODO:\n\tfly\n\n\tsing\n\nDONE:\n\thatch\n", [("TODO", ["fly", "sing"])]),
        ("Soon\n===\n\n* fly\n  far\n  - with wings\n* sing\n", [("Soon", ["fly far", "with wings", "sing"])]),
        (":: fly\n:: sing\n   - softly\n", [("TODO.txt", ["fly", "sing", "softly"])]),
        ("1.fly\n2.sing\n", [("TODO.txt", ["fly", "sing"])]),
        ("x 2026-01-01 hatch\n(A) 2026-01-02 fly +wings\nsing\n", [("TODO.txt", ["fly +wings", "sing"])]),
        ("fly\nsing\n", [("TODO.txt", ["fly", "sing"])]),
        ("- [x] hatch\n- [ ] fly\n", [("TODO.txt", ["fly"])]),
    ],
)  # fmt: skip
def test_plain_text_lists_are_read_as_people_write_them(text: str, expected: list[tuple[str, list[str]]]) -> None:
    assert outline_of(text, "TODO.txt") == expected


# -- issues -----------------------------------------------------------------------------------------------------------


def test_an_issue_from_gh_keeps_its_address_and_its_labels_say_the_kind() -> None:
    given = {
        "title": "Wings fall off", "url": "https://example.org/birds/issues/7", "labels": [{"name": "bug"}],
        "body": "- [x] I have searched the issues\n- [ ] I agree to be kind\n\n## Tasks\n\n- [ ] Glue them\n",
    }  # fmt: skip
    (phase,) = planned(json.dumps(given), "-")
    assert (phase.title, phase.kind, [task.text for task in phase.tasks]) == ("Wings fall off", "fix", ["Glue them"])
    assert (2, "a section without tasks") not in whys(json.dumps(given), "-")
    assert [line for line, why in whys(json.dumps(given), "-") if "declaration" in why] == [1, 2]


def test_an_issue_without_a_list_is_one_phase_with_its_title_as_the_task() -> None:
    header = "title:\tSing louder\nstate:\tOPEN\nlabels:\tenhancement\nnumber:\t3\n--\nNobody hears it.\n"
    (phase,) = planned(header, "-")
    assert (phase.title, [task.text for task in phase.tasks]) == ("Sing louder", ["Sing louder"])


def test_criteria_without_boxes_are_tasks_and_steps_to_reproduce_are_not() -> None:
    text = "# Songs\n\n## Steps to reproduce\n\n1. Listen\n\n## Acceptance criteria\n\n- Loud\n- Clear\n"
    assert outline_of(text, "-") == [("Songs", ["Loud", "Clear"])]
