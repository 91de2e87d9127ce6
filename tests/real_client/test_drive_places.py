"""Where a drive works: in the person's own tree when asked, once at a time, and pushed only when told."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from phasegate.entrypoints.demo.script import Request, Turn, call, say
from phasegate.entrypoints.driving import stage as stages
from phasegate.ledger import driving as d
from phasegate.ledger import facts as f
from tests.cli.people import as_person
from tests.real_client.conftest import NewProject
from tests.real_client.nights import DOCS, PLAN, Driven, Night
from tests.real_client.project import FILES, bash
from tests.real_client.which import with_the_real_one


@pytest.fixture
def night(new_project: NewProject) -> Night:
    return Night(new_project({PLAN: DOCS}))


@with_the_real_one
def test_a_second_drive_in_the_same_clone_is_refused(night: Night) -> None:
    second: list[Driven] = []

    def step(request: Request) -> Turn:
        environment = {"XDG_STATE_HOME": str(night.project.state_home)}
        second.append(Driven(as_person(["phasegate", "drive", "--json"], night.project.root, environment)))
        return say("Done.")

    night.drive(bash("phasegate done"), step, options=("--iterations", "1"))
    assert second[0].code == 2 and second[0].result["error"] == "drive-at-work"


@with_the_real_one
def test_here_commits_on_the_persons_branch_and_push_pushes_it(night: Night, tmp_path: Path) -> None:
    project = night.project
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    project.git("remote", "add", "origin", str(remote))
    night.root = project.root
    driven = night.drive(*night.docs_phase(1, "how"), options=("--here", "--push"))
    assert driven.code == 0, driven.stderr + driven.stdout
    branch = project.git("branch", "--show-current").strip()
    assert driven.result["branch"] == branch and project.git("log", "-1", "--format=%s").strip() == "Explain"
    assert project.git("ls-remote", "origin", branch).split()[0] == project.git("rev-parse", "HEAD").strip()
    assert not list(project.state_home.glob("phasegate/*/*/trees/*"))


@with_the_real_one
def test_a_project_below_the_root_is_driven_in_a_work_tree_of_its_own(new_project: NewProject) -> None:
    whole = new_project({f"packages/shop/{path}": text for path, text in (FILES | {PLAN: DOCS}).items()}, bare=True)
    whole.write(".gitignore", ".venv/\n")
    whole.write("packages/shop/.venv/here.txt", "environment\n")
    whole.write(".venv/top.txt", "environment\n")
    whole.commit("Ignore environments")
    night = Night(whole.at(whole.root / "packages/shop"), prefix="packages/shop")
    night.project.commit("Set up")
    first, *others = night.docs_phase(1, "how")

    def beside(request: Request) -> Turn:
        assert (night.tree / ".venv/here.txt").exists() and (night.tree / "../../.venv/top.txt").exists()
        return call("Write", file_path=str(night.tree.parent / "NOTES.md"), content="A note.\n")

    driven = night.drive(first, *others[:2], beside, *others[2:])
    assert (driven.code, driven.result["closed"]) == (0, ["1"]), driven.stderr + driven.stdout
    changed = whole.git("show", "--name-only", "--format=", driven.result["branch"]).split()
    assert {"packages/shop/README.md", "packages/NOTES.md"} <= set(changed)
    assert not whole.git("status", "--porcelain") and night.log(driven.result["branch"]) == ["Explain"]


@with_the_real_one
def test_after_work_tree_and_branch_are_thrown_away_the_next_drive_begins_anew(night: Night) -> None:
    first = night.drive(bash("phasegate done"), say("Done."), options=("--iterations", "1")).result
    night.project.git("worktree", "remove", "--force", first["worktree"])
    night.project.git("branch", "-D", first["branch"])
    second = night.drive(*night.docs_phase(1, "how"))
    assert (second.code, second.result["closed"]) == (0, ["1"]), second.stderr + second.stdout
    assert second.result["branch"] != first["branch"] and not second.result["goes_on"]


def test_here_refuses_while_something_is_not_committed(night: Night) -> None:
    night.project.write("src/shop/mine.py", "MINE = 1\n")
    environment = {"XDG_STATE_HOME": str(night.project.state_home), "HOME": str(night.project.home)}
    driven = Driven(as_person(["phasegate", "drive", "--json", "--here"], night.project.root, environment))
    assert driven.code == 2 and driven.result["error"] == "tree-not-clean"
    assert not night.facts(d.DriveStarted)


def test_here_refuses_beside_a_run_of_the_persons_own(new_project: NewProject) -> None:
    project = new_project({PLAN: DOCS})
    project.begin()
    project.git("config", "user.name", "Night")
    project.git("config", "user.email", "night@localhost")
    environment = {"XDG_STATE_HOME": str(project.state_home), "HOME": str(project.home)}
    driven = Driven(as_person(["phasegate", "drive", "--json", "--here"], project.root, environment))
    assert driven.code == 2 and driven.result["error"] == "run-active"


def test_a_drive_that_cannot_begin_leaves_neither_branch_nor_work_tree(new_project: NewProject) -> None:
    night = Night(new_project({PLAN: "# Plan\n\n## Phase 1: Explain\n\nKind: docs\n\n- [x] README says how\n"}))
    environment = {"XDG_STATE_HOME": str(night.project.state_home), "HOME": str(night.project.home)}
    driven = Driven(as_person(["phasegate", "drive", "--json"], night.project.root, environment))
    assert driven.code == 2 and driven.result["error"] == "plan-finished"
    assert "phasegate/" not in night.project.git("branch", "--all")
    assert not list(night.project.state_home.glob("phasegate/*/*/trees/*"))


@with_the_real_one
def test_what_is_written_after_the_last_phase_closed_is_put_back_and_not_committed(night: Night) -> None:
    late = night.write("src/shop/late.py", "LATE = 1\n")
    again = bash("phasegate start 'write more docs' --kind docs")
    driven = night.drive(*night.docs_phase(1, "how"), late, again, say("Done."))
    assert (driven.code, driven.result["closed"]) == (0, ["1"]), driven.stderr + driven.stdout
    changed = night.project.git("show", "--name-only", "--format=", driven.result["branch"]).split()
    assert "README.md" in changed and "src/shop/late.py" not in changed
    assert [fact.path for fact in night.facts(f.ChangePutBack)] == ["src/shop/late.py"]
    assert len(night.facts(f.RunStarted)) == 1


@with_the_real_one
def test_a_phase_closed_before_the_supervisor_was_killed_is_committed_by_the_next(night: Night) -> None:
    killed = night.drive(*night.docs_phase(1, "how"), night.kills_the_supervisor(say("Done.")))
    assert killed.code == -signal.SIGKILL
    second = night.drive()
    assert (second.code, second.result["closed"]) == (0, ["1"]), second.stderr + second.stdout
    assert night.log(second.result["branch"])[0] == "Explain" and second.result["goes_on"]


@with_the_real_one
def test_a_state_directory_behind_a_link_keeps_the_work_tree_of_a_drive(
    new_project: NewProject, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    night = Night(new_project({PLAN: DOCS}))
    first = night.drive(bash("phasegate done"), say("Done."), options=("--iterations", "1")).result
    second = night.drive(say("Done."), options=("--iterations", "1"))
    assert second.result["goes_on"] == first["drive"] and second.result["branch"] == first["branch"]
    assert os.path.isdir(first["worktree"])


@with_the_real_one
def test_what_a_person_mends_after_the_end_so_that_a_hook_lets_it_pass_is_committed(night: Night) -> None:
    hook = night.project.root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\n! git show :README.md | grep -q 'how$'\n")
    hook.chmod(0o755)
    held = night.drive(*night.docs_phase(1, "how"), say("Done."))
    assert held.code == 5 and not held.result["commits"], held.stderr + held.stdout
    (night.tree / "README.md").write_text("# Shop\n\nhow, mended\n")
    second = night.drive()
    assert (second.code, second.result["closed"]) == (0, ["1"]), second.stderr + second.stdout
    assert "mended" in night.project.git("show", f"{second.result['branch']}:README.md")


def test_a_work_tree_with_commits_is_never_taken_for_one_that_had_begun_nothing(new_project: NewProject) -> None:
    project = Night(new_project({PLAN: DOCS})).project
    with project.desk() as desk:
        stage = stages.lay_out(desk, desk.state(), lambda said: None, here=False)
        project.at(Path(stage.worktree)).git("commit", "-q", "--allow-empty", "-m", "Hours of work")
        stages.tidy(desk, desk.state())
    assert os.path.exists(stage.worktree)


def test_a_work_tree_of_a_drive_that_had_begun_nothing_is_cleared_by_the_next(new_project: NewProject) -> None:
    project = Night(new_project({PLAN: DOCS})).project
    with project.desk() as desk:
        stage = stages.lay_out(desk, desk.state(), lambda said: None, here=False)
        assert stage.branch in project.git("branch", "--format=%(refname:short)").split()
        stages.tidy(desk, desk.state())
    assert not os.path.exists(stage.worktree)
    assert stage.branch not in project.git("branch", "--format=%(refname:short)").split()
