"""Sessions and turns: who drives, when a turn may end, and what a new session finds after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from bench import PLAN_PATH, Bench

from phasegate.engine.answer import STOPS_REFUSED, answer
from phasegate.engine.desk import Observation
from phasegate.engine.drivers import LEASE_MS
from phasegate.ledger.facts import CallsAbandoned, QuestionAsked, RunRecovered, StopAllowed
from phasegate.policy import calls as c
from phasegate.wiring import RealDesk

HACK = "def old() -> int:\n    return 2\n"
APP = "def old() -> int:\n    return 1\n"


class Blind:
    """A tree of which one file cannot be read; root can read every file, so it is said here."""

    def __init__(self, tree: object) -> None:
        self._tree = tree

    def observe(self, views: dict[str, str]) -> Observation:
        return Observation(self._tree.observe(views).tree, "", ("tests/closed.py",))  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._tree, name)


class Unreadable(RealDesk):
    """A desk that looks at such a tree."""

    @property
    def tree(self) -> Blind:  # type: ignore[override]
        return Blind(super().tree)


class Later(RealDesk):
    """A desk whose clock is ahead of the others'."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


def text(said: c.Answer) -> str:
    assert isinstance(said, c.Inform | c.KeepGoing | c.Refuse), said
    return said.text if isinstance(said, c.Inform) else said.reason


def allowed(bench: Bench) -> list[str]:
    return [fact.why for fact in bench.facts(StopAllowed) if isinstance(fact, StopAllowed)]


# -- turns ------------------------------------------------------------------------------------------------------------


def test_without_a_run_nothing_drives(lay_out: Callable[..., Bench]) -> None:
    bench = lay_out()
    before = bench.state.position
    for said in (bench.opens(), bench.prompt(), bench.stop(), bench.closes()):
        assert isinstance(said, c.Silent)
    assert bench.state.position == before


def test_a_turn_handed_over_may_not_end_before_the_plan_allows_it(bench: Bench) -> None:
    bench.to_write_tests()
    said = bench.stop()
    assert isinstance(said, c.KeepGoing)
    assert "no new test fails" in said.reason or "no test run" in said.reason
    assert "phasegate done" in said.reason


def test_a_turn_of_the_persons_own_may_end(bench: Bench) -> None:
    bench.to_write_tests()
    bench.prompt("What does this project do?")
    assert isinstance(bench.stop(), c.Silent)
    assert allowed(bench) == ["own"]


def test_a_notice_of_the_client_itself_does_not_give_the_turn_away(bench: Bench) -> None:
    bench.prompt("<task-notification>the helper has ended</task-notification>")
    assert isinstance(bench.stop(), c.KeepGoing)


def test_stop_goes_on_when_the_gates_of_the_step_are_open(bench: Bench) -> None:
    assert "step explore" in text(bench.stop())
    assert "step write_tests" in text(bench.stop())


def test_after_three_refusals_with_nothing_new_the_turn_ends_and_a_person_is_asked(bench: Bench) -> None:
    bench.to_write_tests()
    for _ in range(STOPS_REFUSED):
        assert isinstance(bench.stop(), c.KeepGoing)
    assert isinstance(bench.stop(), c.Silent)
    assert allowed(bench) == ["unmet"]
    (question,) = bench.facts(QuestionAsked)
    assert isinstance(question, QuestionAsked) and "new_tests_fail" in question.text


def test_a_refusal_after_work_counts_anew(bench: Bench) -> None:
    bench.to_write_tests()
    for _ in range(STOPS_REFUSED):
        bench.stop()
    bench.edit("tests/test_more.py", "def test_more(): pass\n")
    assert isinstance(bench.stop(), c.KeepGoing)


def test_the_tree_that_cannot_be_read_does_not_keep_an_agent_for_ever(bench: Bench) -> None:
    """Each look at it used to be an event, and so every refusal the first."""
    bench.to_write_tests()

    bench.open(Unreadable)
    said = [bench.stop() for _ in range(STOPS_REFUSED + 2)]
    assert "cannot be read" in text(said[0])
    assert any(isinstance(each, c.Silent) for each in said)


# -- several sessions -------------------------------------------------------------------------------------------------


def test_a_second_session_is_told_guarded_and_not_driven(bench: Bench) -> None:
    bench.to_write_tests()
    assert "another session drives" in text(bench.opens(session="session-2"))
    assert isinstance(bench.prompt("continue", session="session-2"), c.Silent)
    assert isinstance(bench.stop(session="session-2"), c.Silent)
    assert isinstance(bench.edit("src/app.py", HACK, session="session-2"), c.Refuse)
    assert bench.run.driver == "session-1"


