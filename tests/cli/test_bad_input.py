"""Whatever is wrong with machine, repository or plan, a command says so and what to do, and loses nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.people import PHASEGATE, as_person
from tests.cli.terminal import PLAN, Project

Done = subprocess.CompletedProcess[str]
PLAN_FILE = "docs/development_roadmap/phases.md"
TEST = "def test_a() -> None:\n    assert True\n"
AS_ROOT = os.getuid() == 0 and sys.platform == "linux"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("tests/test_a.py", TEST)
    return made


def says(done: Done, code: str, exit_code: int, hint: str = "") -> None:
    """An expected failure: its code, its exit code, a remedy, no trace."""
    assert done.returncode == exit_code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr and "bug of ours" not in done.stderr, done.stderr
    what, remedy, named = done.stderr.rstrip().split("\n")[-3:]
    assert named.strip() == f"({code})", done.stderr
    assert what and remedy.startswith("  ") and hint in remedy, done.stderr


def settings(project: Project, tests: str) -> None:
    """Set `[tests]` and trust it, as a person would."""
    project.write("phasegate.toml", project.read("phasegate.toml") + f"\n[tests]\n{tests}\n")
    project.ok("policy", "trust")


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["init --allow-ephemeral", "start --no-baseline", "check tests", "record -- true"])
def test_without_git_commands_say_so(project: Project, tmp_path: Path, words: str) -> None:
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "sh").symlink_to("/bin/sh")
    says(project.person(*words.split(), env={"PATH": str(bin)}), "git-missing", 2, "Install git")


@pytest.mark.parametrize("words", ["init", "wait", "status --json", "doctor"])
def test_in_a_folder_that_is_gone_commands_say_so(tmp_path: Path, words: str) -> None:
    (tmp_path / "gone").mkdir()
    script = f'cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone" && exec "{PHASEGATE}" {words}'
    done = as_person(["sh", "-c", script], tmp_path, {"HOME": str(tmp_path)})
    assert done.returncode == 2 and "bug of ours" not in done.stderr
    assert "folder-gone" in done.stdout + done.stderr


@pytest.mark.parametrize("words", ["init", "start", "status", "done", "check tests", "log show", "note list", "pause"])
def test_outside_a_repository_commands_say_so(tmp_path: Path, words: str) -> None:
    done = as_person(["phasegate", *words.split()], tmp_path, {"HOME": str(tmp_path)})
    says(done, "not-a-repository", 2, "git init")


@pytest.mark.parametrize("words", ["start", "status", "done", "check tests", "resume", "evidence list"])
def test_before_init_commands_name_init(tmp_path: Path, words: str) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    done = as_person(["phasegate", *words.split()], tmp_path, {"HOME": str(tmp_path)})
    says(done, "not-initialised", 2, "phasegate init")


def test_a_repository_whose_path_is_no_text_is_refused(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/od\xffd"
    os.mkdir(odd)
    subprocess.run([b"git", b"init", b"-q", odd], check=True)
    done = as_person(["phasegate", "init"], os.fsdecode(odd), {"HOME": str(tmp_path)})
    says(done, "path-not-text", 2, "Rename")
    assert os.listdir(odd) == [b".git"]


@pytest.mark.parametrize("name", ["with space", "quo'te\"s", "new\nline", "ünï→", "-dash"])
def test_a_run_works_in_a_root_of_any_name(tmp_path: Path, name: str) -> None:
    project = Project(tmp_path / name)
    project.write("tests/test_a.py", TEST)
    project.ok("start")
    assert project.json("done")["step"] == "explore"
    assert project.person("check", "tests").returncode == 0


def test_a_detached_head_is_fine(project: Project) -> None:
    project.commit()
    project.git("checkout", "-q", "--detach")
    project.ok("start")
    project.ok("done")


def test_without_a_home_the_system_knows_one_and_nothing_is_made_in_the_repository(project: Project) -> None:
    for home in ("", "relative"):
        project.person("status", env={"HOME": home, "XDG_STATE_HOME": "relative/too"})
    assert {"~", "relative"}.isdisjoint(os.listdir(project.root))


def test_a_state_directory_that_cannot_be_made_stops_init_before_it_touches_the_repository(tmp_path: Path) -> None:
    root = tmp_path / "project"
    subprocess.run(["git", "init", "-q", root], check=True)
    env = {"HOME": str(tmp_path), "XDG_STATE_HOME": "/dev/null"}
    says(as_person(["phasegate", "init", "--allow-ephemeral"], root, env), "ledger-unwritable", 7, "XDG_STATE_HOME")
    assert os.listdir(root) == [".git"]


# --- the plan ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "plan-empty", "no phase"),
        (b"# Plan\n\n## Phase 1: A\n", "plan-empty", "no phase"),
        (b"# Plan\n\n- \xff\n", "plan-unreadable", "phases.md:3 is not UTF-8"),
        (b"## Phase 1: A\n- [ ] 1.1 x\n## Phase 1: B\n- [ ] 1.1 y\n", "plan-unreadable", "phases.md:3"),
        (b"## Phase 1: A\n- [ ] 1.1 " + b"y" * 300_000, "plan-unreadable", "phases.md:1 is longer"),
        (b"## Phase 1: A\n" + b"".join(b"- [ ] task %d\n" % n for n in range(10_000)), "plan-unreadable", "5000 boxes"),
        (b"x" * (17 << 20), "file-too-large", "larger than"),
        (b"## Phase 1: A\n- [x] 1.1 x\n", "plan-finished", "closed"),
    ],
    ids=["empty", "no-task", "no-text", "twice", "long-line", "10000-tasks", "17MiB", "finished"],
)
def test_a_plan_that_cannot_be_worked_on_starts_nothing(project: Project, content: bytes, code: str, said: str) -> None:
    project.write(PLAN_FILE, content)
    done = project.person("start", "--no-baseline")
    says(done, code, 6 if code == "file-too-large" else 2)
    assert said in done.stderr
    assert "RunStarted" not in project.facts()
    assert project.root.joinpath(PLAN_FILE).read_bytes() == content


def test_a_missing_plan_starts_nothing(project: Project) -> None:
    (project.root / PLAN_FILE).unlink()
    says(project.person("start"), "no-plan", 2, "phasegate plan new")


@pytest.mark.parametrize("content", [b"\xff nonsense", b"nonsense", None])
def test_a_plan_lost_in_a_run_is_told_and_the_last_one_stays_in_force(project: Project, content: bytes | None) -> None:
    project.ok("start", "--no-baseline")
    if content is None:
        (project.root / PLAN_FILE).unlink()
    else:
        project.write(PLAN_FILE, content)
    done = project.person("done")
    assert done.returncode in (0, 1) and PLAN_FILE in done.stderr, done.stderr
    assert [phase["id"] for phase in project.json("status")["phases"]] == ["1", "2"]
    project.write(PLAN_FILE, PLAN)
    assert project.person("done").returncode in (0, 1)


# --- a disk that takes nothing ----------------------------------------------------------------------------------------


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """`folder` as on a read-only mount."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 3 MiB at `folder`."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free on `disk`; returns the file to remove."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return filler


