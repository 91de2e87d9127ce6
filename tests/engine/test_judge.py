"""What a call wrote is judged by the tree: put back when one call alone could have made it, held otherwise."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import msgspec
import pytest
from bench import PLAN_PATH, Bench

from phasegate.engine.views import refresh
from phasegate.ledger.facts import ChangeHeld, ChangePutBack, ChangeSettled, SecretSeen, TreeObserved
from phasegate.policy import calls as c
from phasegate.settings import Settings
from phasegate.wiring import RealDesk

APP = "def old() -> int:\n    return 1\n"
HACK = "def old() -> int:\n    return 2\n"
KEY = "AKIA" + "IOSFODNN7EXAMPLF"


def put_back(bench: Bench) -> list[str]:
    return [fact.path for fact in bench.facts(ChangePutBack) if isinstance(fact, ChangePutBack)]


def held(bench: Bench) -> list[str]:
    return sorted(bench.run.held)


def said(answer: c.Answer) -> str:
    assert isinstance(answer, c.Inform), answer
    return answer.text


# -- before a tool runs -----------------------------------------------------------------------------------------------


def test_without_a_run_only_own_files_and_secrets_are_refused(lay_out: Callable[..., Bench]) -> None:
    bench = lay_out()
    assert isinstance(bench.edit("src/app.py", HACK), c.Silent)
    assert isinstance(bench.edit("phasegate.toml", "plan = 'x'\n"), c.Refuse)
    refused = bench.edit("src/app.py", f"key = '{KEY}'\n")
    assert isinstance(refused, c.Refuse) and refused.rule == "secret"
    assert KEY not in refused.reason
    assert isinstance(bench.shell_writes("phasegate.toml", "x"), c.Silent), "nothing is judged without a run"


def test_a_step_limits_edits_and_names_the_step_that_allows_them(bench: Bench) -> None:
    bench.to_write_tests()
    refused = bench.edit("src/app.py", HACK)
    assert isinstance(refused, c.Refuse) and refused.rule == "step"
    assert "implement would allow it" in refused.reason and "`phasegate done`" in refused.reason
    assert isinstance(bench.edit("tests/test_more.py", "def test_more(): pass\n"), c.Silent)


def test_a_read_is_not_even_recorded(bench: Bench) -> None:
    before = bench.state.position
    assert isinstance(bench.asked(bench.use("read", ["phasegate.toml"])), c.Silent)
    assert bench.state.position == before


@pytest.mark.parametrize("way", ["../project-0/phasegate.toml", "src/../phasegate.toml", "src/link.toml"])
def test_no_spelling_of_a_path_gets_round_a_refusal(bench: Bench, way: str) -> None:
    os.symlink("../phasegate.toml", bench.root / "src/link.toml")
    assert isinstance(bench.asked(bench.use("edit", [way], "x")), c.Refuse)


def test_the_subagent_of_a_call_is_limited_like_its_parent(bench: Bench) -> None:
    bench.to_write_tests()
    assert isinstance(bench.edit("src/app.py", HACK, agent="helper-1"), c.Refuse)


# -- after a tool ran -------------------------------------------------------------------------------------------------


def test_a_shell_write_that_no_step_allows_is_put_back_and_the_named_command_restores_it(bench: Bench) -> None:
    bench.to_write_tests()
    told = said(bench.shell_writes("src/app.py", HACK))
    assert bench.read("src/app.py") == APP
    assert "src/app.py was put back" in told
    command = told.partition("What it held is kept; `")[2].partition("` restores it")[0]
    subprocess.run(command, shell=True, check=True, cwd="/")
    assert bench.read("src/app.py") == HACK


def test_a_file_made_or_removed_by_a_shell_is_put_back_too(bench: Bench) -> None:
    bench.to_write_tests()

    def act() -> None:
        bench.write("src/extra.py", "x = 1\n")
        (bench.root / "src/app.py").unlink()

    bench.shell(act)
    assert not bench.exists("src/extra.py") and bench.read("src/app.py") == APP
    assert isinstance(bench.shell(lambda: None), c.Silent), "what was put back is no difference"


def test_with_two_unseen_calls_in_flight_a_change_is_held(bench: Bench) -> None:
    bench.to_write_tests()
    first, second = bench.use("shell"), bench.use("mcp")
    bench.asked(first), bench.asked(second)
    bench.write("src/app.py", HACK)
    told = said(bench.returned(first))
    assert "held" in told and bench.read("src/app.py") == HACK
    assert held(bench) == ["src/app.py"]


def test_a_held_change_leaves_the_gates_unknown_until_it_is_reverted(bench: Bench) -> None:
    bench.to_doublecheck()
    bench.link()
    first, second = bench.use("shell"), bench.use("shell")
    bench.asked(first), bench.asked(second)
    now = bench.read("src/app.py")
    bench.write("src/app.py", HACK)
    bench.returned(first), bench.returned(second)
    assert held(bench) == ["src/app.py"]
    bench.shell_writes("src/app.py", now)
    assert held(bench) == []
    assert [f.how for f in bench.facts(ChangeSettled) if isinstance(f, ChangeSettled)] == ["reverted"]
    assert bench.done().entered == ("close_phase",)


def test_a_change_while_no_call_is_in_flight_is_held_and_not_put_back(bench: Bench) -> None:
    """It may be a person's: their editor asks nobody."""
    bench.to_write_tests()
    bench.write("src/app.py", HACK)
    bench.stop()
    assert held(bench) == ["src/app.py"] and bench.read("src/app.py") == HACK


