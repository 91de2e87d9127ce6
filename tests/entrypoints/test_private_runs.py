"""A private run of real suites: what it reads, what it does not believe, and what honest suites may do."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from private_projects import BAD, GOOD, QUICK, SHOP, Checked, checked, project

from phasegate.collectors.interface import TestCommandNotStarted
from phasegate.collectors.private import challenge, inside
from phasegate.settings import Proof, Settings, Tests
from phasegate.wiring import RealDesk


@pytest.fixture(params=[True, False], ids=["mounted", "linked"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With the private tree mounted over the project's path, and where nothing can be mounted."""
    if not request.param:
        monkeypatch.setattr(inside, "can_mount", lambda: False)
    return bool(request.param)


def test_a_suite_runs_on_a_private_tree_and_its_evidence_says_so(tmp_path: Path, either_way: bool) -> None:
    found = checked(project(tmp_path / "p", {"tests/test_shop.py": GOOD}))
    seen = found.seen
    assert seen.complete, seen.why_incomplete
    assert (seen.passed, found.evidence.assurance, seen.hollow) == (1, "private", ())
    assert [(each.level, each.possible) for each in seen.levels] == [("private", True)]
    assert [layer.name for layer in seen.levels[0].layers if layer.ran][:1] == ["private tree"]


def test_what_happens_to_the_work_tree_meanwhile_changes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "p"
    edits = f"""
        import pathlib
        from shop import price

        def test_edit():
            path = pathlib.Path({str(root)!r}, "src/shop/later.py")
            assert not path.exists()

        def test_price():
            assert price(2) == 4
    """
    seen = checked(project(root, {"tests/test_shop.py": edits})).seen
    assert (seen.complete, seen.passed) == (True, 2)


def test_a_run_that_changes_the_files_it_tests_is_unknown(tmp_path: Path, either_way: bool) -> None:
    edits = """
        import pathlib, shop

        def test_edit():
            path = pathlib.Path(shop.__file__)
            path.write_text("def price(amount):\\n    return 5\\n")
            assert path.exists()
    """
    root = project(tmp_path / "p", {"tests/test_shop.py": edits})
    seen = checked(root).seen
    assert not seen.complete and "src/shop/__init__.py" in seen.why_incomplete
    assert (root / "src/shop/__init__.py").read_text() == SHOP["src/shop/__init__.py"]


def test_code_of_the_work_tree_itself_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "can_mount", lambda: False)
    root = tmp_path / "p"
    steals = f"import sys\nsys.path.insert(0, {str(root / 'lib')!r})\nfrom other import answer\n\n\ndef test_it():\n"
    files = {"lib/other.py": "def answer():\n    return 1\n", "tests/test_it.py": steals + "    assert answer() == 1\n"}
    seen = checked(project(root, files)).seen
    assert not seen.complete and "lib/other.py" in seen.why_incomplete


def test_a_module_that_appears_during_the_run_counts_for_nothing(tmp_path: Path) -> None:
    makes = """
        import pathlib
        (pathlib.Path(__file__).parent / "made.py").write_text("def answer(): return 4")
        from made import answer

        def test_it():
            assert answer() == 4
    """
    seen = checked(project(tmp_path / "p", {"tests/test_it.py": makes})).seen
    assert not seen.complete and "made.py" in seen.why_incomplete


def test_what_the_shell_of_the_caller_says_does_not_reach_the_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SWITCH", "1")
    monkeypatch.setenv("NAMED_SWITCH", "1")
    looks = """
        import os

        def test_it():
            assert os.environ.get("SOME_SWITCH") is None
            assert os.environ.get("NAMED_SWITCH") == "1"
    """
    root = project(tmp_path / "p", {"tests/test_it.py": looks})
    seen = checked(root, Tests(inherit=("NAMED_SWITCH",))).seen
    assert seen.passed == 1


