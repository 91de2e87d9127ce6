"""The pull-request size of `reliability/power_loss.py`; many thousand states run before a release."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "reliability" / "power_loss.py"
STATES = "20000" if os.environ.get("PHASEGATE_TIER") == "release" else "1000"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HARNESS), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)


def test_no_acknowledged_event_is_lost_when_the_power_goes() -> None:
    result = run("--states", STATES, "--seed", "7")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"held: {STATES} states" in result.stdout


@pytest.mark.parametrize("bug", ["synchronous-normal", "synchronous-off", "file-never-synced"])
def test_a_store_that_does_not_sync_is_caught(bug: str) -> None:
    """The harness is worth something: it sees the bugs it was built for."""
    result = run("--states", "3000", "--seed", "7", "--planted-bug", bug)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "LOST" in result.stdout
