"""Reads go.mod and go.sum: which versions of which modules a build takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from phasegate.dependencies.packages import Locked, NoLock, Package, locked, text_of
from phasegate.dependencies.versions import Unorderable, semver

_LINE = re.compile(r"//.*$")
_VERSION = re.compile(r"v\d+\.\d+\.\d+(?:[-+].*)?", re.ASCII)
PRUNED = (1, 17)
"""Since this version of Go, go.mod lists every module that the build needs, the indirect ones too."""


class _Mod:
    def __init__(self, text: str) -> None:
        self.requires: dict[str, str] = {}
        self.replaces: dict[tuple[str, str], tuple[str, str]] = {}
        self.excludes: set[tuple[str, str]] = set()
        self.go = self.toolchain = self.module = ""
        for verb, words in _directives(text):
            self._take(verb, words)

    def _take(self, verb: str, words: list[str]) -> None:
        match verb, words:
            case "module", [name]:
                self.module = name
            case "go", [version]:
                self.go = version
            case "toolchain", [version]:
                self.toolchain = version
            case "require", [name, version]:
                self.requires[name] = version
            case "exclude", [name, version]:
                self.excludes.add((name, version))
            case "replace", _ if "=>" in words:
                at = words.index("=>")
                old, new = words[:at], words[at + 1 :]
                if not 1 <= len(old) <= 2 or not 1 <= len(new) <= 2:
                    raise NoLock("a replacement is not as Go writes it")
                self.replaces[old[0], old[1] if len(old) == 2 else ""] = (new[0], new[1] if len(new) == 2 else "")
            case (("module" | "go" | "toolchain" | "require" | "exclude" | "replace"), _):
                raise NoLock(f"its {verb} is not as Go writes it")

    def taken(self, name: str, version: str) -> tuple[str, str] | None:
        """What stands for a module; None for a folder of the repository."""
        new = self.replaces.get((name, version)) or self.replaces.get((name, ""))
        if new is None:
            return name, version
        return new if new[1] else None


def _directives(text: str) -> Iterator[tuple[str, list[str]]]:
    block = ""
    for line in text.splitlines():
        words = [word.strip('"`') for word in _LINE.sub("", line).split()]
        if not words:
            continue
        if block:
            if words == [")"]:
                block = ""
            else:
                yield block, words
        elif len(words) == 2 and words[1] == "(":
            block = words[0]
        elif len(words) == 1 and words[0].endswith("("):
            block = words[0][:-1]
        else:
            yield words[0], words[1:]
    if block:
        raise NoLock("a block of it has no end")


def go_mod(content: bytes, sums: bytes | None = None) -> Locked:
    """The build list: `require` after `replace`; before Go 1.17 the newest of each module in go.sum (`sums`)."""
    mod = _Mod(text_of(content))
    if not mod.module:
        raise NoLock("it names no module")
    wanted = dict(mod.requires)
    left_open: list[str] = []
    if _release(mod.go) < PRUNED and mod.requires:
        if sums is None:
            left_open.append("what its modules require: there is no go.sum, and before Go 1.17 go.mod does not say")
        else:
            wanted |= _newest(sums)
    packages = []
    for name, version in wanted.items():
        found = mod.taken(name, version)
        if found is None:
            continue
        if _VERSION.fullmatch(found[1]):
            packages.append(Package("Go", found[0], found[1].removeprefix("v")))
        else:
            left_open.append(f"{found[0]} is {found[1][:60]}")
    standard, note = _standard_library(mod)
    return locked([*packages, *standard], left_open, notes=note)


def _standard_library(mod: _Mod) -> tuple[list[Package], list[str]]:
    """Go's own packages are as old as the toolchain, which only some modules name."""
    found = re.fullmatch(r"go(\d+\.\d+(?:\.\d+)?)(?:-.*)?", mod.toolchain)
    if found:
        return [Package("Go", "stdlib", found[1] if found[1].count(".") == 2 else f"{found[1]}.0")], []
    return [], [f"the standard library of Go is not looked at, since {mod.module} names no toolchain"]


def _release(version: str) -> tuple[int, int]:
    found = re.match(r"(\d{1,4})\.(\d{1,4})", version)
    return (int(found[1]), int(found[2])) if found else (1, 16)


def _newest(sums: bytes) -> dict[str, str]:
    """The newest version of each module whose files (not only whose go.mod) go.sum has a hash of."""
    newest: dict[str, str] = {}
    for line in text_of(sums).splitlines():
        words = line.split()
        if not words:
            continue
        if len(words) != 3:
            raise NoLock("its go.sum is not as Go writes it")
        name, version, _ = words
        if version.endswith("/go.mod"):
            continue
        try:
            if name not in newest or semver(version) > semver(newest[name]):
                newest[name] = version
        except Unorderable as problem:
            raise NoLock(f"its go.sum has a version that is none: {version[:60]}") from problem
    return newest
