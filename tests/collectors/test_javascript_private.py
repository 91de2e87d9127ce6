"""Private runs of JavaScript's tools on a project that is red: what bends it makes no pass, its honest twin does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec import Struct

from phasegate.collectors.interface import SuiteRun
from phasegate.collectors.private.environment_elsewhere import of_javascript
from phasegate.settings import Runner, Tests
from tests.collectors.conftest import write
from tests.collectors.node_tools import BIN, with_tools
from tests.collectors.privately import Private

WRONG, RIGHT = "amount * 3", "amount * 2"
BASE: Mapping[Runner, Mapping[str, str]] = {
    "jest": {
        "src/price.js": "{first}\nmodule.exports = {{ price: (amount) => {body} }};\n",
        "test/price.test.js": "const {{ price }} = require('../src/price');\n"
        "test('doubles', () => {{ expect(price(1)).toBe(2); }});\n",
    },
    "vitest": {
        "src/price.mjs": "{first}\nexport const price = (amount) => {body};\n",
        "test/price.test.mjs": "import {{ expect, test }} from 'vitest';\nimport {{ price }} from '../src/price.mjs';\n"
        "test('doubles', () => {{ expect(price(1)).toBe(2); }});\n",
    },
    "mocha": {
        "src/price.js": "{first}\nmodule.exports = {{ price: (amount) => {body} }};\n",
        "test/price.test.js": "const assert = require('assert');\nconst {{ price }} = require('../src/price');\n"
        "it('doubles', () => {{ assert.equal(price(1), 2); }});\n",
    },
    "node": {
        "src/price.js": "{first}\nmodule.exports = {{ price: (amount) => {body} }};\n",
        "test/price.test.js": "const assert = require('assert');\nconst test = require('node:test');\n"
        "const {{ price }} = require('../src/price');\n"
        "test('doubles', () => {{ assert.equal(price(1), 2); }});\n",
    },
}


class Case(Struct, frozen=True):
    """An attack on one tool by `files` and by the first line of the product, and the same without the lie."""

    tool: Runner
    says: str
    files: Mapping[str, str] = {}
    twin: Mapping[str, str] = {}
    first: str = ""
    twin_first: str = ""


def setup(text: str) -> dict[str, str]:
    return {"jest.config.js": "module.exports = { setupFilesAfterEnv: ['./setup.js'] };", "setup.js": text}


def environment(text: str) -> dict[str, str]:
    return {
        "jest.config.js": "module.exports = { testEnvironment: './environment.js' };",
        "environment.js": "const { TestEnvironment } = require('jest-environment-node');\n"
        f"module.exports = class extends TestEnvironment {{ async handleTestEvent(event) {{ {text} }} }};\n",
    }


def vitest_runner(text: str) -> dict[str, str]:
    return {
        "vitest.config.mjs": "export default { test: { runner: './runner.mjs' } };",
        "runner.mjs": f"import {{ TestRunner }} from 'vitest';\nexport default class extends TestRunner {{ {text} }}\n",
    }


def required(text: str) -> dict[str, str]:
    return {".mocharc.json": '{"require": "./first.js"}', "first.js": text}


_EACH = "exports.mochaHooks = {{ beforeAll() {{ this.test.parent.eachTest((test) => {{ {}; }}); }} }};"
ATTACKS: Mapping[str, Case] = {
    "the product ends the process": Case("jest", "", first="process.exit(0);", twin_first="process.uptime();"),
    "the product ends a process of node's": Case("node", "", first="process.exit(0);", twin_first="process.uptime();"),
    "a setup file empties every test": Case(
        "jest", "was never begun",
        setup("const real = test; globalThis.test = (name, fn) => real(name, () => {});"),
        setup("const real = test; globalThis.test = (name, fn) => real(name, fn);"),
    ),
    "a setup file swallows what tests throw": Case(
        "jest", "did not come to its end",
        setup("const real = test; globalThis.test = (name, fn) => real(name, () => { try { fn(); } catch {} });"),
        setup("const real = test; globalThis.test = (name, fn) => real(name, () => { try { fn(); } finally { } });"),
    ),
    "a matcher agrees with everything": Case(
        "jest", "toBe",
        setup("expect.extend({ toBe: () => ({ pass: true, message: () => '' }) });"),
        setup("expect.extend({ toBeEven: (n) => ({ pass: n % 2 === 0, message: () => '' }) });"),
    ),
    "an environment takes the errors away": Case(
        "jest", "did not come to its end",
        environment("if (event.name === 'test_fn_failure' || event.name === 'test_done') event.test.errors = [];"),
        environment("if (event.name === 'test_done') this.errors = event.test.errors;"),
    ),
    "a runner calls everything passed": Case(
        "vitest", "did not come to its end",
        vitest_runner("onAfterTryTask(test) { test.result.state = 'pass'; test.result.errors = undefined; } "
                      "onAfterRunTask(test) { test.result.state = 'pass'; test.result.errors = undefined; }"),
        vitest_runner("onAfterRunTask(test) { this.last = test.result.state; }"),
    ),
    "a file loaded first replaces an assertion": Case(
        "mocha", "assert.equal of node was replaced",
        required("require('assert').equal = () => {};"), required("require('assert').own = () => {};"),
    ),
    "a file loaded first empties every test": Case(
        "mocha", "was never begun",
        required(_EACH.format("test.fn = () => {}")),
        required(_EACH.format("test.slow(9)")),
    ),
    "the product replaces an assertion": Case(
        "node", "assert.equal of node was replaced", first="require('node:assert').equal = () => {};",
        twin_first="require('node:assert').equal(1, 1);",
    ),
    "an option of the script replaces node's test": Case(
        "node", "was never begun",
        {"package.json": '{"scripts": {"test": "node --require ./first.js --test"}}',
         "first.js": "const runs = require('node:test'); const real = runs.test;\n"
                     "const Module = require('module'); const load = Module._load;\n"
                     "const other = (name, fn) => real(name, () => {});\n"
                     "Module._load = (id, ...more) => id === 'node:test' ? other : load(id, ...more);"},
        {"package.json": '{"scripts": {"test": "node --require ./first.js --test"}}', "first.js": "global.shop = 1;"},
    ),
}  # fmt: skip


def play(tmp_path: Path, case: Case, files: Mapping[str, str], first: str, body: str) -> SuiteRun:
    base = {path: text.format(first=first, body=body) for path, text in BASE[case.tool].items()}
    root = write(tmp_path / "project", {"package.json": '{"name": "shop"}', **base, **files})
    with_tools(root)
    return Private(root, tmp_path / "private").run(Tests(runner=case.tool, timeout_seconds=60))


@pytest.fixture(autouse=True)
def toolchains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("name", ATTACKS)
def test_what_bends_a_run_makes_no_pass(name: str, tmp_path: Path) -> None:
    case = ATTACKS[name]
    seen = play(tmp_path, case, case.files, case.first, WRONG).tests
    assert not seen.all_green and (seen.red or case.says in seen.why_incomplete), seen


@pytest.mark.parametrize("name", ATTACKS)
def test_its_honest_twin_passes_at_the_level_of_private_runs(name: str, tmp_path: Path) -> None:
    case = ATTACKS[name]
    seen = play(tmp_path, case, case.twin, case.twin_first, RIGHT).tests
    assert seen.all_green, seen
    assert [(level.level, level.layers[0].name) for level in seen.levels] == [("private", "frames")]


def test_a_test_that_passes_and_claims_nothing_is_named(tmp_path: Path) -> None:
    tests = {
        "test/more.test.js": "const { price } = require('../src/price');\n"
        "test('claims', () => { expect(price(1)).toBe(2); });\n"
        "test('says nothing', () => { price(1); });\n"
        "test('gives up', () => { if (price(1)) return; expect(price(1)).toBe(2); });\n"
        "test('speaks in other words', () => { verifyPrice(price(1)); });\n"
        "function verifyPrice(n) { if (n !== 2) throw new Error(); }\n"
    }
    seen = play(tmp_path, Case("jest", ""), tests, "", RIGHT).tests
    assert seen.all_green and seen.watched
    assert {(each.id, each.why) for each in seen.hollow} == {
        ("test/more.test.js::says nothing", "it claims nothing"),
        ("test/more.test.js::gives up", "none of its claims was made"),
    }


def test_a_test_tool_that_was_tampered_with_is_another_environment(tmp_path: Path) -> None:
    tool = {
        "node_modules/mocha/package.json": '{"name": "mocha", "dependencies": {"needed": "1"}}',
        "node_modules/needed/package.json": '{"name": "needed"}', "node_modules/needed/index.js": "1",
        "node_modules/other/index.js": "1", "node_modules/other/package.json": "{}",
    }  # fmt: skip
    root = write(tmp_path, {**tool, "package.json": '{"devDependencies": {"other": "1"}}'})
    before = of_javascript(str(root), "node", "mocha", os.environ)
    assert [*before] == ["the program node", "the package mocha, and what it needs"]
    (root / "node_modules/other/index.js").write_text("2")
    assert of_javascript(str(root), "node", "mocha", os.environ) == before
    (root / "node_modules/needed/index.js").write_text("2")
    after = of_javascript(str(root), "node", "mocha", os.environ)
    assert {name for name in before if before[name] != after[name]} == {"the package mocha, and what it needs"}
