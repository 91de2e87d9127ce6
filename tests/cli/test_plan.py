"""`plan new`, `check`, `show` and `kind` on real plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import PLAN, Project

AT = "docs/development_roadmap/phases.md"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_one_sentence_begins_a_plan_that_start_takes_up(tmp_path: Path) -> None:
    project = Project(tmp_path, plan="")
    assert "begins with phase 1" in project.ok("plan", "new", "Fix the rounding of negative amounts.")
    assert "Kind: fix" in project.read(AT) and "- [ ] Fix the rounding" in project.read(AT)
    project.ok("start", "--no-baseline")
    run = project.state().run_in(str(project.root))
    assert run is not None and run.phase == "1"


def test_a_phase_is_added_behind_the_last_and_all_else_keeps_its_bytes(project: Project) -> None:
    project.ok("plan", "new", "Parse files", "--kind", "chore", "--task", "Read them", "--task", "Report")
    text = project.read(AT)
    assert text.startswith(PLAN.rstrip("\n"))
    listed = project.json("plan", "show")
    assert [(phase["id"], phase["kind"], len(phase["tasks"])) for phase in listed][-1] == ("3", "chore", 2)


def test_a_dry_run_shows_the_difference_and_writes_nothing(project: Project) -> None:
    assert "+## Phase 3: Parse files" in project.ok("plan", "new", "Parse files", "--dry-run")
    assert project.read(AT) == PLAN


def test_in_a_run_the_new_phase_is_known_at_once_and_is_no_agents_edit(project: Project) -> None:
    project.ok("start", "--no-baseline")
    project.ok("plan", "new", "Parse files")
    assert project.state().planned("3") is not None
    project.person("done")
    assert "Parse files" in project.read(AT)
    run = project.state().run_in(str(project.root))
    assert run is not None and not run.held


def test_an_agent_adds_no_phase_in_a_step_that_does_not_edit_the_plan(project: Project) -> None:
    project.ok("start", "--no-baseline")
    refused = project.agent("plan", "new", "Something easier")
    assert refused.returncode == 2 and "plan-write-refused" in refused.stderr
    assert project.read(AT) == PLAN


def test_check_names_path_and_line_of_what_is_wrong(project: Project) -> None:
    assert "nothing is wrong" in project.ok("plan", "check")
    broken = PLAN.replace("Kind: feature\n\n- [ ] 2.1", "Kind: nonsense\n\n- [ ] 2.1")
    project.write(AT, broken)
    done = project.person("plan", "check")
    assert done.returncode == 1 and f"{AT}:11" in done.stdout, done.stdout
    assert project.json("plan", "check")["problems"][0]["line"] == 11


def test_check_reports_status_in_detail_files_and_files_that_are_not_there(project: Project) -> None:
    linked = PLAN.replace("Phase 1: Rounding", "Phase 1: [Rounding](phase1.md)")
    linked = linked.replace("Phase 2: Printing", "Phase 2: [Printing](gone.md)")
    project.write(AT, linked)
    project.write("docs/development_roadmap/phase1.md", "# Rounding\n\nStatus: done\n")
    done = project.person("plan", "check")
    assert done.returncode == 1
    assert "docs/development_roadmap/phase1.md:3" in done.stdout and "gone.md" in done.stdout


def test_a_kind_is_corrected_before_a_phase_begins_and_not_after(project: Project) -> None:
    project.ok("plan", "kind", "2", "refactor")
    shown = project.json("plan", "show")
    assert [(phase["kind"], phase["kind_is"]) for phase in shown] == [("feature", "stated"), ("refactor", "corrected")]
    project.ok("start", "--no-baseline")
    late = project.person("plan", "kind", "1", "docs")
    assert late.returncode == 2 and "phase-begun" in late.stderr


def test_an_agent_does_not_pick_the_gates_of_its_phase(project: Project) -> None:
    assert "for-people" in project.agent("plan", "kind", "2", "docs").stderr


def test_show_tells_kind_tasks_blockers_and_status(project: Project) -> None:
    project.write(AT, PLAN.replace("## Phase 2: Printing\n\nKind: feature", "## Phase 2: Printing\n\nBlocked by: 1"))
    project.ok("start", "--no-baseline")
    said = project.ok("plan", "show")
    assert "1 Rounding (feature, stated; started)" in said
    assert "2 Printing (feature, inferred; open, blocked by 1)" in said and "[ ] 2.1" in said


@pytest.mark.parametrize("arguments", [("check",), ("show",), ("kind", "1", "fix")])
def test_without_a_plan_it_says_how_to_begin_one(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    failed = Project(tmp_path, plan="").person("plan", *arguments)
    assert failed.returncode == 2 and "phasegate plan new" in failed.stderr


@pytest.mark.parametrize("sentence", ["", "   ", "x\n## Phase 9: y\n- [x] z"])
def test_odd_sentences_are_refused_or_written_as_one_line(project: Project, sentence: str) -> None:
    done = project.person("plan", "new", sentence)
    assert done.returncode in (0, 2) and "Traceback" not in done.stderr
    assert [phase["id"] for phase in project.json("plan", "show")] in (["1", "2"], ["1", "2", "3"])


def test_a_plan_that_is_not_utf8_is_named_with_its_line(project: Project) -> None:
    project.write(AT, b"# Plan\n\xff\n")
    done = project.person("plan", "check")
    assert done.returncode == 1 and f"{AT}:2 is not UTF-8" in done.stdout


def test_a_fault_of_the_whole_file_names_no_line_and_its_path_once(project: Project) -> None:
    project.write(AT, "# Plan\n\nNothing yet.\n")
    done = project.person("plan", "check")
    assert done.returncode == 1 and done.stdout.startswith(f"{AT} lists no phase") and done.stdout.count(AT) == 1


def test_a_plan_that_cannot_be_added_to_is_named_by_its_path(project: Project) -> None:
    project.write(AT, f"{PLAN}\n> - [ ] quoted\n")
    done = project.person("plan", "new", "Parse files")
    assert done.returncode == 2 and f"{AT}:15 has a check box" in done.stderr, done.stderr


def test_one_phase_is_one_phase(project: Project) -> None:
    project.write(AT, PLAN.partition("## Phase 2")[0])
    assert "lists 1 phase;" in project.ok("plan", "check")
