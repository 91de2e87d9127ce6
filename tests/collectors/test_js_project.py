"""Which command runs a JavaScript suite: found by reading package.json and node_modules, running nothing."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from phasegate.collectors import catalog
from phasegate.collectors.interface import NoTestCommand
from phasegate.collectors.js_project import Call, Package, add_line, call_of, install_line, installed, without
from phasegate.settings import Runner
from tests.collectors.conftest import write
from tests.collectors.node_tools import BIN


@pytest.fixture(autouse=True)
def node_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", BIN)


def call(tool: str, **scripts: str) -> Call:
    return call_of(Package(scripts=dict(scripts)), tool)


def package_of(root: Path, name: str, program: str) -> Path:
    """An installed package with one program."""
    text = msgspec.json.encode({"name": name, "version": "1.2.3", "bin": {name: program}}).decode()
    return write(root, {f"node_modules/{name}/package.json": text, f"node_modules/{name}/{program}": ""})


@pytest.mark.parametrize(
    ("tool", "script", "wanted"),
    [
        ("jest", "jest --env node", Call(("--env", "node"))),
        ("jest", "npm run lint && jest a", Call(("a",))),
        ("jest", "NODE_OPTIONS=--experimental-vm-modules npx jest", Call(node_flags=("--experimental-vm-modules",))),
        ("jest", "cross-env TZ=UTC jest", Call(variables=("TZ=UTC",))),
        ("jest", "node --no-warnings node_modules/jest/bin/jest.js x", Call(("x",), node_flags=("--no-warnings",))),
        ("mocha", "c8 -r lcov mocha 'test/**/*.js'", Call()),
        (
            "mocha",
            "nyc --silent mocha -r ts-node/register 'test/**/*.ts'",
            Call(("-r", "ts-node/register", "test/**/*.ts")),
        ),
        ("node", "node --import tsx --test 'test/*.ts'", Call(("--import", "tsx", "--test", "test/*.ts"))),
        ("vitest", "jest", Call()),
        ("jest", "jest | tee log", Call()),
        ("jest", "echo 'unfinished", Call()),
    ],
)
def test_the_words_of_the_script_are_kept(tool: str, script: str, wanted: Call) -> None:
    assert call(tool, test=script) == wanted


def test_a_script_that_another_runs_first_is_the_one_that_counts() -> None:
    scripts = {
        "test:edge": "jest --env edge",
        "test:node": "jest --env node",
        "test": "pnpm run test:node && pnpm test:edge",
    }
    assert call("jest", **scripts).words == ("--env", "node")
    assert call("jest", a="npm run b", b="npm run a", test="npm run a") == Call()


@pytest.mark.parametrize(
    ("tool", "program", "scripts", "wanted"),
    [
        ("jest", "bin/jest.js", {"test": "jest --coverage --watchAll -i"}, ("-i",)),
        ("vitest", "vitest.mjs", {"test": "vitest --coverage --reporter dot"}, ("run",)),
        ("vitest", "vitest.mjs", {"test": "vitest run --root web"}, ("run", "--root", "web")),
        ("mocha", "bin/mocha.js", {"test": "mocha -R dot --bail spec/*.js"}, ("spec/*.js",)),
    ],
)
def test_what_is_installed_is_run_by_node_without_what_would_bend_it(
    tmp_path: Path, tool: Runner, program: str, scripts: dict[str, str], wanted: tuple[str, ...]
) -> None:
    package_of(tmp_path, tool, program)
    write(tmp_path, {"package.json": msgspec.json.encode({"scripts": scripts}).decode()})
    assert catalog.runner(tool).detect(str(tmp_path)) == ("node", f"node_modules/{tool}/{program}", *wanted)


def test_a_workspace_finds_what_lies_above_it(tmp_path: Path) -> None:
    package_of(tmp_path, "jest", "bin/jest.js")
    web = write(tmp_path / "packages/web", {"package.json": "{}"})
    assert catalog.runner("jest").detect(str(web)) == ("node", "../../node_modules/jest/bin/jest.js")
    assert installed(str(web), "jest") == str(tmp_path / "node_modules/jest")


@pytest.mark.parametrize(
    ("lock", "install", "add"),
    [
        ("package-lock.json", "npm ci", "npm install --save-dev c8"),
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile", "pnpm add -D c8"),
        ("yarn.lock", "yarn install --frozen-lockfile", "yarn add -D c8"),
        ("bun.lock", "bun install", "bun add -d c8"),
        ("README.md", "npm install", "npm install --save-dev c8"),
    ],
)
def test_the_lock_file_says_what_installs(tmp_path: Path, lock: str, install: str, add: str) -> None:
    write(tmp_path, {lock: "", ".git/HEAD": "", "package.json": '{"devDependencies": {"jest": "30"}}'})
    assert (install_line(str(tmp_path)), add_line(str(tmp_path), "c8")) == (install, add)
    with pytest.raises(NoTestCommand) as failed:
        catalog.runner("jest").detect(str(tmp_path))
    assert failed.value.hint == f"Run `{install}`."


@pytest.mark.parametrize("tool", ["jest", "vitest", "mocha", "node"])
@pytest.mark.parametrize("package", [None, "", "[]", '{"scripts": 3}', '{"scripts": {"test": 3}}', "{" * 10_000])
def test_a_package_that_cannot_be_read_is_said_with_a_remedy(tmp_path: Path, tool: Runner, package: str | None) -> None:
    if package is not None:
        (tmp_path / "package.json").write_text(package)
    if tool == "node" and package == '{"scripts": {"test": 3}}':
        assert catalog.runner(tool).detect(str(tmp_path)) == ("node", "--test")
        return
    with pytest.raises(NoTestCommand) as failed:
        catalog.runner(tool).detect(str(tmp_path))
    assert failed.value.hint


def test_without_node_the_failure_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    write(tmp_path, {"package.json": "{}"})
    with pytest.raises(NoTestCommand) as failed:
        catalog.runner("node").detect(str(tmp_path))
    assert "Install Node.js" in failed.value.hint
    own = write(tmp_path, {"node_modules/.bin/node": "#!/bin/sh\n"}) / "node_modules/.bin/node"
    own.chmod(0o755)
    assert catalog.runner("node").detect(str(tmp_path)) == (str(own), "--test")


def test_options_go_with_their_values() -> None:
    words = ["a", "--reporter", "dot", "--reporter=x", "--watch", "b", "--watcher"]
    assert without(words, flags=["--watch"], valued=["--reporter"]) == ("a", "b", "--watcher")
    assert os.path.basename(BIN) == "bin"