LIES: Mapping[str, tuple[Mapping[str, str], str]] = {
    "a body that never runs": (
        {
            "tests/conftest.py": "def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
            "tests/test_shop.py": BAD,
        },
        "none of its own lines ran",
    ),
    "another body in its place": (
        {
            "tests/conftest.py": "def pytest_collection_modifyitems(items):\n"
            "    for item in items:\n        item.obj = lambda: None\n",
            "tests/test_shop.py": BAD,
        },
        "none of its own lines ran",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_test_that_is_reported_as_passed_and_did_not_run_is_an_error(tmp_path: Path, lie: str) -> None:
    files, why = LIES[lie]
    seen = checked(project(tmp_path / "p", files)).seen
    assert seen.passed == 0
    assert [test.message for test in seen.red if why in test.message]


SHOWS = """
    import pytest, unittest
    from shop import price

    def check_price(amount, wanted):
        assert price(amount) == wanted

    def test_by_another_function():
        check_price(2, 4)

    @pytest.mark.parametrize("amount", [1, 2])
    def test_with_parameters(amount):
        assert price(amount) == amount * 2

    def test_an_error():
        with pytest.raises(TypeError):
            price()

    def test_that_an_assertion_fails():
        with pytest.raises(AssertionError):
            check_price(2, 5)

    def test_again_until_it_holds():
        for amount in (1, 2):
            try:
                assert (
                    price(amount)
                    == 4
                )
            except AssertionError:
                continue

    @pytest.fixture
    def made():
        yield 2
        assert True

    def test_with_a_fixture(made):
        price(made)

    class TestIt(unittest.TestCase):
        def test_method(self):
            self.assertEqual(price(2), 4)

    def test_in_a_function_of_its_own():
        def doubled(amount):
            assert price(amount) == 2 * amount

        doubled(2)
"""
HIDES = """
    from shop import price

    def test_swallowed():
        try:
            assert price(2) == 5
        except AssertionError:
            pass

    def test_nothing():
        price(2)

    def test_returns_early():
        if price(2) == 4:
            return
        assert price(2) == 5

    def test_calls_nothing():
        price(2)

        def wrong():
            assert price(2) == 5
"""


SHOWING = 9
HIDDEN = {
    "tests/test_bad.py::test_swallowed": "the assertion at tests/test_bad.py:5 failed, and something swallowed that",
    "tests/test_bad.py::test_nothing": "no assertion ran",
    "tests/test_bad.py::test_returns_early": "no assertion ran",
    "tests/test_bad.py::test_calls_nothing": "no assertion ran",
}


def test_tests_that_show_nothing_are_told_from_those_that_do(tmp_path: Path) -> None:
    run = checked(project(tmp_path / "p", {"tests/test_good.py": SHOWS, "tests/test_bad.py": HIDES})).run
    assert run.complete and not run.red, run.why_incomplete
    assert {test.id: test.why for test in run.hollow} == HIDDEN
    assert run.watched and len(run.green) == SHOWING + len(HIDDEN)


UNITTEST = """
    import unittest
    from shop import price

    class TestShop(unittest.TestCase):
        def test_price(self):
            self.assertEqual(price(2), 4)

        def test_plain(self):
            assert price(2) == 4

        def test_again_until_it_holds(self):
            for amount in (1, 2):
                try:
                    self.assertEqual(
                        price(amount), 4
                    )
                except AssertionError:
                    continue

        def test_swallowed(self):
            try:
                self.assertEqual(price(2), 5)
            except AssertionError:
                pass

        def test_nothing(self):
            price(2)
"""


def test_so_are_those_of_unittest_whatever_python_runs_them(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"tests/test_it.py": UNITTEST, "tests/__init__.py": ""})
    for python in (sys.executable, newer_python()):
        tests = Tests("unittest", command=(python, "-m", "unittest"), env={"PYTHONPATH": "src"})
        run = checked(root, tests).run
        assert run.complete and len(run.green) == 5, run.why_incomplete
        assert {test.id.rpartition("::")[2]: test.why for test in run.hollow} == {
            "test_swallowed": "the assertion at tests/test_it.py:22 failed, and something swallowed that",
            "test_nothing": "no assertion ran",
        }


def newer_python() -> str:
    """A Python that has `sys.monitoring`, which needs nothing installed to run unittest."""
    named = [shutil.which(f"python3.{minor}") or "" for minor in (14, 13, 12)]
    kept = glob.glob(f"{os.path.dirname(sys.base_prefix)}/3.1[2-9]*/bin/python")
    for python in filter(None, [*kept, *named]):
        asked = (python, "-c", "import sys; sys.exit(sys.version_info < (3, 12))")
        if subprocess.run(asked, check=False, capture_output=True).returncode == 0:
            return python
    pytest.skip("NOT TESTED ON PYTHON 3.12 OR NEWER: there is none here")


def test_hidden_tests_are_run_against_the_private_tree(tmp_path: Path, either_way: bool) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "test_more.py").write_text(
        "import shop\n\n\ndef test_more():\n    assert shop.price(3) == 6\n\n\n"
        "def test_nothing():\n    assert shop.price(0) == 1\n"
    )
    root = project(tmp_path / "p", {"tests/test_shop.py": GOOD})
    suites = {"open": QUICK, "hidden": Tests(hidden=str(hidden), args=QUICK.args)}
    found = checked(root, settings=Settings(project="p", suites=suites))
    assert found.seen.complete, found.seen.why_incomplete
    assert found.seen.passed == 2 and [test.id for test in found.seen.red] == ["hidden: test_more.py::test_nothing"]
    assert found.evidence.assurance == "private" and "hidden: the hidden tests" in found.run.environment