def may_mount() -> bool:
    """Whether this process may mount at all: containers often take that right away."""
    if not AS_ROOT:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


mounting = pytest.mark.skipif(not may_mount(), reason="needs the right to mount")


@mounting
def test_on_a_read_only_tree_no_run_begins(project: Project) -> None:
    with read_only(project.root):
        says(project.person("start", "--no-baseline"), "not-writable", 2, "read-only")
        project.ok("status")
    assert "RunStarted" not in project.facts()
    project.ok("start", "--no-baseline")


@mounting
def test_what_is_recorded_while_the_tree_is_read_only_is_said_to_be_recorded(project: Project) -> None:
    project.ok("start", "--no-baseline")
    with read_only(project.root):
        done = project.person("note", "add", "error", "it breaks")
        says(done, "not-writable", 2, "phasegate status")
        project.ok("pause")
    assert project.facts().count("NoteAdded") == 1
    assert project.json("status")["run"]["status"] == "paused"
    project.ok("resume")
    assert "it breaks" in project.ok("note", "list")


@mounting
@pytest.mark.parametrize("words", ["done", "check tests", "record -- true", "note add error x", "start --no-baseline"])
def test_a_full_disk_under_the_ledger_records_nothing_and_loses_nothing(
    project: Project, tmp_path: Path, words: str
) -> None:
    if not words.startswith("start"):
        project.ok("start", "--no-baseline")
    with small_disk(tmp_path / "disk") as disk:
        shutil.copytree(tmp_path / "state", disk / "state")
        project.env["XDG_STATE_HOME"] = str(disk / "state")
        before, filler = project.facts(), fill(disk)
        done = project.person(*words.split())
        assert done.returncode == 7 and re.search(r"\((state-unavailable|ledger-unwritable)\)", done.stderr), done
        assert "space" in done.stderr or "room" in done.stderr
        project.ok("status")
        filler.unlink()
        assert project.facts()[: len(before)] == before
        project.ok("log", "verify")
        assert project.person(*words.split()).returncode in (0, 1)


