"""Exceptions as a person makes them: with a reason and an end, never below an agent, shown until they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from phasegate.ledger.waivers import WaiverGiven
from tests.cli.terminal import Project

ADD = ("waiver", "add", "file", "data/*.csv")
WHY = ("--reason", "test data", "--until", "30d")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_one_is_made_at_a_terminal_shown_and_ended(project: Project) -> None:
    added = project.typed(*ADD, *WHY, "--owner", "Ann")
    last = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    assert added.returncode == 0 and f"file data/*.csv until {last} (holds): test data" in added.stdout
    (id_,) = project.state().waivers
    assert id_ in project.ok("waiver", "list") and "owner: Ann" in project.ok("waiver", "show", id_)
    assert f"exception {id_}" in project.ok("status")
    assert project.json("waiver", "show", id_)["waiver"]["approval"] == "weak"
    project.ok("waiver", "end", id_, "--reason", "gone")
    assert "No exception" in project.ok("waiver", "list") and "over: gone" in project.ok("waiver", "list", "--all")
    assert "(unknown-waiver)" in project.person("waiver", "end", id_).stderr


def test_only_a_person_makes_or_ends_one(project: Project) -> None:
    assert "(for-people)" in project.agent(*ADD, *WHY).stderr
    assert "(for-people)" in project.agent("waiver", "end", "waiver-1").stderr
    assert "(not-at-a-terminal)" in project.person(*ADD, *WHY).stderr
    assert not project.state().waivers


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("file", "a.py", "--reason", " ", "--until", "1d"), "needs a reason"),
        (("file", "a.py", "--reason", "x", "--until", "2001-01-01"), "is no end that can be given"),
        (("file", "a.py", "--reason", "x", "--until", "soon"), "is no end"),
        (("file", "a.py", "--reason", "x", "--until", "9999d"), "is no end that can be given"),
        (("file", "**", "--reason", "x", "--until", "1d"), "except every file"),
        (("gate", "covered", "--reason", "x", "--until", "1d"), "names no gate"),
        (("gate", "nothing_held@1", "--reason", "x", "--until", "1d"), "names no gate"),
        (("secret", "hunter2", "--reason", "x", "--until", "1d"), "names no secret"),
        (
            ("secret", "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "--reason", "x", "--until", "1d"),
            "record a secret",
        ),
    ],
)
def test_an_unfit_one_is_refused_with_the_remedy(project: Project, words: tuple[str, ...], said: str) -> None:
    done = project.person("waiver", "add", *words)
    assert done.returncode == 2 and said in done.stderr and "(waiver-unfit)" in done.stderr
    assert not project.state().waivers


def test_what_ran_out_is_told_and_pruned_once(project: Project) -> None:
    project.recorded([WaiverGiven("w-1", "file", "a.py", "ann", "x", "2001-01-01", "weak", "ann")])
    assert "(over: expired)" in project.ok("status") and "No exception" in project.ok("waiver", "list")
    assert project.json("waiver", "prune", "--dry-run")["ended"] == ["w-1"]
    project.ok("waiver", "prune")
    assert "nothing is over" in project.ok("waiver", "prune")
    assert project.facts().count("WaiverEnded") == 1
