"""What runs around the tests of a Go module: its workspace, its test data, and what test files declare beside tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from phasegate import syntax
from phasegate.infrastructure.files import Files

if TYPE_CHECKING:
    from tree_sitter import Node

BY_NAME: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?:^|/)(?:{pattern})$"), why)
    for pattern, why in {
        r"go\.work(?:\.sum)?": "it says which modules there are",
        r"(?:[^/]+/)*vendor/.+": "it lies where fetched modules do",
        r"(?:[^/]+/)*testdata/.+": "tests read it",
        r"go\.env": "go is set up by it",
    }.items()
)
AROUND = frozenset({"TestMain", "init"})
"""Functions of test files that run around the tests."""

_TEST = re.compile(r"(?:Test|Benchmark|Example|Fuzz)(?![a-z])")
_CONSTRAINT = re.compile(rb"^//(?:go:build|[ \t]*\+build)[^\n]*$", re.MULTILINE)


def around_go(files: Files) -> dict[str, str]:
    """Every file that runs around the tests, with the reason; of a file that holds tests too only `parts` count."""
    found = {path: why for path in files.paths for pattern, why in BY_NAME if pattern.search(path)}
    for path in files.paths:
        if path.endswith("_test.go") and path not in found and not holds_tests(path, files.read(path), unread=True):
            found[path] = "tests call what it declares"
    return found


def holds_tests(path: str, text: bytes, *, unread: bool = False) -> bool:
    """Whether a test file declares a test; `unread` where it cannot be read."""
    try:
        names = {syntax.written(node.child_by_field_name("name")) for node in _functions(path, text)}
    except syntax.CannotBeRead:
        return unread
    return any(map(_TEST.match, names - AROUND))


def parts(path: str, text: bytes) -> dict[str, bytes]:
    """What of a test file runs around its tests: `TestMain`, each `init`, and the constraints on building it.

    Raises CannotBeRead.
    """
    found: dict[str, bytes] = {}
    for node in _functions(path, text):
        name = syntax.written(node.child_by_field_name("name"))
        if name in AROUND:
            key = name if name not in found else f"{name} {len(found)}"
            found[key] = node.text or b""
    constraints = b"\n".join(_CONSTRAINT.findall(text))
    return found | ({"//go:build": constraints} if constraints else {})


def _functions(path: str, text: bytes) -> Iterator[Node]:
    yield from syntax.of_kinds(path, syntax.tree(path, text), ("function_declaration",))["function_declaration"]
