"""No file that an agent or a repository wrote makes phasegate hang, flood the memory, or say that all is well.

How long each takes is no claim of this test, since machines are busy; `reliability/bombs.py` asks for two seconds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "reliability" / "bombs.py"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(HARNESS), *words], capture_output=True, text=True, timeout=900)


def names() -> list[str]:
    return run("--list").stdout.splitlines()


def test_there_are_at_least_sixty_bombs() -> None:
    assert len(names()) >= 60


@pytest.mark.parametrize("name", names())
def test_a_bomb_is_refused_in_little_memory(name: str) -> None:
    result = run("--bomb", name, "--seconds", "30")
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_reader_that_swallows_a_bomb_is_caught() -> None:
    result = run("--bomb", "JUnit: laughs", "--planted-bug", "swallows")
    assert result.returncode == 1 and "LOST" in result.stdout, result.stdout + result.stderr
