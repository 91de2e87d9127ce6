"""A key is told where it is surely one: examples, public keys and what tools read are left out."""

from __future__ import annotations

import pytest

from phasegate.report.lookback.keys import counts_in, counts_where, surely_key
from phasegate.report.lookback.look import Looking
from phasegate.report.lookback.seen import At, Change, Commit, Cost, Key, Secret, Session


@pytest.mark.parametrize(
    ("rule", "shown", "around", "sure"),
    [
        ("github-token", "ghp_…", "token in tests", True),
        ("secret-assignment", "d63e…", '"AUTH_TOKEN": "…",', True),
        ("secret-assignment", "phc_…", "const KEY = '…'", False),
        ("password-in-url", "a%20…", "https://jo:a@example.com", False),
        ("database-url", "hunt…", "postgres://a:b@localhost/x", False),
    ],
)
def test_a_guess_on_a_line_of_examples_is_no_key(rule: str, shown: str, around: str, sure: bool) -> None:
    assert surely_key(rule, shown, around) is sure


def test_a_guess_counts_in_prompts_and_in_files_that_are_no_examples() -> None:
    assert counts_in("secret-assignment", ".claude/settings.json") and counts_in("github-token", "tests/test_x.py")
    assert not counts_in("secret-assignment", "tests/test_x.py") and not counts_in("jwt", "docs/auth.md")
    assert counts_where("secret-assignment", "a prompt") and not counts_where("secret-assignment", "what Bash returned")


def test_one_key_is_told_once_and_a_commit_is_its_first_place() -> None:
    looking = Looking(lambda text: (Secret("github-token", 1, "f1"),) if "KEY" in text else ())
    seen = Key(At("s.jsonl", 3), "github-token", "f1", "a prompt")
    looking.session(Session("s", At("s.jsonl", 1), 0.0, 1.0, (), (seen,), Cost()))
    change = Change("a.py", "a.py", "x\n", "x\nKEY\n", "modified")
    looking.commit(Commit("c" * 40, 2.0, "m", (change,)))
    (finding,) = looking.result(0, ()).findings
    assert finding.at == At("a.py", 2, "c" * 12) and finding.also == (At("s.jsonl", 3),)


def test_a_key_that_was_there_before_is_not_laid_to_a_commit() -> None:
    looking = Looking(lambda text: (Secret("github-token", 1, "f1"),) if "KEY" in text else ())
    looking.commit(Commit("c" * 40, 2.0, "m", (Change("a.py", "a.py", "KEY\n", "KEY\ny\n", "modified"),)))
    assert looking.result(0, ()).findings == ()
