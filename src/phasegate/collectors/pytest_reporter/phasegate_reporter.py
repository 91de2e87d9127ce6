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
import hashlib
import os
import platform
import sys
from typing import TYPE_CHECKING, Any

import pytest
from phasegate_facts import MESSAGE, channel, facts, foreign_files
from phasegate_witness import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    Facts = dict[str, Any]
    Wrapper = Generator[None, Any, None]

_BATCH, _TEST_FILE_BYTES = 500, 4 << 20


_send = channel()
_witness = watching()
_sha256 = hashlib.sha256
_seed = os.environ.pop("PHASEGATE_REPORT_CHALLENGE", "")
# These stay: the workers of pytest-xdist read them too.
_measures = os.environ.get("PHASEGATE_REPORT_COVERAGE") == "1"
_by_test = os.environ.get("PHASEGATE_REPORT_CONTEXTS") == "1"


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
        self.seed = _seed or getattr(config, "workerinput", {}).get("phasegate_challenge", "")
        self.challenged: dict[str, int] = {}
        self.deselected = 0

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Wrapper:
        if _witness is not None:
            _witness.begin()
        _attribute_to(item.nodeid)
        yield
        _attribute_to("")

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> Wrapper:
        self.raised.pop(pyfuncitem.nodeid, None)
        outcome = yield
        if outcome.excinfo:
            self.raised[pyfuncitem.nodeid] = outcome.excinfo[0].__name__
        elif self.seed:
            drawn = _sha256((self.seed + "\0" + pyfuncitem.nodeid).encode("utf-8", "xmlcharrefreplace")).digest()[0] & 1
            self.challenged[pyfuncitem.nodeid] = drawn
            if drawn:
                outcome.force_exception(AssertionError("phasegate lets this test fail, to see whether that is told"))

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Wrapper:
        excinfo = call.excinfo
        outcome = yield
        report: Any = outcome.get_result()
        excinfo = call.excinfo or excinfo
        if hasattr(report, "when"):
            report.phasegate = dict(
                facts(excinfo.value if excinfo else None),
                path=_path(item),
                outcome=report.outcome,
                contradiction=self._contradiction(item, excinfo, report),
                challenged=self.challenged.get(item.nodeid, -1) if report.when == "call" else -1,
                seen=_witness.end() if _witness is not None and report.when == "teardown" else {},
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
                facts(call.excinfo.value if call and call.excinfo else None),
                path=_path(collector),
                tests=_tests_of(collector),
            )

    def pytest_deselected(self, items: Any) -> None:
        self.deselected += len(items)


class Reporter(Observer):
    """Writes the frames; in a run with workers the tests are observed there."""

    def __init__(self, config: Any, send: Callable[..., None]) -> None:
        super().__init__(config)
        self.send = send
        self.inventoried: dict[str, None] = {}
        self.modules: set[str] = set()
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
        node.workerinput["phasegate_challenge"] = self.seed

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        output = getattr(node, "workeroutput", None) or {}
        self.deselected = max(self.deselected, output.get("phasegate_deselected", 0))
        self.modules.update(output.get("phasegate_modules", []))

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
            challenged=seen.get("challenged", -1),
            **seen.get("seen", {}),
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
        self.send("modules", files=sorted(self.modules.union(foreign_files())))
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
        self.config.workeroutput["phasegate_modules"] = foreign_files()
        if self.coverage is not None:
            self.coverage.stop()
            self.coverage.save()
        yield


def _attribute_to(test: str) -> None:
    """Let coverage.py say of each line from now on that this test ran it."""
    coverage = sys.modules.get("coverage") if _by_test else None
    try:  # a test may have stopped the measurement, or begun one of its own
        current = coverage.Coverage.current() if coverage else None
        if current is not None:
            current.switch_context(test)
    except Exception:
        return


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
    return str(longrepr)[:MESSAGE] if longrepr else ""


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
