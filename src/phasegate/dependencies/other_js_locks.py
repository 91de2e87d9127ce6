"""Reads the lock files of yarn (classic and berry), pnpm and bun."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from phasegate.dependencies.npm_locks import EXACT
from phasegate.dependencies.packages import Locked, NoLock, Package, json_table, locked, table, text_of, word

DEEPEST = 50
MOST_EVENTS = 5_000_000

_CLASSIC_VERSION = re.compile(r'  version "?([^"\s]+)"?\s*')
_PNPM_NAME = re.compile(r"/?(@[^/@]+/[^/@]+|[^/@]+)[@/](\d[^(_]*)(?:[(_].*)?")
_BROKEN = re.compile(r",(?=\s*[}\]])")
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*+"|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)


def yarn(content: bytes) -> Locked:
    """yarn.lock: berry writes YAML with `__metadata`, classic a format of its own."""
    text = text_of(content)
    if "\n__metadata:" in f"\n{text}":
        return _berry(yaml_table(text))
    if "yarn lockfile v1" not in text:
        raise NoLock("it is neither of yarn 1 nor of a later one")
    return locked(*_classic(text))


def _classic(text: str) -> tuple[list[Package], list[str]]:
    packages: list[Package] = []
    left_open: list[str] = []
    name = ""
    for line in (*text.splitlines(), "the end:"):
        if line and not line.startswith((" ", "#")) and line.endswith(":"):
            left_open += [f"{name} has no version"] if name else []
            asked = line[:-1].split(",")[0].strip().strip('"')
            name = "" if _split(asked)[1].startswith(("file:", "link:")) or line == "the end:" else _named(asked)
        elif name and (found := _CLASSIC_VERSION.fullmatch(line)):
            if EXACT.fullmatch(found[1]):
                packages.append(Package("npm", name, found[1]))
            else:
                left_open.append(f"{name} is {found[1][:100]}")
            name = ""
    return packages, left_open


def _named(asked: str) -> str:
    """The package of `NAME@RANGE`, or of what it stands for: `ALIAS@npm:NAME@RANGE`."""
    name, range_ = _split(asked)
    return _split(range_.removeprefix("npm:"))[0] if range_.startswith("npm:") and "@" in range_[5:] else name


def _split(asked: str) -> tuple[str, str]:
    at = asked.find("@", 1)
    return (asked, "") if at < 0 else (asked[:at], asked[at + 1 :])


def _berry(read: Mapping[str, Any]) -> Locked:
    packages, left_open = [], []
    for key, each in read.items():
        if key == "__metadata":
            continue
        entry = table(each, key)
        name, kind = _split(word(entry.get("resolution"), "a resolution"))
        version = word(entry.get("version"), "a version")
        if kind.startswith(("workspace:", "link:", "portal:", "file:")):
            continue
        if name and EXACT.fullmatch(version) and kind.startswith(("npm:", "patch:")):
            packages.append(Package("npm", name, version))
        else:
            left_open.append(f"{name or key[:100]} is {kind[:100]}")
    return locked(packages, left_open)


def pnpm(content: bytes) -> Locked:
    """pnpm-lock.yaml of versions 5 to 9: the keys of `packages`."""
    read = yaml_table(text_of(content))
    if "lockfileVersion" not in read:
        raise NoLock("it has no lockfileVersion")
    packages, left_open = [], []
    for key, each in table(read.get("packages"), "packages").items():
        entry = table(each, key)
        found = _PNPM_NAME.fullmatch(key)
        name, version = found.groups() if found else (word(entry.get("name"), "a name"), "")
        version = version or word(entry.get("version"), "a version")
        if name and EXACT.fullmatch(version):
            packages.append(Package("npm", name, version))
        elif "directory" not in table(entry.get("resolution"), "a resolution"):
            left_open.append(f"{key[:100]} is no version of a registry")
    return locked(packages, left_open)


def bun(content: bytes) -> Locked:
    """bun.lock: JSON with comments and commas at the end of lists."""
    read = json_table(_plain(text_of(content)))
    if "lockfileVersion" not in read:
        raise NoLock("it has no lockfileVersion")
    packages, left_open = [], []
    for key, each in table(read.get("packages"), "packages").items():
        if not isinstance(each, list) or not each or not isinstance(each[0], str):
            raise NoLock(f"{key[:100]} is no list that begins with a name")
        name, version = _split(each[0])
        if EXACT.fullmatch(version):
            packages.append(Package("npm", name, version))
        elif not version.startswith(("workspace:", "link:", "file:", "root:")):
            left_open.append(f"{name} is {version[:100]}")
    return locked(packages, left_open)


def _plain(text: str) -> str:
    """JSON without the comments and the trailing commas that bun allows itself; texts stay as they are."""
    texts: list[str] = []

    def aside(found: re.Match[str]) -> str:
        if not found[0].startswith('"'):
            return " "
        texts.append(found[0])
        return f'"{len(texts) - 1}"'

    bare = _BROKEN.sub("", _PIECES.sub(aside, text))
    return re.sub(r'"(\d+)"', lambda found: texts[int(found[1])], bare)


def yaml_table(text: str) -> dict[str, Any]:
    """The one mapping in `text`, every scalar a text; without aliases and tags, and not too deep. Raises NoLock."""
    try:
        return _built(yaml.parse(text, Loader=_loader()))
    except (yaml.YAMLError, RecursionError, ValueError) as problem:
        raise NoLock(f"it is no YAML that is read: {' '.join(str(problem).split())[:200]}") from problem


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _built(events: Iterator[Any]) -> dict[str, Any]:
    """Builds plain values from events: PyYAML's own constructor follows aliases and reads versions as numbers."""
    stack: list[Any] = []
    keys: list[Any] = []
    whole: Any = None
    for count, event in enumerate(events):
        if count > MOST_EVENTS or len(stack) > DEEPEST:
            raise ValueError("it has too much in it, or nests too deep")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError("it has aliases")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            if stack:
                _put(stack[-1], keys, made)
            stack.append(made)
            keys.append(None)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            whole = stack.pop()
            keys.pop()
        elif isinstance(event, yaml.ScalarEvent) and stack:
            _scalar(stack[-1], keys, event.value)
    if not isinstance(whole, dict):
        raise ValueError("it is no mapping")
    return whole


def _scalar(into: Any, keys: list[Any], value: str) -> None:
    if isinstance(into, dict) and keys[-1] is None:
        if value in into:
            raise ValueError(f"it says {value[:60]!r} twice")
        keys[-1] = value
    else:
        _put(into, keys, value)


def _put(into: Any, keys: list[Any], value: Any) -> None:
    if isinstance(into, list):
        into.append(value)
    elif keys[-1] is None:
        raise ValueError("a key is no text")
    else:
        into[keys[-1]] = value
        keys[-1] = None
