"""What every test runner must make of the same small project, said in each one's own words."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from phasegate.collectors import catalog
from phasegate.collectors.interface import Ask, SuiteRun
from tests.collectors.conftest import write
from tests.collectors.dialects.dialect import KINDS, Dialect, Files
from tests.collectors.dialects.go import GO_TEST
from tests.collectors.dialects.javascript import JAVASCRIPT
from tests.collectors.dialects.junit import JUNIT
from tests.collectors.dialects.python import PYTEST
from tests.collectors.dialects.unittest import UNITTEST
from tests.collectors.node_tools import BIN

DIALECTS: tuple[Dialect, ...] = (PYTEST, UNITTEST, GO_TEST, JUNIT, *JAVASCRIPT)

TELLS_WHERE = ("jest", "vitest", "mocha", "node")
"""Runners that name what was at work when the time was over."""

Runs = Callable[..., SuiteRun]


@pytest.fixture(scope="module", params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


@pytest.fixture(autouse=True)
def toolchains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Node and Go as the project's own environment has them."""
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def project(dialect: Dialect, tmp_path: Path) -> Callable[[Files], Path]:
    """Lay out the small project with `files` in it."""

    def lay_out(files: Files) -> Path:
        root = write(tmp_path / "project", {**dialect.base, **files})
        dialect.install(root)
        return root

    return lay_out


def run(dialect: Dialect, root: Path, *, seconds: float = 100, measure: bool = False) -> SuiteRun:
    runner = catalog.runner(dialect.runner)
    ask = Ask(
        root=str(root), command=dialect.command or runner.detect(str(root)), scratch=str(root.parent / "scratch"),
        source_roots=dialect.source_roots, timeout_seconds=seconds, measure=measure, reports=dialect.reports,
        coverage_reports=dialect.coverage_reports,
    )  # fmt: skip
    return runner.run(ask)


def test_each_kind_of_test_has_its_outcome_and_its_cause(dialect: Dialect, project: Callable[[Files], Path]) -> None:
    seen = run(dialect, project(dialect.every_kind)).tests
    assert {*dialect.kinds, *dialect.lacks} == {*KINDS}
    said = {result.id: (result.outcome, result.cause) for result in seen.results}
    wrong = {kind: said.get(id) for kind, id in dialect.kinds.items() if said.get(id) not in KINDS[kind]}
    assert not wrong, said
    assert seen.complete, seen.why_incomplete
    assert len(said) == len(dialect.kinds) == seen.collected
    assert seen.red and not seen.all_green


def test_a_green_suite_is_green_its_ids_are_stable_and_nothing_is_written(
    dialect: Dialect, project: Callable[[Files], Path]
) -> None:
    root = project(dialect.green)
    before = everything_in(root)
    first, second = (run(dialect, root, measure=measure) for measure in (True, False))
    assert first.tests.all_green, first.tests.why_incomplete
    assert [each.id for each in first.tests.results] == [each.id for each in second.tests.results]
    assert len(first.tests.results) == len({each.id for each in first.tests.results}) == 2
    assert everything_in(root) == before


def test_coverage_names_the_lines_that_ran_and_the_files_that_nothing_loaded(
    dialect: Dialect, project: Callable[[Files], Path]
) -> None:
    seen = run(dialect, project(dialect.green), measure=True)
    assert seen.coverage is not None, seen.why_no_coverage
    found = {file.path: (file.executed, file.missing) for file in seen.coverage.files if file.path in dialect.covered}
    assert found == dialect.covered


def test_a_file_that_cannot_be_loaded_is_red(dialect: Dialect, project: Callable[[Files], Path]) -> None:
    seen = run(dialect, project(dialect.unreadable)).tests
    red = [result for result in seen.results if result.is_red]
    assert red and all(result.id.startswith(dialect.unreadable_id) for result in red), seen
    assert not any(result.cause in ("assertion", "missing_name", "raised_by_code") for result in red)


def test_a_test_that_ends_the_process_is_no_pass(dialect: Dialect, project: Callable[[Files], Path]) -> None:
    seen = run(dialect, project(dialect.exits)).tests
    assert not seen.all_green
    assert seen.red or (not seen.complete and seen.why_incomplete)


def test_a_suite_that_hangs_is_ended(dialect: Dialect, project: Callable[[Files], Path]) -> None:
    seen = run(dialect, project(dialect.hangs), seconds=8).tests
    assert not seen.complete and seen.why_incomplete.partition(",")[0] == "timed out after 8 s"
    named = next(iter(dialect.hangs))
    assert dialect.runner not in TELLS_WHERE or named in seen.why_incomplete


def test_a_suite_without_tests_is_no_pass(dialect: Dialect, project: Callable[[Files], Path]) -> None:
    seen = run(dialect, project(dialect.empty)).tests
    assert not seen.all_green and not seen.results


def everything_in(root: Path) -> Mapping[str, str]:
    """Each file below `root`, installed packages apart, with the digest of its bytes."""
    files = (path for path in root.rglob("*") if path.is_file() and "node_modules" not in path.parts)
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
