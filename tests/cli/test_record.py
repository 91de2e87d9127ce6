"""`record` with real commands: evidence of the tree they ran on, or of neither."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phasegate.evidence.items import CommandSeen, Evidence
from tests.cli.people import PHASEGATE, as_person
from tests.cli.terminal import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def recorded(project: Project) -> list[Evidence]:
    return list(project.state().evidence.values())


def test_a_command_is_evidence_of_the_tree_and_ends_with_its_own_code(project: Project) -> None:
    done = project.person("record", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\nerr\n") and "recorded as ev-" in done.stderr
    (evidence,) = recorded(project)
    assert isinstance(evidence.seen, CommandSeen) and evidence.seen.exit_code == 3
    assert evidence.assurance == "recorded" and evidence.subject and evidence.artifacts[0].size == len("out\nerr\n")


def test_in_a_run_it_belongs_to_the_phase(project: Project) -> None:
    project.ok("start", "--no-baseline")
    project.ok("evidence", "record", "--", "true")
    run = project.state().run_in(str(project.root))
    assert run is not None and [(e.phase, e.run) for e in recorded(project)] == [("1", run.id)]


def test_a_command_that_changes_the_tree_is_evidence_for_neither(project: Project) -> None:
    done = project.person("record", "--", "sh", "-c", "echo x > new.py")
    assert done.returncode == 7 and "new.py" in done.stderr and not recorded(project)


def test_json_names_the_changed_paths(project: Project) -> None:
    done = project.person("record", "--json", "--", "sh", "-c", "echo x > new.py; echo noise")
    said = json.loads(done.stdout)
    assert (said["recorded"], said["changed"], said["exit"]) == (False, ["new.py"], 7)


def test_json_after_the_dashes_belongs_to_the_command(project: Project) -> None:
    failed = project.person("record", "--", "no-such-command", "--json")
    assert failed.returncode == 2 and "command-unstartable" in failed.stderr and not failed.stdout


@pytest.mark.parametrize(("code", "answered"), [("exit 125", 125), ("exit 126", 1), ("exit 255", 1), ("kill -9 $$", 1)])
def test_codes_that_mean_a_signal_or_a_shells_complaint_are_answered_with_1(
    project: Project, code: str, answered: int
) -> None:
    assert project.person("record", "--", "sh", "-c", code).returncode == answered
    assert len(recorded(project)) == 1


def test_a_command_called_in_the_middle_does_not_make_a_forbidden_change_look_known(project: Project) -> None:
    project.ok("start", "--no-baseline")
    project.write("src/a.py", "value = 1\n")
    project.agent("record", "--", "true")
    project.agent("evidence", "list")
    assert "src/a.py is held" in project.agent("done").stderr


def test_a_command_over_its_time_is_killed_with_its_group_and_nothing_is_recorded(project: Project) -> None:
    done = project.person("record", "--timeout", "0.7", "--", "sh", "-c", "sleep 61 & echo $!; wait")
    assert done.returncode == 6 and not recorded(project)
    assert not alive(int(done.stdout))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_kills_the_group_and_records_nothing(project: Project, number: signal.Signals) -> None:
    env = {**os.environ, **project.env}
    process = subprocess.Popen(
        [PHASEGATE, "record", "--", "sh", "-c", "sleep 62 & echo $!; wait"], cwd=project.root, env=env,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in errors
    assert not recorded(project) and not alive(child)


def test_long_output_keeps_its_end_and_says_what_is_left_out(project: Project) -> None:
    write = "import sys; sys.stdout.write('x' * (6 << 20) + 'the end')"
    done = project.person("record", "--", sys.executable, "-c", write)
    assert done.returncode == 0 and len(done.stdout) == (6 << 20) + len("the end")
    (artifact,) = recorded(project)[0].artifacts
    assert (4 << 20) < artifact.size < (5 << 20)


def test_a_reader_that_goes_away_stops_nothing(project: Project) -> None:
    slow = "phasegate record -- sh -c 'echo one; sleep 0.5; echo two; sleep 0.2; echo three' | head -1"
    assert as_person(["sh", "-c", slow], project.root, project.env).stdout == "one\n"
    (evidence,) = recorded(project)
    assert evidence.artifacts[0].size == len("one\ntwo\nthree\n")


def test_a_secret_in_command_or_output_is_not_stored(project: Project) -> None:
    key = "AKIA" + "QYLPMN5HFIQR7XYA"
    project.ok("record", "--", "echo", key)
    assert not any(key.encode() in path.read_bytes() for path in project.ledger.parent.rglob("*") if path.is_file())


def test_words_that_are_no_utf8_are_stored_readably(project: Project) -> None:
    name = os.fsdecode(b"caf\xe9")
    assert project.person("record", "--", "true", name).returncode == 0
    (evidence,) = recorded(project)
    assert isinstance(evidence.seen, CommandSeen) and evidence.seen.argv == ("true", "caf\ufffd")


def test_without_a_command_the_usage_is_shown(project: Project) -> None:
    assert project.person("record").returncode == 2


def alive(pid: int) -> bool:
    for _ in range(50):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] in "ZX":
                    return False
            time.sleep(0.1)
        except FileNotFoundError:
            return False
    return True
