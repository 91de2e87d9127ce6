"""What a newcomer mistypes, repeats or misreads, and what the commands say to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("tests/test_a.py", "def test_a() -> None:\n    assert True\n")
    return made


def test_a_mistyped_command_is_answered_with_the_one_that_is_meant(project: Project) -> None:
    done = project.person("stauts")
    assert done.returncode == 2 and "Did you mean 'status'?" in done.stderr, done.stderr


def test_evidence_that_nobody_recorded_is_a_mistake_of_whoever_names_it(project: Project) -> None:
    project.ok("start", "--no-baseline")
    for words in (("link", "1.1", "--evidence", "ev-0"), ("show", "ev-0")):
        done = project.person("evidence", *words)
        assert done.returncode == 2 and "(unknown-evidence)" in done.stderr, done.stderr


def test_a_task_whose_evidence_is_of_another_tree_is_not_told_as_linked(project: Project) -> None:
    project.ok("start", "--no-baseline")
    project.ok("record", "--", "true")
    project.ok("evidence", "link", "1.1")
    assert "1.1 Round half even (linked)" in project.ok("next")
    project.write("src/new.py", "value = 1\n")
    project.person("done")  # looks at the tree
    assert "(linked)" not in project.ok("next")


def test_a_tree_that_was_tested_is_not_tested_again_unasked(project: Project) -> None:
    project.ok("start")
    done = project.person("check", "tests")
    assert "tested already; `--again`" in done.stderr and "1 of 1 tests" in done.stdout
    assert "tested already" not in project.person("check", "tests", "--again").stderr
