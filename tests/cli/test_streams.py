"""Closed and broken streams, poor terminals and interrupts end no command badly, and leave no half state."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from phasegate.evidence.items import TestsSeen
from tests.cli.people import PHASEGATE, as_person
from tests.cli.terminal import Project
from tests.cli.test_bad_input import says

Done = subprocess.CompletedProcess[str]
TEST = "def test_a() -> None:\n    assert True\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("tests/test_a.py", TEST)
    return made


def shell(project: Project, line: str, env: Sequence[tuple[str, str]] = ()) -> Done:
    """A line of bash in which `P` is phasegate."""
    return as_person(["bash", "-c", line.replace("P ", f"{PHASEGATE} ")], project.root, {**project.env, **dict(env)})


@pytest.mark.parametrize("words", ["status", "log show", "status --json", "next", "--help"])
def test_streams_that_are_closed_or_broken_end_no_command_badly(project: Project, words: str) -> None:
    for redirect in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        done = shell(project, f"P {words} {redirect}")
        assert (done.returncode, done.stderr) == (0, ""), (redirect, done)
    assert shell(project, f"P {words} | true; echo ${{PIPESTATUS[0]}}").stdout.strip().endswith("0")
    assert shell(project, f"P {words} | head -1").stderr == ""


@pytest.mark.parametrize("streams", ["2>&1 |", "|", "2> >(true) |"])
def test_a_reader_that_goes_away_changes_neither_what_is_done_nor_the_exit_code(project: Project, streams: str) -> None:
    project.write("tests/test_a.py", "def test_a() -> None:\n    assert 1 + 1 == 3\n")
    done = shell(project, f"P check tests {streams} true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.splitlines()[-1] == "1"
    newest = project.state().newest(TestsSeen)
    assert newest is not None and isinstance(newest.seen, TestsSeen) and newest.seen.complete


def test_a_closed_stream_never_lets_words_into_the_ledger(project: Project) -> None:
    for redirect in (">&-", "2>&-", ">&- 2>&- <&-"):
        shell(project, f"P note add error '{redirect}' {redirect}")
    project.ok("log", "verify")
    assert project.facts().count("NoteAdded") == 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_finds_no_room_is_told(project: Project) -> None:
    says(shell(project, "P status >/dev/full"), "output-lost", 7)


@pytest.mark.parametrize(
    "env",
    [
        [("LC_ALL", "C"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0")],
        [("PYTHONIOENCODING", "ascii")],
        [("TERM", "dumb")],
        [("COLUMNS", "10")],
    ],
)
def test_poor_terminals_are_told_what_they_can_show(project: Project, env: list[tuple[str, str]]) -> None:
    project.ok("note", "add", "discovery", "ünï→😀")
    for words in ("status", "note list", "log show", "note list --json", "--help", "plan show"):
        done = shell(project, f"P {words}", env)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done
    assert shell(project, "P nonsense", env).returncode == 2


INTERRUPTED = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
process = subprocess.Popen(sys.argv[2:], start_new_session=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
process.send_signal(signal.SIGINT)
sys.exit(process.wait())
"""


def interrupted(project: Project, *words: str) -> Done:
    """A call that gets Ctrl-C once the test or command it runs is at work."""
    mark = project.root.parent / "at-work"
    mark.unlink(missing_ok=True)
    return as_person([sys.executable, "-c", INTERRUPTED, str(mark), PHASEGATE, *words], project.root, project.env)


@pytest.mark.parametrize("words", ["check tests", "start", "record -- touch {mark}"])
def test_ctrl_c_leaves_no_half_state(project: Project, tmp_path: Path, words: str) -> None:
    mark = tmp_path / "at-work"
    work = f"def test_a() -> None:\n    open({str(mark)!r}, 'w')\n    import time; time.sleep(600)\n"
    project.write("tests/test_a.py", work)
    before = project.facts()
    argv = ["record", "--", "sh", "-c", f"touch '{mark}'; sleep 600"] if "record" in words else words.split()
    done = interrupted(project, *argv)
    assert done.returncode == 130 and "Traceback" not in done.stderr, done
    assert set(project.facts()[len(before) :]) <= {"PlanRead", "ViewRendered", "EvidenceRecorded"}
    assert not any(isinstance(evidence.seen, TestsSeen) for evidence in project.state().evidence.values())
    project.write("tests/test_a.py", TEST)
    project.ok("start")
