"""The files that tell test runners and coverage tools what to do, each read into names and values of one family."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from phasegate.ratchets.grammar import Names, parsed, text
from phasegate.ratchets.javascript_tests import SPELLING
from phasegate.ratchets.suites import Endless, Unreadable

if TYPE_CHECKING:
    from tree_sitter import Node

Values = dict[str, tuple[str, ...]]
"""Each setting, as `FAMILY.NAME`, with its value as texts: one for a number or a word, several for a list."""

LARGEST = 1 << 20
DEEPEST = 12
SECTIONS = {
    "pytest": "pytest", "tool:pytest": "pytest", "run": "coverage.run", "report": "coverage.report",
    "coverage:run": "coverage.run", "coverage:report": "coverage.report", "tool:coverage:run": "coverage.run",
}  # fmt: skip


def settings_in(path: str, content: bytes) -> Values:
    """What a file of settings says. Raises `Unreadable`."""
    reader = _reader(path)
    if reader is None:
        return {}
    if len(content) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST >> 20} MiB")
    try:
        return reader(content)
    except (ValueError, RecursionError, configparser.Error) as problem:
        raise Unreadable(f"it cannot be read ({type(problem).__name__})") from problem


def is_settings(path: str) -> bool:
    """Whether a tool that runs tests, or measures them, reads this file."""
    return _reader(path) is not None


def _reader(path: str) -> Callable[[bytes], Values] | None:
    name = path.rpartition("/")[2]
    return next((reads for pattern, reads in FILES if pattern.fullmatch(name)), None)


def _ini(content: bytes) -> Values:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, empty_lines_in_values=True)
    parser.read_string(content.decode())
    found: Values = {}
    for section in parser.sections():
        family = SECTIONS.get(section)
        for key, value in parser.items(section) if family else ():
            found[f"{family}.{key}"] = tuple(row.strip() for row in (value or "").splitlines() if row.strip())
    return found


def _pyproject(content: bytes) -> Values:
    tool = tomllib.loads(content.decode()).get("tool", {})
    pytest = tool.get("pytest", {}) if isinstance(tool, dict) else {}
    found = dict(_flat("pytest", pytest.get("ini_options", {}) if isinstance(pytest, dict) else {}, 0))
    for part in ("run", "report"):
        found |= dict(_flat(f"coverage.{part}", _at(tool, "coverage", part), 0))
    return found


def _pytest_toml(content: bytes) -> Values:
    return dict(_flat("pytest", _at(tomllib.loads(content.decode()), "pytest"), 0))


def _package(content: bytes) -> Values:
    whole = json.loads(content.decode())
    found: Values = {}
    for family in ("jest", "nyc", "c8", "mocha", "vitest", "ava"):
        found |= dict(_flat(family, _at(whole, family), 0))
    return found | dict(_flat("scripts", _at(whole, "scripts"), 0))


def _json(family: str) -> Callable[[bytes], Values]:
    return lambda content: dict(_flat(family, json.loads(content.decode() or "{}"), 0))


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name, {}) if isinstance(value, Mapping) else {}
    return value


def _flat(name: str, value: Any, depth: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    if depth > DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner, depth + 1)
    elif isinstance(value, list):
        yield name, tuple(each if isinstance(each, str) else json.dumps(each, sort_keys=True) for each in value)
    else:
        yield name, (value if isinstance(value, str) else json.dumps(value),)


def _script(family: str) -> Callable[[bytes], Values]:
    """A configuration that is a program: every object that it gives away, as far as it is written out."""

    def reads(content: bytes) -> Values:
        root = _program(content)
        found: Values = {}
        for node in root.named_children:
            if node.type in ("export_statement", "expression_statement", "lexical_declaration"):
                for given in _objects(node, 0):
                    for name, value in _literal(family, given, 0):
                        found.setdefault(name, value)
        return found

    return reads


def _program(content: bytes) -> Node:
    try:
        return parsed("ts", content)
    except Endless:
        raise
    except Unreadable:
        return parsed("js", content)


def _objects(node: Node, depth: int) -> Iterator[Node]:
    """The outermost objects below `node`."""
    if depth > 60:
        raise ValueError("nested too deep")
    for child in node.named_children:
        if child.type == "object":
            yield child
        else:
            yield from _objects(child, depth + 1)


def _literal(name: str, node: Node, depth: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    if depth > DEEPEST:
        raise ValueError("nested too deep")
    if node.type == "object":
        for pair in node.named_children:
            key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if pair.type == "pair" and key is not None and value is not None:
                yield from _literal(f"{name}.{text(key).strip(chr(34) + chr(39))}", value, depth + 1)
    elif node.type == "array":
        yield name, tuple(_word(each) for each in node.named_children if each.type != "comment")
    else:
        yield name, (_word(node),)


def _word(node: Node) -> str:
    return text(node)[1:-1] if node.type == "string" else Names(SPELLING, {}).key(node)


_CODE = r"\.[cm]?[jt]s"
FILES: tuple[tuple[re.Pattern[str], Callable[[bytes], Values]], ...] = (
    (re.compile(r"\.?pytest\.ini|tox\.ini|setup\.cfg|\.coveragerc"), _ini),
    (re.compile(r"pyproject\.toml"), _pyproject),
    (re.compile(r"\.?pytest\.toml"), _pytest_toml),
    (re.compile(r"package\.json"), _package),
    (re.compile(r"jest\.config\.json"), _json("jest")),
    (re.compile(r"\.nycrc(?:\.json)?"), _json("nyc")),
    (re.compile(r"\.c8rc(?:\.json)?"), _json("c8")),
    (re.compile(r"\.mocharc(?:\.json)?"), _json("mocha")),
    (re.compile(rf"jest\.config{_CODE}"), _script("jest")),
    (re.compile(rf"(?:vitest\.(?:config|workspace)|vite\.config)(?:\.[\w-]+)?{_CODE}"), _script("vitest")),
    (re.compile(rf"\.mocharc{_CODE}"), _script("mocha")),
    (re.compile(rf"(?:nyc\.config|\.nycrc){_CODE}"), _script("nyc")),
)
