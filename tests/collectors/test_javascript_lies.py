"""Real runs of JavaScript's test tools that end oddly, choose their tests, or say what is not so: none is a pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from phasegate.collectors import catalog
from phasegate.collectors.interface import Ask
from phasegate.evidence.tests import TestRun
from phasegate.settings import Runner
from tests.collectors.conftest import write
from tests.collectors.node_tools import BIN, with_tools

HEADS: Mapping[Runner, str] = {
    "jest": "const fs = require('node:fs');\n",
    "vitest": "import fs from 'node:fs';\nimport { afterAll, beforeAll, describe, expect, test } from 'vitest';\n",
    "mocha": "const fs = require('node:fs');\nconst test = it;\n",
    "node": "const fs = require('node:fs');\nconst { describe, test } = require('node:test');\n",
}
Runs = Callable[..., TestRun]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Run one test file, after the lines its tool wants first, and say what was seen."""
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")

    def run_file(
        tool: Runner, text: str, package: str = '{"name": "shop"}', versions: dict[str, str] | None = None, **files: str
    ) -> TestRun:
        name = "test/shop.test.mjs" if tool == "vitest" else "test/shop.test.js"
        root = write(tmp_path / "project", {"package.json": package, **files})
        (root / "test").mkdir(exist_ok=True)
        (root / name).write_text(HEADS[tool] + text)
        with_tools(root, versions)
        runner = catalog.runner(tool)
        ask = Ask(str(root), runner.detect(str(root)), str(tmp_path / "scratch"), timeout_seconds=60, measure=False)
        return runner.run(ask).tests

    return run_file


ALL = pytest.mark.parametrize("tool", HEADS)


@ALL
def test_code_that_ends_the_process_at_once_is_no_pass(run: Runs, tool: Runner) -> None:
    seen = run(tool, "process.exit(0);\ntest('a', () => {});\n")
    assert not seen.all_green and (seen.red or seen.why_incomplete)


@ALL
def test_a_crash_is_no_pass(run: Runs, tool: Runner) -> None:
    seen = run(tool, "test('a', () => {});\ntest('b', () => { process.kill(process.pid, 'SIGKILL'); });\n")
    assert not seen.all_green and (seen.red or seen.why_incomplete)


@ALL
def test_the_report_is_not_in_the_environment_of_the_tests(run: Runs, tool: Runner) -> None:
    there = "Object.keys(process.env).filter((name) => name.startsWith('PHASEGATE_'))"
    seen = run(
        tool, f"test('a', () => {{ const found = {there}; if (found.length) throw new Error(String(found)); }});\n"
    )
    assert seen.all_green, seen


@ALL
def test_a_reporter_that_a_test_silences_leaves_the_run_incomplete_or_whole(run: Runs, tool: Runner) -> None:
    silence = "for (const name of ['openSync', 'writeSync', 'closeSync']) fs[name] = () => 0;"
    seen = run(tool, f"{silence}\ntest('a', () => {{ throw new Error('no'); }});\n")
    assert not seen.all_green and (seen.red or seen.why_incomplete)


@pytest.mark.parametrize("tool", ["jest", "vitest", "mocha"])
def test_tests_left_out_by_only_are_counted_and_named(run: Runs, tool: Runner) -> None:
    seen = run(tool, "test('a', () => {});\ntest.only('b', () => {});\ntest('c', () => {});\n")
    assert (seen.deselected, len(seen.results), len(seen.skipped), len(seen.green)) == (2, 3, 2, 1)
    assert any("2 tests were left out" in note and "::a" in note for note in seen.notes)


@pytest.mark.parametrize(
    ("tool", "settings"),
    [
        ("jest", '"jest": {"bail": 1}'),
        ("mocha", '"mocha": {"bail": true, "retries": 0}'),
        ("vitest", '"scripts": {"test": "vitest --bail=1 --reporter=dot"}'),
    ],
)
def test_no_run_stops_at_its_first_failure(run: Runs, tool: Runner, settings: str) -> None:
    text = "test('a', () => { throw new Error('no'); });\ntest('b', () => {});\n"
    seen = run(tool, text, f'{{"name": "shop", {settings}}}')
    assert (len(seen.red), len(seen.green), seen.complete) == (1, 1, True), seen


@pytest.mark.parametrize("tool", ["jest", "vitest"])
def test_a_new_snapshot_is_not_written_and_no_right_reason(run: Runs, tool: Runner, tmp_path: Path) -> None:
    seen = run(tool, "test('a', () => { expect({ a: 1 }).toMatchSnapshot(); });\n")
    assert [(result.outcome, result.cause) for result in seen.results] == [("failed", "other")]
    assert not list((tmp_path / "project").rglob("*.snap"))


def test_a_hook_before_all_turns_its_tests_red(run: Runs) -> None:
    text = "describe('s', () => {\n  beforeAll(() => { throw new Error('no db'); });\n  test('a', () => {});\n});\n"
    seen = run("vitest", text)
    assert [(each.id, each.outcome, each.cause) for each in seen.results] == [
        ("test/shop.test.mjs::s > a", "error", "fixture")
    ]


def test_a_test_that_passes_at_the_second_try_is_told(run: Runs) -> None:
    text = "let n = 0;\nit('a', function () { this.retries(2); if (!n++) throw new Error(); });\n"
    seen = run("mocha", text)
    assert seen.all_green and any("tried again" in note for note in seen.notes)


def test_an_error_outside_of_any_test_leaves_the_run_incomplete(run: Runs) -> None:
    seen = run("vitest", "test('a', () => { Promise.reject(new Error('nobody waits')); });\n")
    assert not seen.complete and "nobody waits" in seen.why_incomplete


def test_tests_of_one_name_are_numbered_as_they_are_declared(run: Runs) -> None:
    seen = run("jest", "test.each([1, 2])('%i is a number', () => {});\ntest('x', () => {});\ntest('x', () => {});\n")
    titles = ["1 is a number", "2 is a number", "x", "x (2)"]
    assert [result.id for result in seen.results] == [f"test/shop.test.js::{title}" for title in titles]


def test_a_file_without_a_test_of_nodes_is_a_test_by_itself(run: Runs) -> None:
    seen = run("node", "if (1 + 1 !== 2) throw new Error();\n")
    assert seen.green == ("test/shop.test.js",) and seen.complete


@pytest.mark.parametrize("version", ["1.6.1", "3.2.4"])
def test_a_file_that_an_older_vitest_cannot_load_is_red_and_the_run_complete(run: Runs, version: str) -> None:
    other = "import { test } from 'vitest';\ntest('b', () => {});\n"
    files = {"test/other.test.mjs": other}
    seen = run("vitest", "import 'not-installed';\ntest('a', () => {});\n", versions={"vitest": version}, **files)
    assert seen.complete and seen.red == ("test/shop.test.mjs",), seen
    assert "not-installed" in next(result.message for result in seen.results if result.is_red)