@mounting
def test_a_full_disk_under_the_tree_keeps_every_file_whole(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        project = Project(disk)
        shutil.copytree(disk / "state", tmp_path / "elsewhere")
        project.env["XDG_STATE_HOME"] = str(tmp_path / "elsewhere")
        before = project.read("phasegate.toml")
        filler = fill(disk)
        says(project.person("start", "--no-baseline"), "disk-full", 2, "Free some space")
        assert project.read("phasegate.toml") == before
        assert not [left for left in os.listdir(project.root) if left.endswith(".phasegate")]
        filler.unlink()
        project.ok("start", "--no-baseline")
        project.ok("log", "verify")


# --- the ledger -------------------------------------------------------------------------------------------------------


def rest(path: Path) -> None:
    """Let the file hold all of the ledger, with nothing beside it."""
    subprocess.run(
        [sys.executable, "-c", f"import sqlite3; c = sqlite3.connect({str(path)!r}); "
         "c.execute('PRAGMA wal_checkpoint(TRUNCATE)')"], check=True,
    )  # fmt: skip
    for beside in path.parent.glob("ledger.db-*"):
        beside.unlink()


@pytest.mark.parametrize("damage", ["text", "empty", "half", "flipped"])
def test_a_damaged_ledger_is_told_kept_and_can_be_put_back(project: Project, damage: str) -> None:
    project.ok("start", "--no-baseline")
    rest(project.ledger)
    whole = project.ledger.read_bytes()
    spoilt = {"text": b"what is this\n" * 500, "empty": b"", "half": whole[: len(whole) // 2],
              "flipped": bytes(byte ^ 0xFF for byte in whole[:64]) + whole[64:]}[damage]  # fmt: skip
    project.ledger.write_bytes(spoilt)
    for words in ("status", "start", "done", "check tests", "record -- true", "note add error x", "resume"):
        says(project.person(*words.split()), "ledger-unreadable", 7, "restore a backup")
    assert project.ledger.read_bytes() == spoilt
    assert project.person("doctor").returncode == 1
    project.ok("pause")
    project.ledger.write_bytes(whole)
    for beside in project.ledger.parent.glob("ledger.db-*"):
        beside.unlink()
    project.ok("resume")
    project.ok("done")


def test_a_failed_resume_leaves_the_pause_in_force(project: Project) -> None:
    project.ok("start", "--no-baseline")
    whole = project.ledger.read_bytes()
    project.ledger.write_bytes(b"no ledger")
    project.ok("pause")
    says(project.person("resume"), "ledger-unreadable", 7)
    assert (project.root / ".git/phasegate-paused").exists()
    project.ledger.write_bytes(whole)
    project.ok("resume")
    assert not (project.root / ".git/phasegate-paused").exists()


def test_a_newer_ledger_asks_for_a_newer_phasegate(project: Project) -> None:
    newer = f"import sqlite3; c = sqlite3.connect({str(project.ledger)!r}); c.execute('PRAGMA user_version = 99')"
    subprocess.run([sys.executable, "-c", newer], check=True)
    for words in ("status", "init --allow-ephemeral", "done"):
        says(project.person(*words.split()), "ledger-too-new", 7, "Upgrade phasegate")
    project.ok("pause")


def test_a_ledger_that_is_gone_is_never_replaced_by_itself(project: Project) -> None:
    folder = project.ledger.parent
    folder.rename(folder.with_name("away"))
    says(project.person("status"), "ledger-unreadable", 7, "a new ledger begins")
    says(project.person("init", "--allow-ephemeral"), "ledger-gone", 7, "a new ledger begins")
    assert not folder.exists()
    folder.with_name("away").rename(folder)
    project.ok("status")


def test_a_half_written_pointer_is_mended_by_init_and_stops_no_pause(project: Project) -> None:
    project.ok("start", "--no-baseline")
    pointer = project.root / ".git/phasegate/ledger.json"
    before, whole = project.facts(), pointer.read_bytes()
    pointer.write_bytes(whole[: len(whole) // 2])
    says(project.person("status"), "pointer-unreadable", 7, "phasegate init")
    project.ok("pause")
    project.ok("init", "--allow-ephemeral")
    assert pointer.read_bytes() == whole
    assert project.facts()[: len(before)] == before


@pytest.mark.skipif(not AS_ROOT, reason="only root can be somebody else")
def test_the_clone_of_another_user_is_told_apart_from_damage(project: Project, tmp_path: Path) -> None:
    for folder in (tmp_path, project.root):
        folder.chmod(0o755)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    reach = subprocess.run([*nobody, PHASEGATE, "--version"], cwd=project.root, capture_output=True, check=False)
    listed = subprocess.run([*nobody, "ls", project.root], capture_output=True, check=False)
    if reach.returncode or listed.returncode:
        pytest.skip("another user cannot reach this installation")
    done = as_person([*nobody, PHASEGATE, "status"], project.root, project.env)
    says(done, "pointer-unreadable", 7, "Work as that user")


def test_a_clock_that_went_back_a_year_breaks_no_chain(project: Project) -> None:
    project.ok("start", "--no-baseline")
    earlier = (
        "import sys, time; now = time.time_ns; time.time_ns = lambda: now() - 365 * 86400 * 10**9; "
        "from phasegate.entrypoints.cli import app; sys.exit(app.run(sys.argv[1:]))"
    )
    for words in ("note add error x", "done"):
        done = as_person([sys.executable, "-c", earlier, *words.split()], project.root, project.env)
        assert done.returncode in (0, 1), done.stderr
    project.ok("log", "verify")
    times = [json.loads(line)["clock"]["ms"] for line in project.ok("log", "show", "--json").splitlines()]
    assert times == sorted(times)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b'{"hooks": {"Stop": [', b"\xff\xfe", b"", b"[]", b'{"hooks": 5}'])
def test_init_leaves_settings_it_cannot_read_as_they_are(project: Project, content: bytes) -> None:
    path = project.write(".claude/settings.local.json", content)
    done = project.person("init", "--allow-ephemeral")
    assert done.returncode == 2 and ".claude/settings.local.json" in done.stderr and "Traceback" not in done.stderr
    assert path.read_bytes() == content


def test_invalid_settings_during_a_run_leave_the_trusted_ones_in_force(project: Project) -> None:
    project.ok("start", "--no-baseline")
    project.write("phasegate.toml", "render = [[[\n")
    assert not project.json("status")["settings_trusted"]
    says(project.person("policy", "trust"), "settings-invalid", 2)
    assert project.person("done").returncode in (0, 1)


# --- tests that do not run --------------------------------------------------------------------------------------------


def test_a_project_without_tests_can_begin(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert "0 of 0 tests" in project.ok("check", "tests")
    project.ok("start")


def test_a_test_run_that_hangs_is_ended_and_opens_nothing(project: Project) -> None:
    project.write("tests/test_a.py", "import time\n\n\ndef test_a() -> None:\n    time.sleep(600)\n")
    settings(project, "timeout_seconds = 3")
    refused = project.person("start")
    assert refused.returncode == 7, refused.stderr
    assert "timed out after 3 s" in refused.stderr and "(baseline-unusable)" in refused.stderr
    project.ok("start", "--no-baseline")
    done = project.person("check", "tests")
    assert done.returncode == 7 and "timed out after 3 s" in done.stdout + done.stderr
    assert project.person("done").returncode == 0, "the first step asks for no tests"
    assert project.person("done").returncode == 1, "no baseline is known, so exploring does not end"


@pytest.mark.parametrize("command", ['["/nonexistent/python", "-m", "pytest"]', '["tests/test_a.py"]'])
def test_a_test_command_that_cannot_start_is_named(project: Project, command: str) -> None:
    settings(project, f"command = {command}")
    says(project.person("check", "tests"), "test-command-not-started", 7, "phasegate.toml")
    says(project.person("start"), "test-command-not-started", 7, "phasegate.toml")
    project.ok("start", "--no-baseline")
    says(project.person("check", "tests"), "runner-died", 7, "phasegate check tests")


def test_a_command_that_runs_no_pytest_is_no_evidence(project: Project) -> None:
    settings(project, 'command = ["sh", "-c", "exit 0"]')
    done = project.person("check", "tests")
    assert done.returncode == 7 and "before our reporter was loaded" in done.stdout


def test_tests_that_change_the_tree_they_run_on_are_no_evidence_and_the_work_tree_stays_as_it_is(
    project: Project,
) -> None:
    project.write("tests/test_a.py", "def test_a() -> None:\n    open(__file__, 'a').write('# x')\n    assert True\n")
    for _ in range(2):
        done = project.person("check", "tests")
        assert done.returncode == 7 and "tests/test_a.py" in done.stdout
    project.write("tests/test_a.py", "def test_a() -> None:\n    open('out.txt', 'a').write('x')\n    assert 1 == 1\n")
    assert project.person("check", "tests").returncode == 0 and not (project.root / "out.txt").exists()


def test_an_ignored_conftest_is_part_of_what_was_tested(project: Project) -> None:
    project.write(".gitignore", "conftest.py\n__pycache__/\n*.log\n")
    project.ok("start")
    project.ok("done")
    project.ok("check", "tests")
    project.write("tests/conftest.py", "")
    done = project.person("wait", "--seconds", "0")
    assert done.returncode == 7 and "changed since" in done.stdout


# --- two at once ------------------------------------------------------------------------------------------------------


def test_of_several_starts_at_once_one_begins_a_run(project: Project) -> None:
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda _: project.person("start", "--no-baseline"), range(4)))
    assert sorted(done.returncode for done in ended) == [0, 2, 2, 2], [done.stderr for done in ended]
    assert all("(run-active)" in done.stderr for done in ended if done.returncode)
    assert project.facts().count("RunStarted") == 1


def test_of_several_dones_at_once_one_ends_the_step(project: Project) -> None:
    project.ok("start", "--no-baseline")
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda _: project.person("done"), range(4)))
    assert sorted(done.returncode for done in ended) == [0, 1, 1, 1], [done.stderr for done in ended]
    assert project.facts().count("StepEntered") == 2


