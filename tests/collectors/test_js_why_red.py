"""Why a red JavaScript test is red: the rules, by what each tool really says. Doubt is never a right reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.collectors.js_frames import Thrown
from phasegate.collectors.js_source import Source
from phasegate.collectors.js_why_red import Ours, Red, cause_of, ours_in
from tests.collectors.conftest import write

TEST = """\
import { price, refund as back, Basket } from '../src/shop';
import * as shop from '../src/shop';
import { helper } from './helper';
import lodash from 'lodash';
const { late } = require('../src/late');

describe('shop', () => {
  beforeEach(async () => {
    await connect();
  });

  it('has a basket', () => {
    const basket = new Basket();
    const other = new lodash.Thing();
    basket.remove();
  });
});
"""
FILE = "tests/shop.test.ts"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Ours:
    root = write(tmp_path_factory.mktemp("shop"), {"package.json": '{"name": "shop"}', FILE: "", "src/shop.ts": ""})
    (root / FILE).write_text(TEST)
    return ours_in(str(root), ("src",))


def cause(ours: Ours, thrown: Thrown, *, loading: bool = False, hook: bool = False) -> str:
    root = Path(ours.root)
    frames = tuple((str(root / file) if not file.startswith("/") else file, line) for file, line in thrown.frames)
    error = Thrown(thrown.name, thrown.message, thrown.code, thrown.asserted, frames=frames)
    return cause_of(Red(error, FILE, lambda file: Source.of(str(root / file)), hook=hook, loading=loading), ours)


IN_TEST = ((FILE, 14),)


@pytest.mark.parametrize(
    "message",
    [
        "price is not a function", "(0, _shop.refund) is not a function", "(0 , _shop.refund) is not a function",
        "(0 , __vite_ssr_import_0__.price) is not a function", "shop.anything is not a function",
        "shop.Anything is not a constructor", "back is not a function", "basket.remove is not a function",
        "late is not a function",
    ],
)  # fmt: skip
def test_what_is_asked_of_our_code_and_is_no_function_is_missing(ours: Ours, message: str) -> None:
    assert cause(ours, Thrown("TypeError", message, frames=IN_TEST)) == "missing_name"


@pytest.mark.parametrize(
    "message",
    [
        "helper is not a function", "lodash.nope is not a function", "other.go is not a function",
        "whatever is not a function", "(0, _helper.helper) is not a function", "basket is not iterable",
        "Cannot read properties of undefined (reading 'x')", "undefinedName is not defined",
    ],
)  # fmt: skip
def test_what_may_be_the_tests_own_mistake_is_no_right_reason(ours: Ours, message: str) -> None:
    for name in ("TypeError", "ReferenceError"):
        assert cause(ours, Thrown(name, message, frames=IN_TEST)) == "other"


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Cannot find module '../src/new' from 'tests/shop.test.ts'", "missing_name"),
        ("Cannot find module '../src/new'\nRequire stack:\n- x", "missing_name"),
        ('Failed to resolve import "../src/new" from "tests/shop.test.ts". Does the file exist?', "missing_name"),
        ("Cannot find module '@/new' from 'tests/shop.test.ts'", "missing_name"),
        ("Cannot find module 'shop/new' from 'tests/shop.test.ts'", "missing_name"),
        ("The requested module '../src/shop.js' does not provide an export named 'x'", "missing_name"),
        ("tests/shop.test.ts:1:1 - error TS2305: Module '\"../src/shop\"' has no exported member 'x'.", "missing_name"),
        ("tests/shop.test.ts:1:1 - error TS2307: Cannot find module '../src/new' or its types", "missing_name"),
        ("tests/shop.test.ts:1:1 - error TS2305: Module '\"../src/shop\"' has no exported member 'x'.\n"
         "tests/shop.test.ts:2:1 - error TS2322: Type 'string' is not a number", "syntax_of_test"),
        ("Cannot find module './helper' from 'tests/shop.test.ts'", "import_of_test"),
        ("Cannot find module '../src/__tests__/helper' from 'tests/shop.test.ts'", "import_of_test"),
        ("Cannot find package 'left-pad' imported from /x/tests/shop.test.ts", "import_of_test"),
        ("Cannot find module '@scope/pkg' from 'tests/shop.test.ts'", "import_of_test"),
        ("SyntaxError: tests/shop.test.ts: Unexpected token (1:2)", "syntax_of_test"),
        ("SyntaxError: src/shop.ts: Unexpected token (1:2)", "collection"),
        ("at load", "collection"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_loaded_says_whose_lack_it_is(ours: Ours, message: str, wanted: str) -> None:
    assert cause(ours, Thrown("Error", message), loading=True) == wanted


@pytest.mark.parametrize(
    ("thrown", "wanted"),
    [
        (Thrown("AssertionError", "1 == 2"), "assertion"),
        (Thrown("Error", "expect(received).toBe(expected)"), "assertion"),
        (Thrown("Error", "expected number of assertions to be 1, but got 0"), "assertion"),
        (Thrown("", "anything", asserted=True), "assertion"),
        (Thrown("Error", "expect(received).toMatchSnapshot()\n\nNew snapshot was not written."), "other"),
        (Thrown("Error", "Test timed out in 5000ms."), "timeout"),
        (Thrown("Error", "thrown: \"Exceeded timeout of 5000 ms for a test."), "timeout"),
        (Thrown("Error", "Timeout of 2000ms exceeded.", "ERR_MOCHA_TIMEOUT"), "timeout"),
        (Thrown("RangeError", "boom", frames=(("src/shop.ts", 3), *IN_TEST)), "raised_by_code"),
        (Thrown("RangeError", "boom", frames=(("/x/node_modules/y.js", 3), ("src/shop.ts", 3))), "raised_by_code"),
        (Thrown("RangeError", "boom", frames=(("tests/helper.ts", 3), *IN_TEST)), "other"),
        (Thrown("ReferenceError", "x is not defined", frames=(("src/shop.ts", 3), *IN_TEST)), "missing_name"),
        (Thrown("AssertionError", "1 == 2", frames=((FILE, 9),)), "fixture"),
        (Thrown("Error", "a string that was thrown"), "other"),
    ],
)  # fmt: skip
def test_what_a_test_threw_has_its_cause(ours: Ours, thrown: Thrown, wanted: str) -> None:
    assert cause(ours, thrown) == wanted


def test_a_hook_is_no_right_reason_whatever_it_threw(ours: Ours) -> None:
    for message in ("1 == 2", "price is not a function", "Cannot find module '../src/new'"):
        assert cause(ours, Thrown("AssertionError", message, frames=IN_TEST), hook=True) == "fixture"
