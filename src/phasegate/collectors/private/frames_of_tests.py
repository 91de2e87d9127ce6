"""Judges each Python test by what its own lines were seen to do, and not by what the runner reports of it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from phasegate.collectors.private.inside import Inside
from phasegate.collectors.pytest_frames import Frames, Report
from phasegate.collectors.why_red import FirstParty
from phasegate.evidence.levels import Hollow, Layer, SuiteLevel
from phasegate.evidence.tests import TestResult, TestRun

_FILE_BYTES = 4 << 20
_ASSERTING = re.compile(
    r"(?:^|_)(?:assert|expect|check|verify|should|raises|warns|fail|ensure|validate|compare|match)|^assert|^expect",
    re.IGNORECASE,
)
"""Names of calls that say something must be so: `assertEqual`, `pytest.raises`, `check_estimator`, `expect`."""
_MAY_BREAK = re.compile(r"raises|Raises")

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(Struct, frozen=True):
    """A test file as it is written: its functions by their names inside it, and the lines that assert something."""

    functions: dict[str, tuple[tuple[int, int], ...]]
    asserting: frozenset[int]
    breaking: frozenset[int]


def judged(run: TestRun, frames: Frames, inside: Inside, place: str, ours: FirstParty) -> TestRun:
    """`run` with the tests that passed without being seen to run as errors, and what shows nothing listed.

    `place` is where the suite ran, as the suite sees it. The run gets its level, with what looked at it.
    """
    seen = {report.id: report for report in frames.reports if report.when == "teardown" and report.watched}
    sources = Sources(inside, place)
    results = tuple(_seen(result, seen.get(result.id), sources) for result in run.results)
    passed = [result for result in results if result.outcome == "passed"]
    hollow = tuple(_hollow(result, seen[result.id], sources) for result in passed if result.id in seen)
    strange = foreign_modules(frames.modules, inside, ours)
    why = f"the tests imported what is not of the tree: {', '.join(strange[:3])}" if strange else ""
    unseen = [result.id for result in passed if result.id not in seen or not sources.spans(result)]
    layers = (*_layers(inside), _frames_layer(len(passed), unseen))
    runner = run.runner.partition(" ")[0]
    return replace(
        run, results=results, hollow=tuple(filter(None, hollow)), watched=bool(seen) or not passed,
        complete=run.complete and not why, why_incomplete=run.why_incomplete or why,
        levels=(SuiteLevel("", runner, "private", possible=True, layers=layers),),
    )  # fmt: skip


def foreign_modules(files: Sequence[str], inside: Inside, ours: FirstParty) -> list[str]:
    """The imported files that are none of the tree's, though the project's own tree, or its names, hold them."""
    return [file for file in files if _is_foreign(os.path.realpath(file), inside, ours)]


def _is_foreign(file: str, inside: Inside, ours: FirstParty) -> bool:
    for root in dict.fromkeys((inside.seen(inside.top), inside.top)):
        if file.startswith(root + os.sep):
            inner = os.path.relpath(file, root)
            if _provided(inner, inside):
                return False
            return root != inside.seen(inside.top) or inner not in inside.files
    name = os.path.basename(os.path.dirname(file) if file.endswith("__init__.py") else file.removesuffix(".py"))
    return name in ours.modules and _makes_up_a_package(file, name)


def _provided(inner: str, inside: Inside) -> bool:
    return any(inner == path or inner.startswith(f"{path}/") for path in inside.provided)


def _makes_up_a_package(file: str, name: str) -> bool:
    """Whether the file is the top of the package or module of that name, and not a part of another package."""
    top = os.path.dirname(os.path.dirname(file) if file.endswith("__init__.py") else file)
    return bool(name) and not os.path.exists(os.path.join(top, "__init__.py"))


def _layers(inside: Inside) -> tuple[Layer, ...]:
    where = "shown at the project's own path" if inside.mounted else "with its source roots first on the path"
    return (Layer("private tree", True, f"{len(inside.files)} files, {where}"),)


def _frames_layer(passed: int, unseen: Sequence[str]) -> Layer:
    if unseen and len(unseen) == passed:
        return Layer("frames", False, f"no test's own lines could be watched, the first is {unseen[0]}")
    told = f", {len(unseen)} lie outside the watched files, the first is {unseen[0]}" if unseen else ""
    return Layer("frames", True, f"{passed - len(unseen)} tests were seen to run{told}")


def _seen(result: TestResult, report: Report | None, sources: Sources) -> TestResult:
    spans = sources.spans(result)
    if result.outcome != "passed" or report is None or not spans:
        return result
    lines = report.ran.get(sources.seen_path(result.file), ())
    if any(first <= line <= last for first, last in spans for line in lines):
        return result
    message = "it was reported as passed, and none of its own lines ran"
    return replace(result, outcome="error", cause="other", message=message)


def _hollow(result: TestResult, report: Report, sources: Sources) -> Hollow | None:
    """Why a test that passed shows nothing: an assertion that failed was swallowed, or none ran at all."""
    if not sources.spans(result):
        return None
    files = {file: sources.at(file) for file in report.ran}
    may = any(not files[file].breaking.isdisjoint(lines) for file, lines in report.ran.items())
    broke = [f"{sources.name(file)}:{line}" for file, lines in report.broke.items() for line in lines]
    if broke and not may:
        return Hollow(result.id, f"the assertion at {broke[0]} failed, and something swallowed that")
    if not any(not files[file].asserting.isdisjoint(lines) for file, lines in report.ran.items()):
        return Hollow(result.id, "no assertion ran")
    return None


class Sources:
    """The test files of a run, read from the private tree when first asked for; paths are absolute, as the suite's."""

    def __init__(self, inside: Inside, place: str) -> None:
        self._inside, self._place = inside, place
        self._root = inside.seen(inside.top)
        self._read: dict[str, Source] = {}

    def seen_path(self, file: str) -> str:
        """The absolute path of a file named relative to where the suite ran."""
        return os.path.normpath(os.path.join(self._place, file))

    def name(self, file: str) -> str:
        """A file relative to where the suite ran."""
        return os.path.relpath(file, self._place)

    def spans(self, result: TestResult) -> tuple[tuple[int, int], ...]:
        """The lines of the body of a test's function, by reading its file; nothing when it is not written there."""
        _, _, name = result.id.partition("::")
        plain = name.partition("[")[0]
        return self.at(self.seen_path(result.file)).functions.get(plain, ()) if plain else ()

    def at(self, file: str) -> Source:
        if file not in self._read:
            self._read[file] = source(self._content(file))
        return self._read[file]

    def _content(self, file: str) -> bytes:
        inner = os.path.relpath(file, self._root)
        if inner.startswith(os.pardir):
            return b""
        try:
            with open(os.path.join(self._inside.tree, inner), "rb") as found:
                return found.read(_FILE_BYTES)
        except OSError:
            return b""


