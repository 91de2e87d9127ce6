"""The pull-request size of `reliability/kill_writers.py`; thousands of kills run before a release."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).parents[2] / "reliability" / "kill_writers.py"
KILLS = "3000" if os.environ.get("PHASEGATE_TIER") == "release" else "250"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HARNESS), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def test_no_acknowledged_event_is_lost_when_writers_are_killed() -> None:
    result = run("--kills", KILLS, "--seed", "7")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"held: {KILLS} kills" in result.stdout


def test_a_store_that_acknowledges_before_it_commits_is_caught() -> None:
    """The harness is worth something: it sees the bug it was built for."""
    result = run("--kills", "2000", "--seed", "7", "--planted-bug", "ack-before-commit")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "LOST" in result.stdout
