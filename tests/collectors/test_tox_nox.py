"""Which suite a project's tox and nox files come to, and what of them is said not to be taken over."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.collectors.tox_nox import Proposed, Unread, read

INI = "[tox]\nenvlist = py3{12,13}\n[testenv]\n"
PYTHON = ".tox/py/bin/python"


def proposed(name: str, text: str) -> Proposed:
    (found,) = read("/nowhere", files={name: text})
    assert isinstance(found, Proposed), found
    return found


def unread(name: str, text: str) -> str:
    (found,) = read("/nowhere", files={name: text})
    assert isinstance(found, Unread), found
    return found.why


@pytest.mark.parametrize("command, args", [
    ("pytest", ()),
    ("pytest -x {posargs:tests}", ("-x", "tests")),
    ("pytest {posargs:\\\n  -v \\\n  --junit-xml=.tox/{envname}.xml \\\n  } tests", ("-v", "tests")),
    ("python -m pytest tests", ("tests",)),
    ("{envpython} -W error -m pytest", ()),
    ("coverage run -p -m pytest -k 'not slow'", ("-k", "not slow")),
    ("python -m coverage run --branch -m pytest", ()),
    ("pytest --cov shop --cov-report term-missing --cov-report=xml -q", ("shop", "-q")),
    ("pytest --basetemp={envtmpdir} {toxinidir}/tests", ("tests",)),
    ("{env:TESTER:pytest} []", ()),
    ("pytest \\\n    -q \\\n    tests", ("-q", "tests")),
])  # fmt: skip
def test_a_command_that_runs_pytest_is_run_in_the_environment_of_tox(command: str, args: tuple[str, ...]) -> None:
    found = proposed("tox.ini", f"{INI}commands =\n    {command}\n    coverage report\n")
    assert found.tests.command == (PYTHON, "-m", "pytest") and found.tests.args == args
    assert found.tests.prepare == ("tox", "run", "-e", "py", "--notest") and not found.unread


def test_unittest_is_taken_over_too() -> None:
    found = proposed("tox.ini", f"{INI}commands = python -m unittest discover -v\n")
    assert (found.tests.runner, found.tests.args) == ("unittest", ("discover", "-v"))


def test_variables_are_taken_over_where_they_are_written_out_and_named_where_not() -> None:
    found = proposed("tox.ini", INI + "commands = pytest\nsetenv =\n  A = 1\n  B = {env:HOME}/x\n  py312: C = 3\n")
    assert found.tests.env == {"A": "1"}
    assert found.unread == ("the line `py312: C = 3` of its variables", "`B={env:HOME}/x`, which only tox can fill in")


def test_an_environment_called_for_the_tests_comes_before_the_common_one() -> None:
    text = "[testenv]\ncommands = flake8\n[testenv:tests]\ncommands = pytest\n"
    assert proposed("tox.ini", text).tests.command[0] == ".tox/tests/bin/python"


@pytest.mark.parametrize("name, text", [
    ("pyproject.toml", '[tool.tox]\nlegacy_tox_ini = """\n[testenv]\ncommands = pytest -q\n"""\n'),
    ("pyproject.toml", '[tool.tox.env_run_base]\ncommands = [["pytest", "-q", {replace="posargs", extend=true}]]\n'),
    ("tox.toml", '[env_run_base]\ncommands = [["python", "-m", "pytest", "-q"]]\n'),
    ("setup.cfg", "[tox:tox]\n[testenv]\ncommands = pytest -q\n"),
])  # fmt: skip
def test_each_place_that_tox_reads_is_read(name: str, text: str) -> None:
    assert proposed(name, text).tests.args == ("-q",)


def test_what_cannot_be_taken_over_is_said_precisely() -> None:
    assert "`make test`" in unread("tox.ini", f"{INI}commands = make test\n")
    assert "more than once" in unread("tox.ini", f"{INI}commands =\n  pytest a\n  pytest b\n")
    assert "cannot be read" in unread("tox.ini", "[testenv\n")
    found = proposed("tox.ini", f"{INI}commands =\n  python prepare.py\n  pytest\nchangedir = sub\n")
    assert found.unread == (
        "the command `python prepare.py`",
        "that its commands run in sub: set `directory` where paths are not found",
    )


NOX = """
import nox

@nox.session
def lint(session):
    session.run("ruff", "check")

@nox.session(python=["3.12", "3.13"])
def tests(session):
    session.install("-e", ".", "pytest")
    session.run("pytest", "-q", *session.posargs, env={"A": "1"})
"""


def test_a_session_of_nox_that_runs_pytest_is_taken() -> None:
    found = proposed("noxfile.py", NOX)
    assert found.tests.prepare == ("nox", "-s", "tests-3.13", "--install-only")
    assert found.tests.command == (".nox/tests-3-13/bin/python", "-m", "pytest")
    assert (found.tests.args, found.tests.env, found.unread) == (("-q",), {"A": "1"}, ())
    plain = proposed("noxfile.py", NOX.replace('(python=["3.12", "3.13"])', ""))
    assert plain.tests.command[0] == ".nox/tests/bin/python"


def test_a_session_of_another_form_is_named() -> None:
    assert "sessions: lint" in unread("noxfile.py", NOX[: NOX.index("@nox.session(python")])
    assert "cannot be read" in unread("noxfile.py", "def (")
    assert "parametrised" in unread(
        "noxfile.py", NOX.replace("@nox.session(python", "@nox.parametrize('a', [1])\n@nox.session(python")
    )


def test_a_project_with_neither_has_none(tmp_path: Path) -> None:
    assert read(str(tmp_path)) == ()


@given(st.sampled_from(["tox.ini", "pyproject.toml", "tox.toml", "setup.cfg", "noxfile.py"]), st.text(max_size=200))
def test_any_text_is_read_without_a_crash(name: str, text: str) -> None:
    read("/nowhere", files={name: text})
    read("/nowhere", files={name: INI + "commands = pytest " + text})
    read("/nowhere", files={name: "[tool.tox]\nenv_run_base = " + text})


def test_of_the_pythons_of_a_session_one_that_is_here_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python3.12"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert proposed("noxfile.py", NOX).tests.prepare[2] == "tests-3.12"
    monkeypatch.setenv("PATH", "")
    assert proposed("noxfile.py", NOX.replace('"3.13"', '"3.13", "pypy3"')).tests.prepare[2] == "tests-3.13"


def test_a_session_whose_environment_nobody_can_name_is_not_guessed() -> None:
    assert "computes its Pythons" in unread("noxfile.py", NOX.replace('["3.12", "3.13"]', "PYTHONS"))
    assert "no environment" in unread("noxfile.py", NOX.replace('["3.12", "3.13"]', "False"))


def test_what_a_helper_of_a_session_runs_is_said_to_be_left_out() -> None:
    helper = "def _install(session):\n    session.run('flit', 'install')\n"
    text = f"{helper}{NOX}".replace('    session.run("pytest"', '    _install(session)\n    session.run("pytest"', 1)
    assert any("`flit install`" in each for each in proposed("noxfile.py", text).unread)