def source(content: bytes) -> Source:
    """What a test file says; one that cannot be parsed says nothing."""
    try:
        tree = ast.parse(content)
        spans: dict[str, tuple[tuple[int, int], ...]] = {}
        for name, function in _functions(tree.body, ()):
            spans[name] = (*spans.get(name, ()), (function.body[0].lineno, function.end_lineno or function.lineno))
        asserting = {line for node in ast.walk(tree) for line in _asserting(node)}
        breaking = {line for node in ast.walk(tree) for line in _breaking(node)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Source({}, frozenset(), frozenset())
    return Source(spans, frozenset(asserting), frozenset(breaking))


def _functions(body: Sequence[ast.stmt], inside: tuple[str, ...]) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield "::".join((*inside, node.name)), node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, (*inside, node.name))
        else:
            for field in ("body", "orelse", "finalbody"):
                yield from _functions(getattr(node, field, []), inside)
            for handler in getattr(node, "handlers", []):
                yield from _functions(handler.body, inside)


def _asserting(node: ast.AST) -> Iterator[int]:
    """The lines of an assertion, from its first to its last."""
    if isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _ASSERTING.search(_called(node))):
        yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _breaking(node: ast.AST) -> Iterator[int]:
    """The line of a statement that waits for an error, so that an assertion may fail in it."""
    if isinstance(node, ast.With | ast.AsyncWith):
        calls = [item.context_expr for item in node.items]
        if any(isinstance(call, ast.Call) and _MAY_BREAK.search(_called(call)) for call in calls):
            yield node.lineno


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))
