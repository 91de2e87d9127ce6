"""What an agent may not talk away: a person's notes, what is strategic, what settles itself; by the real commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.terminal import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def noted(project: Project, *arguments: str) -> str:
    said = project.person("note", "add", *arguments, "--json")
    return str(json.loads(said.stdout)["note"])


@pytest.mark.parametrize(
    "talk",
    [
        ("correct", "--severity", "minor"),
        ("correct", "--category", "implement"),
        ("resolve", "it is decided"),
    ],
)
def test_a_persons_note_is_not_an_agents_to_lower_or_settle(project: Project, talk: tuple[str, ...]) -> None:
    id_ = noted(project, "uncertainty", "Which rounding?", "--category", "strategic")
    verb, *rest = talk
    refused = project.agent("note", verb, id_, *rest)
    assert refused.returncode == 1 and "persons-note" in refused.stderr, refused.stderr
    assert json.loads(project.person("note", "list", "--json").stdout)[0]["category"] == "strategic"


def test_a_person_settles_their_own_note(project: Project) -> None:
    id_ = noted(project, "uncertainty", "Which rounding?")
    assert project.person("note", "resolve", id_, "half even").returncode == 0
    assert json.loads(project.person("note", "list", "--json").stdout) == []
