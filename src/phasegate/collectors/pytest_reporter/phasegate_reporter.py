"""Tells phasegate what a pytest run really did; loaded into the user's pytest by `-p phasegate_reporter`.

It needs Python 3.8, pytest and nothing else. It writes JSON lines to a file that phasegate named in the environment:
a `start`, the `inventory`, an `enter` and the `report`s of each test, an `end`. Each frame carries a nonce and a
sequence number, so that a missing, doubled or forged line is noticed. Each report carries what this plugin saw itself
beside what pytest says, so that a report which contradicts what happened is noticed too.

With pytest-xdist the workers attach what they saw to their reports, and only the controller writes.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    Facts = dict[str, Any]
    Wrapper = Generator[None, Any, None]
    Calls = list[tuple[Any, int]]  # (frame, line), innermost last

_MESSAGE, _FRAMES, _DEPTH, _BATCH, _TEST_FILE_BYTES = 2000, 40, 8, 500, 4 << 20


def _channel() -> Callable[..., None] | None:
    """The function that writes one frame, or None in a process that was not asked to."""
    path = os.environ.pop("PHASEGATE_REPORT", "")
    nonce = os.environ.pop("PHASEGATE_REPORT_NONCE", "")
    if not path or not nonce:
        return None
    # Bound here, before any code of the user runs. The file is opened for each frame: a descriptor kept open could
    # be closed by a test and given to another file, which we would then write into.
    open_, write, close, getpid, dumps = os.open, os.write, os.close, os.getpid, json.dumps
    flags, owner, sequence = os.O_WRONLY | os.O_APPEND, os.getpid(), iter(range(1 << 62))

    def send(kind: str, **fields: Any) -> None:
        if getpid() != owner:  # a child forked by a test
            return
        frame = dumps(dict(fields, kind=kind, nonce=nonce, seq=next(sequence)), ensure_ascii=False)
        file = open_(path, flags)
        try:
            # A file name or a message may hold half a character, which no JSON reader takes.
            write(file, frame.encode("utf-8", "xmlcharrefreplace") + b"\n")
        finally:
            close(file)

    return send


_send = _channel()
_measures = os.environ.get("PHASEGATE_REPORT_COVERAGE") == "1"  # stays: the workers of pytest-xdist read it too


@pytest.hookimpl(hookwrapper=True)  # a wrapper comes before pytest-cov, which starts here and asks to be first
def pytest_load_initial_conftests(early_config: Any) -> Wrapper:
    _silence_pytest_cov(early_config.known_args_namespace)
    yield


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: Any) -> None:
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerReporter(config), "phasegate-worker")
    elif _send is not None:
        _silence_pytest_cov(config.option)
        config.pluginmanager.register(Reporter(config, _send), "phasegate-controller")


def _silence_pytest_cov(options: Any) -> None:
    # Two measurements in one process disturb each other, and its --cov-fail-under would fail a run of green tests.
    if _measures and getattr(options, "cov_source", None):
        options.cov_source = []


class Observer:
    """Sees each test run, in the process where it runs, and attaches what it saw to the report."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.raised: dict[str, str] = {}
        self.deselected = 0

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> Wrapper:
        self.raised.pop(pyfuncitem.nodeid, None)
        outcome = yield
        if outcome.excinfo:
            self.raised[pyfuncitem.nodeid] = outcome.excinfo[0].__name__

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Wrapper:
        excinfo = call.excinfo
        outcome = yield
        report: Any = outcome.get_result()
        excinfo = call.excinfo or excinfo
        if hasattr(report, "when"):
            report.phasegate = dict(
                _facts(excinfo),
                path=_path(item),
                outcome=report.outcome,
                contradiction=self._contradiction(item, excinfo, report),
            )

    def _contradiction(self, item: Any, excinfo: Any, report: Any) -> str:
        raised = excinfo.type.__name__ if excinfo else ""
        if report.when == "call":
            raised = raised or self.raised.get(item.nodeid, "")
        if not raised or report.outcome not in ("passed", "skipped"):
            return ""
        skips = raised in ("Skipped", "SkipTest") or _expected_to_fail(item, raised, report)
        if report.outcome == "skipped" and skips:
            return ""
        return f"{raised} was raised in {report.when}, yet the report says {report.outcome}"

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Wrapper:
        outcome = yield
        report = outcome.get_result()
        if report.outcome != "passed":
            call = getattr(report, "call", None)
            report.phasegate = dict(
                _facts(call.excinfo if call else None), path=_path(collector), tests=_tests_of(collector)
            )

    def pytest_deselected(self, items: Any) -> None:
        self.deselected += len(items)


