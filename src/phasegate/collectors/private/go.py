"""The test infrastructure of Go: the workspace, test data, test files without a test, `TestMain` and `init`."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from phasegate.infrastructure.files import Files
from phasegate.infrastructure.go import BY_NAME, around_go, holds_tests, parts


def infrastructure(path: str, *, tests: bool, new: bool) -> bool:
    """The workspace, what is vendored, and test files always; test data unless it is new."""
    return _is_test_file(path) or (_by_name(path) and not (new and "testdata/" in path))


def telling(path: str, content: bytes) -> bytes:
    """Of a file that holds tests what runs around them, all of any other; what cannot be read tells everything."""
    if not mixed(path, content):
        return content
    around = {name: text.decode(errors="replace") for name, text in parts(path, content).items() if name[0] != "/"}
    return msgspec.json.encode(around, order="deterministic") if around else b""


def mixed(path: str, content: bytes) -> bool:
    """Whether a test file holds a test."""
    return _is_test_file(path) and holds_tests(path, content)


def _is_test_file(path: str) -> bool:
    return path.endswith("_test.go") and not _by_name(path)


def _by_name(path: str) -> bool:
    return any(pattern.search(path) for pattern, _ in BY_NAME)


def around(files: Files) -> Collection[str]:
    """Test files without a test: what the others call, or what runs around them."""
    return around_go(files)


def plugins(path: str, content: bytes) -> tuple[str, ...]:
    """Go has none."""
    return ()
