"""`drive --dry-run` says what a drive would do, and fails where the drive would, with nothing done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.people import as_person
from tests.cli.terminal import Project

PLAN = """# Plan

## Phase 1: Rounding [fix]

- [x] 1.1 Round half even

## Phase 2: Printing [feature]

- [ ] 2.1 Print amounts
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, plan=PLAN.replace("## Phase 1: Rounding", "## [x] Phase 1: Rounding"))
    made.git("config", "user.name", "A")
    made.git("config", "user.email", "a@example.org")
    client = made.root.parent / "claude"
    client.write_text("#!/bin/sh\necho '2.1.300 (Claude Code)'\n")
    client.chmod(0o755)
    made.env["PHASEGATE_CLAUDE"] = str(client)
    return made


def test_it_says_what_comes_within_which_limits_and_what_is_left_out(project: Project) -> None:
    project.write("notes.txt", "mine\n")
    before = project.facts()
    said = project.ok("drive", "--dry-run", "--cost", "20", "--tokens", "9000", "--model", "opus")
    assert "1 closed, 1 to come" in said and "2 Printing (feature, open)" in said and "Rounding" not in said
    assert "20 dollars, 9000 tokens" in said and "model opus" in said and "mode " in said and "rules " in said
    assert "1 changed and not committed: notes.txt" in said and "a work tree of its own" in said
    assert project.facts() == before and not list(project.root.parent.glob("state/phasegate/*/*/trees"))


def test_a_script_reads_the_same(project: Project) -> None:
    told = json.loads(project.ok("drive", "--dry-run", "--json", "--iterations", "3"))
    assert told["dry_run"] and told["closed"] == 1 and told["next_phase"] == "2"
    assert [phase["id"] for phase in told["phases"]] == ["2"] and told["limits"]["iterations"] == 3
    assert told["client_version"] == "2.1.300" and told["worktree"] == "new" and told["left_out"] == []


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [("client", "client-not-found", 7), ("commit", "no-commit", 2), ("plan", "no-plan", 2)],
)
def test_it_fails_where_the_drive_would(project: Project, change: str, code: str, status: int) -> None:
    if change == "client":
        project.env["PHASEGATE_CLAUDE"] = str(project.root.parent / "nowhere")
    elif change == "commit":
        project.git("update-ref", "-d", "HEAD")
    else:
        (project.root / "docs/development_roadmap/phases.md").unlink()
        project.commit()
    for words in (("--dry-run",), ()):
        ran = as_person(["phasegate", "drive", *words, "--json"], project.root, project.env)
        assert ran.returncode == status, ran.stdout + ran.stderr
        assert code in ran.stdout + ran.stderr


def test_status_shows_the_plan_before_any_run(project: Project) -> None:
    said = project.ok("status")
    assert "No run is active in this work tree." in said and "1 of 2 phases closed; the next is 2" in said
    assert "[x] 1 Rounding (fix, closed)" in said and "[ ] 2 Printing (feature, open)" in said
    assert "PlanRead" not in project.facts()
