"""The small project as a command has it that writes JUnit XML; the command is pytest, which can."""

from __future__ import annotations

import sys

from msgspec.structs import replace

from tests.collectors.dialects.python import PYTEST

_BASE = "[tool.coverage.run]\nsource = ['src']\n"
_COMMAND = (
    "python -B -m coverage run --data-file={reports}/data -m pytest -p no:cacheprovider --junitxml={reports}/j.xml"
)

JUNIT = replace(
    PYTEST,
    runner="junit",
    command=(
        "sh", "-c",
        f"PATH={sys.prefix}/bin:$PATH; {_COMMAND}; code=$?; "
        "python -m coverage json -q --data-file={reports}/data -o {reports}/coverage.json; exit $code",
    ),
    reports=("{reports}/*.xml",),
    coverage_reports=("{reports}/coverage.json",),
    base={**PYTEST.base, "pyproject.toml": PYTEST.base["pyproject.toml"] + _BASE},
    kinds={
        "passes": "tests.test_kinds::test_passes",
        "claims what is not so": "tests.test_kinds::test_claims",
        "is broken itself": "tests.test_kinds::test_is_broken",
        "is skipped": "tests.test_kinds::test_skipped",
        "is expected to fail": "tests.test_kinds::test_expected",
    },
    every_kind={
        "tests/test_kinds.py": """
            import pytest
            import shop

            def test_passes():
                assert shop.price(1) == 2

            def test_claims():
                assert shop.price(1) == 3

            def test_is_broken():
                undefined_name

            @pytest.mark.skip
            def test_skipped(): ...

            @pytest.mark.xfail
            def test_expected():
                assert shop.price(1) == 3
        """,
    },
    lacks={
        "asks for a name that is not there": "a report does not say whose name is missing",
        "lets the code crash": "a report does not say where it crashed",
        "has a broken fixture": "a report calls it an error and says no more",
    },
    unreadable_id="pytest::tests.test_broken",
)  # fmt: skip