def test_the_session_of_a_dead_client_is_taken_over_at_once(bench: Bench) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    bench.closes()
    bench.opens(pid=child.pid)
    assert "another session drives" in text(bench.opens(session="session-2", pid=os.getpid()))
    child.kill(), child.wait()
    assert "step load_phase_plans" in text(bench.opens(session="session-3", pid=os.getpid()))
    assert bench.run.driver == "session-3"


def test_the_session_of_a_live_client_only_when_its_lease_ran_out(bench: Bench) -> None:
    bench.open(Later)
    assert "another session drives" in text(bench.opens(session="session-2"))
    bench.desk.ahead_ms = LEASE_MS + 1000  # type: ignore[attr-defined]
    bench.opens(session="session-2")
    assert bench.run.driver == "session-2"


def test_calls_of_another_session_do_not_renew_the_lease(bench: Bench) -> None:
    bench.open(Later)
    seen = bench.run.driver_seen_ms
    bench.desk.ahead_ms = LEASE_MS // 2  # type: ignore[attr-defined]
    bench.shell(lambda: None, session="session-2")
    assert bench.run.driver_seen_ms == seen
    bench.shell(lambda: None)
    assert bench.run.driver_seen_ms > seen


@pytest.mark.parametrize("source", ["startup", "resume", "clear", "compact", "fork"])
def test_every_way_a_session_begins_tells_the_state_again(bench: Bench, source: str) -> None:
    bench.to_write_tests()
    session = "session-1" if source in ("resume", "compact") else "session-2"
    if session != "session-1":
        bench.closes("clear" if source == "clear" else "other")
    said = text(bench.opens(source, session))
    assert "step write_tests" in said and "1.1 Add two numbers" in said
    assert bench.run.driver == session


def test_a_compaction_leaves_calls_in_flight_alone(bench: Bench) -> None:
    bench.to_write_tests()
    use = bench.use("shell")
    bench.asked(use)
    bench.opens("compact")
    assert use.id in bench.run.in_flight


# -- recovery ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", [False, True])
def test_after_a_kill_with_one_unseen_call_in_flight_the_tree_is_judged(bench: Bench, ended: bool) -> None:
    bench.to_write_tests()
    bench.asked(bench.use("shell"))
    bench.write("src/app.py", HACK)
    if ended:
        bench.closes()
    else:
        bench.open(Later)
        bench.desk.ahead_ms = LEASE_MS + 1000  # type: ignore[attr-defined]
    said = text(bench.opens(session="session-2"))
    assert "was put back" in said and bench.read("src/app.py") == APP
    assert not bench.run.in_flight and bench.facts(CallsAbandoned)
    assert bool(bench.facts(RunRecovered)) is not ended


def test_a_cleared_session_does_not_launder_what_its_call_wrote(bench: Bench) -> None:
    bench.to_write_tests()
    bench.asked(bench.use("shell"))
    bench.write("src/app.py", HACK)
    bench.closes("clear")
    bench.opens("clear", "session-2")
    assert bench.read("src/app.py") == APP


def test_after_a_kill_with_none_in_flight_what_changed_is_the_persons(bench: Bench) -> None:
    bench.to_write_tests()
    bench.closes()
    bench.write("src/app.py", HACK)
    bench.opens(session="session-2")
    assert bench.read("src/app.py") == HACK and not bench.run.held
    assert isinstance(bench.shell(lambda: None, session="session-2"), c.Silent)


def test_a_plan_changed_between_sessions_is_read_and_its_boxes_put_back(bench: Bench) -> None:
    bench.closes()
    plan = bench.read(PLAN_PATH).replace("- [ ] 2.1", "- [x] 2.1") + "- [ ] 2.2 Say it again\n"
    bench.write(PLAN_PATH, plan)
    said = text(bench.opens(session="session-2"))
    assert "put back: 2.1" in said
    assert "- [ ] 2.1" in bench.read(PLAN_PATH)
    listed = bench.state.planned("2")
    assert listed is not None and [task.id for task in listed.tasks] == ["2.1", "2.2"]


def test_a_held_change_undone_between_sessions_is_settled(bench: Bench) -> None:
    bench.to_write_tests()
    bench.write("src/app.py", HACK)
    bench.stop()
    assert bench.run.held
    bench.closes()
    bench.write("src/app.py", APP)
    bench.opens(session="session-2")
    assert not bench.run.held


def test_a_paused_run_neither_limits_nor_drives(bench: Bench) -> None:
    from phasegate.ledger.facts import RunPaused

    bench.to_write_tests()
    bench.desk.record([RunPaused(bench.run.id)], relying_on=None)
    assert isinstance(bench.edit("src/app.py", HACK), c.Silent)
    assert isinstance(bench.stop(), c.Silent)
    assert isinstance(bench.edit("phasegate.toml", "x"), c.Refuse)


def test_compaction_itself_is_not_answered(bench: Bench) -> None:
    assert isinstance(answer(c.Compacting(bench.caller(), "auto"), bench.desk), c.Silent)
