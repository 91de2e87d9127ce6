"""Reads what Python's package managers lock: uv, poetry, pdm, pipenv, pylock.toml, and pinned requirements."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from phasegate.dependencies.packages import Locked, NoLock, Package, json_table, locked, table, text_of, word

LARGEST_TOML = 16 << 20
MOST_PARTS = 200
LONGEST_LINE = 2000

_OPTION = re.compile(r"(-r|--requirement|-c|--constraint|-e|--editable)(?:\s+|=)?(.+)")
_KEY = re.compile(r"[\w.\"' \t-]+")
_BY_THE_WAY = re.compile(r"\s--(?:hash|config-settings|global-option)[= ].*$")
_COMMENT = re.compile(r"(?:^|\s)#.*$")


def toml_table(content: bytes) -> dict[str, Any]:
    """The TOML in `content`. Raises NoLock."""
    text = text_of(content)
    if len(content) > LARGEST_TOML or _has_endless_key(text):
        raise NoLock("it is too large, or has a name without end")
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as problem:
        raise NoLock(f"it is no TOML: {str(problem)[:200]}") from problem


def _has_endless_key(text: str) -> bool:
    """Whether something may be a name of so many parts that reading it costs their square."""
    return any(found[0].count(".") > MOST_PARTS for found in _KEY.finditer(text))


def asks(content: bytes) -> bool:
    """Whether a pyproject.toml asks for any package; one that cannot be read may."""
    try:
        read = toml_table(content)
        project = table(read.get("project"), "project")
        poetry_tool = table(table(read.get("tool"), "tool").get("poetry"), "poetry")
        wanted = (
            project.get("dependencies"), project.get("optional-dependencies"), read.get("dependency-groups"),
            "dependencies" in table(project, "project").get("dynamic", ()), poetry_tool.get("group"),
            {*table(poetry_tool.get("dependencies"), "dependencies")} - {"python"},
        )  # fmt: skip
        return any(wanted)
    except (NoLock, TypeError):
        return True


def uv(content: bytes) -> Locked:
    """uv.lock: what lies in the repository itself (`editable`, `virtual`, `directory`) is not looked up."""
    return _listed(
        toml_table(content), "package", lambda each: _has(each, "source", "editable", "virtual", "directory")
    )


def poetry(content: bytes) -> Locked:
    """poetry.lock."""
    return _listed(
        toml_table(content), "package", lambda each: table(each.get("source"), "source").get("type") == "directory"
    )


def pdm(content: bytes) -> Locked:
    """pdm.lock."""
    return _listed(
        toml_table(content), "package",
        lambda each: "path" in each and not str(each["path"]).endswith((".whl", ".gz", ".zip")),
    )  # fmt: skip


def pylock(content: bytes) -> Locked:
    """pylock.toml (PEP 751)."""
    read = toml_table(content)
    if not str(read.get("lock-version", "")).startswith("1."):
        raise NoLock(f"its lock-version is {str(read.get('lock-version'))[:20]}, and 1 is read")
    return _listed(read, "packages", lambda each: "directory" in each)


def _has(each: Mapping[str, Any], field: str, *names: str) -> bool:
    return not {*names}.isdisjoint(table(each.get(field), field))


def _listed(read: Mapping[str, Any], list_name: str, is_own: Callable[[Mapping[str, Any]], bool]) -> Locked:
    """The entries of an array of tables that have name and version."""
    entries = read.get(list_name, [])
    if not isinstance(entries, list) or (not entries and list_name not in read and not _says_it_is_a_lock(read)):
        raise NoLock(f"it has no [[{list_name}]]")
    packages, left_open = [], []
    for each in entries:
        entry = table(each, list_name)
        name, version = word(entry.get("name"), "a name"), word(entry.get("version"), "a version")
        if not name:
            raise NoLock("a package has no name")
        if version and not is_own(entry):
            packages.append(Package("PyPI", canonicalize_name(name), version))
        elif not version and not is_own(entry):
            left_open.append(f"{name} has no version")
    return locked(packages, left_open)


def _says_it_is_a_lock(read: Mapping[str, Any]) -> bool:
    """Whether a file without packages is a lock file all the same: a project may rely on nothing."""
    return "version" in read or "metadata" in read or "lock-version" in read


def pipfile(content: bytes) -> Locked:
    """Pipfile.lock: every category but `_meta`."""
    read = json_table(content)
    if "_meta" not in read:
        raise NoLock("it has no _meta")
    packages, left_open = [], []
    for category, listed in read.items():
        for name, each in table(listed, category).items() if category != "_meta" else ():
            entry = table(each, name)
            version = word(entry.get("version"), "a version")
            exact = version.lstrip("=") if version.startswith("==") and "*" not in version else ""
            if exact:
                packages.append(Package("PyPI", canonicalize_name(name), exact))
            elif "path" not in entry and "file" not in entry:
                left_open.append(f"{name} has no exact version")
    return locked(packages, left_open)


def requirements(content: bytes) -> Locked:
    """requirements.txt: what is pinned by `==`; everything else is left open, by name."""
    packages: list[Package] = []
    left_open: list[str] = []
    includes: list[str] = []
    for line in _logical_lines(text_of(content)):
        option = _OPTION.match(line)
        if option and option[1] in ("-r", "--requirement"):
            includes.append(option[2].strip())
        elif option and option[1] in ("-e", "--editable"):
            named = option[2].strip()
            left_open += [] if _is_local(named) else [f"{named[:100]} is no version of a registry"]
        elif not line.startswith("-"):
            _take(line, packages, left_open)
    return locked(packages, left_open, includes)


def _logical_lines(text: str) -> Iterator[str]:
    joined = re.sub(r"\\\r?\n[ \t]*", " ", text)
    for line in joined.splitlines():
        plain = _BY_THE_WAY.sub("", _COMMENT.sub("", line)).strip()
        if plain:
            yield plain


def _take(line: str, packages: list[Package], left_open: list[str]) -> None:
    if _is_local(line):
        return
    try:
        asked = Requirement(line if len(line) <= LONGEST_LINE else "")
    except (InvalidRequirement, RecursionError):
        left_open.append(f"{line[:100]} is no requirement that can be read")
        return
    pins = [each.version for each in asked.specifier if each.operator in ("==", "===") and "*" not in each.version]
    if pins and pins[0] and not asked.url:
        packages.append(Package("PyPI", canonicalize_name(asked.name), pins[0]))
    else:
        left_open.append(f"{asked.name} has no exact version")


def _is_local(written: str) -> bool:
    return written.startswith((".", "/", "file:"))
