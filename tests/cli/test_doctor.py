"""`doctor` finds each thing that can be wrong, says what to do, and changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from phasegate import wiring
from phasegate.entrypoints.demo.real_client import ClientNotFound, find_client
from tests.cli.people import as_person

PROJECT = "0b5dd3c2-7bdc-4d8c-9a49-2b1f5c3e6a11"


class Healthy:
    """A repository after `init`; its client and the interpreter of its tests only tell a version, which is quick."""

    def __init__(self, folder: Path, *, detect: bool = False) -> None:
        self.root = folder / "project"
        self.client = folder / "claude"
        self.env = {
            "XDG_STATE_HOME": str(folder / "state"),
            "HOME": str(folder),
            "PHASEGATE_CLAUDE": str(self.client),
        }
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        self.client_of("9.9.9")
        python = folder / "python"
        python.write_text("#!/bin/sh\necho 7.10\n")
        python.chmod(0o755)
        tests = f'[tests]\ncommand = ["{python}", "-m", "pytest"]\n'
        (self.root / "phasegate.toml").write_text(f'project = "{PROJECT}"\n{"" if detect else tests}')
        assert self.run("init", "--allow-ephemeral").returncode == 0

    def client_of(self, version: str) -> None:
        self.client.write_text(f"#!/bin/sh\necho '{version} (Claude Code)'\n")
        self.client.chmod(0o755)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return as_person(["phasegate", *words], self.root, self.env | env)

    def doctor(self, *options: str, **env: str) -> tuple[int, dict[str, Any]]:
        """The exit code, and each check that did not pass."""
        done = self.run("doctor", "--json", *options, **env)
        assert "Traceback" not in done.stderr and done.stdout, done.stderr
        found = json.loads(done.stdout)["checks"]
        assert all(check["remedy"] for check in found if check["result"] != "pass")
        return done.returncode, {check["check"]: check for check in found if check["result"] != "pass"}

    @property
    def directory(self) -> Path:
        project = wiring.open_project(str(self.root), self.env)
        project.close()
        return Path(project.directory)

    def hooks(self) -> Path:
        return self.root / ".claude/settings.local.json"


@pytest.fixture
def healthy(tmp_path: Path) -> Healthy:
    return Healthy(tmp_path)


def test_straight_after_init_everything_passes(tmp_path: Path) -> None:
    healthy = Healthy(tmp_path, detect=True)
    assert healthy.doctor() == (0, {})
    told = healthy.run("doctor").stdout
    assert told.startswith("pass    git: git version") and "hook command" in told and "coverage" in told


def test_without_a_repository_or_without_init_it_says_what_is_first(tmp_path: Path) -> None:
    done = as_person(["phasegate", "doctor"], tmp_path, {"XDG_STATE_HOME": str(tmp_path / "state")})
    assert done.returncode == 1 and "git init" in done.stdout
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = as_person(["phasegate", "doctor"], tmp_path, {"XDG_STATE_HOME": str(tmp_path / "state")})
    assert done.returncode == 1 and "Run `phasegate init`" in done.stdout
    assert sorted(os.listdir(tmp_path)) == [".git"]


def test_a_client_that_fails_open_fails_and_a_missing_one_is_unknown(healthy: Healthy) -> None:
    healthy.client_of("2.1.197")
    code, found = healthy.doctor()
    assert code == 1 and "advisory" in found["client"]["said"]
    healthy.client_of("hello")
    code, found = healthy.doctor()
    assert code == 7 and list(found) == ["client"]


def test_settings_that_nobody_trusted_fail(healthy: Healthy) -> None:
    with (healthy.root / "phasegate.toml").open("a") as file:
        file.write("timeout_seconds = 60\n")
    code, found = healthy.doctor()
    assert (code, list(found)) == (1, ["settings"]) and "policy trust" in found["settings"]["remedy"]
    with (healthy.root / "phasegate.toml").open("a") as file:
        file.write("arg = []\n")
    assert "'args'" in healthy.doctor()[1]["settings"]["said"]


def test_hooks_that_are_gone_switched_off_or_do_not_start_fail(healthy: Healthy) -> None:
    text = healthy.hooks().read_text()
    healthy.hooks().write_text(text.replace("PreToolUse", "PreTool"))
    assert "PreToolUse" in healthy.doctor()[1]["hooks"]["said"]
    healthy.hooks().write_text(text.replace(sys.executable, "/nowhere/python"))
    code, found = healthy.doctor()
    assert code == 1 and list(found) == ["hook command"] and "does not start" in found["hook command"]["said"]
    healthy.hooks().write_text(text[:-5])
    assert "Line" in healthy.doctor()[1]["hooks"]["said"]
    healthy.hooks().write_text(text)
    mine = Path(healthy.env["HOME"], ".claude/settings.json")
    mine.parent.mkdir()
    mine.write_text('{"disableAllHooks": true}')
    assert "switches all hooks off" in healthy.doctor()[1]["hooks"]["said"]


def test_a_state_directory_that_others_can_read_fails(healthy: Healthy) -> None:
    healthy.directory.chmod(0o755)
    code, found = healthy.doctor()
    assert (code, list(found)) == (1, ["state directory"]) and found["state directory"]["remedy"].startswith("chmod")


def test_a_ledger_that_cannot_be_read_is_unknown_and_the_other_checks_still_run(healthy: Healthy) -> None:
    """The hooks refuse then, which they must; so the hook command fails as well."""
    (healthy.directory / "ledger.db").write_bytes(b"not a ledger" * 1000)
    code, found = healthy.doctor()
    assert code in (1, 7) and found["ledger"]["result"] == "unknown" and "disk" not in found


def test_an_event_that_was_changed_fails_the_chain(healthy: Healthy) -> None:
    import apsw

    connection = apsw.Connection(str(healthy.directory / "ledger.db"))
    triggers = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE events SET body = x'7b7d' WHERE position = 2")
    connection.close()
    code, found = healthy.doctor()
    assert code == 1 and "position 2" in found["ledger"]["said"]


def test_a_test_command_that_is_not_there_or_has_no_coverage_fails(healthy: Healthy) -> None:
    settings = healthy.root / "phasegate.toml"
    for command, check in (('["/nowhere", "-m", "pytest"]', "tests"), ('["/bin/false", "-m", "pytest"]', "coverage")):
        settings.write_text(f'project = "{PROJECT}"\n[tests]\ncommand = {command}\n')
        healthy.run("init", "--allow-ephemeral")
        code, found = healthy.doctor()
        assert (code, list(found)) == (1, [check])


def test_only_a_person_may_rehearse_a_refusal(healthy: Healthy) -> None:
    assert healthy.run("doctor", "--live", CLAUDECODE="1").returncode == 2


def test_a_live_refusal_without_a_client_cannot_be_told(healthy: Healthy) -> None:
    code, found = healthy.doctor("--live", PHASEGATE_CLAUDE="/nowhere/claude")
    assert code == 7 and found["live refusal"]["result"] == "unknown"


@pytest.mark.real_client
def test_the_real_client_is_refused_by_the_projects_own_hooks_and_by_nothing_else(healthy: Healthy) -> None:
    """Without the hooks the same script is let through, so it is they that refuse; the tree stays as it is."""
    try:
        client = find_client().path
    except ClientNotFound as failure:
        pytest.skip(str(failure))
    before = {path: path.read_bytes() for path in healthy.root.iterdir() if path.is_file()}
    assert healthy.doctor("--live", PHASEGATE_CLAUDE=client) == (0, {})
    hooks = healthy.hooks().read_text()
    healthy.hooks().write_text("{}")
    code, found = healthy.doctor("--live", PHASEGATE_CLAUDE=client)
    assert code == 1 and "NOT refused" in found["live refusal"]["said"]
    healthy.hooks().write_text(hooks)
    assert {path: path.read_bytes() for path in healthy.root.iterdir() if path.is_file()} == before
