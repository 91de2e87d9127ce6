"""The test infrastructure of Go: the workspace, test data, and test files without a test, `TestMain` among them."""

from __future__ import annotations

from collections.abc import Collection

from phasegate.infrastructure.files import Files
from phasegate.infrastructure.go import BY_NAME, around_go


def infrastructure(path: str, *, tests: bool, new: bool) -> bool:
    """The workspace and what is vendored always, test data unless it is new."""
    named = any(pattern.search(path) for pattern, _ in BY_NAME)
    return named and not (new and "testdata/" in path)


def telling(path: str, content: bytes) -> bytes:
    """All of it: a file that holds tests beside `TestMain` counts as tests."""
    return content


def around(files: Files) -> Collection[str]:
    """Test files without a test: what the others call, or what runs around them."""
    return around_go(files)


def plugins(path: str, content: bytes) -> tuple[str, ...]:
    """Go has none."""
    return ()
