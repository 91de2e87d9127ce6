"""What phasegate puts into a model's context when a session begins stays under 1,500 tokens, at the worst."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.context.block import run_lines
from phasegate.context.instruction import instruction
from phasegate.context.tokens import MOST_AT_START, tokens
from phasegate.engine.answer import brief
from phasegate.gates.interface import Moment
from phasegate.ledger.state import Held, Note, PhaseRecord, Question, RunRecord, State
from phasegate.settings import Settings
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.plan import Phase, Task
from phasegate.workspace.installing import SKILL_TEXT

WORDS = "Round every amount half even, as src/shop/money.py:117 says, and refuse what is no number (see 4f9c567a). "
TEXTS = {"long": WORDS * 40, "odd": "Ünïcödé — 丂丄両丠 №42 " * 80, "dense": "a1/b2-c3_d4." * 200}


def worst(text: str, step: str) -> Moment:
    """Seven loops, sixty tasks, forty notes, ten answers and questions, held changes: every text as long as can be."""
    tasks = tuple(Task(f"1.{n}", text, False, n) for n in range(60))
    phase = Phase("1", text, "refactor", True, "", tasks, (), False, 1, False, f"docs/{text}.md", "")
    run = RunRecord("run-1", "/w", "start", "default", step, phase="1")
    run.held = {f"src/{n}/{text}": Held(f"src/{n}/{text}", "step", text, "") for n in range(9)}
    record = PhaseRecord("1", "started", "refactor", "run-1", lane="regulated", lane_why=text, loops=7)
    notes = {
        f"note-{n:010}": Note(
            f"note-{n:010}", "run-1", "1", "uncertainty", "strategic", text, text, 999, text, "strategic", "",
            "agent", 0, 1,
        )
        for n in range(40)
    }  # fmt: skip
    questions = {
        f"q-{n:010}": Question(
            f"q-{n:010}", "run-1", text, "", "1", step, 0, verdict="approve" if n % 2 else "", words=text
        )
        for n in range(20)
    }  # fmt: skip
    state = State(plan=(phase,), plan_path=f"docs/{text}", phases={"1": record}, runs={"run-1": run}, notes=notes,
                  questions=questions)  # fmt: skip
    return Moment(state, run, Settings(), "")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("step", [step.name for step in DEFAULT.steps if not step.passes_through])
def test_a_session_begins_with_fewer_than_1500_tokens_at_the_worst(step: str, text: str) -> None:
    moment = worst(TEXTS[text], step)
    told = brief(tuple(f"src/{n}.py was put back: {TEXTS[text]}" for n in range(40)))
    opened = "\n".join([*told, instruction(moment, DEFAULT)])
    block = "\n".join(run_lines(moment, DEFAULT.step(step).does))
    description = SKILL_TEXT.split("---")[1]
    assert tokens(opened) + tokens(block) + tokens(description) < MOST_AT_START


def test_what_is_left_out_is_named() -> None:
    moment = worst(TEXTS["long"], "implement")
    shown = instruction(moment, DEFAULT) + "\n".join(run_lines(moment, "Do it."))
    assert "more: docs/" in shown and shown.count("more: `phasegate note list`") == 2
    assert "more: `phasegate status`" in "\n".join(brief(("it was put back",) * 60))


@given(st.text(), st.text())
def test_more_text_never_costs_less(one: str, other: str) -> None:
    assert max(tokens(one), tokens(other)) <= tokens(one + "\n" + other)


def test_prose_comes_to_more_than_a_token_for_four_letters_and_dense_text_to_more_still() -> None:
    for step in DEFAULT.steps:
        assert len(step.does) / 4 <= tokens(step.does) <= len(step.does) / 2
    assert tokens("4f9c567a0b1d2e3f") >= 8 and tokens("両替") >= 3 and tokens("") == 0