class Reporter(Observer):
    """Writes the frames; in a run with workers the tests are observed there."""

    def __init__(self, config: Any, send: Callable[..., None]) -> None:
        super().__init__(config)
        self.send = send
        self.inventoried: dict[str, None] = {}
        send(
            "start",
            pytest=pytest.__version__,
            python=platform.python_version(),
            executable=sys.executable or "",
            rootdir=str(getattr(config, "rootpath", None) or config.rootdir),
            addopts=_addopts(config),
        )

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: Any) -> None:
        self._inventory([item.nodeid for item in getattr(session, "items", [])])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        self._inventory(ids)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["phasegate_coverage"] = _coverage_settings()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        output = getattr(node, "workeroutput", None) or {}
        self.deselected = max(self.deselected, output.get("phasegate_deselected", 0))

    def _inventory(self, ids: list[str]) -> None:
        new = [id for id in ids if id not in self.inventoried]
        self.inventoried.update(dict.fromkeys(new))
        for start in range(0, len(new), _BATCH):
            self.send("inventory", ids=new[start : start + _BATCH])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.send("enter", id=nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        seen = getattr(report, "phasegate", None) or {}
        contradiction = seen.get("contradiction", "")
        # To red is fine: a test whose subtests failed is turned red this late.
        if not contradiction and seen and report.outcome not in (seen.get("outcome"), "rerun", "failed"):
            contradiction = f"it was {seen.get('outcome')}, then reported as {report.outcome}"
        self._report(
            report,
            seen,
            when=report.when or "???",
            expected=hasattr(report, "wasxfail"),
            line=(report.location[1] or 0) + 1,
            seconds=getattr(report, "duration", 0.0),
            contradiction=contradiction,
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome != "passed":
            seen = getattr(report, "phasegate", None) or {}
            self._report(report, seen, when="collect", tests=seen.get("tests", []))

    def _report(self, report: Any, seen: Facts, **fields: Any) -> None:
        self.send(
            "report",
            id=report.nodeid,
            outcome=report.outcome,
            path=seen.get("path", ""),
            message=seen.get("message") or _longrepr(report),
            raised=seen.get("raised"),
            **fields,
        )

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: Any) -> Wrapper:
        yield
        self.send("end", exit_code=int(session.exitstatus), deselected=self.deselected)


class WorkerReporter(Observer):
    """In a pytest-xdist worker: observes, and measures coverage where phasegate measures it."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        settings = config.workerinput.get("phasegate_coverage")
        self.coverage = _measure(settings) if settings else None

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: Any) -> Wrapper:
        # Before the others: once xdist's own hook has run, the controller may end this process.
        self.config.workeroutput["phasegate_deselected"] = self.deselected
        if self.coverage is not None:
            self.coverage.stop()
            self.coverage.save()
        yield


def _coverage_settings() -> Facts | None:
    """What a worker needs to measure as its controller does; None when nothing is measured."""
    coverage = sys.modules.get("coverage")
    current = coverage.Coverage.current() if _measures and coverage else None
    if current is None:
        return None
    return {
        "data_file": str(current.get_option("run:data_file")),
        "source": list(current.get_option("run:source") or []),
        "config_file": current.config.config_file or "",
    }


def _measure(settings: Facts) -> Any:
    import coverage

    if coverage.Coverage.current() is not None:  # the user's `patch = subprocess` was here first
        return None
    measuring = coverage.Coverage(
        data_file=settings["data_file"],
        source=settings["source"],
        config_file=settings["config_file"] or False,
        data_suffix=True,
        messages=False,
    )
    quiet = ["already-imported", "module-not-imported", "module-not-measured", "no-data-collected", "no-sysmon"]
    measuring.set_option("run:disable_warnings", quiet)
    measuring.start()
    return measuring


def _expected_to_fail(item: Any, raised: str, report: Any) -> bool:
    if not hasattr(report, "wasxfail"):
        return False
    return raised == "XFailed" or item.get_closest_marker("xfail") is not None


def _addopts(config: Any) -> list[str]:
    try:
        value = config.getini("addopts")
    except (KeyError, ValueError):
        return []
    return [str(part) for part in value] if isinstance(value, list) else [str(value)]


def _path(node: Any) -> str:
    return str(getattr(node, "path", None) or getattr(node, "fspath", ""))


def _longrepr(report: Any) -> str:
    """A reason in the report itself: of a skip, an expected failure, a strict pass, a crashed worker."""
    longrepr = report.longrepr
    if isinstance(longrepr, tuple) and len(longrepr) == 3:
        longrepr = longrepr[2]
    if hasattr(report, "wasxfail"):
        longrepr = report.wasxfail
    return str(longrepr)[:_MESSAGE] if longrepr else ""


def _facts(excinfo: Any) -> Facts:
    """The message and the `raised` of an exception: its class, where it came from, whose name was missing."""
    if not excinfo:
        return {"message": "", "raised": None}
    error = _innermost(excinfo.value)
    frames = _frames(error.__traceback__)
    raised = {
        "type": type(error).__name__,
        "bases": [base.__module__ + "." + base.__qualname__ for base in type(error).__mro__],
        "module": str(getattr(error, "name", None) or "") if isinstance(error, ImportError) else "",
        "file": str(getattr(error, "filename", None) or "") if isinstance(error, SyntaxError) else "",
        "owner": _quietly(_owner, error),
        "frames": [[frame.f_code.co_filename, line] for frame, line in frames],
    }
    return {"message": _quietly(str, error)[:_MESSAGE] or type(error).__name__, "raised": raised}


def _quietly(read: Callable[[Any], Any], error: BaseException) -> str:
    try:  # the exception and what it names are the user's objects: reading them may raise anything
        return str(read(error) or "")
    except Exception:
        return ""


def _innermost(error: Any) -> Any:
    """Without pytest's wrapping of collection errors, and the first of a group."""
    for _ in range(_DEPTH):
        grouped = getattr(error, "exceptions", None)
        if type(error).__name__ == "CollectError" and error.__cause__ is not None:
            error = error.__cause__
        elif isinstance(grouped, tuple) and grouped and isinstance(grouped[0], BaseException):
            error = grouped[0]
    return error


def _frames(traceback: Any) -> Calls:
    frames = []
    while traceback is not None:
        frames.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames[-_FRAMES:]


def _owner(error: Any) -> Any:
    """The file of the module, class or function that lacks the attribute or the parameter; "" when not found."""
    text = str(error)
    frame = _frames(error.__traceback__)[-1][0]
    if isinstance(error, AttributeError):
        if getattr(error, "obj", None) is not None:  # Python 3.10 and later
            return _file_of(error.obj)
        module = re.search(r"module '([\w.]+)'", text)
        if module:
            return _file_of(sys.modules.get(module.group(1)))
        name = re.match(r"(?:type object )?'(\w+)' object|type object '(\w+)'", text)
        return _file_of(_reachable(frame, (name.group(1) or name.group(2)).split("."))) if name else ""
    called = re.match(r"([\w.]+)\(\) (?:got |takes |missing )", text) if isinstance(error, TypeError) else None
    return _file_of(_reachable(frame, called.group(1).split("."))) if called else ""


def _reachable(frame: Any, names: list[str]) -> Any:
    """What a line of `frame` can mean by `names`: a global, a member of a module or of a local's class."""
    around = list(frame.f_locals.values()) + list(frame.f_globals.values())
    for holder in [frame.f_locals, frame.f_globals] + [vars(it) for it in around if type(it) is type(sys)]:
        if names[0] in holder and not isinstance(holder[names[0]], (str, int, tuple, list, dict)):
            return holder[names[0]]
    for cls in [type(it) for it in around] + [it for it in around if isinstance(it, type)]:
        if cls.__name__ == names[0] or (len(names) == 1 and names[0] in vars(cls)):
            return cls
    return None


def _file_of(it: Any) -> Any:
    """The file that defines `it`: a module, a function, a class or an instance."""
    if type(it) is type(sys):
        return getattr(it, "__file__", None) or next(iter(getattr(it, "__path__", [])), "")
    if isinstance(it, type) or hasattr(it, "__code__"):
        return getattr(sys.modules.get(it.__module__), "__file__", None)
    return getattr(sys.modules.get(type(it).__module__), "__file__", None)


def _tests_of(collector: Any) -> list[str]:
    """The tests in a file that could not be collected, by reading it: `test_a`, `TestB::test_c`."""
    if not hasattr(collector, "funcnamefilter"):
        return []
    try:
        with open(_path(collector), "rb") as file:
            tree = ast.parse(file.read(_TEST_FILE_BYTES))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    inside = collector.nodeid.split("::")[1:]
    names = list(_tests_in(tree.body, collector, []))
    return ["::".join(name[len(inside) :]) for name in names if name[: len(inside)] == inside]


def _tests_in(body: list[Any], collector: Any, inside: list[str]) -> Iterator[list[str]]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and collector.funcnamefilter(node.name):
            yield [*inside, node.name]
        elif isinstance(node, ast.ClassDef) and (collector.classnamefilter(node.name) or _is_test_case(node)):
            yield from _tests_in(node.body, collector, [*inside, node.name])


def _is_test_case(node: Any) -> bool:
    return any("TestCase" in ast.dump(base) for base in node.bases)
