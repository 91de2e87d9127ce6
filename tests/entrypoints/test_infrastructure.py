"""Tests run with the infrastructure of the phase's start first; a changed one counts when a person approved it."""

from __future__ import annotations

from pathlib import Path

import pytest
from private_projects import BAD, GOOD, SHOP, Checked, checked, committed, project, written

from phasegate.entrypoints import checking
from phasegate.entrypoints.cli.infrastructure import difference_of, pending_infrastructure
from phasegate.ledger.waivers import WaiverGiven
from phasegate.wiring import RealDesk

LAYER = "infrastructure of the phase's start"
FORCES_PASSED = """
    import pytest

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(item, call):
        outcome = yield
        outcome.get_result().outcome = "passed"
"""
PATCHES = """
    import pytest, shop

    @pytest.fixture(autouse=True)
    def patched(monkeypatch):
        monkeypatch.setattr("tests.test_shop.price", lambda amount: 5, raising=False)
        monkeypatch.setattr("test_shop.price", lambda amount: 5, raising=False)
"""
DESELECTS = "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if 'price' not in i.name]\n"
RED = {"tests/test_shop.py": BAD}


@pytest.mark.parametrize(
    "files",
    [
        {"tests/conftest.py": FORCES_PASSED},
        {"tests/conftest.py": PATCHES},
        {"conftest.py": DESELECTS},
        {"pyproject.toml": SHOP["pyproject.toml"] + 'addopts = "-k other"\n'},
        {"pytest.ini": "[pytest]\npythonpath = src\naddopts = -p shop_plugin\n", "shop_plugin.py": FORCES_PASSED},
        {"setup.cfg": "[tool:pytest]\naddopts = --ignore tests/test_shop.py\n", "pytest.ini": "[pytest]\n"},
    ],
    ids=["forces passed", "patches the code", "deselects", "addopts", "a plugin by name", "ignores"],
)
def test_changed_infrastructure_that_hides_a_failure_opens_nothing(tmp_path: Path, files: dict[str, str]) -> None:
    root = project(tmp_path / "p", {"tests/test_shop.py": GOOD, "tests/test_other.py": OTHER})
    start = committed(root)
    found = checked(written(root, {**RED, **files}), since=start)
    assert found.says.says != "pass", found.says
    assert found.seen.infrastructure or found.seen.red


OTHER = "def test_other():\n    assert True\n"


def test_infrastructure_that_the_result_does_not_hang_on_needs_no_approval(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"tests/test_shop.py": GOOD, "tests/conftest.py": "import shop\n"})
    start = committed(root)
    tidied = {"tests/conftest.py": "import shop  # the shop\n", "pyproject.toml": SHOP["pyproject.toml"] + "\n# end\n"}
    found = checked(written(root, tidied), since=start)
    assert (found.says.says, found.seen.infrastructure) == ("pass", ())
    assert "without the changes to tests/conftest.py" in found.layer(LAYER)
    assert "pyproject" not in found.layer(LAYER)


FIXTURE = {
    "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef two():\n    return 2\n",
    "tests/test_shop.py": "from shop import price\n\n\ndef test_price(two):\n    assert price(two) == 4\n",
}


def test_new_tests_with_a_new_fixture_wait_for_one_approval_of_these_bytes(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"tests/test_other.py": OTHER})
    start = committed(root)

    def approved(desk: RealDesk, found: Checked) -> None:
        assert found.seen.passed == 2 and found.says.says == "unknown"
        assert "tests/conftest.py" in found.says.reasons[0] and "phasegate waiver infrastructure" in found.says.remedy
        [pending] = pending_infrastructure(desk)
        assert "+def two():" in difference_of(desk, pending)
        given = WaiverGiven("w-1", "infrastructure", pending.subject, "ann", "a fixture", "", "weak", "ann")
        desk.record([given], relying_on=None)
        assert Checked(desk).says.says == "pass" and pending_infrastructure(desk) == []
        [same] = [each for each in found.seen.infrastructure if each == pending]
        assert same.before == "" and same.now in same.subject

    checked(written(root, FIXTURE), since=start, then=approved)


def test_an_approval_is_of_these_bytes_alone(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"tests/test_other.py": OTHER})
    start = committed(root)

    def approved(desk: RealDesk, found: Checked) -> None:
        [pending] = found.seen.infrastructure
        given = WaiverGiven("w-1", "infrastructure", pending.subject, "ann", "a fixture", "", "weak", "ann")
        desk.record([given], relying_on=None)
        again = checking.check_here(desk, lambda said: None, since=start)[0]
        assert (again.infrastructure, again.passed) == ((), 2)
        assert "1 changed files are approved" in Checked(desk).layer(LAYER)
        written(root, {"tests/conftest.py": FIXTURE["tests/conftest.py"] + "\n# more\n"})
        third = checking.check_here(desk, lambda said: None, since=start)[0]
        assert [each.path for each in third.infrastructure] == ["tests/conftest.py"]

    checked(written(root, FIXTURE), since=start, then=approved)
