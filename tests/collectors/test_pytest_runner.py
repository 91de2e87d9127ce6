"""Real pytest runs: every kind of test has one outcome, in one process and in several."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from phasegate.collectors.interface import Ask, SuiteRun, TestCommandNotStarted
from phasegate.collectors.pytest_runner import run as run_suite
from phasegate.evidence.tests import TestResult, TestRun, fails_for_right_reason

Runs = Callable[..., SuiteRun]

EVERY_KIND = {
    "tests/test_kinds.py": """
        import unittest
        import pytest
        import shop

        def test_passes():
            assert shop.price(1) == 2

        def test_fails():
            assert shop.price(1) == 3

        def test_raises_nothing():
            with pytest.raises(ValueError):
                shop.price(1)

        def test_says_fail():
            pytest.fail("not yet")

        @pytest.mark.parametrize("amount", [1, "ä [x] ::"])
        def test_each(amount):
            assert shop.price(amount)

        @pytest.fixture
        def broken():
            raise ValueError("no such table")

        @pytest.fixture
        def leaves_a_mess():
            yield
            raise OSError("cannot tidy")

        def test_with_broken_fixture(broken): ...

        def test_with_unknown_fixture(nowhere): ...

        def test_with_failing_teardown(leaves_a_mess): ...

        @pytest.mark.skip(reason="later")
        def test_skipped(): ...

        @pytest.mark.xfail(reason="known")
        def test_expected_to_fail():
            assert 0

        @pytest.mark.xfail
        def test_unexpectedly_passes(): ...

        @pytest.mark.xfail(strict=True)
        def test_strictly_expected(): ...

        def test_exits():
            raise SystemExit(0)

        def test_subtests(subtests):
            for number in range(3):
                with subtests.test(number=number):
                    assert number != 1

        class TestInClass:
            def test_method(self):
                assert True

        class Case(unittest.TestCase):
            def test_case(self):
                self.assertEqual(shop.price(1), 2)

            def test_case_fails(self):
                self.assertEqual(shop.price(1), 3)

            def test_case_subtests(self):
                for number in range(2):
                    with self.subTest(number=number):
                        self.assertEqual(number, 0)

            @unittest.skip("later")
            def test_case_skipped(self): ...

            @unittest.expectedFailure
            def test_case_expected(self):
                self.fail()
    """,
    "tests/doc.txt": ">>> 1 + 1\n2\n",
    "tests/wrong.txt": ">>> 1 + 1\n3\n",
}
OUTCOMES = {
    "test_passes": ("passed", ""),
    "test_fails": ("failed", "assertion"),
    "test_raises_nothing": ("failed", "assertion"),
    "test_says_fail": ("failed", "assertion"),
    "test_each[1]": ("passed", ""),
    "test_each[\\xe4 [x] ::]": ("passed", ""),
    "test_with_broken_fixture": ("error", "fixture"),
    "test_with_unknown_fixture": ("error", "fixture"),
    "test_with_failing_teardown": ("error", "fixture"),
    "test_skipped": ("skipped", ""),
    "test_expected_to_fail": ("xfailed", ""),
    "test_unexpectedly_passes": ("xpassed", ""),
    "test_strictly_expected": ("failed", "other"),
    "test_exits": ("failed", "other"),
    "test_subtests": ("failed", "assertion"),
    "TestInClass::test_method": ("passed", ""),
    "Case::test_case": ("passed", ""),
    "Case::test_case_fails": ("failed", "assertion"),
    "Case::test_case_subtests": ("failed", "assertion"),
    "Case::test_case_skipped": ("skipped", ""),
    "Case::test_case_expected": ("xfailed", ""),
    "doc.txt": ("passed", ""),
    "wrong.txt": ("failed", "other"),
}


def named(tests: TestRun) -> dict[str, TestResult]:
    """Results by the part of their id after the file."""
    return {result.id.partition("::")[2] or result.id: result for result in tests.results}


@pytest.fixture(scope="module", params=["one process", "workers"])
def kinds(request: pytest.FixtureRequest, run: Runs) -> TestRun:
    workers = ("-p", "xdist", "-n2") if request.param == "workers" else ()
    return run(EVERY_KIND, "--doctest-glob=*.txt", *workers).tests


def test_every_kind_of_test_has_its_outcome_and_cause(kinds: TestRun) -> None:
    assert kinds.complete, kinds.why_incomplete
    assert {name: (result.outcome, result.cause) for name, result in named(kinds).items()} == OUTCOMES
    assert kinds.collected == len(OUTCOMES) and kinds.exit_code == 1


def test_results_come_in_the_order_of_collection(kinds: TestRun) -> None:
    names = [result.id.rpartition("::")[2] for result in kinds.results if ".py::" in result.id]
    assert names[:4] == ["test_passes", "test_fails", "test_raises_nothing", "test_says_fail"]


def test_a_red_result_names_file_line_and_reason(kinds: TestRun) -> None:
    failed = named(kinds)["test_fails"]
    assert (failed.file, failed.line) == ("tests/test_kinds.py", 9)
    assert failed.message.startswith("assert 2 == 3")


def test_results_survive_storage(kinds: TestRun) -> None:
    assert msgspec.json.decode(msgspec.json.encode(kinds), type=TestRun) == kinds


def test_a_green_run_is_complete_and_names_its_runner(run: Runs) -> None:
    seen = run({"tests/test_a.py": "def test_a(): ..."}, autoload=True)
    assert seen.tests.all_green and seen.tests.exit_code == 0
    assert seen.tests.runner == f"pytest {pytest.__version__}"
    assert seen.tests.python == ".".join(map(str, sys.version_info[:3]))
    assert [artifact.name for artifact in seen.artifacts] == ["results.jsonl", "output.txt"]


def test_an_empty_suite_is_complete_but_no_pass(run: Runs) -> None:
    seen = run({"tests/test_a.py": "x = 1"}).tests
    assert (seen.complete, seen.exit_code, seen.results, seen.all_green) == (True, 5, (), False)


def test_spaces_quotes_newlines_and_unicode_in_paths(run: Runs, tmp_path: Path) -> None:
    root = tmp_path / "a b'\"\n ü , 日本"
    seen = run({"tests/dir ö/test_ß x.py": "import shop\ndef test_é():\n    assert shop.price(1) == 3"}, root=root)
    (result,) = seen.tests.results
    assert seen.tests.complete and result.id == "tests/dir ö/test_ß x.py::test_é"
    assert (result.file, result.line, result.cause) == ("tests/dir ö/test_ß x.py", 3, "assertion")


def test_deselected_tests_are_counted(run: Runs) -> None:
    ini = '[pytest]\npythonpath = src\naddopts = -k "not slow"\n'
    files = {"pytest.ini": ini, "tests/test_a.py": "def test_a(): ...\ndef test_slow(): ..."}
    for workers in ((), ("-p", "xdist", "-n1")):
        seen = run(files, *workers).tests
        assert seen.complete and (seen.collected, seen.deselected) == (1, 1)


def test_an_environment_cannot_bend_a_run_and_what_was_left_out_is_said(
    run: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bent.py").write_text("import builtins\nbuiltins.sum = lambda numbers: -1\n")
    (tmp_path / "rc").write_text("[report]\nexclude_lines =\n    def price\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p bent --deselect tests/test_a.py::test_b")
    monkeypatch.setenv("PYTEST_PLUGINS", "bent")
    monkeypatch.setenv("COVERAGE_RCFILE", str(tmp_path / "rc"))
    seen = run({"tests/test_a.py": "import shop\ndef test_a(): assert sum([1]) == 1\ndef test_b(): ..."}, measure=True)
    assert seen.tests.all_green and len(seen.tests.green) == 2
    assert "COVERAGE_RCFILE, PYTEST_ADDOPTS, PYTEST_PLUGINS, PYTHONPATH;" in seen.tests.notes[0]
    assert seen.coverage is not None and not any(file.excluded for file in seen.coverage.files)


def test_the_settings_say_what_the_environment_may_not(run: Runs, tmp_path: Path) -> None:
    (tmp_path / "lent.py").write_text("NUMBER = 7\n")
    body = "import lent, os\ndef test_a(): assert lent.NUMBER == int(os.environ['SEVEN'])\ndef test_b(): ..."
    env = {"PYTHONPATH": str(tmp_path), "SEVEN": "7", "PYTEST_ADDOPTS": "--deselect tests/test_a.py::test_b"}
    seen = run({"tests/test_a.py": body}, env=env).tests
    assert seen.all_green and len(seen.green) == 1 and not seen.notes


def test_an_interpreter_below_the_root_measures_too(run: Runs, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "bin/python").chmod(0o755)
    seen = run(
        {"tests/test_a.py": "import shop\ndef test_a(): ..."},
        root=tmp_path, command=("bin/python", "-m", "pytest"), measure=True,
    )  # fmt: skip
    assert seen.tests.all_green and seen.coverage is not None, seen.why_no_coverage


def test_a_user_option_that_stops_early_does_not(run: Runs) -> None:
    ini = "[pytest]\npythonpath = src\naddopts = -x --ff\n"
    seen = run({"pytest.ini": ini, "tests/test_a.py": "def test_a(): assert 0\ndef test_b(): assert 0"}).tests
    assert seen.complete and len(seen.red) == 2


def test_a_run_leaves_the_tree_as_it_was(run: Runs, tmp_path: Path) -> None:
    files = {"tests/test_a.py": "import shop\ndef test_a(): assert shop.price(0) == 1"}
    run(files, root=tmp_path, measure=True)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"pyproject.toml", "src/shop/__init__.py", "tests/test_a.py"}


def test_git_variables_of_a_hook_and_our_own_do_not_reach_the_tests(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    body = """
        import os
        def test_a():
            assert not [name for name in os.environ if name.startswith("GIT_") or "NONCE" in name]
            assert "PHASEGATE_REPORT" not in os.environ
    """
    assert run({"tests/test_a.py": body}).tests.all_green


def test_tests_outside_the_root_are_named_as_foreign(run: Runs, tmp_path: Path) -> None:
    elsewhere = tmp_path / "test_elsewhere.py"
    elsewhere.write_text("def test_far(): ...")
    seen = run({"tests/test_a.py": "def test_a(): ..."}, "tests", str(elsewhere)).tests
    assert [id.partition("::")[2] for id in seen.foreign] == ["test_far"]


def test_a_command_that_cannot_start_is_an_expected_failure(run: Runs, tmp_path: Path) -> None:
    with pytest.raises(TestCommandNotStarted, match="could not be started"):
        run({}, command=(str(tmp_path / "python"), "-m", "pytest"))


def test_an_interpreter_without_pytest_is_an_incomplete_run(run: Runs) -> None:
    seen = run({}, command=(sys.executable, "-S", "-m", "pytest"))
    assert not seen.tests.complete and "No module named pytest" in seen.tests.why_incomplete


def test_progress_is_told(run: Runs, tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "test_a.py").write_text("import time\ndef test_a(): ...\ndef test_b(): time.sleep(2)")
    (tmp_path / "scratch").mkdir()
    run_suite(
        Ask(
            root=str(tmp_path),
            command=(sys.executable, "-m", "pytest"),
            scratch=str(tmp_path / "scratch"),
            source_roots=("src",),
            timeout_seconds=60,
            on_progress=said.append,
            measure=False,
        )
    )
    assert "1 of 2 tests have run" in said


def test_reasons_hold_across_processes(kinds: TestRun) -> None:
    right = {name for name, result in named(kinds).items() if fails_for_right_reason(result)}
    assert right == {name for name, (_, cause) in OUTCOMES.items() if cause == "assertion"}


def test_an_option_that_pytest_does_not_know_is_named(run: Runs) -> None:
    seen = run({"test_a.py": "def test_a(): ...\n"}, "--no-such-option")
    assert not seen.tests.complete and "--no-such-option" in seen.tests.why_incomplete
