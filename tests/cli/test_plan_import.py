"""`plan import` on real files at the command line: shown, asked, written once, and never by an agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import PLAN, Project

AT = "docs/development_roadmap/phases.md"

SPEC = """# Tasks: Albums

## Phase 1: Setup (Shared Infrastructure)

**Purpose**: A place to work in

- [ ] T001 Make the folders
- [ ] T002 [P] Choose a linter

## Phase 2: User Story 1 - Make an album (Priority: P1)

- [ ] T003 [US1] Store an album in src/store.py

## Dependencies & Execution Order

- **Setup (Phase 1)**: No dependencies
- **User Story 1 (P1)**: Depends on Setup
"""

CHANGE = """## 1. Implementation
- [ ] 1.1 Add the column
- [x] 1.2 Write the migration

## 2. Documentation
- [ ] 2.1 Say it in the handbook
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path, plan="")
    project.write("specs/001-albums/tasks.md", SPEC)
    project.write("openspec/changes/add-colours/tasks.md", CHANGE)
    project.write("openspec/changes/add-colours/proposal.md", "# Change\n\n## Why\n\nAll albums look the same.\n")
    project.write("README.md", "# Albums\n\nUse it.\n\n## Roadmap\n\n- Share an album\n- Print an album\n")
    return project


def test_a_folder_tells_what_it_found_and_becomes_phases_that_check_and_show_read(project: Project) -> None:
    said = project.ok("plan", "import", ".", "--yes")
    for found in ("README.md (readme)", "tasks.md (spec-kit)", "tasks.md (openspec)"):
        assert found in said
    assert "already ticked" in said and "openspec/changes/add-colours/tasks.md:3" in said
    assert "nothing is wrong" in project.ok("plan", "check")
    phases = project.json("plan", "show")
    assert [(phase["title"], phase["kind"], phase["blocked_by"], len(phase["tasks"])) for phase in phases] == [
        ("Roadmap", "feature", [], 2),
        ("001-albums: Setup (Shared Infrastructure)", "chore", [], 2),
        ("001-albums: User Story 1 - Make an album (Priority: P1)", "feature", ["2"], 1),
        ("add-colours: Implementation", "feature", [], 1),
        ("add-colours: Documentation", "docs", [], 1),
    ]
    text = project.read(AT)
    assert "- [ ] T001 Make the folders\n  - From [specs/001-albums/tasks.md:7]" in text
    assert "(../../specs/001-albums/tasks.md#L7)" in text and "All albums look the same." in text


def test_importing_again_adds_nothing_and_a_changed_source_adds_what_is_new(project: Project) -> None:
    project.ok("plan", "import", "specs", "--yes")
    before = project.read(AT)
    assert "nothing new" in project.ok("plan", "import", "specs", "--yes") and project.read(AT) == before
    project.write("specs/001-albums/tasks.md", SPEC.replace("- [ ] T001", "- [ ] T000 Read the plan\n- [ ] T001"))
    project.ok("plan", "import", "specs/001-albums/tasks.md", "--yes")
    after = project.read(AT)
    assert after.startswith(before) and after.count("- [ ] T0") == 4 and "## Phase 3: 001-albums: Setup" in after


def test_without_a_terminal_nothing_is_written_and_it_says_how_to_accept(project: Project) -> None:
    done = project.person("plan", "import", "README.md")
    assert done.returncode == 5 and "+- [ ] Share an album" in done.stdout and "--yes" in done.stdout
    assert not (project.root / AT).exists()


def test_a_dry_run_shows_the_difference_and_writes_nothing(project: Project) -> None:
    assert "+## Phase 1: Roadmap" in project.ok("plan", "import", "README.md", "--dry-run")
    assert not (project.root / AT).exists()


def test_at_a_terminal_a_person_is_asked_and_only_a_yes_writes(project: Project) -> None:
    for answer in ("", "n"):
        done = project.typed("plan", "import", "README.md", answer=answer)
        assert "Write 1 phase with 2 tasks into" in done.stdout and "nothing was written" in done.stdout, done.stdout
        assert done.returncode == 0 and not (project.root / AT).exists()
    assert "gained 1 phase with 2 tasks" in project.typed("plan", "import", "README.md", answer="y").stdout
    assert "- [ ] Share an album" in project.read(AT)


def test_json_has_the_draft_the_difference_and_what_was_left_out(project: Project) -> None:
    value = project.json("plan", "import", "openspec", "--yes")
    assert value["written"] and [phase["id"] for phase in value["draft"]] == ["1", "2"]
    assert value["draft"][0]["tasks"] == [
        {"text": "Add the column", "source": "openspec/changes/add-colours/tasks.md", "line": 2}
    ]
    assert value["difference"].startswith("--- /dev/null") and value["left_out"][0]["why"] == "already ticked"


def test_an_agent_may_look_and_may_not_accept(project: Project) -> None:
    assert project.agent("plan", "import", "README.md", "--dry-run").returncode == 0
    refused = project.agent("plan", "import", "README.md", "--yes")
    assert refused.returncode == 2 and "for-people" in refused.stderr and not (project.root / AT).exists()


def test_a_plan_in_force_knows_the_new_phases_at_once(project: Project) -> None:
    project.write(AT, PLAN)
    project.ok("start", "--no-baseline")
    project.ok("plan", "import", "README.md", "--yes")
    assert project.read(AT).startswith(PLAN.rstrip("\n")) and project.state().planned("3") is not None
    run = project.state().run_in(str(project.root))
    assert run is not None and not run.held


def test_comments_are_read_only_when_asked_for(project: Project) -> None:
    project.write(
        "src/paint.py",
        "import os\n\n\ndef paint():\n    pass  # TODO(me): mix the colours\n    # FIXME: white is grey\n",
    )
    assert "mix the colours" not in project.ok("plan", "import", ".", "--dry-run")
    project.ok("plan", "import", "src", "--todo-comments", "--yes")
    phases = project.json("plan", "show")
    assert [(p["title"], p["kind"], p["tasks"][0]["text"]) for p in phases] == [
        ("FIXME", "fix", "white is grey"), ("TODO", "feature", "mix the colours"),
    ]  # fmt: skip
    assert "nothing new" in project.ok("plan", "import", "src", "--todo-comments", "--yes")


@pytest.mark.parametrize("named", ["../elsewhere.md", "gone.md", "src", "TODO.org"])
def test_what_cannot_be_imported_is_a_sentence_with_a_remedy(project: Project, named: str) -> None:
    project.write("src/paint.py", "# nothing to do\n")
    project.write("TODO.org", "* TODO climb\n")
    (project.root.parent / "elsewhere.md").write_text("- [ ] out\n")
    done = project.person("plan", "import", named, "--yes")
    assert done.returncode == 2 and done.stderr.startswith("phasegate: ") and "Traceback" not in done.stderr


def test_files_that_no_importer_reads_are_named(project: Project) -> None:
    project.write("TODO.org", "* TODO climb\n")
    project.write("ROADMAP.md", b"# Roadmap\n\n- \xff\n")
    said = project.ok("plan", "import", ".", "--dry-run")
    assert "no importer reads .org files" in said and "ROADMAP.md  is not UTF-8" in said


def test_control_characters_of_a_source_reach_neither_plan_nor_terminal(project: Project) -> None:
    project.write("TODO.md", "# To do\n\n- [ ] paint\x1b[31m it \u202ered\u202c\x07\n")
    said = project.ok("plan", "import", "TODO.md", "--yes")
    for text in (said, project.read(AT)):
        assert "paint it red" in text and not set(text) & {"\x1b", "\u202e", "\x07"}
