"""Tests that replace what asserts are told; those that replace what they test are not."""

from __future__ import annotations

import pytest

from phasegate.ratchets.look import concerns, look
from phasegate.ratchets.weakening import Change

NODE = 'import assert from "node:assert/strict";\n'
REPLACES = [
    ("tests/setup.mjs", NODE + "assert.equal = () => {};\n"),
    ("tests/setup.mjs", 'import claim from "assert";\nclaim["equal"] = () => {};\n'),
    ("tests/setup.cjs", 'const a = require("node:assert/strict");\na.equal = () => {};\n'),
    ("tests/setup.mjs", NODE + "Object.assign(assert, { equal() {} });\n"),
    ("tests/setup.mjs", NODE + 'Object.defineProperty(assert, "equal", { value() {} });\n'),
    ("tests/a.test.ts", 'import { vi } from "vitest";\nvi.mock("node:assert", () => ({}));\n'),
    ("tests/a.test.js", "jest.spyOn(expect, 'extend');\n"),
    ("jest.config.js", "globalThis.x = 1;\nexpect.extend = () => {};\n"),
    ("tests/a.test.mjs", NODE + 'import { mock } from "node:test";\nmock.method(assert, "equal", () => {});\n'),
    ("tests/conftest.py", "import unittest\n\nunittest.TestCase.assertEqual = lambda *given: None\n"),
    ("conftest.py", "import pytest\n\npytest.raises = None\n"),
    ("tests/test_a.py", "import unittest\n\nsetattr(unittest.TestCase, 'assertEqual', print)\n"),
    ("tests/test_a.py", "from unittest import mock\n\nmock.patch('unittest.TestCase.assertEqual').start()\n"),
    ("tests/test_a.py", "def test_a(monkeypatch):\n    monkeypatch.setattr(pytest, 'fail', print)\n"),
]
LETS_BE = [
    ("tests/a.test.js", "expect.extend({ toBeOdd() {} });\njest.mock('../shop');\nshop.assert = () => 1;\n"),
    ("tests/a.test.ts", 'import { vi } from "vitest";\nvi.spyOn(console, "assert");\nconst assert = { a: 1 };\n'),
    (
        "tests/test_a.py",
        "from unittest import mock\n\n\n@mock.patch('shop.total')\ndef test_a(total):\n    assert total\n",
    ),
    ("tests/test_a.py", "class T(unittest.TestCase):\n    longMessage = True\n\n\nshop.pytest = 1\n"),
    ("src/a.mjs", NODE + "assert.equal = () => {};\n"),
]


def told(path: str, before: str | None, after: str) -> list[str]:
    change = Change(path, before.encode() if before is not None else None, after.encode())
    return [each.now for each in look([change]).found if "is replaced: " in each.now]


@pytest.mark.parametrize(("path", "content"), REPLACES)
def test_replacing_what_asserts_is_told_once(path: str, content: str) -> None:
    assert concerns(path)
    assert len(told(path, None, content)) == 1
    assert not told(path, content, content), "it did before"


@pytest.mark.parametrize(("path", "content"), LETS_BE)
def test_replacing_what_is_tested_is_not(path: str, content: str) -> None:
    assert not told(path, None, content)
