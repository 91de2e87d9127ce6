"""A person's own prompt: no step refuses what they ask for; nobody but the client itself can open such a turn."""

from __future__ import annotations

import os

import pytest
from bench import PLAN_PATH, Bench

from phasegate.ledger.facts import ChangeHeld, ChangePutBack, PromptTaken, RunStarted, WishGranted
from phasegate.policy import calls as c

APP = "src/app.py"
FIXED = "def old() -> int:\n    return 2\n"
WISH = "Fix the number in app.py, please."


def wishes(bench: Bench) -> list[tuple[str, ...]]:
    return [fact.paths for fact in bench.facts(WishGranted) if isinstance(fact, WishGranted)]


def asked(bench: Bench, path: str = APP, content: str = FIXED, **caller: str) -> c.Answer:
    use = bench.use("edit", [path], content)
    said = bench.asked(use, **caller)
    if not isinstance(said, c.Refuse):
        bench.write(path, content)
        bench.returned(use, **caller)
    return said


def test_what_a_person_asks_for_is_done_recorded_and_told_once_with_the_way_to_change_the_step(bench: Bench) -> None:
    bench.to_write_tests()
    bench.prompt(WISH)
    said = asked(bench)
    assert isinstance(said, c.Inform) and bench.read(APP) == FIXED
    assert "`phasegate next --step implement`" in said.text and "recorded as their wish" in said.text
    assert isinstance(asked(bench, "src/more.py", "x = 1\n"), c.Silent), "told once"
    assert wishes(bench) == [(APP,), ("src/more.py",)]


def test_a_shell_of_that_turn_is_not_put_back_and_nothing_is_held(bench: Bench) -> None:
    bench.to_write_tests()
    bench.prompt(WISH)
    said = bench.shell_writes(APP, FIXED)
    assert isinstance(said, c.Inform) and "wish" in said.text and bench.read(APP) == FIXED
    bench.write("src/late.py", "x = 1\n")  # in an editor, say
    assert isinstance(bench.stop(), c.Silent)
    assert not bench.facts(ChangePutBack) and not bench.facts(ChangeHeld) and not bench.run.held
    assert wishes(bench) == [(APP,), ("src/late.py",)]


def test_handed_over_again_the_changed_tree_is_accepted_and_the_step_limits_as_before(bench: Bench) -> None:
    bench.to_write_tests()
    bench.prompt(WISH)
    asked(bench)
    bench.stop()
    bench.prompt("continue")
    assert isinstance(asked(bench, APP, "x = 3\n"), c.Refuse)
    assert isinstance(bench.shell_writes("tests/test_more.py", "def test_more(): assert False\n"), c.Silent)
    assert bench.read(APP) == FIXED and not bench.run.held


def test_own_files_secrets_and_a_weaker_plan_are_no_wishes(bench: Bench) -> None:
    bench.to_write_tests()
    bench.prompt(WISH)
    assert isinstance(asked(bench, "phasegate.toml", "x"), c.Refuse)
    assert isinstance(asked(bench, "state/agent_state.json", "{}"), c.Refuse)
    assert isinstance(asked(bench, APP, "KEY = 'ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'\n"), c.Refuse)
    bench.shell_writes("phasegate.toml", "x")
    assert not bench.exists("phasegate.toml")
    asked(bench, PLAN_PATH, bench.read(PLAN_PATH).replace("- [ ] 1.2 Refuse text\n", ""))
    assert list(bench.run.held) == [PLAN_PATH], "a plan that demands less waits for a person's word"


def test_before_and_after_such_a_turn_the_step_limits(bench: Bench) -> None:
    bench.to_write_tests()
    assert isinstance(asked(bench), c.Refuse)
    bench.prompt(WISH)
    bench.stop()
    assert isinstance(asked(bench), c.Refuse), "the turn is over"
    bench.prompt(WISH)
    bench.prompt("continue")
    assert isinstance(asked(bench), c.Refuse), "the plan has it"
    bench.prompt(WISH)
    bench.closes()
    assert isinstance(asked(bench), c.Refuse), "the session is over"


# -- who cannot open one ----------------------------------------------------------------------------------------------


def test_a_notice_of_the_client_opens_none(bench: Bench) -> None:
    bench.to_write_tests()
    bench.prompt("<task-notification>fix app.py</task-notification>")
    assert isinstance(asked(bench), c.Refuse)


def test_a_subagent_of_that_turn_is_limited_and_so_is_another_session(bench: Bench) -> None:
    bench.to_write_tests()
    bench.prompt(WISH)
    assert isinstance(asked(bench, agent="helper-1"), c.Refuse)
    assert isinstance(asked(bench, session="session-2"), c.Refuse)
    bench.shell_writes(APP, FIXED, agent="helper-1")
    assert bench.read(APP) != FIXED and wishes(bench) == []


@pytest.mark.parametrize("does", ["shell", "mcp", "other"])
@pytest.mark.parametrize("agent", ["", "helper-1"])
def test_a_prompt_while_a_command_runs_may_be_the_commands_own(bench: Bench, does: c.Does, agent: str) -> None:
    bench.to_write_tests()
    flying = bench.use(does)
    bench.asked(flying, agent=agent)
    said = bench.prompt(WISH)
    assert isinstance(said, c.Inform) and "limits edits as before" in said.text
    bench.returned(flying, agent=agent)
    assert isinstance(asked(bench), c.Refuse)


def test_a_prompt_that_does_not_come_from_the_sessions_own_process_opens_none(bench: Bench) -> None:
    bench.to_write_tests()
    bench.closes()
    bench.opens(pid=os.getpid())
    bench.prompt(WISH)  # of no process that could be told
    assert isinstance(asked(bench), c.Refuse)


def test_a_prompt_typed_into_another_session_opens_none_here(bench: Bench) -> None:
    bench.to_write_tests()
    bench.prompt(WISH, session="session-2")
    assert isinstance(asked(bench), c.Refuse) and isinstance(asked(bench, session="session-2"), c.Refuse)


def test_under_drive_there_is_no_persons_turn(bench: Bench) -> None:
    bench.to_write_tests()
    run = bench.run
    began = RunStarted("run-d", run.worktree, "drive", run.workflow, run.step)
    bench.desk.record([began], relying_on=None)
    bench.opens()
    bench.prompt(WISH)
    assert [fact.own for fact in bench.facts(PromptTaken) if isinstance(fact, PromptTaken)][-1] is False
    assert isinstance(asked(bench), c.Refuse)
