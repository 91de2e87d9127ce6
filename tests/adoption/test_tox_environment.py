"""Where no Python of the project runs its tests, the environment that tox or nox provides does."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.adoption.finding import Found
from phasegate.entrypoints.adopting_tox import provided
from phasegate.settings import Runner, Tests

TOX = "[testenv]\ndeps = pytest\ncommands = pytest -q tests\n"


@pytest.fixture(autouse=True)
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")


def found(root: Path, runner: Runner = "pytest", tox: str = TOX) -> Found:
    (root / "api").mkdir()
    (root / "api/tox.ini").write_text(tox)
    return Found(Tests(runner, directory="api", source_roots=("lib",)), "Python", "tox.ini names pytest")


def test_tox_provides_the_environment_that_nothing_else_does(tmp_path: Path) -> None:
    taken, why_not = provided(str(tmp_path), found(tmp_path))
    assert why_not is None
    assert taken.suite.prepare == ("tox", "run", "-e", "py", "--notest")
    assert taken.suite.command == (".tox/py/bin/python", "-m", "pytest")
    assert taken.suite.directory == "api" and taken.suite.source_roots == ("lib",)
    assert taken.needs == "uv tool install tox"


def test_an_environment_of_the_project_itself_stays(tmp_path: Path) -> None:
    suite = found(tmp_path)
    python = tmp_path / "api/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    assert provided(str(tmp_path), suite) == (suite, None)


def test_a_suite_of_another_language_has_nothing_to_do_with_tox(tmp_path: Path) -> None:
    suite = found(tmp_path, "go")
    assert provided(str(tmp_path), suite) == (suite, None)


def test_why_the_environment_of_tox_cannot_be_taken_is_said(tmp_path: Path) -> None:
    suite = found(tmp_path, tox="[testenv]\ncommands = ./run-tests.sh\n")
    taken, why_not = provided(str(tmp_path), suite)
    assert taken == suite and why_not is not None
    assert why_not.directory == "api" and "tox" in why_not.what
    assert "`./run-tests.sh`" in why_not.why and "phasegate.toml" in why_not.remedy
