"""The pull-request size of `reliability/night.py`; many nights of nine phases run before a release."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from phasegate.entrypoints.demo.real_client import ClientNotFound, find_client

RELEASE = os.environ.get("PHASEGATE_TIER") == "release"
HARNESS = Path(__file__).parents[2] / "reliability" / "night.py"

pytestmark = [pytest.mark.timeout(1800), pytest.mark.real_client]


@pytest.fixture(autouse=True)
def found() -> None:
    try:
        find_client()
    except ClientNotFound as problem:
        pytest.skip(f"NOT TESTED WITH THE REAL CLIENT: {problem}")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HARNESS), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)


@pytest.mark.skipif(not RELEASE, reason="PHASEGATE_TIER=release runs it: a night takes minutes")
def test_a_night_in_which_everything_goes_wrong_ends_in_a_report_that_equals_the_ledger() -> None:
    """Every phase that can close is closed and committed once; a report that leaves something out is noticed."""
    result = run("--phases", "9" if RELEASE else "6", "--seed", "7")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "held: 1 nights" in result.stdout


@pytest.mark.skipif(not RELEASE, reason="PHASEGATE_TIER=release runs it: a whole night for each bug")
@pytest.mark.parametrize("bug, seen", [("waits-are-loops", "loops are counted"), ("early-commit", "commit")])
def test_a_supervisor_with_a_bug_is_noticed(bug: str, seen: str) -> None:
    """The harness is worth something: it sees the bugs it was built for."""
    result = run("--phases", "6", "--seed", "7", "--planted-bug", bug)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "LOST" in result.stdout and seen in result.stdout
