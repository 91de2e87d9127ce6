"""Real pytest runs: a red test is told apart by why it is red."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from phasegate.collectors.interface import SuiteRun
from phasegate.collectors.why_red import first_party
from phasegate.evidence.tests import TestRun, fails_for_right_reason, newly_red

Runs = Callable[..., SuiteRun]

CALLS = {
    "missing_name": {
        "module_member": "shop.discount(1)",
        "method": "shop.Basket().remove(1)",
        "class_attribute": "shop.Basket.LIMIT",
        "keyword": "shop.price(1, tax=3)",
        "argument": "shop.price(1, 2)",
        "constructor": "shop.Basket(size=3)",
        "method_keyword": "shop.Basket().add(1, count=2)",
        "imported_function": "price(1, tax=3)",
        "local_import": "from shop import discount",
        "local_module": "import shop.discounts",
        "stub": "shop.unfinished()",
        "name_in_source": "shop.careless()",
        "patched": "monkeypatch.setattr(shop, 'discount', 1)",
        "mocked": "unittest.mock.patch('shop.discount').start()",
    },
    "other": {
        "none": "None.upper()",
        "builtin_type": "'a'.uper()",
        "typo_in_test": "undefined_in_test",
        "own_helper": "helper(1)",
        "own_class": "Helper().x",
        "standard_library": "os.path.nothing",
        "unpacking": "a, b = 1",
        "key": "{}['x']",
        "group_of_itself": "raise Endless",
        "unprintable": "raise Unprintable",
    },
    "import_of_test": {
        "third_party": "import no_such_package",
        "name_of_third_party": "from os.path import nothing",
        "test_module": "import tests.nothing",
    },
    "assertion": {
        "plain": "assert shop.price(1) == 3",
        "half_a_character": "assert shop.price(1) == '\\udc80'",
        "first_of_a_group": "raise ExceptionGroup('two', [AssertionError('a'), ValueError('b')])",
        "in_helper": "claims()",
    },
}

HEAD = """
import os, unittest.mock
import shop
from shop import price

def helper(): ...
def claims(): assert False

class Helper: ...

class Endless(Exception):
    exceptions = property(lambda self: (self,))

class Unprintable(Exception):
    def __str__(self): raise ValueError
    __repr__ = __str__

