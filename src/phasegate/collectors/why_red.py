"""Why a red test is red: an exception as the reporter saw it, in the words of `evidence.tests`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Sequence

from msgspec import Struct

from phasegate.collectors.pytest_frames import Raised, Report
from phasegate.evidence.tests import Cause

_PROJECT_FILE_BYTES = 1 << 20
_FOREIGN_FOLDERS = frozenset({"site-packages", "dist-packages", ".venv", "venv", "node_modules"})


class FirstParty(Struct, frozen=True):
    """The code under test: `roots` are real paths, `modules` the top-level names it provides."""

    roots: tuple[str, ...]
    modules: frozenset[str]

    def owns_file(self, path: str) -> bool:
        """Whether `path` is source below a root, and no test of it."""
        real = os.path.realpath(path) if path else ""
        inside = [os.path.relpath(real, root) for root in self.roots if real and _below(real, root)]
        return any(_is_code_under_test(path.removesuffix(".py").split(os.sep)) for path in inside)

    def owns_module(self, name: str) -> bool:
        parts = name.split(".")
        return parts[0] in self.modules and _is_code_under_test(parts)


def first_party(root: str, source_roots: Iterable[str]) -> FirstParty:
    """What lies below `source_roots` (relative to `root`, or absolute), and the project's own name.

    The name counts before its package exists: that is where the first test of a new project starts.
    """
    roots = tuple(os.path.realpath(os.path.join(root, source)) for source in source_roots)
    modules = {name for source in roots for name in _modules_in(source)} | _project_names(root)
    return FirstParty(roots, frozenset(modules))


def cause_of(report: Report, ours: FirstParty) -> Cause:
    """Why `report` is red. Doubt is never one of the right reasons."""
    error = report.raised
    if report.contradiction or report.when == "???":
        return "other"
    if report.when == "teardown":
        return "fixture"
    if error is None:
        return "collection" if report.when == "collect" else "other"
    # A circular import says that a name is missing which is there.
    if _lacks_a_name(error, ours) and "partially initialized module" not in report.message:
        return "missing_name"
    match report.when:
        case "collect":
            return _cause_in_collection(report, error, ours)
        case "setup":
            return "fixture"
        case _:
            return _cause_in_call(report, error, ours)


def _cause_in_collection(report: Report, error: Raised, ours: FirstParty) -> Cause:
    if _is(error, "SyntaxError"):
        return "collection" if ours.owns_file(error.file) else "syntax_of_test"
    return "import_of_test" if _is(error, "ImportError") else "collection"


def _cause_in_call(report: Report, error: Raised, ours: FirstParty) -> Cause:
    if _is(error, "ImportError"):
        return "import_of_test"
    says_fail = error.type == "Failed" and "_pytest.outcomes.OutcomeException" in error.bases
    if says_fail and report.message.startswith("Timeout "):  # pytest-timeout's own words
        return "timeout"
    if says_fail or _is(error, "AssertionError"):
        return "assertion"
    return "raised_by_code" if any(ours.owns_file(file) for file, *_ in error.frames) else "other"


def _lacks_a_name(error: Raised, ours: FirstParty) -> bool:
    """Whether the code under test lacks a name, a member or a parameter that was asked of it."""
    innermost = error.frames[-1][0] if error.frames else ""
    if _is(error, "ModuleNotFoundError"):
        return ours.owns_module(error.module)
    if _is(error, "ImportError"):
        return ours.owns_module(error.module) and error.type == "ImportError"
    if _is(error, "AttributeError") or _is(error, "TypeError"):
        return ours.owns_file(error.owner)
    if _is(error, "NotImplementedError") or error.type == "NameError":
        return ours.owns_file(innermost)
    return False


def _is(error: Raised, builtin: str) -> bool:
    return f"builtins.{builtin}" in error.bases


def _is_code_under_test(parts: Sequence[str]) -> bool:
    return not any(_names_a_test(part) or part in _FOREIGN_FOLDERS for part in parts)


def _names_a_test(part: str) -> bool:
    return part in ("test", "tests", "conftest") or part.startswith("test_") or part.endswith("_test")


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _modules_in(source: str) -> set[str]:
    if os.path.isfile(os.path.join(source, "__init__.py")):
        return {os.path.basename(source)}
    try:
        with os.scandir(source) as entries:
            names = [entry.name for entry in entries if entry.is_dir() or entry.name.endswith((".py", ".so"))]
    except OSError:
        return set()
    return {module for name in names if (module := name.split(".")[0]).isidentifier()}


def _project_names(root: str) -> set[str]:
    try:
        with open(os.path.join(root, "pyproject.toml"), "rb") as file:
            settings = tomllib.loads(file.read(_PROJECT_FILE_BYTES).decode())
    except (OSError, ValueError, RecursionError):
        return set()
    project, tool = settings.get("project"), settings.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    named = [table.get("name") for table in (project, poetry) if isinstance(table, dict)]
    return {name.replace("-", "_").replace(".", "_").lower() for name in named if isinstance(name, str)}
