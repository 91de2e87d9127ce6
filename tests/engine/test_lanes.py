"""A small change keeps small steps only while it is small; a regulated one closes on a person's signature."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bench import NEW, OLD, PROJECT, Bench

from phasegate.engine.advance import leave
from phasegate.entrypoints.cli.start import begin
from phasegate.ledger.facts import LaneMoved, PhaseClosed, QuestionAnswered, StepEntered
from phasegate.policy import calls as c
from phasegate.settings import Lanes, Settings
from phasegate.workflow.small import small_phase

SMALL = "def old() -> int:\n    return 2\n"
LARGE = SMALL + "".join(f"\n\ndef more_{n}() -> int:\n    return {n}\n" for n in range(12))
LANES = Lanes(trivial_lines=10, regulated=("src/payments/**",))


@pytest.fixture
def task(lay_out: Callable[..., Bench]) -> Bench:
    """A run on one sentence, at `implement`."""
    bench = lay_out(settings=Settings(project=PROJECT, lanes=LANES))
    bench.tests({OLD: "passed"})
    begin(bench.desk, bench.state, "Fix old", small_phase("Fix old", None, (), ()))
    bench.opens()
    bench.prompt("go ahead")
    assert bench.step == "implement"
    return bench


def moves(bench: Bench) -> list[tuple[str, str]]:
    return [(fact.was, fact.lane) for fact in bench.facts(LaneMoved) if isinstance(fact, LaneMoved)]


def steps(bench: Bench) -> list[str]:
    return [fact.step for fact in bench.facts(StepEntered) if isinstance(fact, StepEntered)]


def test_a_small_fix_takes_three_steps_to_its_closed_phase(task: Bench) -> None:
    task.edit("src/app.py", SMALL)
    said = task.stop()
    assert isinstance(said, c.KeepGoing) and "phasegate check tests" in said.reason
    task.tests({OLD: "passed"})
    assert isinstance(task.stop(), c.Silent)
    assert steps(task)[:3] == ["implement", "run_tests", "validate_phase_completion"]
    assert task.facts(PhaseClosed) and task.state.run_in(task.desk.worktree) is None and moves(task) == []


def test_a_closing_counts_the_files_that_differ_from_the_phases_start_and_nothing_that_came_back(task: Bench) -> None:
    """Neither the plan, nor what phasegate writes, nor a file that is as it was counts."""
    guide = task.read("docs/guide.md")
    task.edit("docs/guide.md", "# Another\n")
    task.edit("docs/guide.md", guide)
    task.edit("src/app.py", SMALL)
    task.stop()
    task.tests({OLD: "passed"})
    task.stop()
    (closed,) = task.facts(PhaseClosed)
    assert isinstance(closed, PhaseClosed) and closed.changed == 1


def test_what_outgrows_it_takes_the_standard_steps_and_is_told_why(task: Bench) -> None:
    task.edit("src/app.py", LARGE)
    said = task.stop()
    assert isinstance(said, c.KeepGoing) and moves(task) == [("trivial", "standard")]
    assert "step prove_red" in said.reason and "lines are changed, a trivial change has at most 10" in said.reason
    task.edit("src/app.py", "def old() -> int:\n    return 1\n")
    task.edit("tests/test_app.py", "def test_old(): assert True\ndef test_new(): assert False\n")
    task.tests({OLD: "passed", NEW: "assertion"})
    task.edit("src/app.py", LARGE)
    task.stop()
    task.tests({OLD: "passed", NEW: "passed"})
    assert task.done().entered == ("doublecheck",)
    assert moves(task) == [("trivial", "standard")], "a smaller difference in between lowers nothing"


@pytest.mark.parametrize("end", [" ", "; ", "\r", "\r\r"])
def test_a_large_change_on_few_lines_of_git_is_no_trivial_one(task: Bench, end: str) -> None:
    task.edit(
        "src/app.py", SMALL + end.join(f"more_{n} = lambda x: {n} if x > {n} else [old(), {n}]" for n in range(60))
    )
    task.stop()
    assert moves(task) == [("trivial", "standard")]


def test_a_person_names_the_lane_and_the_difference_moves_it_no_more(task: Bench) -> None:
    task.edit("src/app.py", LARGE)
    task.desk.record(
        [LaneMoved(task.run.phase, "trivial", "trivial", "all of it is generated", "ann")], relying_on=None
    )
    assert task.done().entered == ("run_tests",)


def at_approval(bench: Bench) -> None:
    """A chore in the lane regulated, put to a person."""
    bench.edit("src/payments/pay.py", "rate = 1\n")
    bench.done()
    assert moves(bench) == [("trivial", "regulated")]
    bench.tests({OLD: "passed"})
    bench.done()
    bench.link()
    assert bench.done().entered == ("close_phase",)
    outcome = bench.done()
    assert outcome.entered == ("ask_approval", "await_approval")


@pytest.fixture
def regulated(lay_out: Callable[..., Bench]) -> Bench:
    bench = lay_out(settings=Settings(project=PROJECT, lanes=LANES))
    bench.tests({OLD: "passed"})
    begin(bench.desk, bench.state, "Pay", small_phase("Pay", "chore", (), ()))
    bench.opens()
    bench.prompt("go ahead")
    at_approval(bench)
    return bench


def answered(bench: Bench, verdict: str = "approve", approval: str = "strong") -> None:
    (question,) = bench.state.open_questions()
    assert question.subject and "src/payments/pay.py" in question.text
    given = QuestionAnswered(question.id, verdict, "words", approval, "ann")  # type: ignore[arg-type]
    bench.desk.record([given], relying_on=None)


def test_a_regulated_phase_waits_for_a_person_and_closes_on_a_signature(regulated: Bench) -> None:
    assert isinstance(regulated.stop(), c.Silent), "the agent may stop meanwhile"
    assert not regulated.facts(PhaseClosed)
    answered(regulated)
    assert "archive_phase" in regulated.done().entered
    (closed,) = regulated.facts(PhaseClosed)
    assert isinstance(closed, PhaseClosed) and "approved" in {gate.gate for gate in closed.gates}


@pytest.mark.parametrize(("verdict", "approval"), [("reject", "strong"), ("approve", "weak")])
def test_a_no_or_an_answer_without_a_signature_closes_nothing(regulated: Bench, verdict: str, approval: str) -> None:
    answered(regulated, verdict, approval)
    assert regulated.done().entered == ("categorize_uncertainties",) and not regulated.facts(PhaseClosed)
    assert regulated.done().entered == ("doublecheck",)


def test_an_approval_is_of_one_tree_and_another_is_asked_about_again(regulated: Bench) -> None:
    answered(regulated)
    regulated.prompt("Change the rate, please.")
    regulated.edit("src/payments/pay.py", "rate = 2\n")
    seen = regulated.desk.tree.observe(regulated.state.views.get(regulated.desk.worktree, {}))
    assert leave(regulated.desk, regulated.state, seen).entered == ("categorize_uncertainties",)
    assert not regulated.facts(PhaseClosed)