"""


LONGER = pytest.mark.skipif(os.environ.get("PHASEGATE_TIER") != "release", reason="PHASEGATE_TIER=release runs it")


@pytest.fixture(scope="module", params=["one process", pytest.param("workers", marks=LONGER)])
def calls(request: pytest.FixtureRequest, run: Runs) -> TestRun:
    body = HEAD + "".join(
        f"def test_{name}(monkeypatch):\n    {line}\n" for lines in CALLS.values() for name, line in lines.items()
    )
    return run({"tests/test_calls.py": body}, *(("-p", "xdist", "-n2") if request.param == "workers" else ())).tests


def test_a_failing_line_is_put_down_to_its_cause(calls: TestRun) -> None:
    seen = {result.id.partition("::test_")[2]: (result.cause, result.message) for result in calls.results}
    wrong = {name: (cause, seen[name]) for cause, lines in CALLS.items() for name in lines if seen[name][0] != cause}
    assert calls.complete and not wrong


FILES = {
    "tests/test_ours.py": "from shop import discount\ndef test_a(): ...\nclass TestB:\n    def test_c(self): ...",
    "tests/test_our_module.py": "import shop.discounts\ndef test_a(): ...\n@deco\ndef helper(): ...",
    "tests/test_case.py": (
        "from unittest import TestCase\nfrom shop import discount\nclass Price(TestCase):\n    def test_a(self): ..."
    ),
    "tests/test_class_body.py": "import shop\nclass TestB:\n    wanted = shop.discount\n    def test_a(self): ...",
    "tests/test_theirs.py": "import no_such_package\ndef test_a(): ...",
    "tests/test_helper.py": "from tests.nothing import x\ndef test_a(): ...",
    "tests/test_syntax.py": "def test_a(:\n",
    "tests/test_source_syntax.py": "import shop.broken\ndef test_a(): ...",
    "tests/test_circle.py": "import shop.circle\ndef test_a(): ...",
    "tests/test_raises.py": "def test_a(): ...\nraise ValueError('at import')",
    "tests/test_parameters.py": (
        "import pytest\n@pytest.mark.parametrize('a, b', [(1,)])\ndef test_a(a, b): ...\ndef test_b(): ..."
    ),
    "tests/test_skips.py": "import pytest\npytest.importorskip('no_such_package')\ndef test_a(): ...",
    "tests/test_good.py": "def test_a(): ...",
    "src/shop/broken.py": "def (:",
    "src/shop/circle.py": "from shop import circular",
    "src/shop/circular.py": "from shop.circle import nothing",
}
CAUSES = {
    "test_ours.py::test_a": "missing_name",
    "test_ours.py::TestB::test_c": "missing_name",
    "test_our_module.py::test_a": "missing_name",
    "test_case.py::Price::test_a": "missing_name",
    "test_class_body.py::TestB::test_a": "missing_name",
    "test_theirs.py::test_a": "import_of_test",
    "test_helper.py::test_a": "import_of_test",
    "test_syntax.py": "syntax_of_test",
    "test_source_syntax.py::test_a": "collection",
    "test_circle.py::test_a": "import_of_test",
    "test_raises.py::test_a": "collection",
    "test_parameters.py::test_a": "collection",
    "test_parameters.py::test_b": "collection",
}


@pytest.fixture(scope="module", params=["one process", "workers"])
def uncollected(request: pytest.FixtureRequest, run: Runs) -> TestRun:
    return run(FILES, *(("-p", "xdist", "-n2") if request.param == "workers" else ())).tests


def test_a_file_that_cannot_be_collected_stands_for_each_of_its_tests(uncollected: TestRun) -> None:
    seen = {result.id.removeprefix("tests/"): result.cause for result in uncollected.results if result.is_red}
    assert uncollected.complete, uncollected.why_incomplete
    assert seen == CAUSES
    assert uncollected.green == ("tests/test_good.py::test_a",)


def test_a_file_that_skips_itself_is_seen_as_skipped_tests(uncollected: TestRun) -> None:
    assert uncollected.skipped == ("tests/test_skips.py::test_a",)


def test_only_a_lacking_name_of_ours_is_a_right_reason_before_collection(uncollected: TestRun) -> None:
    right = {result.id for result in uncollected.results if fails_for_right_reason(result)}
    assert right == {f"tests/{id}" for id, cause in CAUSES.items() if cause == "missing_name"}


def test_green_tests_whose_file_no_longer_imports_are_newly_red(run: Runs) -> None:
    before = run({"tests/test_a.py": "def test_a(): ..."}).tests
    after = run({"tests/test_a.py": "from shop import new\ndef test_a(): ...\ndef test_b(): ..."}).tests
    assert [result.id for result in newly_red(before, after)] == ["tests/test_a.py::test_a", "tests/test_a.py::test_b"]


def test_the_first_test_of_a_project_without_a_package_fails_for_the_right_reason(run: Runs) -> None:
    ini = '[project]\nname = "New-Shop"\n'
    seen = run({"pyproject.toml": ini, "tests/test_a.py": "import new_shop\ndef test_a(): ..."}).tests
    assert [result.cause for result in seen.results] == ["missing_name"]


def test_a_fixture_that_asks_for_a_lacking_name_is_a_right_reason(run: Runs) -> None:
    body = "import pytest, shop\n@pytest.fixture\ndef basket(): return shop.BigBasket()\ndef test_a(basket): ..."
    (result,) = run({"tests/test_a.py": body}).tests.results
    assert (result.outcome, result.cause) == ("error", "missing_name")


def test_what_is_first_party_in_a_flat_layout(tmp_path: Path) -> None:
    for path in ("shop/__init__.py", "shop/tests/test_a.py", "tests/helper.py", "tool.py", ".venv/lib/x.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    ours = first_party(str(tmp_path), ["."])
    code = {path for path in tmp_path.rglob("*.py") if ours.owns_file(str(path))}
    assert {str(path.relative_to(tmp_path)) for path in code} == {"shop/__init__.py", "tool.py"}
    assert ours.owns_module("shop.new") and ours.owns_module("tool")
    assert not any(map(ours.owns_module, ("tests.helper", "shop.tests.helper", "conftest", "requests", "")))
    assert not ours.owns_file("") and not ours.owns_file(str(tmp_path) + "x/shop.py")


def test_a_source_root_may_be_the_package_itself_and_project_settings_may_be_broken(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text("[project\nname = 3")
    ours = first_party(str(tmp_path), ["shop", "gone"])
    assert ours.modules == {"shop"} and ours.owns_file(str(tmp_path / "shop/a.py"))


def test_a_time_out_of_one_test_is_no_assertion(run: Runs) -> None:
    body = "import time, pytest\n@pytest.mark.timeout(0.2)\ndef test_a(): time.sleep(9)"
    seen = run({"tests/test_a.py": body}, plugins=("pytest_timeout",)).tests
    assert [(result.outcome, result.cause) for result in seen.results] == [("failed", "timeout")]