def test_tests_inside_the_repository_are_not_hidden(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"tests/test_shop.py": GOOD})
    with pytest.raises(TestCommandNotStarted, match="lie in the repository"):
        checked(root, Tests(hidden=str(root / "tests")))


def test_what_is_flaky_is_tried_again_as_often_as_the_settings_allow_and_named(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    flaky = f"""
        import pathlib

        def test_flaky():
            mark = pathlib.Path({str(mark)!r})
            first = not mark.exists()
            mark.touch()
            assert not first

        def test_red():
            assert False
    """
    root = project(tmp_path / "p", {"tests/test_it.py": flaky})
    found = checked(root, settings=Settings(project="p", tests=QUICK, evidence=Proof(reruns=1)))
    assert found.seen.flaky == ("tests/test_it.py::test_flaky",) and found.seen.passed == 1
    assert [test.id for test in found.seen.red] == ["tests/test_it.py::test_red"]


SWALLOWS = """
    import pytest

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        outcome = yield
        if outcome.excinfo:
            outcome.force_result(True)
"""


@pytest.mark.parametrize(
    ("args", "lies"),
    [(QUICK.args, False), (QUICK.args, True), (("-p", "xdist", "-n1"), True)],
    ids=["honest", "lying", "lying in workers"],
)
def test_what_makes_every_result_green_is_challenged(tmp_path: Path, args: tuple[str, ...], lies: bool) -> None:
    many = "import pytest\n\n\n@pytest.mark.parametrize('n', range(25))\ndef test_it(n):\n    assert n < 99\n"
    files = {"tests/test_it.py": many} | ({"tests/conftest.py": SWALLOWS} if lies else {})
    settings = Settings(project="p", tests=Tests(args=args), evidence=Proof(challenge_seconds=60))

    def repeated(desk: RealDesk, found: Checked) -> None:
        kept = next(each for each in found.evidence.artifacts if each.name == challenge.ARTIFACT)
        told = msgspec.json.decode(desk.kept(kept), type=challenge.Challenge)
        again = challenge.sample(told.seed, found.run.green)
        assert told.asked == again and len(again) == challenge.MOST
        assert {each.id: each.let_fail for each in told.drawn} == {
            id: challenge.lets_fail(told.seed, id) for id in again
        }
        assert (told.lie is not None) is lies

    found = checked(project(tmp_path / "p", files), settings=settings, then=repeated)
    assert found.seen.complete is not lies
    assert ("a result is made up" in found.seen.why_incomplete) is lies
    assert "20 of 20 tests drawn" in found.layer("challenge") or lies


def test_what_is_not_challenged_says_so(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"tests/test_it.py": UNITTEST, "tests/__init__.py": ""})
    tests = Tests("unittest", command=(sys.executable, "-m", "unittest"), env={"PYTHONPATH": "src"})
    assert checked(root, tests).layer("challenge") == "not run: only functions of pytest are challenged"
