"""Real coverage.py runs: statements by file, in one process, in workers, beside the user's own settings."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from phasegate.collectors.coverage_py import from_json
from phasegate.collectors.interface import SuiteRun
from phasegate.evidence.coverage import FileCoverage, of_changed_lines
from phasegate.evidence.items import Counts

Runs = Callable[..., SuiteRun]

FILES = {
    "src/shop/__init__.py": "def price(amount):\n    if amount:\n        return 1\n    return 2\n",
    "src/shop/unused.py": "X = 1\n",
    "src/shop/excluded.py": "def f():  # pragma: no cover\n    return 1\n",
    "tests/test_one.py": "import shop\ndef test_one(): assert shop.price(1) == 1",
    "tests/test_two.py": "import shop\ndef test_two(): assert shop.price(0) == 3",
}
WORKERS = ("-p", "xdist", "-n2")


def by_path(seen: SuiteRun) -> dict[str, FileCoverage]:
    assert seen.coverage is not None, seen.why_no_coverage
    return {file.path: file for file in seen.coverage.files}


@pytest.mark.parametrize("args", [(), WORKERS], ids=["one process", "workers"])
def test_statements_are_measured_also_of_red_runs_and_unused_files(run: Runs, args: tuple[str, ...]) -> None:
    seen = run(FILES, *args, measure=True)
    files = by_path(seen)
    shop = files["src/shop/__init__.py"]
    assert (shop.executed, shop.missing, shop.excluded) == ((1, 2, 3, 4), (), ())
    assert shop.counts("functions") == Counts(1, 1) and shop.counts("branches") is None
    assert files["src/shop/unused.py"].missing == (1,)
    assert files["src/shop/excluded.py"].excluded == (1, 2)
    assert not any("test" in path for path in files)
    assert seen.coverage is not None and seen.coverage.statements == (4, 5)
    assert [artifact.name for artifact in seen.artifacts] == ["results.jsonl", "coverage.json", "output.txt"]


def test_changed_lines_of_a_real_report(run: Runs) -> None:
    seen = run(FILES, "tests/test_one.py", measure=True)
    assert seen.coverage is not None
    assert of_changed_lines(seen.coverage, {"src/shop/__init__.py": {3, 4, 99}, "src/shop/gone.py": {1, 2}}) == (1, 4)


def test_where_tests_import_an_installed_copy_coverage_is_unknown_with_the_place(run: Runs, tmp_path: Path) -> None:
    copy = tmp_path / "site-packages/till"
    copy.mkdir(parents=True)
    (copy / "__init__.py").write_text("X = 1\n")
    test = {"tests/test_till.py": "import till\ndef test_a(): assert till.X\n"}
    seen = run(
        {"src/till/__init__.py": "X = 1\n", "pyproject.toml": "", **test},
        measure=True, env={"PYTHONPATH": str(copy.parent)},
    )  # fmt: skip
    assert seen.tests.all_green and seen.coverage is None
    assert str(copy) in seen.why_no_coverage and "pip install -e ." in seen.why_no_coverage


@pytest.mark.skipif(os.environ.get("PHASEGATE_TIER") != "release", reason="PHASEGATE_TIER=release runs it")
def test_an_old_coverage_that_lists_more_than_it_counts_is_read_from_its_xml(run: Runs, tmp_path: Path) -> None:
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, tmp_path / "old"], check=True)
    old = str(tmp_path / "old/bin/python")
    subprocess.run(
        ["uv", "pip", "install", "-q", "--python", old, "pytest", "coverage==7.3.2"], cwd=tmp_path, check=True
    )
    source = '"""\nA shop.\n"""\nX = 1\n\n\ndef f():  # pragma: no cover\n    return 1\n\n\ndef g():\n    return 2\n'
    seen = run(
        {"src/shop/__init__.py": source, "tests/test_a.py": "import shop\ndef test_a(): assert shop.X\n"},
        command=(old, "-m", "pytest"), measure=True,
    )  # fmt: skip
    shop = by_path(seen)["src/shop/__init__.py"]
    assert (shop.executed, shop.missing, shop.excluded) == ((4, 11), (12,), (8,))


def test_the_users_own_settings_of_coverage_hold_and_their_threshold_does_not_stop_us(run: Runs) -> None:
    ini = "[run]\nomit = */unused.py\nbranch = true\nparallel = true\n[report]\nfail_under = 100\n"
    assert by_path(run({**FILES, ".coveragerc": ini}, measure=True)).keys() == {
        "src/shop/__init__.py",
        "src/shop/excluded.py",
    }


def test_a_child_process_is_measured_when_the_user_asks_coverage_for_it(run: Runs) -> None:
    child = (
        "import subprocess, sys\ndef test_c(): subprocess.run([sys.executable, '-c', 'import shop.unused'], check=1)"
    )
    ini = "[run]\npatch = subprocess\n"
    seen = run({**FILES, ".coveragerc": ini, "tests/test_child.py": child, "conftest.py": PATH}, measure=True)
    assert by_path(seen)["src/shop/unused.py"].executed == (1,)


PATH = "import os\nos.environ['PYTHONPATH'] = os.path.abspath('src')"


def test_a_run_that_dies_has_no_coverage_and_says_why(run: Runs) -> None:
    seen = run({**FILES, "tests/test_dies.py": "def test_d():\n    import os; os._exit(0)"}, measure=True)
    assert seen.coverage is None and seen.why_no_coverage.startswith("the run is incomplete: the runner died")


def test_without_coverage_the_reason_names_the_line_that_installs_it(run: Runs, tmp_path: Path) -> None:
    # An interpreter that finds pytest, but for which coverage cannot be imported.
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *"import coverage"*) exit 1;; esac\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    seen = run(FILES, "tests/test_one.py", measure=True, command=(str(python), "-m", "pytest"))
    assert seen.tests.all_green and seen.coverage is None
    assert seen.why_no_coverage.startswith(
        f"coverage.py is not installed for `{python}`: install it in that environment"
    )


def test_excluded_lines_are_told_only_when_they_are_statements_that_did_not_run(run: Runs) -> None:
    source = """
        def total(a):  # pragma: no cover
            # not a statement
            return a


        def idle(a):  # pragma: no cover
            return a
    """
    files = {"src/shop/extra.py": source, "tests/test_a.py": "from shop import extra\ndef test_a(): extra.total(1)"}
    assert by_path(run(files, measure=True))["src/shop/extra.py"].excluded == (7,)


def test_a_command_of_another_form_runs_unmeasured(run: Runs) -> None:
    program = str(Path(sys.executable).with_name("pytest"))
    seen = run(FILES, "tests/test_one.py", measure=True, command=(program,))
    assert seen.tests.all_green and seen.coverage is None and "PYTHON -m pytest" in seen.why_no_coverage


@pytest.mark.skipif(not importlib.util.find_spec("pytest_cov"), reason="pytest-cov is NOT installed: not proved here")
@pytest.mark.parametrize("args", [(), WORKERS], ids=["one process", "workers"])
def test_pytest_cov_in_the_users_options_does_not_take_the_measurement(
    run: Runs, args: tuple[str, ...], tmp_path: Path
) -> None:
    ini = "[pytest]\npythonpath = src\naddopts = --cov=shop --cov-fail-under=100\nfilterwarnings = error\n"
    seen = run({**FILES, "pytest.ini": ini}, *args, root=tmp_path, measure=True, plugins=("pytest_cov",))
    assert seen.tests.complete, seen.tests.why_incomplete
    assert by_path(seen)["src/shop/__init__.py"].executed == (1, 2, 3, 4)
    assert not list(tmp_path.glob(".coverage*"))


@pytest.mark.parametrize("report", [b"", b"{", b"[]", b'{"meta": 1}', b'{"files": {}}', b"\xff", b"[" * 100_000])
def test_a_report_that_cannot_be_read_is_no_coverage(report: bytes, tmp_path: Path) -> None:
    read = from_json(report, root=str(tmp_path))
    assert read.coverage is None and read.why_not


def test_paths_of_a_report_are_relative_to_the_root(tmp_path: Path) -> None:
    lines = {"executed_lines": [1], "missing_lines": [2], "excluded_lines": [3]}
    for path in ("a.py", "b/c.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("one\ntwo\nthree\n")
    report = {"meta": {"version": "7"}, "files": {str(tmp_path / "a.py"): lines, "b/c.py": lines, "/else/d.py": lines}}
    read = from_json(msgspec.json.encode(report), root=str(tmp_path))
    assert read.coverage is not None and read.coverage.tool == "coverage.py 7"
    assert [file.path for file in read.coverage.files] == ["a.py", "b/c.py"] and read.coverage.outside == (
        "/else/d.py",
    )
    assert read.coverage.files[-1] == FileCoverage("b/c.py", (1,), (2,), (3,))


def test_an_excluded_line_that_ran_is_no_statement_though_an_old_coverage_py_lists_it(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import sys\nif sys:  # pragma: no cover\n    x = 1\ny = 2\n")
    report = (
        b'{"meta": {"version": "7.3.0"}, "files": {"a.py": {"executed_lines": [1, 2, 3, 4], "missing_lines": [],'
        b' "excluded_lines": [2, 3]}}, "totals": {"num_statements": 2}}'
    )
    seen = from_json(report, root=str(tmp_path)).coverage
    assert seen is not None and seen.files[0].executed == (1, 4) and seen.files[0].excluded == (2, 3)
