"""The README's first command, as a newcomer runs it: the whole story with each client there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from phasegate.entrypoints.demo import story

REAL = pytest.param("real", marks=pytest.mark.real_client)


def played(which: str, folder: Path) -> dict[str, Any]:
    """What `phasegate demo --json` ends with."""
    program = os.path.join(os.path.dirname(sys.executable), "phasegate")
    command = [program, "demo", "--agent", which, "--dir", str(folder), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:] + ran.stdout
    outcome: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return outcome


@pytest.mark.parametrize("taken", ["tally", "home"])
def test_the_demo_writes_over_nothing_that_is_there(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).write_text("mine\n")
    program = os.path.join(os.path.dirname(sys.executable), "phasegate")
    ran = subprocess.run([program, "demo", "--dir", str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and "demo-folder-taken" in ran.stderr, ran.stderr
    assert (tmp_path / taken).read_text() == "mine\n"


@pytest.mark.timeout(450)
@pytest.mark.parametrize("which", ["scripted", REAL])
def test_the_demo_plays_its_whole_story(which: str, tmp_path: Path) -> None:
    outcome = played(which, tmp_path)
    assert outcome["outcome"] == "complete"
    assert outcome["phases_closed"] == 2
    assert outcome["real_client"] is (which == "real")
    assert outcome["refusals"] >= 1 and outcome["put_back"] >= 1 and outcome["stops_refused"] >= 1
    assert outcome["red_before_green"] and outcome["recovered"] and outcome["uncertainties_resolved"] >= 1
    project = Path(outcome["project"])
    if which == "real":
        assert list((tmp_path / "tmp").glob("claude-*/*-tally")), "the client keeps its temporary files elsewhere"
    assert (project / story.PLAN).read_text().count("- [x]") == 3
    assert all((project / archive / "evidence.json").is_file() for archive in outcome["archives"])
    env = os.environ | {"XDG_STATE_HOME": outcome["state_home"]}
    program = os.path.join(os.path.dirname(sys.executable), "phasegate")
    verified = subprocess.run(
        [program, "log", "verify"], cwd=project, env=env, capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
