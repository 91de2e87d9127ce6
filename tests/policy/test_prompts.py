"""Which prompts hand the turn to the plan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.entrypoints.cli.start import HAND_OVER
from phasegate.policy.prompts import PHRASES, hands_over, of_the_client


@pytest.mark.parametrize("said", ["", "  ", "Continue.", "GO ON!", "/phasegate", "/phasegate implement", HAND_OVER])
def test_a_phrase_a_command_or_nothing_hands_over(said: str) -> None:
    assert hands_over(said, mode="start")


@pytest.mark.parametrize(
    "said", ["Why is this red?", "continue with something else", "go to the shop", "/phasegatex", "don't continue"]
)
def test_a_prompt_of_the_persons_own_does_not(said: str) -> None:
    assert not hands_over(said, mode="start")
    assert hands_over(said, mode="drive"), "under drive every prompt does"


@given(st.sampled_from(sorted(PHRASES)), st.sampled_from(["", ".", "!", "...", " "]))
def test_case_and_final_punctuation_do_not_matter(phrase: str, end: str) -> None:
    assert hands_over(phrase.upper() + end, mode="start")


@given(st.text())
def test_no_prompt_is_too_odd(said: str) -> None:
    hands_over(said, mode="start")
    assert of_the_client(said) == said.lstrip().startswith("<task-notification>")
