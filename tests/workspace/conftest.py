"""A small repository with a source file and a test, and the work tree phasegate sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repository import Repository

from phasegate.workspace.tree import WorkTree


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own: nobody's global git configuration counts."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "project")
    made.write("src/app.py", "value = 1\n")
    made.write("tests/test_app.py", "def test(): assert True\n")
    made.write(".gitignore", "__pycache__/\n*.log\n")
    made.commit()
    return made


@pytest.fixture
def tree(repository: Repository, tmp_path: Path) -> WorkTree:
    return WorkTree(str(repository.root), str(tmp_path / "state" / "shadow"))
