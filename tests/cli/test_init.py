"""`init` and `uninstall` as a person runs them in repositories of every shape."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.people import as_person


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "my project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def init(root: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return as_person(["phasegate", "init", "--allow-ephemeral", *options], root, state(root) | env)


def state(root: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(root.parent / "state")}


def everything(root: Path) -> dict[str, bytes | None]:
    """Each file with its bytes and each folder, and the clone's own ignore rules; less what git keeps for itself."""
    paths = [path for path in root.rglob("*") if ".git" not in path.relative_to(root).parts]
    found = {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in paths}
    exclude = root / ".git/info/exclude"
    return found | {"exclude": exclude.read_bytes() if exclude.exists() else None}


def test_init_puts_in_fewer_than_twelve_files_and_says_which(repository: Path) -> None:
    before = everything(repository)
    done = init(repository, "--json")
    assert done.returncode == 0, done.stderr
    new = {path for path, content in everything(repository).items() if content is not None} - set(before)
    assert new == {"phasegate.toml", "CLAUDE.md", ".claude/settings.local.json", ".claude/skills/phasegate/SKILL.md"}
    assert set(json.loads(done.stdout)["changed"]) == new | {".git/info/exclude"}


def test_a_second_time_changes_nothing_and_says_so(repository: Path) -> None:
    assert init(repository).returncode == 0
    before = everything(repository)
    again = init(repository)
    assert "nothing was changed" in again.stdout
    assert everything(repository) == before


def test_a_dry_run_shows_a_difference_and_writes_nothing(repository: Path) -> None:
    before = everything(repository)
    shown = init(repository, "--dry-run")
    assert "+++ b/phasegate.toml" in shown.stdout and "onFailure" in shown.stdout
    assert everything(repository) == before
    assert not os.path.exists(state(repository)["XDG_STATE_HOME"])
