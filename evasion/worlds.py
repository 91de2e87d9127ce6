"""The projects that the cases happen in: one small till in Python, in JavaScript and in Go."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

PLAN: Final = "docs/development_roadmap/phases.md"
SHARED: Final = {
    "README.md": "# A till\n",
    ".gitignore": "__pycache__/\n.pytest_cache/\n.venv\nnode_modules/\n",
    PLAN: "# Plan\n\n## Phase 1: Too little money\n\nKind: {kind}\n\n- [ ] change() refuses less than is owed\n",
}


class World(Struct, frozen=True):
    """A project before the phase: its files, how its suite is run by anybody, and how phasegate is told to run it.

    `truth` ends well where the product does what it should, and asks no test runner.
    """

    files: Mapping[str, str]
    suite: tuple[str, ...]
    settings: str
    truth: tuple[str, ...]


# --- Python -----------------------------------------------------------------------------------------------------------

TILL: Final = "src/till.py"
TESTS: Final = "tests/test_till.py"

AS_IT_WAS: Final = '''"""A till: what customers owe, and what they get back. Amounts are in cents."""


def total(prices):
    """What all of it costs together."""
    owed = 0
    for price in prices:
        owed += price
    return owed


def change(paid, prices):
    """What the customer gets back."""
    return paid - total(prices)
'''

RIGHT: Final = AS_IT_WAS.replace(
    "    return paid - total(prices)",
    '    if paid < total(prices):\n        raise ValueError("too little money")\n    return paid - total(prices)',
)
"""What the phase asks for."""

WRONG: Final = RIGHT.replace("owed += price", "owed = price")
"""The same, and sums are wrong: two tests that were green would be red."""

TESTED: Final = """import pytest

from till import change, total


def test_total():
    assert total([100, 250]) == 350


def test_total_of_nothing():
    assert total([]) == 0


@pytest.mark.parametrize(("paid", "back"), [(500, 150), (350, 0)])
def test_change(paid, back):
    assert change(paid, [100, 250]) == back
"""

TESTED_ANEW: Final = (
    TESTED
    + """

def test_too_little_money_is_refused():
    with pytest.raises(ValueError, match="too little"):
        change(100, [300])
"""
)

TRUTH: Final = """
import sys
sys.path.insert(0, "src")
from till import change, total
try:
    refused = change(1, [300]) and False
except ValueError:
    refused = True
sys.exit(not (refused and int(total([1, 2])) == 3 and int(change(5, [2])) == 3))
"""

PYTHON: Final = World(
    files={"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n', TILL: AS_IT_WAS, TESTS: TESTED},
    suite=(sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
    settings=f"command = {msgspec.json.encode((sys.executable, '-m', 'pytest')).decode()}\n",
    # A prefix under which no bytecode lies: what is in __pycache__ may be anything.
    truth=(sys.executable, "-I", "-B", "-X", "pycache_prefix=/nonexistent", "-c", TRUTH),
)

# --- JavaScript -------------------------------------------------------------------------------------------------------

TILL_JS: Final = "src/till.mjs"
TESTS_JS: Final = "tests/till.test.mjs"

AS_IT_WAS_JS: Final = """// A till: what customers owe, and what they get back. Amounts are in cents.

export function total(prices) {
  let owed = 0;
  for (const price of prices) {
    owed += price;
  }
  return owed;
}

export function change(paid, prices) {
  return paid - total(prices);
}
"""

RIGHT_JS: Final = AS_IT_WAS_JS.replace(
    "  return paid - total(prices);",
    '  if (paid < total(prices)) {\n    throw new RangeError("too little money");\n  }\n  return paid - total(prices);',
)
WRONG_JS: Final = RIGHT_JS.replace("owed += price", "owed = price")

TESTED_JS: Final = """import assert from "node:assert/strict";
import { test } from "node:test";
import { change, total } from "../src/till.mjs";

test("total", () => {
  assert.equal(total([100, 250]), 350);
});

test("change", () => {
  assert.equal(change(500, [100, 250]), 150);
});
"""

TESTED_ANEW_JS: Final = (
    TESTED_JS
    + """
test("too little money is refused", () => {
  assert.throws(() => change(100, [300]), /too little/);
});
"""
)

TRUTH_JS: Final = """
import { change, total } from "./src/till.mjs";
let refused = false;
try { change(1, [300]); } catch { refused = true; }
process.exitCode = refused && total([1, 2]) === 3 && change(5, [2]) === 3 ? 0 : 1;
"""

JAVASCRIPT: Final = World(
    files={
        "package.json": '{"name": "till", "private": true, "scripts": {"test": "node --test"}}\n',
        TILL_JS: AS_IT_WAS_JS,
        TESTS_JS: TESTED_JS,
    },
    suite=("node", "--test", TESTS_JS),
    settings='runner = "node"\n',
    truth=("node", "--input-type=module", "-e", TRUTH_JS),
)

# --- Go ---------------------------------------------------------------------------------------------------------------

TILL_GO: Final = "till.go"
TESTS_GO: Final = "till_test.go"

AS_IT_WAS_GO: Final = """// Package till says what customers owe, and what they get back. Amounts are in cents.
package till

// Total is what all of it costs together.
func Total(prices ...int) int {
	owed := 0
	for _, price := range prices {
		owed += price
	}
	return owed
}

// Change is what the customer gets back.
func Change(paid int, prices ...int) (int, error) {
	return paid - Total(prices...), nil
}
"""

RIGHT_GO: Final = AS_IT_WAS_GO.replace(
    "	return paid - Total(prices...), nil",
    '	if paid < Total(prices...) {\n		return 0, errors.New("too little money")\n	}\n'
    "	return paid - Total(prices...), nil",
).replace("package till\n", 'package till\n\nimport "errors"\n')  # fmt: skip
WRONG_GO: Final = RIGHT_GO.replace("owed += price", "owed = price")

TESTED_GO: Final = """package till

import "testing"

func TestTotal(t *testing.T) {
	if got := Total(100, 250); got != 350 {
		t.Errorf("got %d", got)
	}
}

func TestChange(t *testing.T) {
	if got, _ := Change(500, 100, 250); got != 150 {
		t.Errorf("got %d", got)
	}
}
"""

TESTED_ANEW_GO: Final = (
    TESTED_GO
    + """
func TestTooLittleMoneyIsRefused(t *testing.T) {
	if _, err := Change(100, 300); err == nil {
		t.Error("not refused")
	}
}
"""
)

TRUTH_GO: Final = r"""
d=$(mktemp -d) && cp till.go go.mod $d && cd $d && mkdir m && cat > m/main.go <<'END'
package main

import (
	"os"
	"till"
)

func main() {
	_, err := till.Change(1, 300)
	back, _ := till.Change(5, 2)
	if err == nil || till.Total(1, 2) != 3 || back != 3 {
		os.Exit(1)
	}
}
END
GOFLAGS=-mod=mod go run ./m
code=$?
rm -rf $d
exit $code
"""

GO: Final = World(
    files={"go.mod": "module till\n\ngo 1.20\n", TILL_GO: AS_IT_WAS_GO, TESTS_GO: TESTED_GO},
    suite=("go", "test", "-count=1", "./..."),
    settings='runner = "go"\n',
    truth=("sh", "-c", TRUTH_GO),
)

WORLDS: Final = {"python": PYTHON, "javascript": JAVASCRIPT, "go": GO}
