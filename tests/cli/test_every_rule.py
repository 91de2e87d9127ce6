"""Every refusal names its rule, what it rests on, and the permitted way: each built-in rule is walked."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.entrypoints.cli.explanation import WAYS
from phasegate.ledger.custody import CallForged, WatchPutBack
from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import CallAsked, CallRefused, ChangeHeld, ChangePutBack
from phasegate.rules.rule import BUILT_IN
from tests.cli.recorded import Recorded


@pytest.fixture
def recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Recorded:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Recorded(tmp_path, capsys)


def decisions(rule: str) -> dict[str, Fact]:
    """Every kind of decision that can rest on a rule, by the name it is asked for."""
    return {
        "toolu_1": CallRefused("run-1", "toolu_1", "s1", "", "Write", rule, "It is not so.", ("a.py",)),
        "b.py": ChangePutBack("run-1", "b.py", rule, "toolu_2", "", "0" * 40, "git restore b.py"),
        "c.py": ChangeHeld("run-1", "c.py", rule, "two calls could have made it", ""),
    }


@pytest.mark.parametrize("rule", BUILT_IN)
def test_every_decision_by_a_rule_names_it_its_grounds_and_a_way(recorded: Recorded, rule: str) -> None:
    recorded.run("explore")
    asked = CallAsked("run-1", "toolu_2", "s1", "", "Bash", "shell", (), "make")
    recorded.record(asked, *decisions(rule).values(), actor=Actor("agent", "claude", "s1"))
    for name in decisions(rule):
        said = recorded.ok("why", name)
        assert f"{rule}: {BUILT_IN[rule]}" in said, said
        assert "phasegate" in said.split(rule, 1)[1] or rule in WAYS or rule == "step", said


def test_every_rule_has_a_way(recorded: Recorded) -> None:
    assert set(WAYS) | {"step"} >= set(BUILT_IN) >= set(WAYS)


def test_what_was_put_back_beside_the_tree_and_who_forged_a_call_is_explained(recorded: Recorded) -> None:
    recorded.run("explore")
    put = WatchPutBack("run-1", ".git/info/exclude", "toolu_1", "+ src/x.py", "", "0" * 64, "cp a b")
    state = recorded.record(put, CallForged("run-1", "s1", "PromptGiven", "it is not the client's", ("bash (7)",)))
    said = recorded.ok("why", ".git/info/exclude")
    assert "watched: " in said and "+ src/x.py" in said and "`cp a b`" in said
    said = recorded.ok("why", f"@{state.position}")
    assert "caller: " in said and "bash (7)" in said and "it is not the client's" in said
