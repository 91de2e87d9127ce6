"""A client is killed with everything below it, whatever sessions its children lead."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from phasegate.workspace import processes

CHILD = """
import os, subprocess, time
os.setsid()
subprocess.Popen(["sleep", "60"])
print(os.getpid(), flush=True)
time.sleep(60)
"""
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {CHILD!r}]); time.sleep(60)"


def test_a_whole_tree_is_killed_by_parentage_across_sessions() -> None:
    root = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True)
    assert root.stdout is not None
    child = int(root.stdout.readline())
    deadline = time.monotonic() + 20
    while len(processes.family_of(root.pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    family = processes.family_of(root.pid)
    assert child in family and len(family) == 3
    processes.kill_tree(root.pid)
    root.wait()
    while any(processes.born(pid) for pid in family) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(processes.born(pid) for pid in family)
    assert os.getpid() not in family
