"""Finds a Python suite: pytest where anything speaks of it, unittest where only that is imported."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from phasegate.adoption.finding import Found, Unread
from phasegate.adoption.look import Look
from phasegate.settings import Tests

MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py", "pytest.ini", "requirements.txt")

_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests?)\.py$")
_IN_TESTS = re.compile(r"(?:^|/)tests?/(?:[^/]+/)*[^/]+\.py$")
_READ = 40
"""Test files that are looked into at most."""


def find(look: Look) -> Found | Unread | None:
    """The suite of the Python project in a place."""
    tests = [path for path in look.paths if _TEST_FILE.search(path)]
    tests += [path for path in look.paths if _IN_TESTS.search(path) and path not in tests]
    if not tests:
        return None
    roots = source_roots(look)
    why = next(_speaks_of_pytest(look, tests), "")
    if why:
        return Found(Tests("pytest", source_roots=roots), "Python", why)
    unit = next((path for path in tests[:_READ] if "unittest" in look.text(path)), "")
    if unit:
        return Found(Tests("unittest", source_roots=roots), "Python", f"{unit} imports unittest")
    plain = next((path for path in tests[:_READ] if re.search(r"^(?:async )?def test", look.text(path), re.M)), "")
    return Found(Tests("pytest", source_roots=roots), "Python", f"{plain} has test functions") if plain else None


def source_roots(look: Look) -> tuple[str, ...]:
    """The folders that packages are imported from, when they are neither `src` nor the place itself: else empty."""
    where = _setting(look.text("pyproject.toml"), "tool", "setuptools", "packages", "find", "where")
    named = tuple(path.strip("./") for path in where if isinstance(path, str)) if isinstance(where, list) else ()
    stated = tuple(path for path in named if path and path != "src")
    return stated if stated and all(any(p.startswith(f"{path}/") for p in look.paths) for path in stated) else ()


def _speaks_of_pytest(look: Look, tests: list[str]) -> Iterator[str]:
    if look.has("pytest.ini"):
        yield "pytest.ini is there"
    said = _setting(look.text("pyproject.toml"), "tool", "pytest")
    if said is not None:
        table = "tool.pytest.ini_options" if isinstance(said, dict) and "ini_options" in said else "tool.pytest"
        yield f"pyproject.toml has [{table}]"
    for path, mark in (("setup.cfg", "[tool:pytest]"), ("tox.ini", "[pytest]")):
        if mark in look.text(path):
            yield f"{path} has {mark}"
    conftest = next((path for path in look.paths if path.rpartition("/")[2] == "conftest.py"), "")
    if conftest:
        yield f"{conftest} is there"
    for path in ("tox.ini", "noxfile.py", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt"):
        if re.search(r"\bpytest\b", look.text(path)):
            yield f"{path} names pytest"
    for path in tests[:_READ]:
        if re.search(r"^\s*(?:import|from) pytest\b", look.text(path), re.M):
            yield f"{path} imports pytest"


def _setting(text: str, *keys: str) -> object:
    """What a TOML text says at `keys`; None when it says nothing there or cannot be read."""
    try:
        value: object = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
