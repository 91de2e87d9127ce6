"""`init --managed`: the hooks of a whole machine, written for packaging, shown, and taken out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from phasegate.agents.claude_settings import SECONDS, validate
from tests.cli.people import as_person

FILE = "managed-settings.d/50-phasegate.json"


class Administrator:
    """Somebody who packages settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "package" / "etc" / "claude-code"

    def run(self, command: str, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        words = ["phasegate", command, "--managed", "--to", str(self.package), *options]
        return as_person(words, self.folder, {"HOME": str(self.folder)} | env)


@pytest.fixture
def administrator(tmp_path: Path) -> Administrator:
    return Administrator(tmp_path)


def test_it_writes_a_file_of_its_own_that_the_client_takes_and_takes_it_out_again(administrator: Administrator) -> None:
    written = administrator.package / FILE
    shown = administrator.run("init", "--dry-run", "--allow-ephemeral")
    assert "allowManagedHooksOnly" in shown.stdout and not administrator.package.exists(), shown
    assert administrator.run("init", "--allow-ephemeral").returncode == 0
    found = json.loads(written.read_text())
    assert found["allowManagedHooksOnly"] is True and set(found["hooks"]) == set(SECONDS)
    assert not validate(written.read_text()) and written.stat().st_mode & 0o777 == 0o644
    assert "nothing was changed" in administrator.run("init", "--allow-ephemeral").stdout
    said = json.loads(administrator.run("uninstall", "--json").stdout)
    assert said == {"path": str(written), "dry_run": False, "changed": True, "difference": ""}
    assert not written.exists()


def test_below_an_agent_and_without_the_right_place_it_is_refused(administrator: Administrator) -> None:
    refused = administrator.run("init", "--allow-ephemeral", CLAUDECODE="1")
    assert refused.returncode == 2 and "for a person" in refused.stderr and not administrator.package.exists()
    alone = as_person(["phasegate", "init", "--to", "x"], administrator.folder)
    assert alone.returncode == 2 and "--managed" in alone.stderr
