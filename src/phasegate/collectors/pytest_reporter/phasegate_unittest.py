"""Runs the user's tests as `python -m unittest` would, and tells phasegate what they really did.

It needs Python 3.8 and nothing else, and writes the frames that phasegate's pytest reporter writes, with the ids that
pytest would give: `tests/test_a.py::Case::test_x`. Each test method is wrapped, so that a result which contradicts
what happened in it is noticed.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import platform
import re
import sys
import unittest
from typing import TYPE_CHECKING, Any

from phasegate_facts import MESSAGE, channel, facts, foreign_files
from phasegate_witness import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Facts = dict[str, Any]

_BATCH, _TEST_FILE_BYTES = 500, 4 << 20
_PHASES = {
    "_callSetUp": "setup",
    "_callTestMethod": "call",
    "_callTearDown": "teardown",
    "_callCleanup": "teardown",
    "doCleanups": "teardown",
}
_NO_TESTS = 5 if sys.version_info >= (3, 12) else 0
_UNLOADED, _SKIPPED = "unittest.loader._FailedTest", "unittest.loader.ModuleSkipped"


_witness = watching()


class Place:
    """Where tests lie, in ids and in files."""

    def __init__(self) -> None:
        self.root = os.path.realpath(os.getcwd())
        self.tops = [self.root]

    def path(self, test: Any) -> str:
        module = sys.modules.get(type(test).__module__)
        return os.path.realpath(getattr(module, "__file__", None) or "") if module else ""

    def id(self, test: Any) -> str:
        if _kind(test) in (_UNLOADED, _SKIPPED):
            return self.relative(self.file_of_module(_name(test)))
        path = self.path(test)
        if not path or not isinstance(test, unittest.TestCase) or isinstance(test, unittest.FunctionTestCase):
            return f"{self.relative(path)}::{test.id()}" if path else str(test.id())
        return f"{self.relative(path)}::{type(test).__qualname__}::{_name(test)}"

    def file_of_module(self, name: str) -> str:
        """The file that the module would be read from; its name when there is none."""
        parts = name.split(".")
        for top in self.tops:
            for length in range(len(parts), 0, -1):
                base = os.path.join(top, *parts[:length])
                for path in (base + ".py", os.path.join(base, "__init__.py")):
                    if os.path.isfile(path):
                        return path
        return name

    def relative(self, path: str) -> str:
        return os.path.relpath(path, self.root) if os.path.isabs(path) else path


class Watched:
    """What one test method was seen to do."""

    def __init__(self, test: Any) -> None:
        self.entered = 0
        self.raised = ""
        self.told = False
        name = _name(test)
        method = getattr(test, name, None)
        if callable(method) and isinstance(test, unittest.TestCase):
            setattr(test, name, self._async(method) if inspect.iscoroutinefunction(method) else self._plain(method))
            self.told = True

    def _plain(self, method: Callable[..., Any]) -> Any:
        @functools.wraps(method)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.entered += 1
            try:
                return method(*args, **kwargs)
            except BaseException as error:
                self.raised = type(error).__name__
                raise

        return watched

    def _async(self, method: Callable[..., Any]) -> Any:
        @functools.wraps(method)
        async def watched(*args: Any, **kwargs: Any) -> Any:
            self.entered += 1
            try:
                return await method(*args, **kwargs)
            except BaseException as error:
                self.raised = type(error).__name__
                raise

        return watched

    def contradiction(self, outcome: str, expected: bool) -> str:
        if not self.told:
            return ""
        if outcome == "passed" and not self.entered:
            return "its method was never called, yet the report says passed"
        skips = self.raised == "SkipTest" or expected or self.raised == "_ShouldStop"
        if self.raised and outcome in ("passed", "skipped") and not (outcome == "skipped" and skips):
            return f"{self.raised} was raised in it, yet the report says {outcome}"
        return ""


class Result(unittest.TextTestResult):
    """Tells each event of each test; in sum, what the text result has counted decides the exit code."""

    def __init__(self, *args: Any, send: Callable[..., None], place: Place, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.send, self.place = send, place
        self.watched: dict[int, Watched] = {}
        self.ids: dict[int, str] = {}
        self.classes: dict[int, str] = {}
        self.last: dict[str, Any] = {}
        self.said = False

    def know(self, tests: list[Any]) -> None:
        for test in tests:
            self.ids[id(test)] = self.place.id(test)
            self.watched[id(test)] = Watched(test)
        self.tests = tests  # keeps them alive: their addresses are their names here
        ids = list(dict.fromkeys(self.ids[id(test)] for test in tests if _kind(test) not in (_UNLOADED, _SKIPPED)))
        for start in range(0, len(ids), _BATCH):
            self.send("inventory", ids=ids[start : start + _BATCH])

    def startTest(self, test: Any) -> None:
        self.said = False
        if _witness is not None:
            _witness.begin()
        if _kind(test) not in (_UNLOADED, _SKIPPED):
            self.send("enter", id=self._id(test))
        super().startTest(test)

    def stopTest(self, test: Any) -> None:
        super().stopTest(test)
        if _kind(test) in (_UNLOADED, _SKIPPED):
            return
        if not self.said:
            self._tell(test, "call", "failed", None, contradiction="it ended without an outcome")
        self._tell(test, "teardown", "passed", None, seen=_witness.end() if _witness is not None else {})
        self.last[_class(test)] = test

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        self._tell(test, "call", "passed", None)

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._red(test, err)

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._red(test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._red(test, err)

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        if _kind(test) == _SKIPPED:
            self._uncollected(test, "skipped", None, str(reason))
        elif _held(test):
            for each in self._held_back(test):
                self._whole(each, "skipped", None, message=str(reason))
        else:
            self._tell(test, "call", "skipped", None, message=str(reason))

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self._tell(test, "call", "skipped", err, expected=True)

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        # unittest calls such a run failed: it is told as pytest tells of a strict one.
        self._tell(test, "call", "failed", None, message="it was expected to fail, and passed")

    def _red(self, test: Any, err: Any) -> None:
        if _kind(test) == _UNLOADED:
            self._uncollected(test, "failed", self._load_again(test), str(err[1]))
        elif _held(test):
            self._of_a_class(test, err)
        else:
            self._tell(test, _phase(err), "failed", err)

    def _of_a_class(self, test: Any, err: Any) -> None:
        if str(test.description).startswith("setUp"):
            for each in self._held_back(test):
                self._whole(each, "failed", err)
            return
        name = _held(test)
        for of, last in self.last.items():
            if of == name or of.startswith(f"{name}."):
                self._tell(last, "teardown", "failed", err)
                return

    def _held_back(self, test: Any) -> list[Any]:
        """The tests of a class or module whose set-up kept them from running."""
        name = _held(test)
        return [each for each in self.tests if _class(each) == name or type(each).__module__ == name]

    def _whole(self, test: Any, outcome: str, err: Any, message: str = "") -> None:
        self.send("enter", id=self._id(test))
        self._tell(test, "setup", outcome, err, message=message)
        self._tell(test, "teardown", "passed", None)

    def _load_again(self, test: Any) -> Any:
        """What unittest made a text of: the exception that importing the module raises."""
        try:
            importlib.import_module(_name(test))
        except BaseException as error:
            return error
        return None

    def _uncollected(self, test: Any, outcome: str, error: Any, message: str) -> None:
        path = self.place.file_of_module(_name(test))
        told = facts(error)
        self.send(
            "report", id=self.place.relative(path), when="collect", outcome=outcome, path=os.path.abspath(path),
            message=told["message"] or message[:MESSAGE], raised=told["raised"], tests=_tests_of(path),
        )  # fmt: skip

    def _tell(
        self, test: Any, when: str, outcome: str, err: Any, *, expected: bool = False, message: str = "",
        contradiction: str = "", seen: Any = None,
    ) -> None:  # fmt: skip
        told = facts(err[1] if err else None)
        watched = self.watched.get(id(test))
        if when == "call":
            self.said = True
            if watched is not None:
                contradiction = contradiction or watched.contradiction(outcome, expected)
        elif when == "setup":
            self.said = True
        self.send(
            "report", id=self._id(test), when=when, outcome=outcome, path=self.place.path(test), line=_line(test),
            message=message[:MESSAGE] or told["message"], raised=told["raised"], expected=expected,
            contradiction=contradiction, **(seen or {}),
        )  # fmt: skip

    def _id(self, test: Any) -> str:
        return self.ids.get(id(test)) or self.place.id(test)


class Runner(unittest.TextTestRunner):
    """The text runner, whose result is ours."""

    def __init__(self, send: Callable[..., None], place: Place, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.send, self.place = send, place

    def _makeResult(self) -> Result:
        return Result(self.stream, self.descriptions, self.verbosity, send=self.send, place=self.place)

    def run(self, test: Any) -> Any:
        tests = list(_flat(test))
        made = self._makeResult
        result = made()
        result.know(tests)
        self._makeResult = lambda: result  # type: ignore[method-assign]
        return super().run(test)


class Program(unittest.TestProgram):
    """The command line of unittest, whose loader tells where it began to look."""

    def __init__(self, send: Callable[..., None], place: Place, argv: list[str]) -> None:
        self.send, self.place = send, place
        super().__init__(module=None, argv=argv, exit=False)

    def runTests(self) -> None:
        top = getattr(self.testLoader, "_top_level_dir", None)
        self.place.tops[:0] = [os.path.abspath(top)] if top else []
        options = {"verbosity": self.verbosity, "buffer": self.buffer, "warnings": self.warnings}
        self.testRunner = Runner(self.send, self.place, failfast=False, **options)
        super().runTests()


def main() -> int:
    send = channel()
    if send is None:
        raise SystemExit("this is phasegate's: run `python -m unittest` instead")
    send("start", pytest=platform.python_version(), python=platform.python_version(), executable=sys.executable or "",
         rootdir=os.getcwd())  # fmt: skip
    result = Program(send, Place(), ["python -m unittest", *sys.argv[1:]]).result
    code = 0 if result.wasSuccessful() else 1
    if not result.testsRun and not result.skipped and code == 0:
        code = _NO_TESTS
    send("modules", files=foreign_files())
    send("end", exit_code=code, deselected=0)
    return code


def _flat(suite: Any) -> Iterator[Any]:
    try:
        inside = iter(suite)
    except TypeError:
        yield suite
        return
    for each in inside:
        if each is not None:
            yield from _flat(each)


def _kind(test: Any) -> str:
    return f"{type(test).__module__}.{type(test).__qualname__}"


def _name(test: Any) -> str:
    return str(getattr(test, "_testMethodName", "") or "")


def _class(test: Any) -> str:
    return _kind(test)


def _held(test: Any) -> str:
    """`module.Class` or `module` when `test` stands for what is set up or torn down for them; else ""."""
    found = re.match(r"(?:setUp|tearDown)(?:Class|Module) \((.*)\)$", str(getattr(test, "description", "") or ""))
    return found.group(1) if found and not isinstance(test, unittest.TestCase) else ""


def _phase(err: Any) -> str:
    """Which part of a test raised: told by unittest's own functions in the traceback."""
    traceback = err[2]
    while traceback is not None:
        phase = _PHASES.get(traceback.tb_frame.f_code.co_name)
        if phase and traceback.tb_frame.f_globals.get("__name__") in ("unittest.case", "unittest.async_case"):
            return phase
        traceback = traceback.tb_next
    return "call"


def _line(test: Any) -> int:
    method = getattr(type(test), _name(test), None)
    code = getattr(inspect.unwrap(method), "__code__", None) if callable(method) else None
    return int(code.co_firstlineno) if code else 0


def _tests_of(path: str) -> list[str]:
    """The tests in a file that could not be loaded, by reading it: `Case::test_a`."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(_TEST_FILE_BYTES))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return [
        f"{node.name}::{each.name}"
        for node in classes
        if any("TestCase" in ast.dump(base) for base in node.bases)
        for each in node.body
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.name.startswith("test")
    ]


if __name__ == "__main__":
    sys.exit(main())
