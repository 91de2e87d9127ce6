# ruff: noqa: E501
"""Each way to weaken a test is told in Python, TypeScript and Go; its honest twin is not."""

from __future__ import annotations

import pytest

from phasegate.ratchets.compare import compare_tests
from phasegate.ratchets.weakening import Change, Weakening

PY, TS, GO = "tests/test_shop.py", "src/shop.test.ts", "shop_test.go"
FILES = {
    PY: """import pytest
import shop

CASES = [(1, 2), (2, 4), (3, 6)]


def check_total(cart, total):
    assert cart.total == total


@pytest.mark.parametrize("amount, price", CASES)
def test_table(amount, price):
    assert shop.price(amount) == price


def test_price():
    got = shop.price(3)
    assert got == 6
    assert shop.price(0) == 0


def test_refuses():
    with pytest.raises(ValueError, match="negative"):
        shop.price(-1)


def test_near():
    assert shop.ratio(1, 3) == pytest.approx(0.333, abs=0.001)


class TestCart:
    def test_total(self):
        cart = shop.Cart()
        cart.add("tea")
        check_total(cart, 3)
        assert len(cart) >= 1
""",
    TS: """import { price, refuse } from './shop';

describe('shop', () => {
  it('doubles', () => {
    const got = price(3);
    expect(got).toBe(6);
    expect(price(0)).toEqual(0);
  });
  it.each([[1, 2], [2, 4], [3, 6]])('prices %d', (amount, total) => {
    expect(price(amount)).toBe(total);
  });
  it('refuses', () => {
    expect(() => refuse()).toThrow(RangeError);
    expect(price(1 / 3)).toBeCloseTo(0.6667, 4);
  });
  it('lists', () => {
    expect(price.list()).toEqual({ tea: 3, name: 'x' });
  });
});
""",
    GO: """package shop

import "testing"

func TestPrice(t *testing.T) {
	tests := []struct{ amount, want int }{
		{1, 2},
		{2, 4},
		{3, 6},
	}
	for _, tt := range tests {
		if got := Price(tt.amount); got != tt.want {
			t.Errorf("got %d", got)
		}
	}
}

func TestRefuses(t *testing.T) {
	err := Refuse()
	if err == nil {
		t.Fatal("no error")
	}
	if err.Error() != "negative" {
		t.Error(err)
	}
}

func TestTotal(t *testing.T) {
	cart := NewCart()
	assert.Equal(t, 3, cart.Total())
	require.NoError(t, cart.Close())
	assert.InDelta(t, 0.333, Ratio(1, 3), 0.001)
}

func TestCart(t *testing.T) {
	cart := NewCart()
	t.Run("is empty", func(t *testing.T) {
		assert.Equal(t, 0, cart.Len())
	})
	t.Run("takes tea", func(t *testing.T) {
		cart.Add("tea")
		assert.Equal(t, 1, cart.Len())
	})
}
""",
}


def told(path: str, *pairs: tuple[str, str]) -> list[Weakening]:
    """What the ratchets say of the file with each first text replaced by the second, once."""
    before = after = FILES[path]
    for old, new in pairs:
        assert old in after
        after = after.replace(old, new, 1)
    looked = compare_tests([Change(path, before.encode(), after.encode())])
    assert not looked.unread
    return list(looked.found)


def shut(path: str, *pairs: tuple[str, str]) -> set[str]:
    return {each.kind for each in told(path, *pairs) if not each.told}


