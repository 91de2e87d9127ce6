"""The pull-request size of `reliability/quiet.py`; two thousand calls run before a release."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)

HARNESS = Path(__file__).parents[2] / "reliability" / "quiet.py"
RELEASE = os.environ.get("PHASEGATE_TIER") == "release"
CALLS = "2000" if RELEASE else "150"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HARNESS), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)


def test_what_an_honest_agent_does_is_hardly_ever_refused_put_back_or_held() -> None:
    result = run("--calls", CALLS, "--seed", "3")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"held: {CALLS} calls" in result.stdout


@pytest.mark.parametrize(
    "bug",
    [
        "tests-are-closed",
        pytest.param(
            "every-git-setting-counts", marks=pytest.mark.skipif(not RELEASE, reason="PHASEGATE_TIER=release runs it")
        ),
        pytest.param(
            "a-digest-is-a-secret", marks=pytest.mark.skipif(not RELEASE, reason="PHASEGATE_TIER=release runs it")
        ),
    ],
)
def test_a_rule_that_refuses_too_much_is_caught(bug: str) -> None:
    """The harness is worth something: it sees the bugs it was built for."""
    result = run("--calls", "400", "--seed", "1", "--planted-bug", bug)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "LOST" in result.stdout
