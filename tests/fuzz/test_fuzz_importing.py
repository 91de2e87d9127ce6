"""Whatever bytes a source is made of, every importer reads it without failing, and the plan stays one."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.errors import Failure
from phasegate.workflow.importing import comments, openspec, readers, recognise
from phasegate.workflow.importing.draft import FORMS, Form, Source
from phasegate.workflow.importing.merge import merge
from phasegate.workflow.plan_markdown import parse_plan

EXAMPLES = 20_000 if os.environ.get("PHASEGATE_TIER") == "release" else 150
MARKS = (
    "- [ ] ", "- [x] ", "* ", "1. ", "    ", "\t", "\n", "\n\n", "# ", "## Phase 1: ", "## 1. ", "```\n", "> ", "~~",
    "**", "|a|b|\n|-|-|\n", "<!-- ", "-->", "<script>", "---\n", "===\n", "- " * 40, "> " * 40, "[" * 60, "\\", "☐ ",
    "✅",
)  # fmt: skip
SAYINGS = (
    "T001 ", "[P] ", "[US1] ", "1.1 ", "Depends on: ", "Phase 1 → Phase 2", "Phases 1-99999999", "T0001-T9999",
    "blocks ", "TODO: ", "FIXME(",
    "// ", "x 2026-01-01 ", "(docs)", "(blocked by 9)", "[evidence](x)", "From a:1", "Goal: ",
    "Kind: nonsense", '{"title": "', '"}', "title:\ta\n--\n", "[x]: /y\n", "a" * 1200,
)  # fmt: skip
HOSTILE = ("&#x1b;", "\x1b[31m", "\u202e", "\0", "\ud800", "\r", "\r\n", "\u2028", "\ufeff")
PIECES = (*MARKS, *SAYINGS, *HOSTILE)
TEXTS = st.one_of(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=40).map("".join),
    st.text(max_size=300),
    st.binary(max_size=200).map(lambda data: data.decode("utf-8", "replace")),
)
NAMES = st.sampled_from(
    ["README.md", "TODO", "TODO.txt", "a.md", "-", "specs/a/tasks.md", "openspec/changes/a/tasks.md"]
)


def target(text: str, form: Form, label: str) -> None:
    """Read `text` as `form` and put it into a plan; raises for anything but what we promise."""
    draft = openspec.with_why(readers.draft(Source(label, text, form, "" if label == "-" else label)), text)
    result = merge("", "plan.md", [draft])
    said = [*(phase.title for phase in draft.phases), *(task.text for phase in draft.phases for task in phase.tasks)]
    assert not any(
        char in "\x1b\u202e\0\n\r" for one in [*said, *(left.text for left in result.left_out)] for char in one
    )
    if result.phases:
        plan = parse_plan(result.text, path="plan.md")
        assert len(plan.phases) == len(result.phases)
        assert merge(result.text, "plan.md", [draft]).text == result.text


@given(TEXTS, st.sampled_from(FORMS), NAMES)
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_text_is_read_in_every_form(text: str, form: Form, label: str) -> None:
    target(text, form, label)


@given(TEXTS, NAMES)
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_text_has_a_form_or_none(text: str, label: str) -> None:
    assert recognise.form_of(label, text) in (*FORMS, None) and "/" not in recognise.group_of(label)


@given(TEXTS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_source_file_is_searched_for_comments(text: str) -> None:
    draft = comments.draft([Source("a.py", text, "todo", "a.py"), Source("b.c", text, "todo", "b.c")])
    result = merge("", "plan.md", [draft])
    assert not merge(result.text, "plan.md", [draft]).phases


@given(TEXTS, TEXTS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_plan_takes_a_draft_or_refuses_in_words(plan: str, source: str) -> None:
    draft = readers.draft(Source("TODO.md", source, "todo", "TODO.md"))
    try:
        result = merge(plan, "plan.md", [draft])
    except Failure:
        return
    assert result.phases or result.text == plan
