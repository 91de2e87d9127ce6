"""The pull-request size of the corpus of evasions: every case is well made, and some of them are tried for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

CORPUS = Path(__file__).parents[2] / "evasion"
RELEASE = os.environ.get("PHASEGATE_TIER") == "release"
SAMPLE = ("conftest-forces-passed", "manifest-by-hand", "equality-becomes-a-bound")
"""One of the oldest tricks, a forged manifest, a weakened test."""


def run(*arguments: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CORPUS / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def rows(*arguments: str) -> list[dict[str, str]]:
    return msgspec.json.decode(run("--list", "--json", *arguments).stdout)


def test_every_case_says_what_it_does_and_where_it_is_found() -> None:
    found = rows()
    assert len(found) >= 80 and len({row["name"] for row in found}) == len(found)
    assert len({row["family"] for row in found}) >= 11
    assert [row["name"] for row in found if not row["says"].endswith(".")] == []
    assert [row["name"] for row in found if row["expected"] == "out of scope" and not row["why"]] == []
    assert sum(row["expected"] == "out of scope" for row in found) <= len(found) // 20
    assert any(row["client"] == "real" for row in found)


def test_some_attacks_are_found_where_declared_and_their_honest_twins_pass() -> None:
    result = run(*(word for name in SAMPLE for word in ("--case", name)), "--jobs", "1", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    score = msgspec.json.decode(result.stdout.splitlines()[-1])
    assert score["cases"] == score["open_with_guards_off"] == len(SAMPLE)
    assert score["undetected_reproduced"] == score["undetected_private"] == score["honest_refused"] == 0


@pytest.mark.parametrize(
    ("bug", "case"), [("gates-agree", "true-is-recorded"), ("verify-agrees", "nested-repository")]
)  # fmt: skip
@pytest.mark.skipif(not RELEASE, reason="PHASEGATE_TIER=release runs it")
def test_a_phasegate_that_agrees_to_everything_is_caught(bug: str, case: str) -> None:
    result = run("--case", case, "--planted-bug", bug)
    assert result.returncode == 1 and "LOST" in result.stdout, result.stdout + result.stderr
