"""Real runs of unittest: set-ups that fail, subtests, files that cannot be loaded, and suites that lie."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import indent

import pytest

from phasegate.collectors import unittest_runner
from phasegate.collectors.interface import Ask, NoTestCommand, SuiteRun, TestCommandNotStarted
from tests.collectors.conftest import SHOP, write

Runs = Callable[..., SuiteRun]
HEAD = "import os, sys, unittest\nimport shop\n"


@pytest.fixture
def run(tmp_path: Path) -> Runs:
    def run_project(
        files: Mapping[str, str], *args: str, words: tuple[str, ...] = (), measure: bool = False
    ) -> SuiteRun:
        root = write(tmp_path / "project", {"shop.py": SHOP, **files})
        command = (sys.executable, "-m", "unittest", *words)
        return unittest_runner.run(
            Ask(root=str(root), command=command, args=args, scratch=str(tmp_path / "scratch"), source_roots=(".",),
                timeout_seconds=60, measure=measure)
        )  # fmt: skip

    return run_project


def case(*lines: str, head: str = "") -> str:
    return HEAD + head + "\nclass A(unittest.TestCase):\n" + indent("\n".join(lines), "    ") + "\n"


def said(seen: SuiteRun) -> dict[str, tuple[str, str]]:
    return {result.id.partition("::")[2]: (result.outcome, result.cause) for result in seen.tests.results}


def test_a_set_up_of_a_class_or_a_module_that_fails_is_an_error_of_each_of_its_tests(run: Runs) -> None:
    of_class = case(
        "@classmethod\ndef setUpClass(cls): raise OSError('no')", "def test_a(self): ...", "def test_b(self): ..."
    )
    of_module = case("def test_a(self): ...", head="def setUpModule(): raise OSError('no')\n")
    seen = run({"test_a.py": of_class, "test_b.py": of_module})
    assert seen.tests.complete, seen.tests.why_incomplete
    assert [(r.id, r.outcome, r.cause) for r in seen.tests.results] == [
        ("test_a.py::A::test_a", "error", "fixture"), ("test_a.py::A::test_b", "error", "fixture"),
        ("test_b.py::A::test_a", "error", "fixture"),
    ]  # fmt: skip


def test_a_class_that_cannot_be_torn_down_makes_its_last_test_an_error(run: Runs) -> None:
    body = case(
        "@classmethod\ndef tearDownClass(cls): raise OSError('no')", "def test_a(self): ...", "def test_b(self): ..."
    )
    assert said(run({"test_a.py": body})) == {"A::test_a": ("passed", ""), "A::test_b": ("error", "fixture")}


def test_subtests_skips_tear_downs_and_coroutines(run: Runs) -> None:
    body = case(
        "def test_sub(self):\n    for n in range(3):\n        with self.subTest(n=n): self.assertNotEqual(n, 1)",
        "def test_skip(self): self.skipTest('later')",
        "@unittest.expectedFailure\ndef test_unexpected(self): ...",
        "def test_exit(self): sys.exit(0)",
    )
    body += "class B(unittest.IsolatedAsyncioTestCase):\n    async def test_async(self): self.assertEqual(1, 2)\n"
    body += "    async def test_fine(self): ...\n"
    body += "class C(unittest.TestCase):\n    def tearDown(self): raise OSError\n    def test_c(self): ...\n"
    body += "@unittest.skip('all')\nclass D(unittest.TestCase):\n    def test_d(self): ...\n"
    seen = run({"test_a.py": body})
    assert said(seen) == {
        "A::test_sub": ("failed", "assertion"),
        "A::test_skip": ("skipped", ""), "A::test_unexpected": ("failed", "other"),
        "A::test_exit": ("failed", "other"), "B::test_async": ("failed", "assertion"), "B::test_fine": ("passed", ""),
        "C::test_c": ("error", "fixture"), "D::test_d": ("skipped", ""),
    }  # fmt: skip
    assert seen.tests.complete, seen.tests.why_incomplete


@pytest.mark.parametrize("head, cause", [
    ("from shop import refund\n", "missing_name"), ("import nowhere\n", "import_of_test"), ("1/0\n", "collection"),
])  # fmt: skip
def test_a_file_that_cannot_be_loaded_stands_for_its_tests(run: Runs, head: str, cause: str) -> None:
    seen = run({"test_a.py": case("def test_a(self): ...", "def test_b(self): ...", head=head)})
    assert said(seen) == {"A::test_a": ("error", cause), "A::test_b": ("error", cause)}
    assert all(result.uncollected for result in seen.tests.results) and seen.tests.complete, seen.tests.why_incomplete


def test_a_module_that_skips_itself_is_skipped(run: Runs) -> None:
    body = HEAD + "raise unittest.SkipTest('not here')\n"
    seen = run({"test_a.py": body, "test_b.py": case("def test_b(self): ...")}).tests
    assert seen.skipped == ("test_a.py",) and seen.all_green


def test_tests_are_found_where_the_command_says(run: Runs) -> None:
    files = {"tests/test_a.py": case("def test_a(self): ..."), "tests/test_b.py": case("def test_b(self): ...")}
    assert run(files, words=("discover", "-s", "tests")).tests.green == (
        "tests/test_a.py::A::test_a", "tests/test_b.py::A::test_b",
    )  # fmt: skip
    assert run(files, words=("tests.test_b.A",)).tests.green == ("tests/test_b.py::A::test_b",)


def test_a_suite_of_nothing_is_no_pass(run: Runs) -> None:
    seen = run({"test_a.py": "x = 1\n"}).tests
    assert not seen.all_green and not seen.results


# -- lies --------------------------------------------------------------------------------------------------------------

RED = "def test_b(self): self.fail('no')"
LIES = {
    "a test that ends the process": ("def test_a(self): os._exit(0)", ""),
    "a test that kills it": ("def test_a(self): os.kill(os.getpid(), 9)", ""),
    "an exit at the end": ("", "import atexit\natexit.register(lambda: os._exit(0))\n"),
    "a module that exits": ("", "sys.exit(0)\n"),
    "a run that calls no test": ("def run(self, result):\n    result.startTest(self); result.addSuccess(self); "
                                 "result.stopTest(self)", ""),
    "a run that swallows": ("def run(self, result):\n    result.startTest(self)\n    try: getattr(self, "
                            "self._testMethodName)()\n    except Exception: pass\n    result.addSuccess(self); "
                            "result.stopTest(self)", ""),
    "a run that skips what failed": ("def run(self, result):\n    result.startTest(self)\n    try: getattr(self, "
                                     "self._testMethodName)()\n    except Exception: result.addSkip(self, 'flaky')\n"
                                     "    result.stopTest(self)", ""),
    "a run that says nothing": ("def run(self, result): pass", ""),
    "failures that are not counted": ("", "unittest.TextTestResult.wasSuccessful = lambda self: True\n"),
    "failures that are successes": ("", "unittest.TestCase.run = lambda self, result: (result.startTest(self), "
                                        "result.addSuccess(self), result.stopTest(self))\n"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_suite_that_lies_is_no_pass(run: Runs, lie: str) -> None:
    method, head = LIES[lie]
    seen = run({"test_a.py": case(method or "def test_a(self): ...", RED, head=head)}).tests
    assert not seen.all_green
    assert "test_a.py::A::test_b" not in seen.green
    assert seen.red or seen.why_incomplete


def test_a_stop_on_the_first_failure_does_not(run: Runs) -> None:
    seen = run({"test_a.py": case("def test_a(self): self.fail()", RED)}, "--failfast").tests
    assert len(seen.red) == 2 and seen.complete


def test_an_interpreter_is_found_and_the_folder_of_loose_tests_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"tests/test_a.py": ""})
    assert unittest_runner.detect(str(tmp_path))[1:] == ("-m", "unittest", "discover", "-s", "tests")
    write(tmp_path, {"tests/__init__.py": ""})
    assert unittest_runner.detect(str(tmp_path))[1:] == ("-m", "unittest")


def test_without_a_python_nothing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoTestCommand):
        unittest_runner.detect(str(tmp_path))


def test_a_command_of_another_form_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TestCommandNotStarted) as found:
        unittest_runner.run(Ask(root=str(tmp_path), command=("./manage.py", "test"), scratch=str(tmp_path / "scratch")))
    assert "junit" in found.value.hint
