"""Ticking touches boxes and evidence links and no other byte; blanking hides exactly these."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phasegate.errors import Failure
from phasegate.workflow.plan import Plan, Task
from phasegate.workflow.plan_markdown import (
    PlanMoved,
    blanked,
    parse_plan,
    tick,
    untick,
)
from phasegate.workflow.plan_writing import PhaseUnwritable, add_phase, new_plan

WORDS = st.text("abcXY é漢🚀`*_[]()<>|\\:-.#0129!&~'\"", min_size=1, max_size=20)
BULLET = st.sampled_from(["-", "*", "+", "1.", "7)"])
PATHS = st.text(min_size=1, max_size=20)
MARKS = "- [ ]x\n\n  #>`~\t\r1.|*([evidence]())Phase 1:<!-->"


@st.composite
def task_lines(draw: st.DrawFn, indent: str = "") -> list[str]:
    bullet = draw(BULLET)
    state = draw(st.sampled_from([" ", "x", "X"]))
    spaces = draw(st.sampled_from(["", "  ", "\t"]))
    lines = [f"{indent}{bullet} [{state}] t{draw(WORDS)}{spaces}"]
    inner = indent + " " * (len(bullet) + 1)
    if draw(st.booleans()):
        lines.append(f"{inner}w{draw(WORDS)}")
    if len(indent) < 6 and draw(st.integers(0, 3)) == 0:
        lines += draw(task_lines(inner))
    return lines


@st.composite
def plans(draw: st.DrawFn) -> str:
    """A plan of any of the shapes we know, with any text in it; it may be one we refuse."""
    lines = draw(st.sampled_from([[], ["# Plan", ""], ["---", "a: 1", "---", ""]]))
    shape = draw(st.sampled_from(["## Phase {}: t{}", "### {}. t{}", "## 🚀 Phase {} — t{}", "## [ ] Phase {}: t{}",
                                  "Phase {}: t{}\n---", "## Phase {} t{} [x] ##", "## s{}{}"]))  # fmt: skip
    for number in range(1, draw(st.integers(1, 3)) + 1):
        lines += [*shape.format(number, draw(WORDS)).split("\n"), ""]
        lines += draw(st.sampled_from([[], ["Kind: fix", ""], ["```", "- [ ] no", "```"], ["<!-- - [x] no -->", ""]]))
        for _ in range(draw(st.integers(1, 3))):
            lines += draw(task_lines())
        lines.append("")
    eol = draw(st.sampled_from(["\n", "\r\n"]))
    return (
        draw(st.sampled_from(["", "\ufeff"]))
        + eol.join(lines).rstrip("\r\n")
        + draw(st.sampled_from(["", eol, eol * 2]))
    )


def read(text: str) -> Plan | None:
    try:
        return parse_plan(text, path="plan.md")
    except Failure:
        return None


def states(plan: Plan) -> dict[str, bool]:
    return {task.id: task.done for task in tasks(plan)}


def tasks(plan: Plan) -> Iterator[Task]:
    for phase in plan.phases:
        yield from phase.tasks


@settings(max_examples=100)
@given(plans(), st.data(), PATHS)
def test_ticking_changes_these_boxes_only_and_unticking_gives_every_byte_back(
    text: str, data: st.DataObject, evidence: str
) -> None:
    plan = read(text)
    if plan is None:
        return
    open_ones = [task.id for task in tasks(plan) if not task.done and not task.evidence]
    chosen = data.draw(st.sets(st.sampled_from(open_ones))) if open_ones else set()
    ticked = tick(text, plan, boxes=chosen, evidence=evidence)
    after = parse_plan(ticked, path="plan.md")
    assert states(after) == states(plan) | dict.fromkeys(chosen, True)
    assert all(task.evidence == evidence for task in tasks(after) if task.id in chosen)
    assert [(task.text, task.line) for task in tasks(after)] == [(task.text, task.line) for task in tasks(plan)]
    assert tick(ticked, after, boxes=chosen, evidence="another") == ticked
    assert untick(ticked, after, boxes=chosen) == text
    assert blanked(ticked.encode("utf-8", "surrogatepass")) == blanked(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=100)
@given(plans())
def test_every_tick_state_of_a_plan_blanks_to_the_same_bytes(text: str) -> None:
    plan = read(text)
    if plan is None:
        return
    boxes = [phase.id for phase in plan.phases] + list(states(plan))
    ticked = tick(text, plan, boxes=boxes, evidence="a/b.json")
    done = parse_plan(ticked, path="plan.md")
    assert all(states(done).values()) and all(phase.done for phase in done.phases)
    opened = untick(ticked, done, boxes=boxes)
    assert not any(states(parse_plan(opened, path="plan.md")).values())
    assert blanked(ticked.encode()) == blanked(opened.encode()) == blanked(text.encode())


@settings(max_examples=100)
@given(st.one_of(st.text(), st.text(MARKS), st.lists(st.sampled_from(
    ["## Phase 1: a", "- [ ] a", "  - [x] b", "> - [ ] c", "```", "    ", "<!--", "-->", "| [ ] |", "---", "- ", "1. ",
     "Blocked by: 2", "Kind: x", "<details>", "\t", "**Phase 2: b**", "## [x] 2. c", "- [-] d", "[x]: y", "\x00",
     "===", "\u2028"]
)).map("\n".join)))  # fmt: skip
@example("# 0\n[X]:0\n- [ ] 0")
@example("- - [ ] Phase 1: a")
@example("- [ ] Phase 1: a\n  - [ ] b\n    ===")
def test_any_text_is_read_or_refused_and_no_shown_box_is_lost(text: str) -> None:
    plan = read(text)
    if plan is not None:
        boxes = [phase.id for phase in plan.phases] + list(states(plan))
        ticked = tick(text, plan, boxes=boxes, evidence="e")
        assert all(states(parse_plan(ticked, path="plan.md")).values())
        assert blanked(ticked.encode("utf-8", "surrogatepass")) == blanked(text.encode("utf-8", "surrogatepass"))


@given(st.binary())
def test_any_bytes_can_be_blanked_and_blanking_again_changes_nothing(data: bytes) -> None:
    once = blanked(data)
    assert len(once) <= len(data)
    assert blanked(once) == once


@given(plans(), st.text(min_size=1, max_size=20), st.lists(st.text(max_size=20), max_size=3))
def test_an_added_phase_leaves_the_others_as_they_were_or_is_refused(text: str, title: str, texts: list[str]) -> None:
    plan = read(text)
    if plan is None:
        return
    try:
        more = add_phase(text, title=title, kind="fix", tasks=texts)
    except PhaseUnwritable:
        return
    *others, added = parse_plan(more, path="plan.md").phases
    assert tuple(others) == plan.phases
    assert (added.kind, len(added.tasks), added.done) == ("fix", len(texts), False)
    assert more.startswith(text.rstrip("\r\n "))


def test_a_box_in_a_wrapped_task_gets_its_link_at_the_end_of_the_paragraph_before_a_hard_break() -> None:
    text = "## Phase 1\r\n- [ ] one\r\n  two  \r\n  - [ ] three"
    ticked = tick(text, parse_plan(text, path="p"), boxes=["1.1"], evidence="a b/(c).json")
    assert ticked == "## Phase 1\r\n- [x] one\r\n  two ([evidence](a%20b/%28c%29.json))  \r\n  - [ ] three"


def test_a_phase_with_a_box_of_its_own_is_done_by_that_box() -> None:
    text = "- [ ] Phase 1: a\n  - [x] b\n- [ ] Phase 2: c\n  - [ ] d\n"
    plan = parse_plan(text, path="p")
    assert [phase.done for phase in plan.phases] == [False, False]
    ticked = tick(text, plan, boxes=["1"], evidence="e")
    assert ticked == text.replace("- [ ] Phase 1: a", "- [x] Phase 1: a ([evidence](e))")
    assert parse_plan(ticked, path="p").phase("1").evidence == "e"


def test_a_phase_without_a_box_is_ticked_by_its_tasks() -> None:
    text = "## 1. a\n- [ ] b\n- [x] c\n"
    assert (
        tick(text, parse_plan(text, path="p"), boxes=["1"], evidence="e")
        == "## 1. a\n- [x] b ([evidence](e))\n- [x] c\n"
    )


@pytest.mark.parametrize(("before", "after"), [
    ("## [ ] Phase 1: a", "## [x] Phase 1: a ([evidence](e))"),
    ("## Phase 1: a [ ]", "## Phase 1: a [x] ([evidence](e))"),
    ("## Phase 1: a [ ] ##", "## Phase 1: a [x] ([evidence](e)) ##"),
])  # fmt: skip
def test_a_box_in_a_heading_is_ticked_in_place(before: str, after: str) -> None:
    plan = parse_plan(f"{before}\n- [x] b\n", path="p")
    assert tick(f"{before}\n- [x] b\n", plan, boxes=["1"], evidence="e") == f"{after}\n- [x] b\n"
    assert parse_plan(f"{after}\n- [x] b\n", path="p").phase("1").title == plan.phase("1").title == "a"
    assert blanked(after.encode()) == before.encode()


def test_a_box_that_is_no_longer_where_it_was_is_not_ticked() -> None:
    plan = parse_plan("## Phase 1\n- [ ] a\n", path="p")
    with pytest.raises(PlanMoved):
        tick("## Phase 1\n- [ ] z\n- [ ] a\n", plan, boxes=["1.1"], evidence="e")
    with pytest.raises(PlanMoved):
        tick("## Phase 1\n- [ ] a\n", plan, boxes=["1.2"], evidence="e")


def test_blanking_leaves_what_is_no_box_and_no_evidence_link() -> None:
    text = b"\xff\xfe [x] prose, `[x]`\n[x](y) ([evidence](a)) more\n    - [x] box ([evidence](a))\r\n- [X]no\n"
    assert blanked(text) == b"\xff\xfe [x] prose, `[x]`\n[x](y) ([evidence](a)) more\n    - [ ] box\r\n- [X]no\n"


@pytest.mark.parametrize(("text", "head"), [
    ("# Plan\n\n### 🚀 Phase 3 — A\n\n* [ ] b\n\n---\n\n## Notes\n", "### Phase 4 — Mend it"),
    ("Phase 1 - A\n---\n- [ ] b\n", "Phase 2 - Mend it\n-----------------\n"),
    ("## Setting up\n- [ ] b", "## Mend it"),
    ("- [ ] **Phase 1: A**\n  - [ ] b\n", "- [ ] **Phase 2: Mend it**\n  - Kind: fix\n  - [ ] c\n"),
    ("## Phase 1: A [x]\n- [x] b\n", "## Phase 2: Mend it [ ]\n"),
    ("", "## Phase 1: Mend it\n\nKind: fix\n\n- [ ] c"),
])  # fmt: skip
def test_an_added_phase_is_written_as_the_last_one_is(text: str, head: str) -> None:
    more = add_phase(text, title="Mend it", kind="fix", tasks=["c"])
    assert head in more
    assert more.endswith("\n") == (not text or text.endswith("\n"))


def test_a_title_that_would_be_read_as_something_else_is_refused() -> None:
    with pytest.raises(PhaseUnwritable):
        add_phase("## Phase 1: A\n- [ ] b\n", title="C (blocked by 1)", kind="fix", tasks=["d"])
    with pytest.raises(PhaseUnwritable):
        add_phase("## Phase 1: A\n- [ ] b\n", title="C", kind="fix", tasks=[])


def test_a_new_plan_reads_back() -> None:
    text = new_plan("Shop", ("Basket", "feature", ["add", "remove"]), ("Fix prices", "fix", ["round"]))
    assert [(phase.id, phase.title, phase.kind, len(phase.tasks)) for phase in parse_plan(text, path="p").phases] == [
        ("1", "Basket", "feature", 2),
        ("2", "Fix prices", "fix", 1),
    ]
