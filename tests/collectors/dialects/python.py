"""The small project as pytest has it."""

from __future__ import annotations

import sys

from tests.collectors.dialects.dialect import Dialect

SHOP = """\
def price(amount):
    return amount * 2


def careless(amount):
    raise ValueError("out of stock")
"""

PYTEST = Dialect(
    runner="pytest",
    command=(sys.executable, "-m", "pytest"),
    base={
        "pyproject.toml": '[project]\nname = "shop"\n[tool.pytest.ini_options]\npythonpath = ["src"]\n',
        "src/shop/__init__.py": SHOP,
        "src/shop/alone.py": "def nobody():\n    return 1\n",
    },
    green={
        "tests/test_green.py": """
            import pytest
            from shop import price

            @pytest.mark.parametrize("amount", [1, 2])
            def test_doubles(amount):
                assert price(amount) == amount * 2
        """,
    },
    every_kind={
        "tests/test_kinds.py": """
            import pytest
            import shop

            @pytest.fixture
            def broken():
                raise ValueError("no such table")

            def test_passes():
                assert shop.price(1) == 2

            def test_claims():
                assert shop.price(1) == 3

            def test_asks():
                shop.refund(1)

            def test_crashes():
                shop.careless(1)

            def test_is_broken():
                undefined_name

            @pytest.mark.skip
            def test_skipped(): ...

            @pytest.mark.xfail
            def test_expected():
                assert shop.price(1) == 3

            def test_with_fixture(broken): ...
        """,
    },
    kinds={
        "passes": "tests/test_kinds.py::test_passes",
        "claims what is not so": "tests/test_kinds.py::test_claims",
        "asks for a name that is not there": "tests/test_kinds.py::test_asks",
        "lets the code crash": "tests/test_kinds.py::test_crashes",
        "is broken itself": "tests/test_kinds.py::test_is_broken",
        "is skipped": "tests/test_kinds.py::test_skipped",
        "is expected to fail": "tests/test_kinds.py::test_expected",
        "has a broken fixture": "tests/test_kinds.py::test_with_fixture",
    },
    unreadable={"tests/test_broken.py": "def test_a(:\n", "tests/test_good.py": "def test_good(): ...\n"},
    unreadable_id="tests/test_broken.py",
    exits={"tests/test_exits.py": "import os\ndef test_a(): os._exit(0)\ndef test_b(): assert 0\n"},
    hangs={"tests/test_hangs.py": "import time\ndef test_a(): time.sleep(600)\n"},
    covered={
        "src/shop/__init__.py": ((1, 2, 5), (6,)),
        "src/shop/alone.py": ((), (1, 2)),
    },
)
