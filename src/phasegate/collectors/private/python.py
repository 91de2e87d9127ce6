"""The test infrastructure of Python: conftest files, configuration, plugins by name, and test data."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Collection, Iterator
from posixpath import basename
from typing import Any

import msgspec

from phasegate.infrastructure.files import Files

_OWN = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", ".coveragerc"})
"""Files that hold nothing else."""
_SHARED = frozenset({"pyproject.toml", "setup.cfg", "tox.ini"})
"""Files in which tables of others stand beside those of pytest and coverage.py."""
_AT_START = frozenset({"conftest.py", "sitecustomize.py", "usercustomize.py"})
_TABLES = ("pytest", "coverage")
_SECTION = re.compile(r"(?:tool:)?(?:pytest|coverage)(?::.*)?$")
_BY_OPTION = re.compile(r"-p[ =\"',\]\[]{0,8}([\w.]+)")
_FILE_BYTES = 4 << 20


def infrastructure(path: str, *, tests: bool, new: bool) -> bool:
    """Conftest and configuration always; other files among the tests that are no code, unless they are new.

    A file of data that is new takes nothing from a test that was there before.
    """
    name = basename(path)
    if name in _OWN | _SHARED | _AT_START or name.endswith(".pth"):
        return True
    return tests and not new and not name.endswith((".py", ".pyi"))


def telling(path: str, content: bytes) -> bytes:
    """The tables of pytest and coverage.py, of a file that has others too; what cannot be read tells everything."""
    name = basename(path)
    if name not in _SHARED or len(content) > _FILE_BYTES:
        return content
    try:
        found = _tables(content) if name.endswith(".toml") else _sections(content)
    except (ValueError, RecursionError, configparser.Error):
        return content
    return msgspec.json.encode(found, order="deterministic")


def mixed(path: str, content: bytes) -> bool:
    """A conftest holds no tests that pytest would run."""
    return False


def around(files: Files) -> Collection[str]:
    """The modules of plugins that are named by any infrastructure, whether that has changed or not."""
    own = [path for path in files.paths if infrastructure(path, tests=False, new=False)]
    named = {name for path in own for name in plugins(path, files.read(path))}
    return [path for path in files.paths if path.endswith(".py") and _is_named(path, named)] if named else []


def _is_named(path: str, names: Collection[str]) -> bool:
    plain = path.removesuffix(".py").removesuffix("/__init__")
    return any(plain == name or plain.endswith(f"/{name}") for name in names)


def plugins(path: str, content: bytes) -> tuple[str, ...]:
    """What `-p NAME` in the configuration and `pytest_plugins` in a module name."""
    if path.endswith(".py"):
        return tuple(name.replace(".", "/") for name in _named(content))
    text = telling(path, content).decode(errors="replace")
    return tuple(name.replace(".", "/") for name in _BY_OPTION.findall(text[:_FILE_BYTES]) if name != "no")


def _tables(content: bytes) -> dict[str, Any]:
    tool = tomllib.loads(content.decode()).get("tool")
    return {name: tool[name] for name in _TABLES if name in tool} if isinstance(tool, dict) else {}


def _sections(content: bytes) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(content.decode())
    return {name: dict(parser.items(name)) for name in parser.sections() if _SECTION.match(name)}


def _named(content: bytes) -> Iterator[str]:
    try:
        body = ast.parse(content[:_FILE_BYTES]).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "pytest_plugins" for target in targets):
            yield from (
                each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )
