"""The benchmarks run; what they find is never asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "run.py"


@pytest.mark.parametrize("benchmark", ["hooks", "digests", "ledgers", "sessions", "secrets"])
def test_a_benchmark_runs_and_compares(benchmark: str) -> None:
    ran = subprocess.run((sys.executable, SCRIPT, "--smoke", benchmark), capture_output=True, text=True, check=False)
    assert not ran.returncode, ran.stderr[-2000:]
    assert "ratio" in ran.stdout and " x  " in ran.stdout
