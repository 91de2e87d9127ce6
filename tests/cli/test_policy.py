"""`policy check` and `policy trust`: nothing of a repository's settings is in force before a person trusts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.wiring import open_project
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.toml import write_workflow
from tests.cli.terminal import PROJECT, Project

HEAD = f'project = "{PROJECT}"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def limit(project: Project) -> float:
    """The coverage in force."""
    opened = open_project(str(project.root), project.env)
    opened.close()
    return opened.trusted.settings.coverage.changed_lines


def test_a_change_is_in_force_only_once_a_person_trusts_it(project: Project) -> None:
    project.write("phasegate.toml", HEAD + "[coverage]\nchanged_lines = 55.0\n")
    assert "coverage.changed_lines: 80.0 -> 55.0" in project.ok("policy", "check") and limit(project) == 80
    refused = project.agent("policy", "trust")
    assert refused.returncode == 2 and "for-people" in refused.stderr and limit(project) == 80
    assert "coverage.changed_lines: 80.0 -> 55.0" in project.ok("policy", "trust") and limit(project) == 55
    assert "it is what you trusted" in project.ok("policy", "check")
    assert project.json("policy", "check")["trusted"] is True
    assert project.facts().count("SettingsTrusted") == 1
    project.ok("policy", "trust")
    assert project.facts().count("SettingsTrusted") == 1


def test_what_is_wrong_is_reported_with_line_and_reason_and_not_trusted(project: Project) -> None:
    project.write("phasegate.toml", HEAD + "[coverage]\nchanged_lines = 555.0\n")
    checked = project.person("policy", "check")
    assert checked.returncode == 1 and "phasegate.toml:3: " in checked.stdout
    (problem,) = project.json("policy", "check")["problems"]
    assert (problem["path"], problem["line"]) == ("phasegate.toml", 3)
    assert project.person("policy", "trust").returncode == 2 and limit(project) == 80


def test_a_workflow_is_read_reported_by_line_and_trusted(project: Project) -> None:
    project.write("phasegate.toml", HEAD + 'workflow = "flow.toml"\n')
    project.write("flow.toml", write_workflow(DEFAULT).replace('leaves_when = ["tests_ran"]', 'leaves_when = ["ran"]'))
    checked = project.person("policy", "check")
    assert checked.returncode == 1 and "flow.toml:" in checked.stdout
    project.write("flow.toml", "loop_limit = 4\n" + write_workflow(DEFAULT))
    said = project.ok("policy", "trust")
    assert "+loop_limit = 4" in said
    assert "it is what you trusted" in project.ok("policy", "check")


def test_a_workflow_without_the_step_a_run_is_at_is_not_trusted(project: Project) -> None:
    project.ok("start", "--no-baseline")
    project.write("phasegate.toml", HEAD + 'workflow = "flow.toml"\n')
    project.write("flow.toml", write_workflow(DEFAULT).replace("load_phase_plans", "read_the_plan"))
    refused = project.person("policy", "trust")
    assert refused.returncode == 2 and "workflow-in-use" in refused.stderr


def test_settings_of_another_project_are_not_trusted(project: Project) -> None:
    project.write("phasegate.toml", HEAD.replace("6f0c", "7f0c"))
    assert "other-project" in project.person("policy", "trust").stderr


def test_without_settings_it_says_what_to_do(project: Project) -> None:
    (project.root / "phasegate.toml").unlink()
    for command in ("check", "trust"):
        failed = project.person("policy", command)
        assert failed.returncode == 2 and "phasegate init" in failed.stderr
