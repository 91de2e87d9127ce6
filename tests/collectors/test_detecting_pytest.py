"""Which command runs a project's pytest, found without running anything of the repository."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from phasegate.collectors.interface import NoTestCommand
from phasegate.collectors.pytest_runner import detect
from phasegate.errors import Exit


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment is active, and PATH holds no Python."""
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")


def python_at(folder: Path) -> Path:
    """An interpreter with pytest: this one, under another name."""
    return script(folder / "bin" / "python", f'exec "{sys.executable}" "$@"')


def script(path: Path, line: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("folder", [".venv", "venv"])
def test_the_projects_own_environment_is_taken(tmp_path: Path, folder: str) -> None:
    python = python_at(tmp_path / folder)
    assert detect(str(tmp_path)) == (str(python), "-m", "pytest")


def test_an_environment_without_pytest_is_passed_over(tmp_path: Path) -> None:
    script(tmp_path / ".venv/bin/python", "exit 1")
    python = python_at(tmp_path / "venv")
    assert detect(str(tmp_path)) == (str(python), "-m", "pytest")


def test_the_active_environment_comes_after_the_projects_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    active = python_at(tmp_path / "active")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    assert detect(str(tmp_path)) == (str(active), "-m", "pytest")
    own = python_at(tmp_path / ".venv")
    assert detect(str(tmp_path)) == (str(own), "-m", "pytest")


def test_a_python_on_the_path_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = script(tmp_path / "path/python3", f'exec "{sys.executable}" "$@"')
    monkeypatch.setenv("PATH", str(python.parent))
    assert detect(str(tmp_path)) == (str(python), "-m", "pytest")


def test_a_lock_of_uv_that_lists_pytest_is_run_by_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = script(tmp_path / "path/uv", "touch ran; exit 1")
    monkeypatch.setenv("PATH", str(uv.parent))
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "pytest"\n')
    assert detect(str(tmp_path)) == ("uv", "run", "--frozen", "python", "-m", "pytest")
    assert not (tmp_path / "ran").exists()


def test_the_interpreter_that_poetry_names_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = python_at(tmp_path / "cache of poetry")
    poetry = script(tmp_path / "path/poetry", f'echo "{python}"')
    monkeypatch.setenv("PATH", str(poetry.parent))
    (tmp_path / "poetry.lock").touch()
    assert detect(str(tmp_path)) == (str(python), "-m", "pytest")


def test_a_pytest_module_in_the_repository_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python_at(tmp_path / ".venv")
    (tmp_path / "pytest.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    detect(str(tmp_path))
    assert not os.path.exists(tmp_path / "ran")


def test_without_any_the_failure_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoTestCommand) as failed:
        detect(str(tmp_path))
    assert failed.value.code == "no-test-command" and failed.value.exit_code is Exit.CANNOT_TELL
    assert "pip install pytest" in failed.value.hint


def test_a_project_of_another_language_is_not_told_to_install_pytest(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    with pytest.raises(NoTestCommand) as raised:
        detect(str(tmp_path))
    assert "runner" in raised.value.hint and "pytest" not in raised.value.hint
