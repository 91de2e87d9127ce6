"""The small project as jest, vitest, mocha and node:test have it, in JavaScript and in TypeScript."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from tests.collectors.dialects.dialect import Dialect, Files
from tests.collectors.node_tools import with_tools

COMMON_JS = """\
function price(amount) {
  return amount * 2;
}

function careless(amount) {
  throw new Error("out of stock");
}

module.exports = { price, careless };
"""
ESM = """\
export function price(amount) {
  return amount * 2;
}

export function careless(amount) {
  throw new Error("out of stock");
}
"""
TYPED = """\
export function price(amount: number): number {
  return amount * 2;
}

export function careless(amount: number): never {
  throw new Error("out of stock");
}
"""
NOBODY = "function nobody() {\n  return 1;\n}\n"
KINDS = {
    "passes": "passes",
    "claims what is not so": "claims what is not so",
    "asks for a name that is not there": "asks for a name",
    "lets the code crash": "lets the code crash",
    "is broken itself": "is broken itself",
    "is skipped": "is skipped",
    "is expected to fail": "is expected to fail",
    "has a broken fixture": "shop > has a broken fixture",
}


def every_kind(head: str, equal: str, *, expected: str = "") -> str:
    """A test of each kind; `equal` claims that `{}` is 3."""
    return dedent(head) + dedent(
        f"""
        test('passes', () => {{ shop.price(1); }});
        test('claims what is not so', () => {{ {equal.format("shop.price(1)")} }});
        test('asks for a name', () => {{ shop.refund(1); }});
        test('lets the code crash', () => {{ shop.careless(1); }});
        test('is broken itself', () => {{ undefinedName(); }});
        test.skip('is skipped', () => {{}});
        {expected}
        describe('shop', () => {{
          beforeEach(() => {{ throw new Error('no such table'); }});
          test('has a broken fixture', () => {{}});
        }});
        """
    )


def green(head: str) -> str:
    """Two tests that pass, of one name."""
    return dedent(head) + "for (const amount of [1, 2]) test('doubles', () => { shop.price(amount); });\n"


def ids(path: str, *less: str) -> Mapping[str, str]:
    return {kind: f"{path}::{title}" for kind, title in KINDS.items() if kind not in less}


def files(path: str, head: str, equal: str, expected: str = "") -> dict[str, Files]:
    """What differs between dialects only by a file's name and its first lines."""
    folder, _, name = path.rpartition("/")
    ending = name.partition(".")[2]
    only = dedent(head)
    return {
        "green": {path: green(head)},
        "every_kind": {path: every_kind(head, equal, expected=expected)},
        "unreadable": {
            f"{folder}/broken.{ending}": "const x = (;\n",
            f"{folder}/good.{ending}": only + "test('good', () => {});\n",
        },
        "exits": {path: only + "test('a', () => { process.exit(0); });\ntest('b', () => { throw new Error('b'); });\n"},
        "hangs": {path: only + "test('a', () => { for (;;); });\n"},
    }


JEST = Dialect(
    runner="jest",
    base={
        "package.json": '{"name": "shop", "devDependencies": {"jest": "30"}}',
        "src/shop.js": COMMON_JS,
        "src/alone.js": NOBODY + "module.exports = { nobody };\n",
    },
    **files(
        "tests/shop.test.js",
        "const shop = require('../src/shop');\n",
        "expect({}).toBe(3);",
        "test.failing('is expected to fail', () => { expect(1).toBe(2); });",
    ),
    kinds=ids("tests/shop.test.js"),
    unreadable_id="tests/broken.test.js",
    covered={"src/shop.js": ((2, 9), (6,)), "src/alone.js": ((), (2, 4))},
    install=with_tools,
)
JEST_TS = Dialect(
    runner="jest",
    variant="typescript",
    base={
        "package.json": '{"name": "shop", "devDependencies": {"jest": "30"}, "jest": {"transform": '
        '{"\\\\.ts$": "@swc/jest"}, "coverageThreshold": {"global": {"lines": 100}}, "bail": 1}}',
        "src/shop.ts": TYPED,
        "src/alone.ts": "export " + NOBODY,
    },
    **files(
        "src/__tests__/shop.test.ts",
        "import * as shop from '../shop';\n",
        "expect({}).toBe(3);",
        "test.failing('is expected to fail', () => { expect(1).toBe(2); });",
    ),
    kinds=ids("src/__tests__/shop.test.ts"),
    unreadable_id="src/__tests__/broken.test.ts",
    covered={"src/shop.ts": ((1, 2), (5, 6)), "src/alone.ts": ((), (2,))},
    install=with_tools,
)
VITEST = Dialect(
    runner="vitest",
    base={
        "package.json": '{"name": "shop", "type": "module", "devDependencies": {"vitest": "5"}}',
        "vitest.config.ts": "import { defineConfig } from 'vitest/config';\n"
        "const thresholds = { lines: 100, autoUpdate: true };\n"
        "export default defineConfig({ test: { bail: 1, coverage: { thresholds } } });\n",
        "src/shop.ts": TYPED,
        "src/alone.ts": "export " + NOBODY,
    },
    **files(
        "src/shop.test.ts",
        "import { beforeEach, describe, expect, test } from 'vitest';\nimport * as shop from './shop';\n",
        "expect({}).toBe(3);",
        "test.fails('is expected to fail', () => { expect(1).toBe(2); });",
    ),
    kinds=ids("src/shop.test.ts"),
    unreadable_id="src/broken.test.ts",
    covered={"src/shop.ts": ((2,), (6,)), "src/alone.ts": ((), (2,))},
    install=with_tools,
)
MOCHA = Dialect(
    runner="mocha",
    base={
        "package.json": '{"name": "shop", "scripts": {"test": "c8 mocha --bail tests/*.test.js"}, '
        '"devDependencies": {"mocha": "12"}, "mocha": {"parallel": true}}',
        "src/shop.js": COMMON_JS,
        "src/alone.js": NOBODY + "module.exports = { nobody };\n",
    },
    **files(
        "tests/shop.test.js",
        "const assert = require('node:assert');\nconst shop = require('../src/shop');\nconst test = it;\n",
        "assert.strictEqual({}, 3);",
    ),
    kinds=ids("tests/shop.test.js", "is expected to fail"),
    lacks={"is expected to fail": "mocha has no test that must fail"},
    unreadable_id="tests/broken.test.js",
    covered={"src/shop.js": ((1, 2, 3, 4, 8, 9), (5, 6, 7)), "src/alone.js": ((), (1, 2, 3, 4))},
    install=with_tools,
)
NODE = Dialect(
    runner="node",
    base={
        "package.json": '{"name": "shop", "type": "module", "scripts": {"test": "node --test tests/*.test.js"}}',
        "src/shop.js": ESM,
        "src/alone.js": "export " + NOBODY,
    },
    **files(
        "tests/shop.test.js",
        "import assert from 'node:assert';\nimport { beforeEach, describe, test } from 'node:test';\n"
        "import * as shop from '../src/shop.js';\n",
        "assert.strictEqual({}, 3);",
    ),
    kinds=ids("tests/shop.test.js", "is expected to fail"),
    lacks={"is expected to fail": "node:test of before 25 has none"},
    unreadable_id="tests/broken.test.js",
    covered={"src/shop.js": ((1, 2, 3, 4, 5), (6, 7)), "src/alone.js": ((), (1, 2, 3))},
)
JAVASCRIPT = (JEST, JEST_TS, VITEST, MOCHA, NODE)