def test_an_edit_that_returns_takes_nobody_elses_change_back(bench: Bench) -> None:
    """Only a call that can write unseen could have made it; the plan's edit names what it writes."""
    bench.to_write_tests()
    bench.write("src/app.py", HACK)
    use = bench.use("edit", [PLAN_PATH])
    bench.returned(use)
    assert bench.read("src/app.py") == HACK and not put_back(bench)


def test_a_subagents_shell_write_is_put_back_although_its_parents_call_is_in_flight(bench: Bench) -> None:
    """The call that started the subagent writes by the subagent's own calls alone, and those are seen."""
    bench.to_write_tests()
    parent = bench.use("subagent")
    bench.asked(parent)
    bench.shell_writes("src/app.py", HACK, agent="helper-1")
    assert bench.read("src/app.py") == APP and put_back(bench) == ["src/app.py"]


def test_a_subagents_call_that_never_came_back_is_over_when_the_subagent_ends(bench: Bench) -> None:
    """Its person may have denied it; were it in flight for ever, nothing would ever be put back again."""
    bench.to_write_tests()
    from phasegate.engine.answer import answer

    parent = bench.use("subagent")
    bench.asked(parent)
    bench.asked(bench.use("shell"), agent="helper-1")
    answer(c.SubagentEnding(bench.caller(agent="helper-1"), False), bench.desk)
    bench.returned(parent)
    assert not bench.run.in_flight


def test_a_change_nobody_in_flight_made_survives_the_end_of_a_subagent(bench: Bench) -> None:
    bench.to_write_tests()
    from phasegate.engine.answer import answer

    bench.write("src/app.py", HACK)
    answer(c.SubagentEnding(bench.caller(agent="helper-1"), False), bench.desk)
    assert bench.read("src/app.py") == HACK and held(bench) == ["src/app.py"]


def test_own_writes_and_removed_views_are_no_difference(bench: Bench) -> None:
    bench.to_write_tests()
    assert bench.exists("state/agent_state.json")
    assert isinstance(bench.shell(lambda: None), c.Silent)
    assert not put_back(bench) and not held(bench)


def test_a_view_changed_by_a_shell_is_put_back(bench: Bench) -> None:
    bench.to_write_tests()
    path = "investigations/project/1/evidence.json"
    rendered = bench.read(path)
    bench.shell_writes(path, rendered.replace('"complete": true', '"complete":  true'))
    assert bench.read(path) == rendered


@pytest.mark.parametrize("path", ["state/agent_state.json", "CLAUDE.md"])
def test_a_file_that_shows_the_state_says_what_the_ledger_says_after_whatever_shell(bench: Bench, path: str) -> None:
    bench.to_write_tests()
    refresh(bench.desk, bench.state)
    rendered = bench.read(path)
    bench.shell_writes(path, rendered.replace("write_tests", "complete"))
    assert bench.read(path) == rendered and "write_tests" in rendered


def test_what_a_person_writes_around_the_block_stays(bench: Bench) -> None:
    bench.to_implement()
    refresh(bench.desk, bench.state)
    theirs = "# How we work\n\n" + bench.read("CLAUDE.md")
    bench.shell_writes("CLAUDE.md", theirs)
    assert bench.read("CLAUDE.md") == theirs


def test_a_secret_written_by_a_shell_is_put_back_even_where_the_step_allows_edits(bench: Bench) -> None:
    bench.to_implement()
    told = said(bench.shell_writes("src/app.py", APP + f"key = '{KEY}'\n"))
    assert "secret" in told and KEY not in told
    assert bench.read("src/app.py") == APP


