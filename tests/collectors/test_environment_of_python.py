"""What an environment runs beside the tests shows, by its bytes, without running any of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from phasegate.collectors.private.environment_of_python import inventory
from phasegate.evidence.tests import Baseline, TestRun, changed_environment


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """The installed packages of an environment: pytest, a plugin of it, and a library that is neither."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    os.symlink(sys.executable, tmp_path / "bin/python")
    folder = tmp_path / "lib/python3.11/site-packages"
    for path, text in {
        "_pytest/main.py": "ok = True\n",
        "_pytest/__pycache__/main.pyc": "x",
        "shop_plugin/__init__.py": "def pytest_configure(): ...\n",
        "shop_plugin-1.dist-info/entry_points.txt": "[pytest11]\nshop = shop_plugin.hooks\n",
        "library/__init__.py": "value = 1\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def seen(packages: Path) -> dict[str, str]:
    return inventory(str(packages.parents[2] / "bin/python"), os.environ)


def test_the_interpreter_pytest_and_its_plugins_are_named_and_other_libraries_are_not(packages: Path) -> None:
    assert sorted(seen(packages)) == ["the interpreter", "the module _pytest", "the module shop_plugin"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("_pytest/main.py", "the module _pytest"),
        ("shop_plugin/hooks.py", "the module shop_plugin"),
        ("pytest.py", "the module pytest"),
        ("sitecustomize.py", "the module sitecustomize"),
        ("evil.pth", "evil.pth"),
    ],
)
def test_what_is_planted_or_changed_shows_and_nothing_else_does(packages: Path, path: str, name: str) -> None:
    before = seen(packages)
    (packages / "library/__init__.py").write_text("value = 2\n")
    (packages / "_pytest/__pycache__/main.pyc").write_text("y")
    assert seen(packages) == before
    (packages / path).write_text("import os; os._exit(0)\n")
    after = seen(packages)
    assert {each for each in after if after[each] != before.get(each)} == {name}
    told = changed_environment(_baseline(before), _run(after))
    assert [(each.path, each.now) for each in told] == [(f"environment: {name}", after[name])]
    assert changed_environment(_baseline({}), _run(after)) == ()


def test_a_module_that_a_start_up_file_imports_shows_with_it(packages: Path) -> None:
    (packages / "late.pth").write_text("import planted.start; planted.start()\n")
    (packages / "planted.py").write_text("x = 1\n")
    before = seen(packages)
    (packages / "planted.py").write_text("x = 2\n")
    after = seen(packages)
    assert {each for each in after if after[each] != before.get(each)} == {"the module planted"}


def test_no_such_program_is_no_environment() -> None:
    assert inventory("/nowhere/python", os.environ) == {}


def _baseline(environment: dict[str, str]) -> Baseline:
    return Baseline(frozenset(), frozenset(), frozenset(), environment=frozenset(environment.items()))


def _run(environment: dict[str, str]) -> TestRun:
    return TestRun("pytest", (), 0, True, "", (), 0, 0, "", "", environment=environment)
