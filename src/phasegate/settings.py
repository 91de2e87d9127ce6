"""What a project can set in `phasegate.toml`, with the defaults; and which class of file a path is."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import functools
import re
from typing import Literal

import msgspec

Render = Literal["claude_md", "local", "off"]
FileClass = Literal["own", "plan", "tests", "docs", "config", "source"]

OWN = (
    "phasegate.toml",
    "state/agent_state.json",
    "investigations/**",
    "archive/investigations/**",
    "logs/errors/**",
    ".claude/settings.json",
    ".claude/settings.local.json",
    ".claude/skills/phasegate/**",
    ".git/**",
    ".git",
)
"""Written by phasegate (or git) alone; no step allows an agent to."""


class Paths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Glob patterns relative to the root; the first class that matches wins, in this order; the rest is source."""

    tests: tuple[str, ...] = ("tests/**", "test/**", "**/test_*.py", "**/*_test.py", "**/conftest.py")
    docs: tuple[str, ...] = ("docs/**", "doc/**", "**/*.md", "**/*.rst", "**/*.txt")
    config: tuple[str, ...] = ("*.toml", "*.cfg", "*.ini", "*.json", "*.yaml", "*.yml", ".*", ".github/**", "Makefile")
    protected: tuple[str, ...] = ()


class Tests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the tests run: the command up to and with `pytest` (empty: found by itself), more arguments, seconds at most.

    `source_roots` are the folders first-party code is imported from (empty: `src` where there is one, else the root).
    `env` are variables that the tests get; those that could bend a run (`PYTEST_ADDOPTS`, `PYTHONPATH`, `COVERAGE_*`)
    they get from here alone, never from whoever starts them.
    """

    __test__ = False

    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    timeout_seconds: float = 1800.0
    source_roots: tuple[str, ...] = ()
    env: dict[str, str] = {}


class Coverage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Statement coverage demanded, in per cent; `paths` overrides `changed_lines` for files that match a pattern."""

    changed_lines: float = 80.0
    new_project: float = 80.0
    paths: dict[str, float] = {}


class Approvals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which approval answers a question: `weak` (a terminal) or `strong` (a signature by an allowed signer)."""

    questions: Literal["weak", "strong"] = "weak"
    allowed_signers: str = ".phasegate/allowed_signers"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one project. `project` is its UUID; paths are relative to the root."""

    project: str = ""
    plan: str = "docs/development_roadmap/phases.md"
    render: Render = "claude_md"
    area: str = "project"
    workflow: str = ""
    record_prompts: Literal["off", "redacted", "full"] = "redacted"
    paths: Paths = Paths()
    tests: Tests = Tests()
    coverage: Coverage = Coverage()
    approvals: Approvals = Approvals()

    def class_of(self, path: str) -> FileClass:
        """The class of a path relative to the root, with `/` between its parts."""
        if matches(path, OWN) or matches(path, self.paths.protected) or path == self.approvals.allowed_signers:
            return "own"
        if path == self.plan:
            return "plan"
        if matches(path, self.paths.tests):
            return "tests"
        if matches(path, self.paths.docs):
            return "docs"
        return "config" if matches(path, self.paths.config) else "source"


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a glob pattern matches the whole path: `*` within a part, `**` across parts, `?` one character."""
    return bool(patterns) and _compiled(patterns).fullmatch(path) is not None


@functools.lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_expression(pattern)})" for pattern in patterns), re.DOTALL)


def _expression(pattern: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meaning.get(part) or re.escape(part) for part in parts)
