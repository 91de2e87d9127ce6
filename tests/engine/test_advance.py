"""Leaving steps: the default workflow to its close for every kind, loops, escalation, deferral, and answers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from bench import NEW, OLD, PLAN_PATH, Bench

from phasegate.engine.advance import Outcome, RunIsPaused, observe, park
from phasegate.engine.circles import circling
from phasegate.engine.plan_watch import PlanDemandsLess, refuse_less
from phasegate.ledger.facts import BaselineMoved, ChangeSettled, PathsRehashed, PlanRead, QuestionAsked, RunPaused
from phasegate.ledger.state import PhaseRecord, RunRecord, Visit
from phasegate.policy import calls as c
from phasegate.workflow.default import DEFAULT


def test_a_feature_phase_goes_through_every_step_to_its_close(bench: Bench) -> None:
    bench.to_close()
    outcome = bench.done()
    assert outcome.entered == ("validate_phase_completion", "archive_phase", "review_docs_between_phases")
    assert bench.state.is_closed("1")


def close_docs(bench: Bench) -> None:
    """Through a docs or spike phase from `implement` to its review of documents."""
    bench.tests({OLD: "passed"})
    bench.link()
    outcome = bench.done()
    assert outcome.entered == ("close_phase",), bench.state.open_notes(bench.run.phase)
    assert bench.done().entered[-1] == "review_docs_between_phases"


def one(kind: str) -> str:
    return f"# Roadmap\n\n## Phase 1: One [{kind}]\n\n- [ ] 1.1 Do it\n"


@pytest.mark.parametrize("kind", ["feature", "fix"])
def test_what_adds_or_mends_shows_a_red_test_first(lay_out: Callable[..., Bench], kind: str) -> None:
    bench = lay_out(plan=one(kind))
    bench.begin()
    bench.to_close()
    assert "archive_phase" in bench.done().entered
    assert bench.done().entered == ("load_next_phase", "complete")
    assert bench.state.run_in(bench.desk.worktree) is None


@pytest.mark.parametrize("kind", ["refactor", "chore"])
def test_what_keeps_behaviour_goes_straight_to_the_change(lay_out: Callable[..., Bench], kind: str) -> None:
    bench = lay_out(plan=one(kind))
    bench.begin()
    bench.done()
    assert bench.done().entered == ("implement",)
    bench.write("src/app.py", "def old() -> int:\n    return 2 - 1\n")
    assert bench.done().entered == ("run_tests",)
    bench.tests({OLD: "passed"})
    assert bench.done().entered == ("doublecheck",)
    close_docs(bench)
    assert bench.done().entered[-1] == "complete"


def test_documents_need_no_tests(lay_out: Callable[..., Bench]) -> None:
    bench = lay_out(plan=one("docs"))
    bench.begin(baseline=False)
    bench.done()
    assert bench.done().entered == ("implement",)
    assert isinstance(bench.edit("src/app.py", "x = 1\n"), c.Refuse)
    bench.write("docs/guide.md", "# Guide\n\nMore.\n")
    assert bench.done().entered == ("doublecheck",)
    close_docs(bench)


def test_a_spike_is_archived_and_never_merged(lay_out: Callable[..., Bench]) -> None:
    bench = lay_out(plan=one("spike"))
    bench.begin(baseline=False)
    bench.done(), bench.done()
    before = bench.read("src/app.py")
    bench.write("src/app.py", "tried = True\n")
    assert bench.done().entered == ("archive_spike", "doublecheck")
    bench.tests({OLD: "passed"})
    bench.link()
    bench.done()
    assert bench.done().entered[-1] == "categorize_uncertainties"
    bench.categorise("implement")
    assert bench.done().entered == ("implement",)
    bench.write("src/app.py", before)
    assert bench.done().entered[-1] == "doublecheck"
    close_docs(bench)
    kept = [
        artifact for e in bench.state.evidence.values() for artifact in e.artifacts if artifact.name == "spike.patch"
    ]
    assert any(b"+tried = True" in bench.desk.kept(artifact) for artifact in kept)


def test_a_phase_cannot_close_without_evidence_of_this_very_tree(bench: Bench) -> None:
    bench.to_close()
    bench.write("src/app.py", "def old() -> int:\n    return 3\n")
    assert [verdict.gate for verdict in bench.done().held_by] == ["nothing_held"]
    run, blobs = bench.run, bench.desk.tree.rehash(["src/app.py"])
    accepted = [ChangeSettled(run.id, "src/app.py", "accepted"), PathsRehashed(run.id, blobs)]
    bench.desk.record(accepted, relying_on=None)
    assert bench.done().entered[-1] == "categorize_uncertainties"
    assert not bench.state.is_closed("1")


def test_while_a_run_is_active_nobody_but_a_person_puts_a_plan_into_force_that_demands_less(bench: Bench) -> None:
    first, *rest = bench.state.plan
    weaker = msgspec.structs.replace(first, tasks=first.tasks[:-1])
    with pytest.raises(PlanDemandsLess, match=first.tasks[-1].id):
        refuse_less(bench.state, [PlanRead("plan.md", "0", (weaker, *rest))])
    refuse_less(bench.state, [PlanRead("plan.md", "0", tuple(bench.state.plan))])


def test_a_phase_that_began_keeps_its_kind_whatever_the_plan_says_later(bench: Bench) -> None:
    first, *rest = bench.state.plan
    docs = msgspec.structs.replace(first, kind="docs")
    bench.desk.record([PlanRead("plan.md", "0", (docs, *rest))], relying_on=None)
    assert bench.state.kind_of(first.id) == first.kind != "docs"


def test_a_paused_run_leaves_no_step(bench: Bench) -> None:
    bench.desk.record([RunPaused(bench.run.id)], relying_on=None)
    with pytest.raises(RunIsPaused):
        bench.done()


def test_the_question_of_a_stop_is_withdrawn_when_the_agent_leaves_the_step(bench: Bench) -> None:
    bench.desk.record([QuestionAsked("q-stop", bench.run.id, "It stopped.", step=bench.step)], relying_on=None)
    assert bench.done().moved
    assert not bench.state.open_questions() and bench.state.questions["q-stop"].verdict == "withdrawn"


# -- loops and escalation ------------------------------------------------------------------------------


def fail_once(bench: Bench, number: int) -> Outcome:
    """One loop: a change that leaves the new test red, in another way each time."""
    bench.write("src/app.py", f"def old() -> int:\n    return {number}\n")
    assert bench.done().entered == ("run_tests",)
    bench.tests({OLD: "passed", NEW: "assertion" if number % 2 else "missing_name"})
    assert bench.done().entered == ("categorize_uncertainties",)
    bench.categorise("implement")
    return bench.done()


def defer(bench: Bench) -> None:
    bench.to_implement()
    for number in range(2, 9):
        outcome = fail_once(bench, number)
    assert outcome.entered[:2] == ("escalate_to_deferred", "load_next_phase")


def test_a_failing_test_becomes_an_uncertainty_and_is_settled_when_it_passes(bench: Bench) -> None:
    bench.to_implement()
    assert fail_once(bench, 2).entered == ("implement",)
    assert [note.about for note in bench.state.open_notes("1")] == [f"test:{NEW}"]
    assert bench.exists("logs/errors/index.md")
    bench.write("src/app.py", "def old() -> int:\n    return 5\n")
    bench.done()
    bench.tests({OLD: "passed", NEW: "passed"})
    assert bench.state.open_notes("1") == []
    assert bench.done().entered == ("doublecheck",)
    assert bench.state.record_of("1").loops == 1


def test_after_seven_loops_the_phase_is_deferred_with_a_report_and_one_question(bench: Bench) -> None:
    defer(bench)
    record = bench.state.record_of("1")
    assert record.status == "deferred" and record.loops == 7
    (question,) = bench.state.open_questions()
    assert question.phase == "1" and "7 loops" in question.text
    report = bench.read(record.report)
    assert "## What was tried" in report and "## The question" in report
    assert "Yes takes it up at" in question.text and "no does so too, and your words" in question.text
    tasks = bench.state.plan[0].tasks
    assert tasks and all(f"- task {task.id}: {task.text} (" in report for task in tasks)
    assert not bench.state.is_closed("1") and "[x]" not in bench.read(PLAN_PATH)


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_a_parked_phase_says_what_its_last_session_said_and_either_answer_takes_it_up(
    bench: Bench, verdict: str
) -> None:
    bench.to_implement()
    state, seen = observe(bench.desk, bench.state)
    park(bench.desk, state, "3 sessions brought nothing", seen, "I need the\n# price list.")
    assert "> I need the # price list." in bench.read(bench.state.record_of("1").report)
    (question,) = bench.state.open_questions()
    assert bench.state.record_of("1").status == "deferred" and "Yes takes it up at implement" in question.text
    bench.answers(verdict)
    assert bench.state.record_of("1").status == "open"


def test_other_phases_go_on_and_then_the_run_waits_for_the_person(bench: Bench) -> None:
    defer(bench)
    assert (bench.run.phase, bench.step) == ("2", "explore")
    bench.done()
    bench.write("docs/guide.md", "# Guide\n\nMore.\n")
    bench.done()
    bench.tests({OLD: "passed", NEW: "assertion"})
    bench.link()
    bench.done(), bench.done()
    assert bench.done().entered == ("load_next_phase", "waiting_for_person")
    bench.prompt()
    assert isinstance(bench.stop(), c.Silent), "the client may stop"
    bench.answers()
    assert bench.done().entered == ("categorize_uncertainties",)
    assert (bench.run.phase, bench.state.record_of("1").loops) == ("1", 0)


def test_the_same_failure_three_times_is_enough(bench: Bench) -> None:
    bench.to_implement()
    for number in (3, 5, 7):
        outcome = fail_once(bench, number)
    assert "escalate_to_deferred" in outcome.entered
    assert "same" in bench.state.record_of("1").why_deferred


def test_a_strategic_uncertainty_goes_to_the_documents_and_then_to_a_person(bench: Bench) -> None:
    bench.to_implement()
    bench.write("src/app.py", "def old() -> int:\n    return 2\n")
    bench.done()
    bench.tests({OLD: "passed", NEW: "assertion"})
    bench.done()
    bench.categorise("strategic")
    assert bench.done().entered == ("review_architecture_behavior",)
    (note,) = bench.state.open_notes("1")
    assert isinstance(bench.stop(), c.KeepGoing)
    asked = QuestionAsked("q-1", bench.run.id, "Which?", note.id, "1", bench.step)
    bench.desk.record([asked], relying_on=None)
    assert isinstance(bench.stop(), c.Silent), "now a person must answer"
    bench.answers()
    assert bench.done().entered == ("update_plans_within_phase",)
    assert bench.done().entered == ("explore",)


# -- the baseline ------------------------------------------------------------------------------


def test_a_tree_that_changed_before_the_first_work_becomes_the_start(lay_out: Callable[..., Bench]) -> None:
    """Nobody could test the old one any more; the phase would stay at `explore` for ever."""
    bench = lay_out()
    bench.begin(baseline=False)
    bench.opens(), bench.prompt()
    bench.done()
    assert bench.done().held_by
    bench.closes()
    bench.write(".gitignore", "__pycache__/\nstate/\n*.log\n*.tmp\n")
    bench.opens(session="session-2")
    assert bench.done().held_by[0].gate == "baseline_known"
    bench.tests({OLD: "passed"})
    assert bench.done().entered == ("write_tests",)


def test_no_agent_moves_the_start_once_it_could_work(bench: Bench) -> None:
    bench.to_implement()
    before = bench.state.record_of("1").subject
    fail_once(bench, 2)
    bench.done()
    assert bench.state.record_of("1").subject == before and not bench.facts(BaselineMoved)


# -- circles, as pure questions ------------------------------------------------------------------------------


def visits(*steps: tuple[str, str, str, bool]) -> RunRecord:
    run = RunRecord("run", "/w", "start", "default", "x", phase="1")
    run.trail = [
        Visit(step, "1", subject, failure, loop, n, n) for n, (step, subject, failure, loop) in enumerate(steps)
    ]
    return run


LOOP = "categorize_uncertainties"


@pytest.mark.parametrize(
    ("run", "loops", "why"),
    [
        (visits(), 6, ""),
        (visits(), 7, "7 loops"),
        (visits((LOOP, "a", "f", True), (LOOP, "b", "f", True), (LOOP, "c", "f", True)), 3, "the same tests failed"),
        (visits((LOOP, "a", "f", True), (LOOP, "b", "g", True), (LOOP, "c", "f", True)), 3, ""),
        (visits((LOOP, "a", "", True), (LOOP, "a", "", True), (LOOP, "a", "", True)), 3, "nothing in the tree"),
        (visits((LOOP, "", "", True), (LOOP, "", "", True), (LOOP, "", "", True)), 3, ""),
        (visits((LOOP, "a", "f", True), (LOOP, "b", "f", True), (LOOP, "c", "f", True)), 1, ""),
        (visits(*[("x", "a", "", False), ("y", "a", "", False)] * 3), 0, "taken turns"),
        (visits(*[("x", "a", "", False), ("y", "b", "", False)] * 3), 0, ""),
        (visits(*[("x", "a", "", False), ("x", "a", "", False), ("y", "a", "", False)] * 2), 0, ""),
    ],
)
def test_a_circle_is_noticed_by_count_failure_standstill_or_alternation(run: RunRecord, loops: int, why: str) -> None:
    said = circling(run, PhaseRecord("1", loops=loops), DEFAULT)
    assert (why in said) if why else said == ""
