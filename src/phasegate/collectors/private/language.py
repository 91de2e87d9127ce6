"""What private runs have to know of a language: which of a repository's files are its test infrastructure."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from typing import Protocol, cast

from phasegate.infrastructure.files import Files
from phasegate.settings import Runner

LANGUAGES: Mapping[Runner, str] = {
    "pytest": "python", "unittest": "python", "jest": "javascript", "vitest": "javascript", "mocha": "javascript",
    "node": "javascript", "go": "go",
}  # fmt: skip
"""Every runner that has private runs, and the module beside this one that knows its language."""


class Language(Protocol):
    """One language: its infrastructure is what decides how tests run and what their results are, and is no test."""

    def infrastructure(self, path: str, *, tests: bool, new: bool) -> bool:
        """Whether a changed file (relative to the root) is infrastructure; `tests`: it lies among the tests."""
        ...

    def telling(self, path: str, content: bytes) -> bytes:
        """What of such a file has a say in how tests run: equal for two contents that run them alike."""
        ...

    def mixed(self, path: str, content: bytes) -> bool:
        """Whether such a file holds tests too, so that it cannot be put back without them."""
        ...

    def around(self, files: Files) -> Collection[str]:
        """What else of a tree runs around its tests, since settings or infrastructure name it."""
        ...

    def plugins(self, path: str, content: bytes) -> tuple[str, ...]:
        """The modules that a file of infrastructure makes the runner load, as paths without an ending."""
        ...


def language(runner: Runner) -> Language | None:
    """The language of a runner that has private runs."""
    name = LANGUAGES.get(runner)
    return cast(Language, importlib.import_module(f"phasegate.collectors.private.{name}")) if name else None
