"""A claim fires when it is one, and when no test run stands behind it; near misses stay silent."""

from __future__ import annotations

import pytest

from phasegate.report.lookback.claims import claimed, unproved
from phasegate.report.lookback.commands import is_test, might_test, surely_failed
from phasegate.report.lookback.seen import At, Claim, Cost, Edit, Event, Prompt, Ran, Session


def at(line: int) -> At:
    return At("s.jsonl", line)


PROMPT = Prompt(at(1), "Fix it.", 1.0)
EDIT = Edit(at(2), "src/shop.py", "a", "b", True, 2.0)
DONE = Claim(at(9), "All tests pass. The fix is complete.", 9.0)


def ran(command: str, line: int, ended: str = "ok", output: str = "") -> Ran:
    return Ran(at(line), command, ended, output, float(line))  # type: ignore[arg-type]


def session(*events: Event, complete: bool = True) -> Session:
    return Session("s", at(1), 1.0, 9.0, events, (), Cost(), complete)


@pytest.mark.parametrize(
    "text",
    ["All tests pass.", "Done.", "✅ **All 12 tests are passing!**", "The bug is now fixed.", "Everything is working.",
     "I've implemented the discount.", "Task complete.", "## Summary\n\n- All unit tests now pass\n- Added a discount",
     "The implementation is complete.", "12/12 tests passed.", "The test suite is green."],
)  # fmt: skip
def test_a_claim_is_known_by_its_words(text: str) -> None:
    assert claimed(text)


@pytest.mark.parametrize(
    "text",
    ["The work is not done.", "All tests should pass now.", "Let me check that all tests pass.", "Is it done?",
     "Once all tests pass, we can merge.", "The change is complete, but I haven't run the tests.",
     "This could be done later.",
     "I couldn't run the tests here. The fix is complete.", "Done. Please run the tests to verify.",
     "Two tests still fail.",
     "The script prints \"All tests pass.\"", "I will make sure everything is working.",
     "Here is what the function does.",
     "```\nAll tests pass.\n```", "Nothing is done yet.", "Done with the first half; the rest remains.", "",
     "All tests pass except one.", "I’ve implemented it, but it’s untested.", "No tests were run. Done."],
)  # fmt: skip
def test_a_hedged_negated_quoted_or_honest_text_is_no_claim(text: str) -> None:
    assert claimed(text) == ""


def test_a_claim_with_no_test_run_in_the_session_is_told_with_its_place() -> None:
    (found,) = unproved(session(PROMPT, EDIT, DONE))
    assert found.at == DONE.at and "no test command ran in the session" in found.what
    assert EDIT.at in found.also and "All tests pass." in found.what


def test_a_claim_whose_code_changed_after_the_last_test_run_is_told_with_that_run() -> None:
    (found,) = unproved(session(PROMPT, ran("pytest -q", 2), EDIT, DONE))
    assert "after the last edit" in found.what and found.also == (EDIT.at, at(2))


def test_a_claim_after_a_failed_test_run_is_told() -> None:
    (found,) = unproved(session(PROMPT, EDIT, ran("uv run pytest -q", 5, "failed", "Exit code 1\nE  assert"), DONE))
    assert "the last test run failed" in found.what


@pytest.mark.parametrize(
    "events",
    [
        (PROMPT, EDIT, ran("pytest -q", 5), DONE),
        (PROMPT, EDIT, ran("cd sub && npm test -- --run", 5), DONE),
        (PROMPT, EDIT, ran("./scripts/run_tests.sh", 5), DONE),
        (PROMPT, EDIT, ran("mcp__runner__execute_tests", 5, ""), DONE),
        (PROMPT, EDIT, ran("./x", 5, "ok", "3 passed in 0.1s"), DONE),
        (PROMPT, EDIT, ran("pytest -q", 5, ""), DONE),
        (PROMPT, EDIT, ran("pytest -q; ls missing", 5, "failed", "Exit code 2\n3 passed in 0.1s"), DONE),
        (PROMPT, Edit(at(2), "README.md", "a", "b", True, 2.0), DONE),
        (PROMPT, Edit(at(2), "/tmp/x.py", "a", "b", True, 2.0, inside=False), DONE),
        (PROMPT, DONE),
        (PROMPT, EDIT, Prompt(at(4), "And what is this?", 4.0), DONE),
    ],
    ids=["ran", "npm", "a script", "a tool", "by its output", "in background", "other part failed", "a document",
         "outside", "no edit", "another turn"],
)  # fmt: skip
def test_a_claim_that_a_test_run_may_stand_behind_is_not_told(events: tuple[Event, ...]) -> None:
    assert [*unproved(session(*events))] == []


def test_a_session_that_was_not_read_whole_says_nothing() -> None:
    assert [*unproved(session(PROMPT, EDIT, DONE, complete=False))] == []


@pytest.mark.parametrize(
    "command",
    ["pytest", "python -m pytest -q tests/x.py", "uv run pytest", "tox -e py311", "python -m unittest",
     "npx jest", "yarn test",
     "npm run test:unit", "pnpm -r test", "go test ./...", "cargo test --all", "cargo nextest run", "./gradlew test",
     "mvn -q verify", "dotnet test", "bundle exec rspec", "vendor/bin/phpunit", "make test", "make check", "just test",
     "cd web && CI=1 timeout 60 npx vitest run", "docker compose run app pytest", "bun test", "node --test"],
)  # fmt: skip
def test_commands_that_run_tests_are_known(command: str) -> None:
    assert is_test(command)


@pytest.mark.parametrize(
    "command",
    ["cat tests/test_x.py", "git commit -m 'test: pytest'", "grep -rn pytest .", "ls tests", "ruff check .",
     "cargo check",
     "npm run typecheck", "rm tests/test_x.py", "pip list", "cat > t.py <<'EOF'\npytest\nEOF", "npx tsc --noEmit"],
)  # fmt: skip
def test_commands_that_only_name_tests_are_not(command: str) -> None:
    assert not is_test(command) and not might_test(command)


def test_a_failure_is_sure_only_when_the_tests_themselves_failed() -> None:
    assert surely_failed("pytest -q 2>&1 | tail -3", "ok", "1 failed, 3 passed in 0.12s")
    assert surely_failed("go test ./...", "failed", "Exit code 1\nFAIL\tx 0.1s")
    assert not surely_failed("pytest -q && git push", "failed", "Exit code 1\n3 passed in 0.12s")
    assert not surely_failed("pytest -q", "failed", "The user does not want to proceed")
