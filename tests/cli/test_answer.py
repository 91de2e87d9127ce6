"""`answer`: weak approvals at a real terminal, strong ones with real keys, and what each answer changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from phasegate.engine import custody
from phasegate.engine.advance import leave
from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    CallAsked,
    CallReturned,
    ChangeHeld,
    NoteAdded,
    NoteCorrected,
    PhaseDeferred,
    PhaseStarted,
    QuestionAsked,
    StepEntered,
)
from phasegate.ledger.state import RunRecord, State
from phasegate.wiring import RealDesk, open_project
from tests.cli.terminal import PROJECT, Project

needs_keys = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="STRONG APPROVALS WERE NOT TESTED: there is no ssh-keygen"
)
STRONG = f'project = "{PROJECT}"\n[approvals]\nquestions = "strong"\nallowed_signers = "signers"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return started(Project(tmp_path))


def started(project: Project) -> Project:
    project.ok("start", "--no-baseline")
    return project


def run_of(project: Project) -> RunRecord:
    run = project.state().run_in(str(project.root))
    assert run is not None
    return run


def asked(project: Project, *, category: str = "strategic") -> str:
    """A strategic note of phase 1, and a question about it in the step that asks a person."""
    run = run_of(project).id
    note = NoteAdded("note-1", run, "1", "uncertainty", "major", "Which rounding?", category=category)  # type: ignore[arg-type]
    step = StepEntered(run, "review_architecture_behavior", "explore", "strategic", "1", "s")
    question = QuestionAsked("q-1", run, "Half even?", "note-1", "1", "review_architecture_behavior")
    project.recorded([note, NoteCorrected("note-1", "strategic"), step, question])
    return "q-1"


def deferred(project: Project, *, then: tuple[Fact, ...] = ()) -> str:
    """Phase 1 waits for a person since `categorize_uncertainties`."""
    run = run_of(project).id
    question = QuestionAsked("q-2", run, "How shall it go on?", phase="1", step="categorize_uncertainties")
    project.recorded([question, PhaseDeferred("1", run, "stuck", "investigations/project/1/deferred.md", "q-2"), *then])
    return "q-2"


# -- weak -------------------------------------------------------------------------------------------------------------


def test_a_person_at_a_terminal_approves_and_the_ledger_keeps_who_and_where(project: Project) -> None:
    asked(project)
    done = project.typed("answer", "approve", "q-1", "As the bank does.")
    assert done.returncode == 0 and "approved" in done.stdout, done.stdout
    assert 'Say "Continue the plan."' in done.stdout
    state = project.state()
    question = state.questions["q-1"]
    assert (question.verdict, question.words, question.approval) == ("approve", "As the bank does.", "weak")
    assert state.notes["note-1"].resolved == "As the bank does."
    shown = next(fact for fact in answers(project))
    assert "/dev/" in shown and "(1)" in shown


def answers(project: Project) -> list[str]:
    from phasegate.ledger.facts import QuestionAnswered
    from phasegate.ledger.schema import fact_of

    opened = open_project(str(project.root), project.env)
    try:
        facts = [fact_of(event) for event in opened.log.read(0)]
        return [fact.shown for fact in facts if isinstance(fact, QuestionAnswered)]
    finally:
        opened.close()


def test_a_rejection_needs_words_and_leaves_the_note_open_with_them_in_the_instruction(project: Project) -> None:
    asked(project)
    assert project.typed("answer", "reject", "q-1").returncode == 2
    assert project.typed("answer", "reject", "q-1", "Keep the old one.").returncode == 0
    assert not project.state().notes["note-1"].resolved
    assert "rejected: Keep the old one." in project.ok("next")
    assert project.ok("done") and run_of(project).step != "review_architecture_behavior"


def test_without_a_terminal_an_answer_is_refused(project: Project) -> None:
    asked(project)
    refused = project.person("answer", "approve", "q-1", "yes")
    assert refused.returncode == 2 and "not-at-a-terminal" in refused.stderr
    assert project.state().questions["q-1"].open


def test_below_an_agent_an_answer_is_refused_also_at_a_terminal(project: Project) -> None:
    asked(project)
    project.env["CLAUDECODE"] = "1"
    refused = project.typed("answer", "approve", "q-1", "yes")
    assert refused.returncode == 2 and "for-people" in refused.stdout
    del project.env["CLAUDECODE"]
    assert project.state().questions["q-1"].open


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="NOT TESTED: there is no /proc to see ages by")
def test_a_terminal_that_a_command_of_the_agent_opened_and_detached_answers_nothing_while_it_runs(
    project: Project,
) -> None:
    asked(project)
    run = run_of(project).id
    project.recorded([CallAsked(run, "toolu_1", "s1", "", "Bash", "shell", (), "script -c phasegate")])
    refused = project.typed("answer", "approve", "q-1", "yes")
    assert refused.returncode == 2 and "fresh-terminal" in refused.stdout, refused
    assert project.state().questions["q-1"].open
    project.recorded([CallReturned(run, "toolu_1", True)])
    assert project.typed("answer", "approve", "q-1", "yes").returncode == 0


def test_a_question_is_answered_once_and_unknown_ones_are_named(project: Project) -> None:
    asked(project)
    project.typed("answer", "approve", "q-1", "yes")
    again = project.typed("answer", "reject", "q-1", "no")
    assert again.returncode == 2 and "already" in again.stdout
    assert "unknown-question" in project.typed("answer", "approve", "q-9").stdout


def test_list_shows_questions_with_the_report_and_held_changes(project: Project) -> None:
    deferred(project, then=(ChangeHeld(run_of(project).id, "src/a.py", "step", "why", ""),))
    said = project.ok("answer", "list")
    assert "q-2: How shall it go on?" in said and "investigations/project/1/deferred.md" in said
    assert "held: src/a.py" in said
    value = project.json("answer", "list")
    assert value["questions"][0]["report"] == "investigations/project/1/deferred.md"
    assert value["held"][0]["path"] == "src/a.py"


# -- a deferred phase goes on -----------------------------------------------------------------------------------------


def left(project: Project) -> State:
    """Leave the present step as the Stop hook does."""
    opened = open_project(str(project.root), project.env)
    try:
        desk = RealDesk(opened, Actor("agent", "claude", "s1"))
        state = desk.state()
        return leave(desk, state, desk.tree.observe(state.views.get(desk.worktree, {}))).state
    finally:
        opened.close()


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_an_answered_phase_goes_on_at_the_step_that_asked(project: Project, verdict: str) -> None:
    waiting = StepEntered(run_of(project).id, "waiting_for_person", "load_next_phase", "blocked", "1", "s")
    deferred(project, then=(waiting,))
    assert 'Say "Continue the plan."' in project.typed("answer", verdict, "q-2", "Use decimal.").stdout
    left(project)
    run = run_of(project)
    assert (run.phase, run.step) == ("1", "categorize_uncertainties")
    assert project.state().record_of("1").status == "started" and project.state().record_of("1").loops == 0
    assert "Use decimal." in project.ok("next")


def test_what_a_person_changed_while_the_run_waited_is_theirs_once_they_answer(project: Project) -> None:
    waiting = StepEntered(run_of(project).id, "waiting_for_person", "load_next_phase", "blocked", "1", "s")
    deferred(project, then=(waiting,))
    project.write("src/a.py", "value = 1\n")
    project.typed("answer", "approve", "q-2", "See src/a.py.")
    project.person("done")
    assert run_of(project).step == "categorize_uncertainties" and not run_of(project).held


def test_it_goes_on_there_also_when_another_phase_was_worked_on_meanwhile(project: Project) -> None:
    run = run_of(project).id
    second = (
        PhaseStarted("2", run, "feature", "s", "t"),
        StepEntered(run, "review_docs_between_phases", "archive_phase", "", "2", "s"),
    )
    deferred(project, then=second)
    project.typed("answer", "approve", "q-2", "Use decimal.")
    assert run_of(project).phase == "2"  # what is being worked on goes on
    left(project)
    assert (run_of(project).phase, run_of(project).step) == ("1", "categorize_uncertainties")


def test_an_answer_about_a_note_does_not_reopen_the_phase_that_waits_for_another(project: Project) -> None:
    asked(project)
    deferred(project)
    project.typed("answer", "approve", "q-1", "Half even.")
    assert project.state().record_of("1").status == "deferred"
    project.typed("answer", "approve", "q-2", "Go on.")
    waiting = StepEntered(run_of(project).id, "waiting_for_person", "load_next_phase", "blocked", "1", "s")
    project.recorded([waiting])
    left(project)
    assert run_of(project).step == "categorize_uncertainties"


# -- held changes -----------------------------------------------------------------------------------------------------


def test_held_changes_are_shown_with_what_differs_and_put_back_by_one_command(project: Project) -> None:
    run = run_of(project).id
    project.write("src/a.py", "before = 1\n")
    opened = open_project(str(project.root), project.env)
    desk = RealDesk(opened, Actor("agent", "claude", "s1"))
    before, watch = desk.tree.rehash(["src/a.py"])["src/a.py"], custody.begun(desk, run)
    opened.close()
    project.write("src/a.py", "after = 2\n")
    project.git("config", "core.hooksPath", "/tmp/none")
    config = ChangeHeld(run, ".git/config", "watched", "it bends", watch.seen[".git/config"])
    project.recorded([watch, ChangeHeld(run, "src/a.py", "ungoverned", "nobody knows", before), config])
    shown = project.ok("answer", "held")
    for row in ("-before = 1", "+after = 2", "+ core.hookspath = /tmp/none", "nobody knows", "--put-back"):
        assert row in shown, shown
    assert [each["path"] for each in project.json("answer", "held")["held"]] == ["src/a.py", ".git/config"]
    assert project.typed("answer", "settle", "src/a.py", "--all").returncode == 2
    settled = project.typed("answer", "settle", "--all", "--put-back")
    assert settled.returncode == 0 and "are as it was" in settled.stdout, settled.stdout
    assert project.read("src/a.py") == "before = 1\n" and "hooksPath" not in project.read(".git/config")
    assert not run_of(project).held and "No change is held." in project.ok("answer", "held")


def test_a_person_accepts_a_held_change_as_the_file_is_now(project: Project) -> None:
    project.write("src/a.py", "value = 1\n")
    project.recorded([ChangeHeld(run_of(project).id, "src/a.py", "step", "why", "")])
    assert project.person("answer", "settle", "src/a.py").returncode == 2
    done = project.typed("answer", "settle", "src/a.py", "mine")
    assert done.returncode == 0 and "accepted" in done.stdout, done.stdout
    assert not run_of(project).held
    project.person("done")
    assert not run_of(project).held
    assert "not-held" in project.typed("answer", "settle", "src/a.py").stdout


# -- strong -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed(tmp_path: Path) -> Project:
    """A project that takes signed answers only, with one allowed signer committed."""
    project = Project(tmp_path, settings=STRONG)
    key(tmp_path, "person")
    public = (tmp_path / "person.pub").read_text()
    project.write("signers", f"person@example.org {public}")
    project.commit()
    return started(project)


def key(folder: Path, name: str) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(command, check=True)


def signature(project: Project, name: str, *arguments: str, namespace: str = "phasegate") -> str:
    folder = project.root.parent
    text = folder / "text"
    text.write_text(project.ok("answer", "text", *arguments))
    (folder / "text.sig").unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(folder / name), str(text)]
    subprocess.run(command, check=True, capture_output=True)
    return str(folder / "text.sig")


@needs_keys
def test_a_signature_of_the_printed_text_approves_without_a_terminal(signed: Project) -> None:
    asked(signed)
    file = signature(signed, "person", "q-1", "approve", "Half even.")
    done = signed.person("answer", "approve", "q-1", "Half even.", "--signature", file)
    assert done.returncode == 0, done.stderr
    question = signed.state().questions["q-1"]
    assert (question.approval, question.by) == ("strong", "person@example.org")
    assert "ED25519" in answers(signed)[0]


@needs_keys
@pytest.mark.parametrize("words", [("q-1", "approve", "Other."), ("q-1", "reject", "Half even.")])
def test_a_signature_of_another_text_is_refused(signed: Project, words: tuple[str, ...]) -> None:
    asked(signed)
    file = signature(signed, "person", *words)
    refused = signed.person("answer", "approve", "q-1", "Half even.", "--signature", file)
    assert refused.returncode == 2 and "signature-refused" in refused.stderr
    assert signed.state().questions["q-1"].open


@needs_keys
def test_a_signature_for_another_purpose_is_refused(signed: Project) -> None:
    asked(signed)
    file = signature(signed, "person", "q-1", "approve", namespace="file")
    assert "signature-refused" in signed.person("answer", "approve", "q-1", "--signature", file).stderr


@needs_keys
def test_a_signer_added_to_the_work_tree_or_to_a_branch_does_not_count(signed: Project) -> None:
    asked(signed)
    key(signed.root.parent, "intruder")
    public = (signed.root.parent / "intruder.pub").read_text()
    file = signature(signed, "intruder", "q-1", "approve")
    signed.write("signers", f"person@example.org {public}")
    assert "signature-refused" in signed.person("answer", "approve", "q-1", "--signature", file).stderr
    signed.git("switch", "-q", "-c", "feature")
    signed.commit()
    assert "signature-refused" in signed.person("answer", "approve", "q-1", "--signature", file).stderr


@needs_keys
def test_where_signatures_are_asked_for_a_terminal_is_not_enough(signed: Project) -> None:
    asked(signed)
    refused = signed.typed("answer", "approve", "q-1", "yes")
    assert refused.returncode == 2 and "signature-needed" in refused.stdout


@needs_keys
def test_a_held_change_is_settled_by_a_signature_bound_to_its_content(signed: Project) -> None:
    signed.write("src/a.py", "value = 1\n")
    signed.recorded([ChangeHeld(run_of(signed).id, "src/a.py", "step", "why", "")])
    file = signature(signed, "person", "src/a.py", "settle")
    signed.write("src/a.py", "value = 2\n")
    assert "signature-refused" in signed.person("answer", "settle", "src/a.py", "--signature", file).stderr
    signed.write("src/a.py", "value = 1\n")
    assert signed.person("answer", "settle", "src/a.py", "--signature", file).returncode == 0


def test_without_committed_signers_a_signature_says_where_they_belong(project: Project, tmp_path: Path) -> None:
    asked(project)
    (tmp_path / "x.sig").write_text("nonsense")
    refused = project.person("answer", "approve", "q-1", "--signature", str(tmp_path / "x.sig"))
    assert refused.returncode == 2 and "no-allowed-signers" in refused.stderr


def test_where_a_question_is_shown_the_command_that_answers_it_is_too(project: Project) -> None:
    id_ = asked(project)
    for words in (("status",), ("answer", "list")):
        assert f'`phasegate answer approve {id_} "WORDS"`' in project.ok(*words)
