"""`pause`, `resume` and `takeover` as a person types them, also over a ledger that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.ledger.facts import CallAsked, DriverTaken
from tests.cli.terminal import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.ok("start", "--no-baseline")
    return made


def status(project: Project) -> str:
    run = project.state().run_in(str(project.root))
    assert run is not None
    return run.status


def test_pause_pauses_and_twice_is_once(project: Project) -> None:
    assert "paused" in project.ok("pause") and status(project) == "paused"
    project.ok("pause")
    assert project.facts().count("RunPaused") == 1


def test_resume_takes_the_run_up_again_and_says_what_to_do(project: Project) -> None:
    project.ok("pause")
    assert "Continue the plan." in project.ok("resume") and status(project) == "active"
    assert "was not paused" in project.ok("resume")
    assert project.facts().count("RunResumed") == 1


def test_what_a_person_changes_while_paused_is_known_before_the_run_drives_again(project: Project) -> None:
    project.ok("pause")
    project.write("src/late.py", "value = 1\n")
    project.ok("resume")
    kinds = project.facts()
    assert kinds.index("TreeObserved", kinds.index("RunPaused")) < kinds.index("RunResumed")
    project.person("done")
    run = project.state().run_in(str(project.root))
    assert run is not None and not run.held and "ChangePutBack" not in project.facts()


def test_a_plan_changed_while_paused_is_read_anew_and_boxes_ticked_by_hand_are_put_back(project: Project) -> None:
    path = "docs/development_roadmap/phases.md"
    project.ok("pause")
    project.write(path, project.read(path).replace("[ ] 1.1", "[x] 1.1") + "- [ ] 2.2 Align them\n")
    assert "put back" in project.person("resume").stderr
    assert "[ ] 1.1" in project.read(path)
    listed = project.state().planned("2")
    assert listed is not None and len(listed.tasks) == 2


@pytest.mark.parametrize("command", ["pause", "resume", "takeover"])
def test_an_agent_may_not(project: Project, command: str) -> None:
    refused = project.agent(command)
    assert refused.returncode == 2 and "for-people" in refused.stderr


def test_pause_works_over_a_ledger_that_cannot_be_read_and_resume_lifts_its_mark(project: Project) -> None:
    ledger = project.ledger
    good = {path: path.read_bytes() for path in ledger.parent.glob("ledger.db*")}
    for path in good:
        path.unlink()
    ledger.write_bytes(b"this is no database" * 1000)
    paused = project.person("pause")
    assert paused.returncode == 0 and "mark" in paused.stdout, paused.stderr
    assert (project.root / ".git/phasegate-paused").exists()
    for path in ledger.parent.glob("ledger.db*"):
        path.unlink()
    for path, content in good.items():
        path.write_bytes(content)
    assert "resumed" in project.ok("resume")
    assert not (project.root / ".git/phasegate-paused").exists()


def test_without_a_run_pause_and_resume_say_so(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert "no run is active" in project.ok("pause")
    assert "no run is active" in project.ok("resume")
    assert project.person("takeover").returncode == 2


def test_takeover_leaves_no_driver_and_nothing_of_it_in_flight(project: Project) -> None:
    run = project.state().run_in(str(project.root))
    assert run is not None
    project.recorded([DriverTaken(run.id, "s1"), CallAsked(run.id, "c1", "s1", "", "Bash", "shell")])
    assert "s1 no longer drives" in project.ok("takeover")
    run = project.state().run_in(str(project.root))
    assert run is not None and run.driver == "" and not run.in_flight
    assert "no session drives" in project.ok("takeover")
    assert project.facts().count("DriverTaken") == 2
