"""The small project as unittest has it."""

from __future__ import annotations

import sys

from msgspec.structs import replace

from tests.collectors.dialects.python import PYTEST

_FLAT = {path.removeprefix("src/"): text for path, text in PYTEST.base.items()}

UNITTEST = replace(
    PYTEST,
    runner="unittest",
    command=(sys.executable, "-m", "unittest"),
    base={**_FLAT, "tests/__init__.py": ""},
    source_roots=("shop",),
    green={
        "tests/test_green.py": """
            import unittest
            from shop import price

            class Doubles(unittest.TestCase):
                def test_one(self):
                    self.assertEqual(price(1), 2)

                def test_two(self):
                    self.assertEqual(price(2), 4)
        """,
    },
    every_kind={
        "tests/test_kinds.py": """
            import unittest
            import shop

            class Kinds(unittest.TestCase):
                def test_passes(self):
                    self.assertEqual(shop.price(1), 2)

                def test_claims(self):
                    self.assertEqual(shop.price(1), 3)

                def test_asks(self):
                    shop.refund(1)

                def test_crashes(self):
                    shop.careless(1)

                def test_is_broken(self):
                    undefined_name

                @unittest.skip("later")
                def test_skipped(self): ...

                @unittest.expectedFailure
                def test_expected(self):
                    self.assertEqual(shop.price(1), 3)

            class Fixture(unittest.TestCase):
                def setUp(self):
                    raise ValueError("no such table")

                def test_with_fixture(self): ...
        """,
    },
    kinds={
        "passes": "tests/test_kinds.py::Kinds::test_passes",
        "claims what is not so": "tests/test_kinds.py::Kinds::test_claims",
        "asks for a name that is not there": "tests/test_kinds.py::Kinds::test_asks",
        "lets the code crash": "tests/test_kinds.py::Kinds::test_crashes",
        "is broken itself": "tests/test_kinds.py::Kinds::test_is_broken",
        "is skipped": "tests/test_kinds.py::Kinds::test_skipped",
        "is expected to fail": "tests/test_kinds.py::Kinds::test_expected",
        "has a broken fixture": "tests/test_kinds.py::Fixture::test_with_fixture",
    },
    unreadable={
        "tests/test_broken.py": "def test_a(:\n",
        "tests/test_good.py": "import unittest\nclass Good(unittest.TestCase):\n    def test_good(self): ...\n",
    },
    exits={
        "tests/test_exits.py": "import os, unittest\nclass A(unittest.TestCase):\n"
        "    def test_a(self): os._exit(0)\n    def test_b(self): assert 0\n",
    },
    hangs={
        "tests/test_hangs.py": "import time, unittest\nclass A(unittest.TestCase):\n"
        "    def test_a(self): time.sleep(600)\n",
    },
    covered={"shop/__init__.py": ((1, 2, 5), (6,)), "shop/alone.py": ((), (1, 2))},
)