# --- logs and bugs ----------------------------------------------------------------------------------------------------


def log_lines(project: Project) -> list[dict[str, object]]:
    text = (project.ledger.parent / "logs/phasegate.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_a_log_line_names_the_events_of_its_command_and_none_is_in_the_ledger(project: Project) -> None:
    project.ok("note", "add", "error", "it breaks")
    (line,) = [line for line in log_lines(project) if "it breaks" in str(line.get("argv"))]
    shown = [json.loads(row) for row in project.ok("log", "show", "--json").splitlines()]
    assert {row["kind"] for row in shown if row["position"] in line["events"]} >= {"NoteAdded"}  # type: ignore[operator]
    assert line["call"] and line["level"] == "info"


def test_a_failure_is_logged_with_its_code(project: Project) -> None:
    project.person("done")
    assert [line["code"] for line in log_lines(project) if line["level"] == "warning"] == ["no-active-run"]


def test_secrets_are_redacted_in_logs(project: Project) -> None:
    key = "AKIA" + "Z7Q4W2X6P5N3M2K4"
    project.person("note", "add", "error", f"the key is {key}", env={"PHASEGATE_LOG": "debug"})
    assert key not in (project.ledger.parent / "logs/phasegate.jsonl").read_text()


def test_verbose_shows_the_log_on_stderr_and_the_level_can_be_raised(project: Project) -> None:
    assert '"message":"command"' in project.person("-v", "status").stderr
    count = len(log_lines(project))
    project.person("status", env={"PHASEGATE_LOG": "error"})
    assert len(log_lines(project)) == count


def test_a_bug_of_ours_says_where_its_trace_is(project: Project) -> None:
    broken = (
        "import sys; from phasegate.entrypoints.cli import app, status; status._lines = None; "
        "sys.exit(app.run(['status']))"
    )
    done = as_person([sys.executable, "-c", broken], project.root, project.env)
    assert done.returncode == 3 and "Traceback" not in done.stderr
    place = Path(re.findall(r"The trace is in (\S+);", done.stderr)[0])
    assert "Traceback" in place.joinpath("phasegate.jsonl").read_text()
