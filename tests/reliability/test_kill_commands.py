"""The pull-request size of `reliability/kill_commands.py`; hundreds of kills run before a release."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)

HARNESS = Path(__file__).parents[2] / "reliability" / "kill_commands.py"
KILLS = "600" if os.environ.get("PHASEGATE_TIER") == "release" else "40"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HARNESS), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)


def test_a_run_goes_on_to_its_end_whatever_hook_command_or_runner_is_killed() -> None:
    """Nothing acknowledged is lost, nothing is done twice, and plan, views and archive are what the ledger says."""
    result = run("--kills", KILLS, "--seed", "7")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"held: {KILLS} kills" in result.stdout


@pytest.mark.parametrize("bug", ["archive-after-closing", "publish-before-record"])
def test_a_closing_in_the_wrong_order_is_caught(bug: str) -> None:
    """The harness is worth something: it sees the bugs it was built for."""
    result = run("--kills", "400", "--seed", "4", "--planted-bug", bug)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "LOST" in result.stdout
