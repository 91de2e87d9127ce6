"""A refusal that is taken out is noticed; the harness that asks finds one that no test can see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ("--tests", "tests/gates/test_gates.py", "--tests", "tests/gates/test_edges_of_gates.py")


def taken_out(*more: str) -> subprocess.CompletedProcess[str]:
    words = (sys.executable, "reliability/mutants.py", "--jobs", "1", "--file", "gates/finding_recorded.py", *TESTS)
    return subprocess.run((*words, *more), cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("blind", [False, True], ids=["by the tests", "by no test"])
def test_every_refusal_of_a_gate_is_noticed_and_one_that_nobody_can_notice_is_told(blind: bool) -> None:
    done = taken_out(*["--planted-bug"] * blind)
    alive = [line for line in done.stdout.splitlines() if line.startswith("ALIVE gates/finding_recorded.py")]
    assert done.stdout, done.stderr
    *_, counted = done.stdout.splitlines()
    noticed, _, rest = counted.partition(" of ")
    assert rest.endswith(" were noticed by a test, 0 change nothing"), done.stdout + done.stderr
    assert int(noticed) + len(alive) == int(rest.split()[0]) > 3
    assert (done.returncode, bool(alive), noticed == "0") == (int(blind), blind, blind)
