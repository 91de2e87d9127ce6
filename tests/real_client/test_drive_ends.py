"""How a drive ends before the plan does: at a limit, at a question, at a refused commit, by a person."""

from __future__ import annotations

import pytest

from phasegate.entrypoints.demo.script import Request, Step, Turn, say
from phasegate.ledger import driving as d
from phasegate.ledger import facts as f
from tests.cli.people import as_person
from tests.real_client.conftest import NewProject
from tests.real_client.nights import PLAN, RELEASE, TWO, Night
from tests.real_client.project import bash
from tests.real_client.which import with_the_real_one


@pytest.fixture
def night(new_project: NewProject) -> Night:
    return Night(new_project({PLAN: TWO}))


LIMITS = {
    "cost": ("--cost", "0.03"),
    "tokens": ("--tokens", "20000"),
    "minutes": ("--minutes", "0.05"),
}


@with_the_real_one
@pytest.mark.parametrize("what", LIMITS if RELEASE else ("cost",))
def test_at_a_limit_the_client_is_ended_and_the_next_drive_goes_on(night: Night, what: str) -> None:
    slow = bash("phasegate next; sleep 1")
    driven = night.drive(*(slow for _ in range(8)), options=LIMITS[what])
    assert (driven.code, driven.result["outcome"]) == (6, "limit"), driven.stderr + driven.stdout
    assert "limit" in driven.result["said"] and not driven.result["closed"]
    (ended,) = night.facts(d.DriveEnded)
    assert (ended.outcome, ended.exit_code) == ("limit", 6)
    after = night.drive(*night.docs_phase(1, "how"), *night.docs_phase(2, "why"))
    assert after.code == 0 and after.result["branch"] == driven.result["branch"], after.stderr


@with_the_real_one
def test_iterations_count_sessions_that_did_work(night: Night) -> None:
    driven = night.drive(*night.docs_phase(1, "how"), say("I stop here."), say("I stop again."), say("And again."),
                         say("No."), options=("--iterations", "1"))  # fmt: skip
    assert (driven.code, driven.result["iterations"]) == (6, 1), driven.stderr


ADD = "phasegate note add uncertainty 'What is meant by how?' --category strategic --task 1.1"


def asks(night: Night) -> tuple[Step, ...]:
    """Phase 1 up to a strategic question, which is put with what the agent would do."""

    def ask(request: Request) -> Turn:
        (note,) = night.project.state.notes
        return bash(f"phasegate note ask {note} 'Which how?' --default 'The short one.'")

    return (
        bash("phasegate done"),
        bash("phasegate done"),
        night.write("README.md", "# Shop\n\nhow?\n"),
        bash("phasegate done"),
        bash(ADD),
        bash("phasegate done"),
        bash("phasegate done"),
        ask,
        say("A person must decide."),
    )


@with_the_real_one
def test_a_question_is_parked_with_its_default_and_the_next_phase_is_done(night: Night) -> None:
    second = night.docs_phase(2, "why")
    driven = night.drive(*asks(night), *second)
    assert (driven.code, driven.result["outcome"]) == (5, "waiting"), driven.stderr + driven.stdout
    assert (driven.result["closed"], driven.result["deferred"]) == (["2"], ["1"])
    (question,) = night.project.state.open_questions()
    assert (question.text, question.default) == ("Which how?", "The short one.")
    (deferred,) = night.facts(f.PhaseDeferred)
    assert deferred.question == question.id
    (aside,) = night.facts(d.PhaseSetAside)
    assert "how?" in night.project.git("show", f"{aside.branch}:README.md")
    what_phase_2_changed = night.project.git("show", "--format=", driven.result["branch"], "--", "README.md")
    assert "-# Shop" not in what_phase_2_changed and "how?" not in what_phase_2_changed
    night.answer(question.id)
    third = night.drive(
        bash("phasegate note list"), bash("phasegate done"), bash("phasegate done"), bash("phasegate done"),
        night.write("README.md", "# Shop\n\nhow!\n"), bash("phasegate done"),
        bash("phasegate record -- grep -q how README.md && phasegate evidence link 1.1 && phasegate done"),
        bash("phasegate done"), bash("phasegate done"),
    )  # fmt: skip
    assert (third.code, third.result["closed"]) == (0, ["1"]), third.stderr + third.stdout
    assert [fact.taken_up for fact in night.facts(d.PhaseSetAside)] == [False, True]


@with_the_real_one
def test_a_hook_of_the_repository_that_refuses_holds_the_commit_and_shows_why(night: Night) -> None:
    hook, ticket = night.project.root / ".git/hooks/commit-msg", night.project.folder / "ticket"
    refusal = "{ echo 'subject needs a ticket'; exit 1; }"
    hook.write_text(f"#!/bin/sh\ntest -e '{ticket}' || grep -q '^Bring in' $1 || {refusal}\n")
    hook.chmod(0o755)
    driven = night.drive(*night.docs_phase(1, "how"), say("I wait."))
    assert (driven.code, driven.result["outcome"]) == (5, "waiting"), driven.stderr + driven.stdout
    assert any("needs a ticket" in question.text for question in night.project.state.open_questions())
    assert night.log(driven.result["branch"]) == ["Bring in the plan and phasegate's files"]
    ticket.touch()
    after = night.drive(*night.docs_phase(2, "why"))
    assert after.code == 0, after.stderr + after.stdout
    assert night.log(driven.result["branch"])[:2] == ["Explain more", "Explain"]


@with_the_real_one
def test_an_interrupt_ends_client_and_drive_in_order(night: Night) -> None:
    driven = night.drive(bash("phasegate done"), night.interrupts(say("never heard", delay=5.0)))
    assert (driven.code, driven.result["outcome"]) == (130, "stopped"), driven.stderr + driven.stdout
    (ended,) = night.facts(d.ClientEnded)
    assert ended.how == "stopped"
    assert ended.cost_usd > 0, "what it wrote as it was asked to end was not read"


def test_a_dry_run_does_nothing(night: Night) -> None:
    ran = as_person(
        ["phasegate", "drive", "--dry-run"], night.project.root, {"XDG_STATE_HOME": str(night.project.state_home)}
    )
    assert ran.returncode == 0 and "Nothing was done" in ran.stdout
    assert not night.facts(d.DriveStarted) and not list(night.project.state_home.glob("phasegate/*/*/trees"))