TRY = "    try:\n        assert got == 6\n    except Exception:\n        pass\n"
ATTACKS = {
    "comparison": (PY, "== 6\n", ">= 0\n", "check-weaker"),
    "truthiness": (PY, "assert got == 6", "assert got", "check-weaker"),
    "not none": (PY, "assert got == 6", "assert got is not None", "check-weaker"),
    "type only": (PY, "assert got == 6", "assert isinstance(got, int)", "check-weaker"),
    "membership": (PY, "assert got == 6", "assert got in (5, 6, 7)", "check-weaker"),
    "any": (PY, "assert got == 6", "assert any(x == 6 for x in [got, 6])", "check-weaker"),
    "or true": (PY, "assert got == 6", "assert got == 6 or True", "check-weaker"),
    "true": (PY, "assert got == 6", "assert True", "check-weaker"),
    "a tuple": (PY, "assert got == 6", "assert (got == 6, 'six')", "check-weaker"),
    "a generator": (PY, "assert got == 6", "assert (x == 6 for x in [got])", "check-weaker"),
    "tautology": (PY, "assert got == 6", "assert got == got", "check-weaker"),
    "expectation from the code": (PY, "assert got == 6", "six = shop.price(3)\n    assert got == six", "check-weaker"),
    "anything": (PY, "assert got == 6", "assert got == mock.ANY", "check-weaker"),
    "no assertion": (PY, "    assert got == 6\n", "", "check-gone"),
    "swallowed": (PY, "    assert got == 6\n", TRY, "check-muffled"),
    "suppressed": (
        PY, "    assert got == 6\n", "    with contextlib.suppress(AssertionError):\n        assert got == 6\n",
        "check-muffled",
    ),
    "dead branch": (PY, "    assert got == 6\n", "    if False:\n        assert got == 6\n", "check-muffled"),
    "never called": (PY, "    assert got == 6\n", "    def later():\n        assert got == 6\n", "check-muffled"),
    "on a condition": (PY, "    assert got == 6\n", "    if got:\n        assert got == 6\n", "check-conditional"),
    "early return": (PY, "    got = shop.price(3)\n", "    return\n    got = shop.price(3)\n", "test-emptied"),
    "return in CI": (PY, "    assert got == 6\n", "    if CI:\n        return\n    assert got == 6\n", "check-conditional"),
    "emptied": (PY, "    got = shop.price(3)\n    assert got == 6\n    assert shop.price(0) == 0\n", "    pass\n", "test-emptied"),
    "deleted": (PY, "def test_price():\n    got = shop.price(3)\n    assert got == 6\n    assert shop.price(0) == 0\n", "", "test-gone"),
    "no longer a test": (PY, "def test_price", "def no_test_price", "test-gone"),
    "class not collected": (PY, "class TestCart:", "class CartChecks:", "test-gone"),
    "class with a constructor": (PY, "class TestCart:\n", "class TestCart:\n    def __init__(self): pass\n", "test-gone"),
    "shadowed": (PY, "class TestCart:", "def test_price():\n    pass\n\n\nclass TestCart:", "test-gone"),
    "shadowed as strongly": (PY, "class TestCart:", "def test_price():\n    assert shop.price(9) == 18\n\n\nclass TestCart:", "test-gone"),
    "expected to fail within": (PY, "    assert got == 6\n", "    with pytest.raises(AssertionError):\n        assert got == 6\n", "check-muffled"),
    "in a loop over who knows what": (PY, "    assert got == 6\n", "    for one in shop.none():\n        assert got == 6\n", "check-conditional"),
    "taken back": (PY, "class TestCart:", "test_price = None\n\n\nclass TestCart:", "test-gone"),
    "told to be none": (PY, "class TestCart:", "test_price.__test__ = False\n\n\nclass TestCart:", "test-gone"),
    "skip": (PY, "def test_price", "@pytest.mark.skip\ndef test_price", "test-off"),
    "skip in CI": (PY, "def test_price", "@pytest.mark.skipif('CI' in os.environ, reason='slow')\ndef test_price", "test-off"),
    "xfail": (PY, "def test_price", "@pytest.mark.xfail\ndef test_price", "test-off"),
    "skip called": (PY, "    got = shop.price(3)\n", "    pytest.skip('later')\n    got = shop.price(3)\n", "test-off"),
    "skip raised": (PY, "    got = shop.price(3)\n", "    raise unittest.SkipTest\n    got = shop.price(3)\n", "test-off"),
    "module skipped": (PY, "CASES", "pytestmark = pytest.mark.skip\nCASES", "test-off"),
    "fewer cases": (PY, "(1, 2), (2, 4), (3, 6)", "(1, 2)", "cases-fewer"),
    "no cases": (PY, "[(1, 2), (2, 4), (3, 6)]", "[]", "cases-fewer"),
    "a case that fails": (PY, "(3, 6)]", "pytest.param(3, 6, marks=pytest.mark.xfail)]", "cases-fewer"),
    "wider class": (PY, "raises(ValueError, ", "raises(Exception, ", "check-weaker"),
    "no message": (PY, ', match="negative"', "", "check-gone"),
    "huge tolerance": (PY, "abs=0.001", "abs=10", "check-weaker"),
    "bound": (PY, "assert len(cart) >= 1", "assert len(cart) >= 0", "check-weaker"),
    "helper emptied": (PY, "    assert cart.total == total\n", "    pass\n", "test-emptied"),
    "helper no longer called": (PY, "        check_total(cart, 3)\n", "", "check-gone"),
    "mocked": (PY, "    got = shop.price(3)", "    monkeypatch.setattr(shop, 'price', lambda n: 6)\n    got = shop.price(3)", "code-mocked"),
    "patched": (PY, "def test_price", "@patch('shop.price', return_value=6)\ndef test_price", "code-mocked"),
    "ts truthy": (TS, "expect(got).toBe(6)", "expect(got).toBeTruthy()", "check-weaker"),
    "ts defined": (TS, "expect(got).toBe(6)", "expect(got).toBeDefined()", "check-weaker"),
    "ts greater": (TS, "expect(got).toBe(6)", "expect(got).toBeGreaterThan(0)", "check-weaker"),
    "ts any": (TS, "expect(got).toBe(6)", "expect(got).toEqual(expect.any(Number))", "check-weaker"),
    "ts partial": (TS, "toEqual({ tea: 3, name: 'x' })", "toMatchObject({ tea: 3 })", "check-weaker"),
    "ts constant": (TS, "expect(got).toBe(6)", "expect(true).toBe(true)", "check-weaker"),
    "ts ok": (TS, "expect(got).toBe(6)", "assert.ok(got)", "check-weaker"),
    "ts any error": (TS, "toThrow(RangeError)", "toThrow()", "check-weaker"),
    "ts fewer digits": (TS, "0.6667, 4", "0.6667, 0", "check-weaker"),
    "ts no assertion": (TS, "    expect(got).toBe(6);\n", "", "check-gone"),
    "ts swallowed": (TS, "    expect(got).toBe(6);\n", "    try { expect(got).toBe(6); } catch {}\n", "check-muffled"),
    "ts promise swallowed": (
        TS, "    expect(got).toBe(6);\n", "    ask().then(() => expect(got).toBe(6)).catch(() => {});\n", "check-muffled",
    ),
    "ts early return": (TS, "    const got = price(3);\n", "    return;\n    const got = price(3);\n", "test-emptied"),
    "ts on a condition": (TS, "    expect(got).toBe(6);\n", "    if (got) expect(got).toBe(6);\n", "check-conditional"),
    "ts skip": (TS, "it('doubles'", "it.skip('doubles'", "test-off"),
    "ts todo": (TS, "it('doubles'", "it.todo('doubles'", "test-off"),
    "ts x": (TS, "it('doubles'", "xit('doubles'", "test-off"),
    "ts group skipped": (TS, "describe('shop'", "describe.skip('shop'", "test-off"),
    "ts skip option": (TS, "it('doubles', ", "it('doubles', { skip: true }, ", "test-off"),
    "ts skip on a condition": (TS, "it('doubles'", "it.skipIf(process.env.CI)('doubles'", "test-off"),
    "ts only": (TS, "it('doubles'", "it.only('doubles'", "test-alone"),
    "ts only by option": (TS, "it('doubles', ", "it('doubles', { only: true }, ", "test-alone"),
    "ts focused": (TS, "it('doubles'", "fit('doubles'", "test-alone"),
    "ts fewer cases": (TS, "[1, 2], [2, 4], [3, 6]", "[1, 2]", "cases-fewer"),
    "ts no test": (TS, "it('doubles'", "const later = ('doubles'", "test-gone"),
    "ts spied": (
        TS, "    const got = price(3);", "    jest.spyOn(shop, 'price').mockReturnValue(6);\n    const got = price(3);",
        "code-mocked",
    ),
    "ts module mocked": (TS, "describe('shop'", "vi.mock('./shop');\ndescribe('shop'", "code-mocked"),
    "go skip": (GO, "\terr := Refuse()\n", '\tt.Skip("later")\n\terr := Refuse()\n', "test-off"),
    "go skip on a condition": (GO, "\terr := Refuse()\n", '\tif testing.Short() {\n\t\tt.Skip()\n\t}\n\terr := Refuse()\n', "test-off"),
    "go build tag": (GO, "package shop", "//go:build integration\n\npackage shop", "test-off"),
    "go comparison": (GO, 'err.Error() != "negative"', 'err.Error() == ""', "check-weaker"),
    "go no assertion": (GO, '\tif err.Error() != "negative" {\n\t\tt.Error(err)\n\t}\n', "", "check-gone"),
    "go no failure": (GO, "\t\tt.Error(err)\n", "\t\tt.Log(err)\n", "check-gone"),
    "go fewer cases": (GO, "\t\t{2, 4},\n\t\t{3, 6},\n", "", "cases-fewer"),
    "go not nil": (GO, "assert.Equal(t, 3, cart.Total())", "assert.NotNil(t, cart.Total())", "check-weaker"),
    "go huge tolerance": (GO, "0.001)", "10)", "check-weaker"),
    "go recover": (GO, "\terr := Refuse()\n", "\tdefer func() { recover() }()\n\terr := Refuse()\n", "check-conditional"),
    "go early return": (GO, "\terr := Refuse()\n", "\treturn\n\terr := Refuse()\n", "test-emptied"),
    "go no test": (GO, "func TestRefuses", "func noTestRefuses", "test-gone"),
    "go always equal": (GO, 'err.Error() != "negative"', "false", "check-weaker"),
    "go subtest gone": (GO, '\tt.Run("is empty", func(t *testing.T) {\n\t\tassert.Equal(t, 0, cart.Len())\n\t})\n', "", "test-gone"),
    "go subtest skipped": (GO, '\t\tcart.Add("tea")\n', '\t\tt.Skip()\n\t\tcart.Add("tea")\n', "test-off"),
    "go subtest weaker": (GO, "assert.Equal(t, 1, cart.Len())", "assert.NotNil(t, cart.Len())", "check-weaker"),
    "go renamed away": (GO, "func TestTotal", "func Testtotal", "test-gone"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_a_weakening_is_told_with_what_it_was(name: str) -> None:
    path, old, new, kind = ATTACKS[name]
    found = [each for each in told(path, (old, new)) if not each.told]
    assert kind in {each.kind for each in found}, found
    assert all(each.path == path and each.now for each in found)


TWINS = {
    "stronger": (PY, "assert len(cart) >= 1", "assert len(cart) == 1"),
    "one more": (PY, "    assert got == 6\n", "    assert got == 6\n    assert isinstance(got, int)\n"),
    "named": (PY, "assert shop.price(0) == 0", "zero = shop.price(0)\n    assert zero == 0"),
    "not named": (PY, "    got = shop.price(3)\n    assert got == 6", "    assert shop.price(3) == 6"),
    "local renamed": (PY, "    got = shop.price(3)\n    assert got == 6", "    total = shop.price(3)\n    assert total == 6"),
    "message": (PY, "assert got == 6", "assert got == 6, 'twice'"),
    "turned round": (PY, "assert got == 6", "assert 6 == got"),
    "unittest's way": (PY, "assert got == 6", "self.assertEqual(got, 6)"),
    "renamed": (PY, "def test_price", "def test_prices_are_doubled"),
    "one more case": (PY, "(3, 6)]", "(3, 6), (4, 8)]"),
    "case named": (PY, "(3, 6)]", "pytest.param(3, 6, id='three')]"),
    "narrower class": (PY, "raises(ValueError, ", "raises(UnicodeError, "),
    "tighter": (PY, "abs=0.001", "abs=0.0001"),
    "within a context": (PY, "    got = shop.price(3)\n", "    with shop.opened():\n        got = shop.price(3)\n"),
    "within a group": (PY, "def test_price():\n    got", "class TestPrice:\n  def test_price(self):\n    got"),
    "another is mocked": (PY, "    got = shop.price(3)", "    monkeypatch.setattr(time, 'time', lambda: 0)\n    got = shop.price(3)"),
    "a handler that fails": (PY, "    assert got == 6\n", "    try:\n        assert got == 6\n    except ValueError:\n        pytest.fail('x')\n"),
    "an assertion by another name": (PY, "    assert got == 6\n", "    holds(got == 6)\n\n\ndef holds(claim):\n    assert claim\n\n\ndef test_zero():\n"),
    "a module that is needed": (PY, "CASES", "pytest.importorskip('json')\nCASES"),
    "fixtures used by a mark": (PY, "def test_price", "@pytest.mark.usefixtures('shop')\ndef test_price"),
    "both branches": (PY, "    assert got == 6\n", "    if WIN:\n        assert got == 6\n    else:\n        assert got == 6\n"),
    "a new test is skipped": (PY, "class TestCart", "@pytest.mark.skip\ndef test_new(): pass\n\n\nclass TestCart"),
    "helper extracted": (
        PY, "    got = shop.price(3)\n    assert got == 6\n    assert shop.price(0) == 0\n",
        "    doubles(3, 6)\n    doubles(0, 0)\n\n\ndef doubles(amount, total):\n    assert shop.price(amount) == total\n",
    ),
    "made a table": (
        PY, "def test_price():\n    got = shop.price(3)\n    assert got == 6\n    assert shop.price(0) == 0\n",
        "@pytest.mark.parametrize('n, t', [(3, 6), (0, 0)])\ndef test_prices(n, t):\n    assert shop.price(n) == t\n",
    ),
    "split": (
        PY, "    assert got == 6\n    assert shop.price(0) == 0\n",
        "    assert got == 6\n\n\ndef test_zero():\n    assert shop.price(0) == 0\n",
    ),
    "ts stronger": (TS, "toBeCloseTo(0.6667, 4)", "toBe(2 / 3)"),
    "ts quotes": (TS, "it('doubles', () => {", 'it("doubles", async () => {'),
    "ts renamed": (TS, "it('doubles'", "it('doubles an amount'"),
    "ts group renamed": (TS, "describe('shop'", "describe('the shop'"),
    "ts not named": (TS, "    const got = price(3);\n    expect(got).toBe(6);", "    expect(price(3)).toBe(6);"),
    "ts strict": (TS, "expect(price(0)).toEqual(0)", "expect(price(0)).toStrictEqual(0)"),
    "ts one more case": (TS, "[3, 6]]", "[3, 6], [4, 8]]"),
    "ts comment": (TS, "    expect(got).toBe(6);", "    // it.only('x')\n    expect(got).toBe(6);"),
    "ts formatted": (TS, "expect(got).toBe(6);", "expect(\n      got,\n    ).toBe(\n      6,\n    )"),
    "ts a handler that fails": (TS, "    expect(got).toBe(6);\n", "    try { expect(got).toBe(6) } catch (e) { throw e }\n"),
    "go stronger": (GO, "if err == nil {", "if !errors.Is(err, ErrNegative) {"),
    "go renamed": (GO, "func TestRefuses", "func TestNegativeIsRefused"),
    "go local renamed": (GO, "cart := NewCart()\n\tassert.Equal(t, 3, cart.Total())\n\trequire.NoError(t, cart.Close())",
                         "c := NewCart()\n\tassert.Equal(t, 3, c.Total())\n\trequire.NoError(t, c.Close())"),
    "go subtest renamed": (GO, '"is empty"', '"has nothing in it"'),
    "go require": (GO, "assert.Equal(t, 3", "require.Equal(t, 3"),
    "go one more case": (GO, "\t\t{3, 6},\n", "\t\t{3, 6},\n\t\t{4, 8},\n"),
    "go subtest": (GO, "\t\tif got := Price(tt.amount); got != tt.want {\n\t\t\tt.Errorf(\"got %d\", got)\n\t\t}\n",
                   "\t\tt.Run(\"x\", func(t *testing.T) {\n\t\t\tif got := Price(tt.amount); got != tt.want {\n"
                   "\t\t\t\tt.Errorf(\"got %d\", got)\n\t\t\t}\n\t\t})\n"),
    "go made a subtest": (GO, "\tassert.Equal(t, 3, cart.Total())\n", '\tt.Run("total", func(t *testing.T) {\n\t\tassert.Equal(t, 3, cart.Total())\n\t})\n'),
    "go all of it a subtest": (GO, "\terr := Refuse()\n\tif err == nil {\n\t\tt.Fatal(\"no error\")\n\t}\n\tif err.Error() != \"negative\" {\n\t\tt.Error(err)\n\t}\n",
                               "\tt.Run(\"negative\", func(t *testing.T) {\n\t\trequire.Error(t, Refuse())\n\t\trequire.Equal(t, \"negative\", Refuse().Error())\n\t})\n"),
    "go testify": (GO, "\tif err.Error() != \"negative\" {\n\t\tt.Error(err)\n\t}\n", "\tassert.Equal(t, \"negative\", err.Error())\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", TWINS)
def test_its_honest_twin_is_not(name: str) -> None:
    path, old, new = TWINS[name]
    assert shut(path, (old, new)) == set(), told(path, (old, new))


def test_a_changed_expectation_is_told_to_a_person_and_shuts_nothing() -> None:
    for path, old, new in ((PY, "got == 6", "got == 7"), (TS, "toBe(6)", "toBe(7)"), (GO, "t, 3, cart", "t, 4, cart")):
        assert {each.kind for each in told(path, (old, new))} == {"expectation-changed"}, path


@pytest.mark.parametrize("path", FILES)
def test_tests_that_move_to_another_file_are_quiet_and_those_that_go_with_theirs_are_not(path: str) -> None:
    content = FILES[path].encode()
    folder, name = path.rpartition("/")[::2]
    other = f"{folder}/more_{name}".lstrip("/") if path != PY else "tests/test_more.py"
    gone = Change(path, content, None)
    assert not [w for w in compare_tests([gone, Change(other, None, content)]).found if not w.told]
    assert {w.kind for w in compare_tests([gone]).found} == {"test-gone"}


def test_a_file_that_is_no_longer_collected_takes_its_tests_with_it() -> None:
    content = FILES[PY].encode()
    moved = compare_tests([Change(PY, content, None), Change("tests/shop_checks.py", None, content)])
    assert {each.kind for each in moved.found} == {"test-gone"}
    assert all("no longer collected" in each.now for each in moved.found)


def test_tests_in_files_of_other_names_are_compared_where_they_are() -> None:
    path, content = "tests/check_shop.py", FILES[PY].encode()
    weak = content.replace(b"assert got == 6", b"assert got")
    assert {each.kind for each in compare_tests([Change(path, content, weak)]).found} == {"check-weaker"}
    assert {each.kind for each in compare_tests([Change(path, content, None)]).found} == {"test-gone"}


def test_a_hook_that_decides_what_runs_is_told() -> None:
    hook = b"def pytest_collection_modifyitems(items):\n    items.clear()\n"
    (found,) = compare_tests([Change("tests/conftest.py", b"", hook)]).found
    assert found.kind == "run-narrowed"
    (found,) = compare_tests([Change("a_test.go", None, b"package a\nfunc TestMain(m *testing.M) {}\n")]).found
    assert found.kind == "run-narrowed"
    (found,) = compare_tests([Change("tests/conftest.py", b"", b"collect_ignore = ['test_shop.py']\n")]).found
    assert found.kind == "run-narrowed"
    honest = b"package a\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }\n"
    marks = b"def pytest_collection_modifyitems(items):\n    for item in items:\n        item.add_marker('slow')\n"
    for path, content in (("a_test.go", honest), ("tests/conftest.py", marks)):
        (found,) = compare_tests([Change(path, None, content)]).found
        assert found.told


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("broken", [b"((((", b"\xff\xfe\x00", b"}" * 99, b"x" * (2 << 20)])
def test_what_cannot_be_read_is_never_a_pass(path: str, broken: bytes) -> None:
    for before, after in ((FILES[path].encode(), broken), (broken, FILES[path].encode())):
        looked = compare_tests([Change(path, before, after)])
        assert [each.path for each in looked.unread] == [path] and looked.files == 0


def test_a_check_that_became_a_row_of_a_table_expects_what_it_did() -> None:
    loop = "    for amount in (3, 4):\n        assert shop.price(amount) == 6\n"
    assert told(PY, ("    got = shop.price(3)\n    assert got == 6\n", loop)) == []


def test_a_test_under_another_name_is_found_again_where_it_checks_no_less() -> None:
    old, new = FILES[PY], FILES[PY].replace("def test_price", "def test_prices_are_doubled")
    looked = compare_tests([Change(PY, old.encode(), new.encode())])
    assert [(each.was, each.now) for each in looked.renamed] == [
        (f"{PY}::test_price", f"{PY}::test_prices_are_doubled")
    ]
    weak = new.replace("assert got == 6", "assert got")
    assert not compare_tests([Change(PY, old.encode(), weak.encode())]).renamed
