"""Weakened tests are told in Python, TypeScript and Go; moves, renames and explained changes are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.report.lookback.look import Looking
from phasegate.report.lookback.seen import Change, Commit
from phasegate.report.lookback.weakened import Weakening, suite_of, weakenings

PY = "tests/test_price.py"
TS = "src/price.test.ts"
GO = "price_test.go"
BEFORE = (
    "def test_a():\n    assert price(3) == 6\n    assert price(0) == 0\n\n\ndef test_b():\n    assert price(1) == 2\n"
)
TS_BEFORE = "describe('price', () => {\n  it('doubles', () => {\n    expect(price(3)).toBe(6);\n  });\n  it('is zero', () => {\n    expect(price(0)).toBe(0);\n  });\n});\n"  # noqa: E501
GO_BEFORE = 'package p\n\nfunc TestA(t *testing.T) {\n\tassert.Equal(t, 6, Price(3))\n}\n\nfunc TestB(t *testing.T) {\n\tif Price(1) != 2 {\n\t\tt.Fatal("no")\n\t}\n}\n'  # noqa: E501


def commit(*changes: Change, message: str = "Work on prices") -> Commit:
    return Commit("c" * 40, 1.0, message, changes)


def changed(path: str, before: str, after: str) -> Change:
    return Change(path, path, before, after, "modified")


def found(path: str, before: str, after: str, *others: Change, message: str = "Work on prices") -> list[Weakening]:
    return list(weakenings(commit(changed(path, before, after), *others, message=message)))


@pytest.mark.parametrize(
    ("path", "before", "old", "new", "kind"),
    [
        (PY, BEFORE, "== 6", ">= 0", "weaker"),
        (PY, BEFORE, "price(3) == 6", "price(3)", "weaker"),
        (PY, BEFORE, "price(3) == 6", "price(3) is not None", "weaker"),
        (PY, BEFORE, "price(3) == 6", "True", "weaker"),
        (PY, BEFORE, "price(3) == 6", "price(3) == 6 or True", "weaker"),
        (PY, BEFORE, "    assert price(0) == 0\n", "", "fewer"),
        (PY, BEFORE, "def test_b", "@pytest.mark.skip\ndef test_b", "off"),
        (PY, BEFORE, "def test_b", "@pytest.mark.xfail(reason='later')\ndef test_b", "off"),
        (PY, BEFORE, "def test_b():\n", "def test_b():\n    pytest.skip('x')\n", "off"),
        (PY, BEFORE, "def test_a", "import pytest\npytestmark = pytest.mark.skip\n\n\ndef test_a", "off"),
        (PY, BEFORE, "\n\ndef test_b():\n    assert price(1) == 2\n", "", "deleted"),
        (TS, TS_BEFORE, ".toBe(6)", ".toBeTruthy()", "weaker"),
        (TS, TS_BEFORE, ".toBe(6)", ".toBeGreaterThan(0)", "weaker"),
        (TS, TS_BEFORE, ".toBe(0)", ".toBeDefined()", "weaker"),
        (TS, TS_BEFORE, "it('doubles'", "it.skip('doubles'", "off"),
        (TS, TS_BEFORE, "it('doubles'", "xit('doubles'", "off"),
        (TS, TS_BEFORE, "it('doubles'", "it.only('doubles'", "alone"),
        (TS, TS_BEFORE, "  it('is zero', () => {\n    expect(price(0)).toBe(0);\n  });\n", "", "deleted"),
        (GO, GO_BEFORE, "func TestA(t *testing.T) {\n", "func TestA(t *testing.T) {\n\tt.Skip(\"later\")\n", "off"),
        (GO, GO_BEFORE, "assert.Equal(t, 6, Price(3))", "assert.NotNil(t, Price(3))", "weaker"),
    ],
)  # fmt: skip
def test_a_weakening_is_told(path: str, before: str, old: str, new: str, kind: str) -> None:
    assert old in before
    told = found(path, before, before.replace(old, new, 1))
    assert [item.kind for item in told] == [kind], told


@pytest.mark.parametrize(
    ("path", "before", "old", "new"),
    [
        (PY, BEFORE, "== 6", "== 7"),
        (PY, BEFORE, "price(3) == 6", "price(3) == 6\n    assert price(4) == 8"),
        (PY, BEFORE, "price(0) == 0", "price(0) > 0"),
        (PY, BEFORE, "price(0) == 0", "price(0)"),
        (PY, BEFORE, "def test_b", "@pytest.mark.skipif(sys.platform == 'win32', reason='x')\ndef test_b"),
        (PY, BEFORE, "def test_b():\n", "def test_b():\n    if not shutil.which('git'):\n        pytest.skip('x')\n"),
        (PY, BEFORE, "def test_b():", "def test_renamed():"),
        (PY, BEFORE, "assert price(3) == 6", "assert price(3) == 6, 'a message'"),
        (TS, TS_BEFORE, "it('doubles'", "it.skipIf(process.platform === 'win32')('doubles'"),
        (TS, TS_BEFORE, "it('doubles'", "it('doubles an amount'"),
        (TS, TS_BEFORE, ".toBe(6)", ".toEqual(6)"),
        (TS, TS_BEFORE, "expect(price(3)).toBe(6);", "// it.only('x')\n    expect(price(3)).toBe(6);"),
        (GO, GO_BEFORE, "testing.T) {\n", "testing.T) {\n\tif testing.Short() {\n\t\tt.Skip()\n\t}\n"),
        (GO, GO_BEFORE, "func TestB", "func TestC"),
    ],
)  # fmt: skip
def test_a_near_miss_is_not(path: str, before: str, old: str, new: str) -> None:
    assert old in before
    assert found(path, before, before.replace(old, new, 1)) == []


GONE = BEFORE[: BEFORE.index("\n\ndef test_b")]


def test_a_test_that_moved_to_another_file_is_not_told() -> None:
    other = Change("tests/test_other.py", "tests/test_other.py", None, BEFORE[BEFORE.index("def test_b") :], "added")
    assert found(PY, BEFORE, GONE, other) == []


def test_a_test_whose_code_is_gone_is_not_told() -> None:
    code = changed("src/shop.py", "def price(n): ...\ndef test_support(): ...\n", "def test_support(): ...\n")
    assert found(PY, BEFORE, GONE, code) == []


def test_a_message_that_says_so_is_believed() -> None:
    assert found(PY, BEFORE, GONE, message="Remove the duplicate test of prices") == []


def test_a_commit_that_was_not_read_whole_says_nothing_of_deleted_tests() -> None:
    assert weakenings(Commit("c", 1.0, "Work", (changed(PY, BEFORE, GONE),), complete=False)) == ()


def test_a_deleted_file_is_told_once_with_its_number_of_tests() -> None:
    (item,) = weakenings(commit(Change(PY, PY, BEFORE, None, "deleted")))
    assert (item.kind, item.words) == ("deleted", "the file with its 2 tests")


def test_what_a_later_commit_gives_back_is_not_told() -> None:
    looking = Looking(lambda text: ())
    looking.commit(commit(changed(PY, BEFORE, GONE)))
    assert len(looking.result(0, ()).findings) == 1
    looking.commit(commit(changed(PY, GONE, BEFORE)))
    assert looking.result(0, ()).findings == ()


@given(st.text(max_size=300), st.sampled_from([PY, TS, GO]))
def test_any_text_has_a_suite_or_none(text: str, path: str) -> None:
    suite_of(path, text)
    base = {PY: BEFORE, TS: TS_BEFORE, GO: GO_BEFORE}[path]
    weakenings(commit(changed(path, base, base[: len(base) // 2] + text)))


@given(st.sampled_from([(PY, BEFORE), (TS, TS_BEFORE), (GO, GO_BEFORE)]))
def test_an_unchanged_file_has_no_findings(case: tuple[str, str]) -> None:
    path, text = case
    assert found(path, text, text) == [] and found(path, text, text + "\n\n") == []
