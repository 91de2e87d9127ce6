"""A weakened test shuts `check`, `check tests` and `verify`, in words that say what it was and is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_verify import BASE, TESTS, Branch


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path)


def test_a_weakened_assertion_fails_verify_although_every_test_is_green(branch: Branch) -> None:
    branch.commit({"tests/test_shop.py": TESTS.replace("price(2) == 4", "price(2) >= 0")})
    code, said = branch.verify()
    assert (code, said["tests"], said["ratchets"]) == (1, "pass", "fail")


def test_check_tests_says_what_the_test_was_and_is(branch: Branch) -> None:
    (branch.root / "tests/test_shop.py").write_text(TESTS.replace("price(2) == 4", "price(2) >= 0"))
    done = branch.person("phasegate", "check", "tests", "--standalone")
    assert "check-weaker" in done.stdout and "price(2) == 4" in done.stdout and "price(2) >= 0" in done.stdout
    assert done.returncode == 1


def test_a_renamed_test_is_quiet(branch: Branch) -> None:
    branch.commit({"tests/test_shop.py": BASE["tests/test_shop.py"].replace("test_price", "test_prices")})
    done = branch.person("phasegate", "check", "ratchets", "--standalone", "--json")
    assert json.loads(done.stdout)["verdicts"][0]["says"] == "pass"
