"""What the real client printed in each of these cases, and what we take it for."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.agents import claude_run
from phasegate.agents.claude_run import Ending, Reader, Spent, Start
from phasegate.ledger.driving import Tokens

STREAMS = Path(__file__).parent / "data" / "stream"

CAME_TO = {
    "ended": "ended",
    "two_turns": "ended",
    "resumed": "ended",
    "budget": "ended",
    "overloaded": "overloaded",
    "rate_limited": "rate_limited",
    "usage_limit": "usage_limit",
    "dropped": "network",
    "refused_connection": "network",
    "failing_service": "api_error",
    "wrong_key": "denied",
    "nothing_paid": "denied",
}


def ending(name: str, *, before: Spent = Spent(), exit_code: int = 0, less: int = 0) -> Ending:
    reader = Reader(before)
    lines = (STREAMS / f"{name}.jsonl").read_bytes().splitlines()
    for line in lines[: len(lines) - less]:
        reader.hear(line)
    return reader.ending(exit_code)


def test_every_recorded_stream_is_read() -> None:
    assert {path.stem for path in STREAMS.glob("*.jsonl")} == set(CAME_TO)


@pytest.mark.parametrize("name", CAME_TO)
def test_each_end_of_the_real_client_is_known_for_what_it_was(name: str) -> None:
    found = ending(name)
    assert found.how == CAME_TO[name] and found.said and found.session


def test_a_usage_limit_names_its_reset() -> None:
    found = ending("usage_limit")
    assert found.until_ms > 1_700_000_000_000 and "resets" in found.said
    assert ending("rate_limited").until_ms == 0


def test_what_was_used_is_what_the_client_counts() -> None:
    found = ending("two_turns")
    assert (found.turns, found.tokens) == (2, Tokens(24978, 40)) and round(found.cost_usd, 6) == 0.100712


def test_a_client_killed_before_its_result_has_used_what_it_told_on_the_way() -> None:
    found = ending("two_turns", exit_code=-9, less=1)
    assert (found.how, found.tokens) == ("died", Tokens(24978, 40)) and "signal 9" in found.said


def test_a_resumed_session_is_charged_only_with_what_is_new() -> None:
    first = ending("two_turns")
    second = ending("resumed", before=Spent(first.cost_usd, first.tokens))
    assert second.turns == 1 and second.tokens.input == 12551
    assert 0.04 < second.cost_usd < 0.06


def test_an_answer_that_never_came_is_no_turn() -> None:
    assert [ending(name).turns for name in ("overloaded", "dropped", "usage_limit")] == [0, 0, 0]


def test_what_we_did_to_it_counts_for_more_than_what_it_said() -> None:
    reader = Reader()
    assert reader.ending(-15, ours="silent").how == "silent"


def test_the_rules_come_last_and_nothing_is_bypassed() -> None:
    words = claude_run.argv(Start("claude", "Continue the plan.", "s", ("Bash(phasegate:*)", "Bash(make:*)")))
    assert words[words.index("--allowedTools") + 1 :] == ["Bash(phasegate:*)", "Bash(make:*)"]
    assert words[words.index("--permission-mode") + 1] == "acceptEdits"
    assert not any("bypass" in word or "skip-permissions" in word for word in words)


def test_marks_of_another_client_and_gits_variables_do_not_reach_ours() -> None:
    around = {"CLAUDECODE": "1", "GIT_DIR": "/x", "HOME": "/h", "PATH": "/bin"}
    found = claude_run.environment(around, commands="/opt/bin")
    assert found == {"HOME": "/h", "PATH": "/opt/bin:/bin", "DISABLE_AUTOUPDATER": "1"}
