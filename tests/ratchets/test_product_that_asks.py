"""Product code that newly asks whether it is tested is told; code that only speaks of tests is not."""

from __future__ import annotations

import pytest

from phasegate.ratchets.look import concerns, look
from phasegate.ratchets.weakening import Change

ASKS = [
    ("src/a.py", 'import sys\n\nX = "pytest" in sys.modules\n'),
    ("src/a.py", 'X = __import__("sys").modules.get("_pytest.config")\n'),
    ("src/a.py", 'import os\n\nX = os.environ.get("PYTEST_CURRENT_TEST")\n'),
    ("src/a.py", 'import os\n\nX = "PYTEST_VERSION" in os.environ\n'),
    ("src/a.py", 'import sys\n\nX = sys.argv[0].endswith("py.test")\n'),
    ("src/a.py", 'from importlib.util import find_spec\n\nX = find_spec("unittest")\n'),
    ("src/a.py", "import pytest\n"),
    ("a.mjs", "export const x = process.env.JEST_WORKER_ID ? 1 : 2;\n"),
    ("a.mjs", "export const x = process.env['NODE_TEST_CONTEXT'];\n"),
    ("src/a.ts", "export const x: boolean = typeof jest !== 'undefined';\n"),
    ("src/a.ts", "export const x = process.env.NODE_ENV === 'test';\n"),
    ("src/a.ts", "export const x = 'test' === process.env.NODE_ENV;\n"),
    ("src/a.tsx", "export const x = globalThis.expect;\n"),
    ("src/a.js", "if (import.meta.vitest) { start(); }\n"),
    ("a.go", 'package a\n\nimport "flag"\n\nvar x = flag.Lookup("test.v") != nil\n'),
    ("a.go", 'package a\n\nimport "testing"\n\nvar x = testing.Testing()\n'),
    ("a.go", 'package a\n\nimport ("os"; "strings")\n\nvar x = strings.HasSuffix(os.Args[0], ".test")\n'),
]

USES = [
    ("src/a.py", "from test_lending import lend\n", "src/test_lending.py"),
    ("src/a.py", "def f():\n    import shop.tests.lending\n", "src/shop/tests/lending.py"),
    ("src/a.py", "from shop import lending_test\n", "src/shop/lending_test.py"),
    ("src/a.py", "from .tests import lend\n", "src/tests/__init__.py"),
    ("src/a.mjs", 'import { lend } from "./lending.test.mjs";\n', "src/lending.test.mjs"),
    ("src/a.ts", 'const lend = require("../__tests__/lending");\n', "__tests__/lending.ts"),
]

SPEAKS = [
    ("src/a.py", "from numpy import testing\nfrom django.test import Client\nfrom shop.evidence.tests import Run\n"),
    ("src/a.ts", 'import { lend } from "./latest";\nimport { spec } from "openapi-spec";\n'),
    ("src/a.py", 'def test(names):\n    """Run pytest in here."""\n    return ["pytest", *names]\n'),
    ("src/a.py", 'import subprocess\n\nsubprocess.run(["python", "-m", "pytest"])\nprint("pytest is not installed")\n'),
    ("src/a.py", 'X = {"test": 1}["test"]\n'),
    ("src/a.ts", "// jest, vitest\nexport const x = process.env.NODE_ENV === 'production';\n"),
    ("src/a.ts", "export const test = (s: string) => /jest/.test(s) && typeof s === 'string';\n"),
    ("a.go", 'package a\n\nvar x = "testing.Testing() and test.v"\n'),
    ("tests/helper.py", 'import sys\n\nX = "pytest" in sys.modules\n'),
    ("a.test.ts", "const x = typeof jest;\n"),
    ("a_test.go", 'package a\n\nimport "flag"\n\nvar x = flag.Lookup("test.v")\n'),
    ("conftest.py", "import pytest\n"),
]


def told(path: str, before: str | None, after: str) -> list[str]:
    """What is told of the product alone."""
    return kinds([Change(path, before.encode() if before is not None else None, after.encode())])


def kinds(changes: list[Change]) -> list[str]:
    return [each.kind for each in look(changes).found if each.kind in ("product-asks", "product-in-tests")]


@pytest.mark.parametrize(("path", "content", "test"), USES)
def test_a_product_that_lies_in_a_changed_test_is_told(path: str, content: str, test: str) -> None:
    added = Change(test, None, b"")
    assert kinds([Change(path, None, content.encode()), added]) == ["product-in-tests"]
    assert not kinds([Change(path, content.encode(), content.encode()), added]), "it did before"
    assert not kinds([Change(path, None, content.encode())]), "the tests are as they were"
    assert not kinds([Change(path, None, b"import other\n"), added])


@pytest.mark.parametrize(("path", "content"), ASKS)
def test_a_product_that_newly_asks_whether_it_is_tested_is_told(path: str, content: str) -> None:
    assert concerns(path)
    assert told(path, None, content)
    assert not told(path, content, content), "it asked before"


@pytest.mark.parametrize(("path", "content"), SPEAKS)
def test_speaking_of_tests_is_not_asking(path: str, content: str) -> None:
    assert not told(path, "", content)


def test_a_question_that_moves_to_another_file_is_no_new_one() -> None:
    content = b'import sys\n\nX = "pytest" in sys.modules\n'
    moved = [Change("src/a.py", content, None), Change("src/b.py", None, content)]
    assert not kinds(moved)
