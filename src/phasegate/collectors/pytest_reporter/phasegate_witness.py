"""Sees which lines of the test files run, and which assertions fail there, without asking the test runner.

It needs Python 3.8 and nothing else. From Python 3.12 on it listens to `sys.monitoring`, for the code of the watched
files alone. Before that it adds calls to their functions as they are compiled: one before each statement, and one
after each assertion that held.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import ast
import builtins
import json
import os
import sys
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Lines = dict[str, list[int]]

_TOOL, _NAME = 4, "phasegate"
_FILE_BYTES = 4 << 20
_RAN, _HELD = "__phasegate_ran__", "__phasegate_held__"
_DECORATORS = frozenset(
    "pytest mark parametrize fixture given settings example patch mock unittest property staticmethod classmethod "
    "contextmanager contextlib functools wraps lru_cache cache skip skipif skipIf skipUnless expectedFailure".split()
)
"""Functions under another decorator are left as they are: it may read their code, as a compiler for numbers does."""


def watching() -> Any:
    """A witness of the files that phasegate named in the environment; None when it named none."""
    path = os.environ.get("PHASEGATE_REPORT_WATCH", "")
    if not path:
        return None
    with open(path, encoding="utf-8") as file:
        files = json.load(file)["files"]
    return Monitor(files) if sys.version_info >= (3, 12) else Marks(files)


class Monitor:
    """By the events of the interpreter itself."""

    def __init__(self, files: list[str]) -> None:
        self.files = set(files)
        self.lines: set[tuple[str, int]] = set()
        self.broke: dict[tuple[str, int], int] = {}
        self.asserts: dict[str, list[tuple[int, int]]] = {}
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        self.monitoring, self.disable = monitoring, monitoring.DISABLE
        monitoring.use_tool_id(_TOOL, _NAME)
        events = monitoring.events
        for event, listener in ((events.PY_START, self.started), (events.LINE, self.line), (events.RAISE, self.raised)):
            monitoring.register_callback(_TOOL, event, listener)
        monitoring.set_events(_TOOL, events.PY_START | events.RAISE)

    def started(self, code: Any, offset: int) -> Any:
        if code.co_filename in self.files:
            self.monitoring.set_local_events(_TOOL, code, self.monitoring.events.LINE)
        return self.disable

    def line(self, code: Any, line: int) -> None:
        self.lines.add((code.co_filename, line))
        if self.broke:
            for (file, first), last in list(self.broke.items()):
                if file == code.co_filename and first <= line <= last:
                    del self.broke[file, first]

    def raised(self, code: Any, offset: int, error: BaseException) -> None:
        if isinstance(error, AssertionError) and code.co_filename in self.files:
            at = next((line for start, end, line in code.co_lines() if start <= offset < end and line), 0)
            first, last = self._statement(code.co_filename, at)
            self.broke[code.co_filename, first] = last

    def _statement(self, file: str, line: int) -> tuple[int, int]:
        if file not in self.asserts:
            nodes = ast.walk(_parsed(file))
            self.asserts[file] = [(n.lineno, n.end_lineno or n.lineno) for n in nodes if _asserts(n)]
        found = [each for each in self.asserts[file] if each[0] <= line <= each[1]]
        return found[0] if found else (line, line)

    def begin(self) -> None:
        self.lines.clear()
        self.broke.clear()

    def end(self) -> dict[str, Any]:
        sound = self.monitoring.get_tool(_TOOL) == _NAME
        told = {"ran": _by_file(self.lines), "broke": _by_file(set(self.broke)), "watched": sound}
        self.begin()
        return told


class Marks:
    """By calls that are added to the watched code when it is compiled."""

    def __init__(self, files: list[str]) -> None:
        self.number = {file: number for number, file in enumerate(files)}
        self.names = list(files)
        self.lines: set[int] = set()
        self.open: set[int] = set()
        lines, opened = self.lines.add, self.open.add

        def ran(mark: int, asserts: bool = False) -> None:
            lines(mark)
            if asserts:
                opened(mark)

        setattr(builtins, _RAN, ran)
        setattr(builtins, _HELD, self.open.discard)
        self._watch_imports()

    def _watch_imports(self) -> None:
        plain = SourceFileLoader.source_to_code

        def source_to_code(loader: Any, data: Any, path: Any, **options: Any) -> Any:
            if str(path) in self.number and isinstance(data, bytes):
                try:
                    return compile(self.marked(ast.parse(data), str(path)), path, "exec", dont_inherit=True)
                except (SyntaxError, ValueError, RecursionError):
                    pass  # the loader itself says what is wrong
            return plain(loader, data, path, **options)

        SourceFileLoader.source_to_code = source_to_code  # type: ignore[assignment,method-assign]
        rewrite = sys.modules.get("_pytest.assertion.rewrite")
        original = getattr(rewrite, "rewrite_asserts", None)
        if original is None:
            return

        def rewrite_asserts(tree: Any, source: Any, module_path: Any = None, config: Any = None) -> None:
            if module_path is not None and "site-packages" not in str(module_path):
                self.marked(tree, str(module_path))
            original(tree, source, module_path, config)

        rewrite.rewrite_asserts = rewrite_asserts  # type: ignore[union-attr]

    def marked(self, tree: Any, file: str) -> Any:
        """The module with marks in its functions and methods, and in functions inside those where they assert."""
        if file not in self.number:
            self.number[file] = len(self.names)
            self.names.append(file)
        for function in _functions(tree.body):
            self._mark(function, self.number[file] << 24)
        return ast.fix_missing_locations(tree)

    def _mark(self, function: Any, file: int) -> None:
        if all(_known(decorator) for decorator in function.decorator_list):
            function.body = list(self._body(function.body, file, docstring=True))

    def _body(self, body: list[Any], file: int, *, docstring: bool = False) -> Iterator[Any]:
        for number, statement in enumerate(body):
            text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if docstring and number == 0 and text:
                yield statement
                continue
            asserts = _asserts(statement)
            yield self._call(_RAN, statement, file, *([True] if asserts else []))
            self._inside(statement, file)
            yield statement
            if asserts:
                yield self._call(_HELD, statement, file)

    def _inside(self, statement: Any, file: int) -> None:
        if isinstance(statement, ast.ClassDef):
            return
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if any(_asserts(node) for node in ast.walk(statement)):
                self._mark(statement, file)
            return
        for holder in [statement, *getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
            for field in ("body", "orelse", "finalbody"):
                inner = getattr(holder, field, None)
                if isinstance(inner, list) and inner:
                    setattr(holder, field, list(self._body(inner, file)))

    def _call(self, name: str, at: Any, file: int, *more: bool) -> Any:
        marks = [ast.Constant(file | at.lineno), *map(ast.Constant, more)]
        call = ast.Expr(ast.Call(ast.Name(name, ast.Load()), marks, []))
        for node in ast.walk(call):
            ast.copy_location(node, at)
            if hasattr(node, "end_lineno"):
                node.end_lineno, node.end_col_offset = at.lineno, getattr(at, "col_offset", 0)
        return call

    def begin(self) -> None:
        self.lines.clear()
        self.open.clear()

    def end(self) -> dict[str, Any]:
        told = {"ran": self._told(self.lines), "broke": self._told(self.open), "watched": True}
        self.begin()
        return told

    def _told(self, marks: set[int]) -> Lines:
        return _by_file({(self.names[mark >> 24], mark & 0xFFFFFF) for mark in marks})


def _by_file(places: set[tuple[str, int]]) -> Lines:
    found: Lines = {}
    for file, line in sorted(places):
        found.setdefault(file, []).append(line)
    return found


def _parsed(file: str) -> Any:
    try:
        with open(file, "rb") as source:
            return ast.parse(source.read(_FILE_BYTES))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _functions(body: list[Any]) -> Iterator[Any]:
    """The functions of a module and the methods of its classes, wherever conditions put them."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
        else:
            for holder in [node, *getattr(node, "handlers", [])]:
                for field in ("body", "orelse", "finalbody"):
                    inner = getattr(holder, field, None)
                    if isinstance(inner, list):
                        yield from _functions(inner)


def _known(decorator: Any) -> bool:
    names = [node for node in ast.walk(decorator) if isinstance(node, (ast.Name, ast.Attribute))]
    root = next((node.id for node in names if isinstance(node, ast.Name)), "")
    last = next((node.attr for node in names if isinstance(node, ast.Attribute)), root)
    return root in _DECORATORS or last in _DECORATORS


def _asserts(node: Any) -> bool:
    """Whether a statement is an assertion by itself: `assert`, or a call like `self.assertEqual(...)`."""
    if isinstance(node, ast.Assert):
        return True
    value = getattr(node, "value", None) if isinstance(node, ast.Expr) else None
    value = value.value if isinstance(value, ast.Await) else value
    if not isinstance(value, ast.Call):
        return False
    name = getattr(value.func, "attr", getattr(value.func, "id", ""))
    return str(name).lower().startswith("assert")
