"""Real pytest runs that end oddly or say what is not so: none of them is a pass."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from phasegate.collectors.interface import NoScratchDirectory, SuiteRun

Runs = Callable[..., SuiteRun]

GREEN_THEN = "def test_a(): ...\ndef test_b():\n    {}\ndef test_c(): ..."

HOOKS = {
    "makereport sets the outcome": """
        import pytest
        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_makereport(item, call):
            outcome = yield
            outcome.get_result().outcome = "passed"
    """,
    "makereport is another's": """
        from _pytest.reports import TestReport
        def pytest_runtest_makereport(item, call):
            call.excinfo = None
            return TestReport.from_item_and_call(item, call)
    """,
    "makereport makes it a skip": """
        import pytest
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(item, call):
            report = (yield).get_result()
            if report.failed:
                report.outcome, report.longrepr = "skipped", ("", 1, "flaky network")
    """,
    "makereport makes it an expected failure": """
        import pytest
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(item, call):
            report = (yield).get_result()
            if report.failed:
                report.outcome, report.wasxfail = "skipped", "known"
    """,
    "the call swallows what was raised": """
        import pytest
        @pytest.hookimpl(hookwrapper=True)
        def pytest_pyfunc_call(pyfuncitem):
            outcome = yield
            outcome.force_result(True)
    """,
}


@pytest.mark.parametrize("hook", HOOKS)
def test_a_report_that_contradicts_what_happened_is_an_error(run: Runs, hook: str) -> None:
    seen = run({"conftest.py": HOOKS[hook], "test_a.py": GREEN_THEN.format("assert 0")}).tests
    assert seen.red == ("test_a.py::test_b",)
    (result,) = [result for result in seen.results if result.is_red]
    assert (result.outcome, result.cause) == ("error", "other")
    assert result.message.startswith("the report contradicts what happened")
    assert not seen.complete


def test_a_report_changed_on_its_way_is_read_before_the_change(run: Runs) -> None:
    hook = """
        import pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_logreport(report):
            report.outcome = "passed"
    """
    seen = run({"conftest.py": hook, "test_a.py": GREEN_THEN.format("assert 0")}).tests
    assert seen.red == ("test_a.py::test_b",) and not seen.all_green


def test_a_forced_pass_is_noticed_in_workers_too(run: Runs) -> None:
    files = {"conftest.py": HOOKS["makereport sets the outcome"], "test_a.py": GREEN_THEN.format("assert 0")}
    seen = run(files, "-n2", plugins=("xdist",)).tests
    assert seen.red == ("test_a.py::test_b",) and not seen.complete


def test_an_exit_code_turned_to_0_is_noticed(run: Runs) -> None:
    hook = "def pytest_sessionfinish(session):\n    session.exitstatus = 0"
    seen = run({"conftest.py": hook, "test_a.py": GREEN_THEN.format("assert 0")}).tests
    assert (seen.exit_code, seen.complete) == (0, False)
    assert seen.why_incomplete == "pytest ended with 0 although 1 of its tests are red"


def test_an_exit_after_the_session_is_noticed(run: Runs) -> None:
    hook = "import os\ndef pytest_unconfigure():\n    os._exit(0)"
    seen = run({"conftest.py": hook, "test_a.py": GREEN_THEN.format("assert 0")}).tests
    assert seen.why_incomplete == "pytest finished with 1, yet its process ended with 0"


def test_a_plugin_that_fails_a_green_run_leaves_it_incomplete(run: Runs) -> None:
    hook = "def pytest_sessionfinish(session):\n    session.exitstatus = 1"
    seen = run({"conftest.py": hook, "test_a.py": "def test_a(): ..."}).tests
    assert not seen.complete and "no test is red" in seen.why_incomplete


@pytest.mark.parametrize("line", ["import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)"])
def test_a_runner_that_dies_leaves_an_incomplete_run(run: Runs, line: str) -> None:
    seen = run({"test_a.py": GREEN_THEN.format(line)}).tests
    assert not seen.complete and "the runner died" in seen.why_incomplete
    assert seen.green == ("test_a.py::test_a",) and seen.red == ("test_a.py::test_b",)
    assert seen.results[1].message == "was running when the runner died"


def test_a_worker_that_dies_is_a_red_test(run: Runs) -> None:
    seen = run({"test_a.py": GREEN_THEN.format("import os; os._exit(0)")}, "-n1", plugins=("xdist",)).tests
    assert seen.red == ("test_a.py::test_b",) and not seen.all_green


def test_a_session_ended_from_within_is_incomplete(run: Runs) -> None:
    for line in ("import pytest; pytest.exit('enough', 0)", "raise KeyboardInterrupt"):
        seen = run({"test_a.py": GREEN_THEN.format(line)}).tests
        assert not seen.complete and seen.why_incomplete


def test_a_module_that_exits_is_incomplete(run: Runs) -> None:
    seen = run({"test_a.py": "def test_a(): ...", "test_b.py": "import sys\nsys.exit(0)"}).tests
    assert not seen.complete and seen.why_incomplete


def test_tests_that_are_collected_but_not_run_are_missed(run: Runs) -> None:
    hook = "def pytest_runtest_protocol(item):\n    return True"
    seen = run({"conftest.py": hook, "test_a.py": "def test_a(): ...\ndef test_b(): ..."}).tests
    assert seen.why_incomplete == "2 of 2 collected tests have no outcome, the first is test_a.py::test_a"
    assert not run({"test_a.py": "def test_a(): ..."}, "--collect-only").tests.complete


def test_a_conftest_that_fails_is_told_with_its_message(run: Runs) -> None:
    seen = run({"conftest.py": "raise ValueError('no database')", "test_a.py": "def test_a(): ..."}).tests
    assert "before our reporter was loaded: E   ValueError: no database" in seen.why_incomplete


def test_an_unknown_option_is_told(run: Runs) -> None:
    seen = run({"pytest.ini": "[pytest]\naddopts = --no-such-option\n", "test_a.py": "def test_a(): ..."}).tests
    assert not seen.complete and "before our reporter was loaded" in seen.why_incomplete


def test_a_reporter_that_is_blocked_or_taken_out_leaves_an_incomplete_run(run: Runs) -> None:
    blocked = run({"test_a.py": "def test_a(): ..."}, "-p", "no:phasegate_reporter").tests
    assert "before our reporter was loaded" in blocked.why_incomplete
    hook = "def pytest_sessionstart(session):\n    session.config.pluginmanager.unregister(name='phasegate-controller')"
    removed = run({"conftest.py": hook, "test_a.py": "def test_a(): ..."}).tests
    assert "the runner died with 0 before its end record" in removed.why_incomplete


def test_a_report_that_a_test_removes_is_read_as_far_as_it_got(run: Runs, tmp_path: Path) -> None:
    body = GREEN_THEN.format(f"import shutil; shutil.rmtree({str(tmp_path / 'scratch')!r})")
    seen = run({"test_a.py": body}, scratch=tmp_path / "scratch").tests
    assert seen.green == ("test_a.py::test_a",) and not seen.complete


def test_a_scratch_directory_that_cannot_be_written_is_an_expected_failure(run: Runs, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoScratchDirectory, match="Nothing can be written below"):
        run({}, scratch=tmp_path / "file")


def test_a_scratch_directory_may_be_used_again(run: Runs, tmp_path: Path) -> None:
    for lines in (1, 2):
        seen = run({"test_a.py": "def test_a(): ...\n" * lines}, scratch=tmp_path / "scratch").tests
        assert seen.complete and len(seen.results) == 1


def test_a_run_that_hangs_is_killed_with_its_children(run: Runs, tmp_path: Path) -> None:
    body = f"""
        import subprocess, sys, time
        def test_quick(): ...
        def test_hangs():
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
            time.sleep(600)
    """
    seen = run({"test_a.py": body}, timeout=10).tests
    assert seen.why_incomplete == "timed out after 10 s" and not seen.complete
    assert [(result.outcome, result.cause) for result in seen.results] == [("passed", ""), ("error", "timeout")]
    assert _is_gone(int((tmp_path / "pid").read_text()))


def test_a_child_left_behind_does_not_keep_the_run_open(run: Runs, tmp_path: Path) -> None:
    body = f"""
        import subprocess, sys
        def test_leaves():
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
    """
    assert run({"test_a.py": body}, "-s").tests.all_green
    assert _is_gone(int((tmp_path / "pid").read_text()))


def test_a_forked_child_that_runs_into_pytest_writes_nothing(run: Runs) -> None:
    body = "import os\ndef test_forks():\n    pid = os.fork()\n    if pid: os.waitpid(pid, 0)\ndef test_b(): ..."
    seen = run({"test_a.py": body}).tests
    assert seen.complete and len(seen.results) == 2


def test_closing_every_descriptor_does_not_silence_the_reporter(run: Runs) -> None:
    seen = run({"test_a.py": GREEN_THEN.format("import os; os.closerange(20, 200)")}).tests
    assert seen.all_green


def test_output_is_kept_to_its_last_64_kib(run: Runs) -> None:
    seen = run({"test_a.py": "def test_a():\n    print('x' * 500_000)"}, "-s")
    (output,) = [artifact for artifact in seen.artifacts if artifact.name == "output.txt"]
    assert len(output.content) == 64 << 10 and b"1 passed" in output.content


def _is_gone(pid: int) -> bool:
    """Whether `pid` ended; a killed orphan may stay as a zombie for a moment."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False