def test_a_secret_that_was_in_the_file_already_takes_no_change_back(lay_out: Callable[..., Bench]) -> None:
    """A key of the documentation that a person committed long ago must not make its file unwritable."""
    bench = lay_out()
    bench.write("src/app.py", APP + f"example = '{KEY}'\n")
    bench.begin()
    bench.opens(), bench.prompt()
    bench.to_write_tests()
    bench.write("tests/test_app.py", "def test_old(): assert True\ndef test_new(): assert False\n")
    bench.tests({"tests/test_app.py::test_old": "passed", "tests/test_app.py::test_new": "assertion"})
    bench.done()
    bench.shell_writes("src/app.py", HACK + f"example = '{KEY}'\n")
    assert bench.read("src/app.py").startswith(HACK)


def test_a_secret_put_together_by_two_edits_is_found(bench: Bench) -> None:
    bench.to_implement()
    bench.edit("src/app.py", f"key = '{KEY[:10]}'\n")
    use = bench.use("edit", ["src/app.py"], KEY[10:])
    assert isinstance(bench.asked(use), c.Silent)
    bench.write("src/app.py", f"key = '{KEY}'\n")
    bench.returned(use)
    assert any(isinstance(fact, ChangeHeld | ChangePutBack) and fact.rule == "secret" for fact in bench.facts())


def test_an_edit_that_lands_elsewhere_than_it_asked_is_judged(bench: Bench) -> None:
    """Between the question and the write, the path may have become a link to a file the step forbids."""
    bench.to_write_tests()
    use = bench.use("edit", ["tests/test_more.py"], HACK)
    assert isinstance(bench.asked(use), c.Silent)
    os.symlink("../src/app.py", bench.root / "tests/test_more.py")
    bench.write("src/app.py", HACK)
    bench.returned(use)
    assert held(bench) == ["src/app.py"]


def test_what_an_allowed_edit_wrote_cannot_be_taken_back_unseen_later(bench: Bench) -> None:
    """The difference is from what is known, not from the last digest of the whole tree."""
    bench.to_write_tests()
    before = bench.read("tests/test_app.py")
    bench.edit("tests/test_app.py", before + "def test_new(): assert False\n")
    assert bench.run.edits
    seen = len(bench.facts(TreeObserved))
    bench.shell_writes("tests/test_app.py", before)
    assert len(bench.facts(TreeObserved)) == seen + 1


class DiesBeforePuttingBack(RealDesk):
    """A process that is killed after it recorded what it will put back."""

    def record(self, facts: object, **how: object) -> object:  # type: ignore[override]
        state = super().record(facts, **how)  # type: ignore[arg-type]
        if any(isinstance(fact, ChangePutBack) for fact in list(facts)):  # type: ignore[call-overload]
            raise KeyboardInterrupt
        return state


def test_a_put_back_that_was_recorded_and_not_done_is_done_by_whoever_comes_next(bench: Bench) -> None:
    bench.to_write_tests()
    use = bench.use("shell")
    bench.asked(use)
    bench.write("src/app.py", HACK)
    bench.open(DiesBeforePuttingBack)
    with pytest.raises(KeyboardInterrupt):
        bench.returned(use)
    assert bench.read("src/app.py") == HACK
    bench.open()
    bench.shell(lambda: None)
    assert bench.read("src/app.py") == APP


def test_a_file_nobody_can_read_is_told_and_closes_every_gate(bench: Bench) -> None:
    if os.geteuid() == 0:
        pytest.skip("root can read every file")
    bench.to_write_tests()
    bench.write("tests/closed.py", "x")
    (bench.root / "tests/closed.py").chmod(0)
    assert "cannot be read" in said(bench.shell(lambda: None))


# -- the moving ledger ------------------------------------------------------------------------------------------------


class Overtaken(RealDesk):
    """A desk on which somebody else records a fact of the run between the first reading and the decision."""

    overtaken = 0

    def state(self):  # type: ignore[no-untyped-def]
        state = super().state()
        if not self.overtaken:
            Overtaken.overtaken += 1
            run = state.run_in(self.worktree)
            assert run is not None
            self.record([TreeObserved(run.id, run.tree, run.subject)], relying_on=None)
        return state


def test_a_decision_on_an_old_reading_is_made_again(bench: Bench) -> None:
    bench.to_write_tests()
    Overtaken.overtaken = 0
    bench.open(Overtaken)
    use = bench.use("shell")
    assert isinstance(bench.asked(use), c.Silent)
    assert Overtaken.overtaken == 1 and use.id in bench.run.in_flight


# -- settings of the client -------------------------------------------------------------------------------------------


