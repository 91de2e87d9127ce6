"""A small project in a temporary directory, and real pytest runs through the collector."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from phasegate.collectors.interface import Ask, SuiteRun
from phasegate.collectors.pytest_runner import run as run_suite

SHOP = """
    class Basket:
        def add(self, item):
            return [item]


    def price(amount):
        return amount * 2


    def unfinished():
        raise NotImplementedError


    def careless():
        return undefined_name
"""

BASE = {
    "pyproject.toml": '[project]\nname = "shop"\n[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    "src/shop/__init__.py": SHOP,
}

Runs = Callable[..., SuiteRun]


def write(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text).lstrip("\n"))
    return root


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Lay out a project of `files` beside the `shop` package, run its tests, give back what was seen."""

    def run_project(
        files: Mapping[str, str],
        *args: str,
        root: Path | None = None,
        timeout: float = 120,
        measure: bool = False,
        command: tuple[str, ...] = (sys.executable, "-m", "pytest"),
        scratch: Path | None = None,
        plugins: tuple[str, ...] = (),
        autoload: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> SuiteRun:
        root = write(root or tmp_path_factory.mktemp("project"), {**BASE, **files})
        wanted = [word for plugin in plugins for word in ("-p", plugin)]
        with pytest.MonkeyPatch.context() as patch:
            # Our own plugins would be loaded into each of these runs: that takes most of their time.
            if not autoload:
                patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            return run_suite(
                Ask(
                    root=str(root),
                    command=command,
                    args=(*wanted, *args),
                    env=env or {},
                    scratch=str(scratch or tmp_path_factory.mktemp("scratch")),
                    source_roots=("src",),
                    timeout_seconds=timeout,
                    measure=measure,
                )
            )

    return run_project
