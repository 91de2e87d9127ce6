"""Reads npm's own lock files: package-lock.json and npm-shrinkwrap.json, of versions 1 to 3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from phasegate.dependencies.packages import Locked, NoLock, Package, json_table, locked, table, word

EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?", re.ASCII)
DEEPEST = 100


def package_lock(content: bytes) -> Locked:
    """The packages of `packages` (versions 2 and 3), else of `dependencies` (version 1)."""
    read = json_table(content)
    if "lockfileVersion" not in read and "dependencies" not in read and "packages" not in read:
        raise NoLock("it has neither lockfileVersion nor packages")
    entries = _flat(read) if "packages" in read else _nested(table(read.get("dependencies"), "dependencies"), 0)
    packages, left_open = [], []
    for name, version in entries:
        if EXACT.fullmatch(version):
            packages.append(Package("npm", name, version.removeprefix("v")))
        elif not version.startswith(("file:", "link:")):
            left_open.append(f"{name} is {version[:100] or 'without a version'}")
    return locked(packages, left_open)


def asks(content: bytes) -> bool:
    """Whether a package.json asks for any package; one that cannot be read may."""
    try:
        read = json_table(content)
    except NoLock:
        return True
    return any(read.get(field) for field in ("dependencies", "devDependencies", "optionalDependencies"))


def _flat(read: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place, each in table(read["packages"], "packages").items():
        entry = table(each, place)
        _, _, last = place.rpartition("node_modules/")
        if "node_modules/" not in place or entry.get("link"):
            continue  # the root and the workspaces are the repository itself
        yield word(entry.get("name"), "a name") or last, word(entry.get("version"), "a version")


def _nested(dependencies: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    if depth > DEEPEST:
        raise NoLock("it nests too deep")
    for name, each in dependencies.items():
        entry = table(each, name)
        version = word(entry.get("version"), "a version")
        yield _alias(version) or (name, version)
        yield from _nested(table(entry.get("dependencies"), "dependencies"), depth + 1)


def _alias(version: str) -> tuple[str, str] | None:
    """The package that stands under another name: `npm:NAME@VERSION`."""
    name, at, exact = version.removeprefix("npm:").rpartition("@")
    return (name, exact) if version.startswith("npm:") and at and name else None