def test_a_configuration_without_our_hooks_is_refused(bench: Bench) -> None:
    from phasegate.engine.answer import answer

    changing = c.ConfigChanging(bench.caller(), "project_settings", ".claude/settings.json")
    said_ = answer(changing, bench.desk)
    assert isinstance(said_, c.Refuse) and "phasegate uninstall" in said_.reason


def test_the_keys_that_may_approve_are_no_agents_to_edit(lay_out: Callable[..., Bench]) -> None:
    bench = lay_out()
    assert isinstance(bench.edit(".phasegate/allowed_signers", "me ssh-ed25519 AAAA\n"), c.Refuse)
    elsewhere = msgspec.convert({"approvals": {"allowed_signers": "keys/signers"}}, Settings)
    assert elsewhere.class_of("keys/signers") == "own"


def test_nothing_that_was_found_as_a_secret_is_stored(bench: Bench) -> None:
    bench.to_implement()
    bench.edit("src/app.py", f"key = '{KEY}'\n")
    bench.shell(lambda: None, text=f"curl -H 'Authorization: {KEY}'")
    assert all(KEY.encode() not in (event.body or b"") for event in bench.desk.project.log.read())
    assert bench.facts(SecretSeen)


# -- what must not, or cannot, be put back ----------------------------------------------------------------------------


def test_code_that_git_ignores_is_held_where_its_step_forbids_it(bench: Bench) -> None:
    bench.to_write_tests()
    bench.write(".git/info/exclude", "extra.py\n")
    bench.prompt()  # a person's, between turns
    told = said(bench.shell_writes("src/extra.py", "x = 1\n"))
    assert "src/extra.py is held" in told and "git ignores this file" in told
    assert held(bench) == ["src/extra.py"] and bench.exists("src/extra.py")
    bench.shell(lambda: (bench.root / "src/extra.py").unlink())
    assert held(bench) == []


def test_ignored_code_that_a_shell_removed_is_put_back(lay_out: Callable[..., Bench]) -> None:
    bench = lay_out()
    bench.write(".git/info/exclude", "extra.py\n")
    bench.write("src/extra.py", "x = 1\n")
    bench.begin()
    bench.to_write_tests()
    bench.shell(lambda: (bench.root / "src/extra.py").unlink())
    assert bench.read("src/extra.py") == "x = 1\n" and put_back(bench) == ["src/extra.py"]


def test_a_file_too_large_to_keep_is_never_taken_away(bench: Bench) -> None:
    bench.to_write_tests()

    def act() -> None:
        with open(bench.root / "dataset.bin", "wb") as file:
            file.truncate((20 << 20) + 1)

    assert "too large" in said(bench.shell(act))
    assert bench.exists("dataset.bin") and held(bench) == ["dataset.bin"] and not put_back(bench)


def test_a_directory_in_place_of_a_file_is_cleared_before_the_file_comes_back(bench: Bench) -> None:
    bench.to_write_tests()

    def act() -> None:
        (bench.root / "src/app.py").unlink()
        bench.write("src/app.py/deep/er.py", "x = 1\n")
        bench.write("src/later.py", "x = 1\n")

    bench.shell(act)
    assert bench.read("src/app.py") == APP and not bench.exists("src/later.py")


def test_a_link_in_place_of_a_directory_is_removed_before_its_files_come_back(bench: Bench) -> None:
    bench.to_write_tests()
    copy = bench.root.parent / "copy"

    def act() -> None:
        (bench.root / "src").rename(copy)
        (bench.root / "src").symlink_to(copy)

    bench.shell(act)
    assert not (bench.root / "src").is_symlink() and bench.read("src/app.py") == APP
    assert (copy / "app.py").read_text() == APP


def test_what_cannot_be_undone_is_held_and_the_rest_is_undone(bench: Bench) -> None:
    bench.to_write_tests()

    def act() -> None:
        (bench.root / "src/app.py").unlink()
        bench.write("src/app.py/trace.log", "git ignores this\n")
        bench.write("src/later.py", "x = 1\n")

    bench.shell(act)
    assert held(bench) == ["src/app.py"] and not bench.exists("src/later.py")
    (bench.root / "src/app.py/trace.log").unlink()
    (bench.root / "src/app.py").rmdir()
    bench.shell_writes("src/app.py", APP)
    assert held(bench) == []


def test_no_name_of_a_file_steers_a_terminal(bench: Bench) -> None:
    bench.to_write_tests()
    assert "\x1b" not in said(bench.shell_writes("src/\x1b[31mred\n.py", "x = 1\n")).partition("What it held")[0]
