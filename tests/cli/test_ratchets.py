"""A weakened test shuts `check`, `check tests` and `verify`, in words that say what it was and is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phasegate.evidence.findings import FindingsSeen
from tests.cli.terminal import Project
from tests.cli.test_verify import BASE, TESTS, Branch

WHY = ("--reason", "prices may differ", "--until", "7d")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


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


def test_an_agent_asks_and_a_persons_exception_of_just_that_opens_the_gate(project: Project) -> None:
    price = "def test_price(): assert 2 * 2 == shop()\n"
    project.write("tests/test_shop.py", "from shop import shop\n" + price)
    project.write("shop.py", "def shop(): return 4\n")
    project.commit()
    project.write("tests/test_shop.py", "from shop import shop\n" + price.replace("2 * 2 ==", "0 <="))
    shut = project.json("check", "ratchets")["verdicts"][0]
    assert shut["says"] == "fail" and "phasegate waiver" in shut["remedy"]
    (seen,) = [e.seen for e in project.state().evidence.values() if isinstance(e.seen, FindingsSeen)]
    (found,) = seen.findings
    assert found.fingerprint in shut["reasons"][0]

    asked = project.agent("waiver", "ask", "finding", found.fingerprint, "--reason", "prices may differ")
    again = project.agent("waiver", "ask", "finding", found.fingerprint, "--reason", "prices may differ")
    assert asked.returncode == 0 and asked.stdout == again.stdout
    assert "(nothing-to-except)" in project.agent("waiver", "ask", "finding", "0" * 16, "--reason", "x").stderr
    shown = project.ok("answer", "list")
    assert "0 <= shop()" in shown and f"phasegate waiver add finding {found.fingerprint}" in shown
    assert "(for-people)" in project.agent("waiver", "add", "finding", found.fingerprint, *WHY).stderr

    assert project.typed("waiver", "add", "finding", found.fingerprint, *WHY).returncode == 0
    assert not project.state().open_questions()
    opened = project.json("check", "ratchets")["verdicts"][0]
    assert opened["says"] == "pass" and "waived by" in " ".join(opened["reasons"])
    project.write("tests/test_shop.py", "from shop import shop\n" + price.replace("2 * 2 == shop()", "True"))
    assert project.json("check", "ratchets")["verdicts"][0]["says"] == "fail"
