"""Whatever a source says: nothing is invented, the plan reads it back, and importing it twice adds nothing."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from phasegate.workflow.importing.draft import FORMS, DraftTask, Form
from phasegate.workflow.importing.known import imported
from phasegate.workflow.plan_markdown import parse_plan
from phasegate.workflow.plan_phases import read
from tests.workflow.drafting import PATH, drafted, merged

PATHS: dict[Form, str] = {
    "spec-kit": "specs/001-a b/tasks.md", "openspec": "openspec/changes/add-[x]/tasks.md", "readme": "README.md",
    "todo": "docs/TODO.txt", "checklist": "a_b*c.md", "issue": "-",
}  # fmt: skip
WORDS = st.text("abcXYZ éß漢🚀`*_[]()<>|\\:#.0129!&~'\"", min_size=1, max_size=16)
MARK = st.sampled_from(
    ["- [ ] ", "- [x] ", "* ", "1. ", "- [ ] T001 [P] ", "- [ ] 1.1 ", "- ~~", "☐ ", "- [ ] **b** ", "-"]
)
HEAD = st.sampled_from(["# ", "## ", "### ", "## Phase 1: ", "## Phase 2: ", "## 1. ", "## TODO ", "**", "## Roadmap "])
OTHER = st.sampled_from(
    [
        "```",
        "> ",
        "| a |\n|---|\n| b |",
        "Depends on: Phase 1",
        "**Goal**: ",
        "---",
        "<!-- ",
        "Phase 1 → Phase 2",
        "    ",
    ]
)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """One line of a list that somebody keeps, of any sort, at any depth."""
    lead = draw(st.one_of(MARK, MARK, HEAD, OTHER, st.just("")))
    indent = draw(st.sampled_from(["", "", "", "  ", "    "]))
    return f"{indent}{lead}{draw(WORDS)}{draw(st.sampled_from(['', '', '**', ':', ' [x]', ' ✅', chr(10)]))}"


SOURCES = st.lists(lines(), max_size=14).map("\n".join)
FORM = st.sampled_from(FORMS)


def words(text: str) -> str:
    """`text` without what Markdown makes of some characters: entities, escapes and blanks."""
    return re.sub(r"[\W_]+", "", text)


def in_order(said: str, source: str) -> bool:
    """Whether all characters of `said` stand in `source` in this order: between them only markup was taken out."""
    rest = iter(source)
    return all(char in rest for char in said)


@given(SOURCES, FORM)
@settings(max_examples=200, deadline=None)
@example("- [ ] 0<X>0\n", "todo")
@example("- [ ] a\n\n  - b\n", "todo")
@example("## Phase 1: x [x]\n- [ ] a\n", "spec-kit")
def test_every_word_of_a_draft_stands_in_its_source(source: str, form: Form) -> None:
    draft = drafted(source, PATHS[form], form)
    rows = source.split("\n")
    for phase in draft.phases:
        for part in phase.title.split(": "):
            assert in_order(words(part), words(source)) or words(part) in words(PATHS[form]), part
        for task in phase.tasks:
            assert 1 <= task.line <= len(rows)
            assert in_order(words(task.text), words("".join(rows[task.line - 1 :]))), task
        for note in phase.notes:
            assert in_order(words(note.text), words("".join(rows[note.line - 1 :]))), note


@given(SOURCES, FORM)
@settings(max_examples=200, deadline=None)
@example("- [ ] a\n- [ ] a\n- [ ] 1.1 b\n", "checklist")
def test_the_plan_reads_back_every_task_with_its_source_and_says_why_the_others_are_not_there(
    source: str, form: Form
) -> None:
    draft = drafted(source, PATHS[form], form)
    result = merged(draft)
    listed: list[DraftTask] = [task for phase in result.phases for task in phase.tasks]
    if result.phases:
        plan = parse_plan(result.text, path=PATH)
        assert [task.text for phase in plan.phases for task in phase.tasks] == [task.text for task in listed]
        assert not any(task.done for phase in plan.phases for task in phase.tasks)
        known = imported(read(result.text, PATH))
        assert [(one.label, one.line) for one in known] == [(PATHS[form], task.line) for task in listed]
    missing = {one.line for one in result.left_out}
    assert all(task in listed or task.line in missing for phase in draft.phases for task in phase.tasks)


@given(SOURCES, FORM)
@settings(max_examples=150, deadline=None)
def test_importing_the_same_source_twice_adds_nothing(source: str, form: Form) -> None:
    draft = drafted(source, PATHS[form], form)
    once = merged(draft)
    again = merged(draft, before=once.text)
    assert again.text == once.text and not again.phases


@given(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=8), st.data())
@settings(max_examples=100, deadline=None)
def test_a_source_that_grew_adds_just_what_is_new(items: list[str], data: st.DataObject) -> None:
    source = "# List\n\n" + "".join(f"- [ ] {item}\n" for item in items)
    first = merged(drafted(source))
    at = data.draw(st.integers(0, len(items)))
    grown = "# List\n\nSome prose.\n\n" + "".join(f"- [ ] {item}\n" for item in [*items[:at], "new one", *items[at:]])
    second = merged(drafted(grown), before=first.text)
    assert second.text.startswith(first.text.rstrip("\n"))
    assert [task.text for phase in second.phases for task in phase.tasks] == ["new one"]


def test_a_task_reworded_in_the_plan_is_known_by_its_line_and_told() -> None:
    draft = drafted("# List\n\n- [ ] fly\n- [ ] sing\n")
    reworded = merged(draft).text.replace("- [ ] fly", "- [ ] Fly like a bird")
    again = merged(draft, before=reworded)
    assert not again.phases and [one.why for one in again.left_out] == ["in the plan in other words"]


def test_all_that_a_plan_had_keeps_its_bytes() -> None:
    before = "# Ours\r\n\r\n## Phase 1: Old\r\n\r\n- [x] done ([evidence](x.md))\r\n"
    after = merged(drafted("- [ ] fly\n"), before=before).text
    assert after.startswith(before.rstrip("\r\n")) and parse_plan(after, path=PATH).phases[1].id == "2"


def test_a_plan_without_numbers_gets_phases_with_names_of_their_own() -> None:
    before = "# Ours\n\n## To do\n\n- [ ] swim\n"
    after = parse_plan(merged(drafted("# To do\n\n- [ ] fly\n"), before=before).text, path=PATH)
    assert [phase.title for phase in after.phases] == ["To do", "To do, TODO.md"]


def test_what_is_too_much_for_a_plan_is_listed() -> None:
    source = "# A\n\n" + "".join(f"- [ ] {'w' * 90} {number}\n" for number in range(4000))
    result = merged(drafted(source), drafted("# B\n\n- [ ] fly\n", "B.md"))
    assert [phase.title for phase in result.phases] == ["B"]
    assert any("longer than" in one.why for one in result.left_out)
