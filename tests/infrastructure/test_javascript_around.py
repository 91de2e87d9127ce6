"""Which files run around the tests of a JavaScript project, as its settings and programs name them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from phasegate.infrastructure.catalog import around
from phasegate.infrastructure.files import Files, joined

SOURCE = {"src/index.ts": "export const a = 1;", "src/price.ts": "import './index';"}


def found(files: Mapping[str, str], *sources: str) -> set[str]:
    whole = {**SOURCE, **files}
    return {*around("jest", Files(whole, lambda path: whole[path].encode(), sources or ("src",)))}


@pytest.mark.parametrize(
    "path",
    [
        "jest.config.ts", "packages/a/jest.config.js", "jest.unit.config.mjs", "jest.preset.js", "vitest.config.mts",
        "vite.config.ts", "vitest.workspace.ts", ".mocharc.yml", ".mocharc.json", ".mocharc.js", "test/mocha.opts",
        "node.config.json", "babel.config.js", ".babelrc", ".swcrc", "tsconfig.json", "tsconfig.test.json", ".nycrc",
        ".c8rc.json", ".npmrc", ".pnp.cjs", ".env", ".env.test", "src/__mocks__/price.ts", "__mocks__/fs.js",
        "test/__snapshots__/a.test.js.snap", "node_modules/expect/index.js",
    ],
)  # fmt: skip
def test_what_tools_read_by_themselves_is_found_by_its_name(path: str) -> None:
    assert found({path: ""}) == {path}


@pytest.mark.parametrize(
    "path", ["README.md", "src/jest.ts", "test/price.test.ts", "src/environment.ts", "package.json"]
)
def test_what_is_tested_and_what_tests_it_are_not_around_it(path: str) -> None:
    assert found({path: ""}) == set()


SETUP = {"test/setup.ts": "import { helper } from './helper';\nimport '../src/price';", "test/helper/index.ts": ""}
NAMING = {
    "jest.config.js": "module.exports = { setupFiles: ['<rootDir>/test/setup.ts'] };",
    "jest.config.json": '{"setupFilesAfterEnv": ["./test/setup.ts"]}',
    "packages/web/jest.config.ts": "const at = '../../test/setup'; export default { globalSetup: at };",
    "vitest.config.ts": "export default defineConfig({ test: { setupFiles: './test/setup.ts', reporters: ['dot'] } })",
    "vite.config.mjs": "export default { test: { environment: `./test/setup` } }",
    ".mocharc.yml": "require:\n  - ./test/setup.ts\nspec: test/*.js\n",
    ".mocharc.jsonc": '{ /* first */ "require": "./test/setup.ts", }',
    "tsconfig.json": '{ "compilerOptions": { "paths": { "price": ["./test/setup.ts"] } } } // end',
    "package.json": '{"jest": {"transform": {"x": ["./test/setup.ts", {}]}}}',
}


@pytest.mark.parametrize("settings", NAMING)
def test_what_settings_name_is_found_and_what_that_imports(settings: str) -> None:
    names = found({**SETUP, settings: NAMING[settings]}) - {settings}
    assert names == {"test/setup.ts", "test/helper/index.ts"}


def test_options_in_a_script_name_what_node_loads_first() -> None:
    package = (
        '{"scripts": {"test": "NODE_OPTIONS=--require=./tools/first.cjs node --import ./tools/second.mjs --test"}}'
    )
    assert found({"package.json": package, "tools/first.cjs": "", "tools/second.mjs": ""}) == {
        "tools/first.cjs", "tools/second.mjs",
    }  # fmt: skip


def test_a_setup_file_among_the_sources_is_found_and_what_is_built_is_not() -> None:
    config = "export default { build: { lib: { entry: 'src/index.ts' } }, test: { setupFiles: ['src/setup.ts'] } }"
    assert found({"vite.config.ts": config, "src/setup.ts": ""}) == {"vite.config.ts", "src/setup.ts"}


def test_settings_that_cannot_be_read_name_whatever_they_quote() -> None:
    config = "module.exports = { setupFiles: ['./test/setup.ts'] "
    assert found({"jest.config.js": config, **SETUP}) == {"jest.config.js", "test/setup.ts", "test/helper/index.ts"}


def test_no_place_leads_out_of_the_root() -> None:
    assert joined("a/b", "../../../c") == "" and joined("a/b", "../c/./d") == "a/c/d" and joined("", "/x") == "x"
