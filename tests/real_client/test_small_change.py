"""`phasegate start "..."` end to end: the client works on one sentence, and the run is over when it is done."""

from __future__ import annotations

from phasegate.entrypoints.cli import start
from phasegate.entrypoints.demo.script import call, say
from phasegate.ledger import facts as f
from phasegate.workflow.small import small_phase
from tests.real_client.conftest import NewProject
from tests.real_client.project import PLAN, SHOP, Project, bash
from tests.real_client.which import with_both

SENTENCE = "Fix the price of nothing"


def begin_task(project: Project, sentence: str = SENTENCE) -> None:
    """`phasegate init` and `phasegate start SENTENCE`."""
    project.set_up()
    with project.desk() as desk:
        start.know_baseline(desk, desk.state())
        start.begin(desk, desk.state(), sentence, small_phase(sentence, None, (), ()))


@with_both
def test_one_sentence_ends_in_a_closed_and_archived_phase(new_project: NewProject) -> None:
    project = new_project()
    begin_task(project)
    plan = project.text(PLAN)
    finished = project.play(
        call(
            "Edit", file_path="{{P}}/" + SHOP, old_string="    return amount\n", new_string="    return amount or 0\n"
        ),
        say("Done!"),
        bash("phasegate check tests"),
        say("Done, with tests."),
        prompt=SENTENCE,
    )
    assert (finished.exit_code, finished.result) == (0, "Done, with tests.")
    assert [fact.outcome for fact in project.facts(f.RunEnded)] == ["complete"]
    assert [fact.step for fact in project.facts(f.StepEntered)][:2] == ["implement", "run_tests"]
    (closed,) = project.facts(f.PhaseClosed)
    assert closed.phase == "task:fix-the-price-of-nothing"
    assert {gate.gate for gate in closed.gates} == {
        "tests_ran",
        "no_new_red",
        "covered",
        "notes_settled",
        "nothing_held",
    }
    assert all((project.root / kept.path).exists() for kept in closed.files)
    assert project.text(PLAN) == plan and project.facts(f.PlanRead) == []
