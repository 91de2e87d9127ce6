"""Small changes of changed lines are tried with the tests that reach them, and what nobody notices is told."""

from __future__ import annotations

from pathlib import Path

import msgspec
from private_projects import QUICK, SHOP, Checked, checked, committed, project, written

from phasegate.collectors import pytest_mutation
from phasegate.evidence.findings import FindingsSeen
from phasegate.gates.found import newest_scan
from phasegate.settings import Proof, Settings, Tests
from phasegate.wiring import RealDesk

AFTER = SHOP["src/shop/__init__.py"] + "\n\ndef is_dear(amount):\n    return amount > 1\n"
WEAK = """
    from shop import is_dear, price

    def test_price():
        assert price(2) == 4

    def test_dear():
        assert is_dear(5) is True
"""
STRONG = WEAK + "        assert is_dear(2) is True and is_dear(1) is False\n"
ALL = 4


def seen_of(root: Path, settings: Settings | None = None) -> tuple[FindingsSeen, Checked, list[pytest_mutation.Kept]]:
    """What a check of a change of the shop says of its mutants, and what it kept of them."""
    told: list[FindingsSeen] = []
    kept: list[pytest_mutation.Kept] = []

    def look(desk: RealDesk, found: Checked) -> None:
        newest = newest_scan(desk.state(), "mutants", found.evidence.subject)
        told.extend([newest[1]] if newest else [])
        named = (each for each in found.evidence.artifacts if each.name == pytest_mutation.ARTIFACT)
        kept.extend(msgspec.json.decode(desk.kept(each), type=pytest_mutation.Kept) for each in named)

    start = committed(root)
    written(root, {"src/shop/__init__.py": AFTER})
    found = checked(root, settings=settings or Settings(project="p", tests=QUICK), since=start, then=look)
    return told[0], found, kept


def test_what_no_test_notices_is_told_with_its_line(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"tests/test_shop.py": WEAK})
    settings = Settings(project="p", tests=Tests(args=("tests",)), evidence=Proof(mutation_seconds=120))
    seen, found, [kept] = seen_of(root, settings)
    assert (len(kept.tried), kept.candidates, seen.why_unknown) == (ALL, ALL, ())
    assert {(each.path, each.line, each.message.partition(",")[0]) for each in seen.findings} == {
        ("src/shop/__init__.py", 6, "`>` became `>=`"), ("src/shop/__init__.py", 6, "`1` became `2`"),
    }  # fmt: skip
    assert {each.tests for each in kept.tried} == {1}, "only the test that reaches a line is run"
    assert found.seen.complete and found.evidence.assurance == "private"
    assert found.layer("mutants").startswith("4 of 4 small changes")


def test_tests_that_say_what_must_be_notice_everything(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"tests/test_shop.py": STRONG})
    tests = Tests(args=("-p", "xdist", "-n1"))
    seen, _, [kept] = seen_of(root, Settings(project="p", tests=tests, evidence=Proof(mutation_seconds=120)))
    assert seen.total == 0 and not seen.why_unknown and len(kept.tried) == ALL, seen


def test_what_cannot_be_tried_is_unknown_and_says_why(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"tests/test_shop.py": WEAK, "web/a.ts": "export const a = 1\n"})
    written(root, {"tests/test_shop.py": WEAK + "\n    def test_red():\n        assert price(3) == 7\n"})
    start = committed(root)
    written(root, {"src/shop/__init__.py": AFTER, "web/a.ts": "export const a = 2\n"})
    told: list[FindingsSeen] = []

    def look(desk: RealDesk, found: Checked) -> None:
        newest = newest_scan(desk.state(), "mutants", found.evidence.subject)
        told.extend([newest[1]] if newest else [])

    checked(root, since=start, then=look)
    red, others = told[0].why_unknown
    assert red == "no small change was tried: tests/test_shop.py::test_red is red"
    assert others == "small changes are tried in Python, by pytest in a private run; not in web/a.ts"
