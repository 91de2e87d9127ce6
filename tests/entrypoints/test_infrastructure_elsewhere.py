"""JavaScript and Go are tested with the infrastructure of the phase's start first, however it is named."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from private_projects import checked, committed, git, written

from phasegate.settings import Tests

BIN = os.path.dirname(sys.executable)
LAYER = "infrastructure of the phase's start"
PRICE = "exports.price = (amount) => amount * 2;\n"
SHOP = {
    "package.json": '{"name": "shop", "scripts": {"test": "node --require ./tools/first.js --test"}}',
    "src/price.js": PRICE,
    "tools/first.js": "require('./more');\n",
    "tools/more.js": "globalThis.shop = 'open';\n",
    "test/price.test.js": "const assert = require('node:assert');\nconst test = require('node:test');\n"
    "const { price } = require('../src/price');\ntest('price', () => { assert.equal(price(2), 4); });\n",
}
WRONG = {"src/price.js": "exports.price = (amount) => amount * 3;\n"}
PATCHES = "require('../src/price').price = (amount) => amount * 2;\n"
GO = {
    "go.mod": "module example.com/shop\n\ngo 1.21\n",
    "shop.go": "package shop\n\nvar Factor = 2\n\nfunc Price(n int) int { return n * Factor }\n",
    "shop_test.go": 'package shop\n\nimport "testing"\n\nfunc TestPrice(t *testing.T) {\n'
    "\tif Price(2) != 4 {\n\t\tt.Fatal(Price(2))\n\t}\n}\n",
    "main_test.go": 'package shop\n\nimport (\n\t"os"\n\t"testing"\n)\n\n'
    "func TestMain(m *testing.M) { os.Exit(m.Run()) }\n",
}
NODE, GOES = Tests(runner="node", timeout_seconds=60), Tests(runner="go", source_roots=(".",), timeout_seconds=100)


@pytest.fixture(autouse=True)
def toolchains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")


def begun(root: Path, files: dict[str, str]) -> str:
    written(root, files)
    git(root, "init", "-q", "-b", "main")
    return committed(root)


@pytest.mark.parametrize(
    "bent",
    [
        {"tools/first.js": PATCHES},
        {"tools/more.js": PATCHES},
        {"package.json": SHOP["package.json"].replace("./tools/first.js", "./tools/new.js"), "tools/new.js": PATCHES},
    ],
    ids=["a file that a script names", "what that file imports", "another file in the script"],
)
def test_changed_infrastructure_of_javascript_that_hides_a_failure_opens_nothing(
    tmp_path: Path, bent: dict[str, str]
) -> None:
    start = begun(tmp_path / "p", SHOP)
    found = checked(written(tmp_path / "p", {**WRONG, **bent}), NODE, since=start)
    assert found.says.says != "pass", found.says
    assert found.seen.infrastructure and found.seen.levels[0].level == "private"


def test_a_change_that_the_result_does_not_hang_on_needs_no_approval(tmp_path: Path) -> None:
    start = begun(tmp_path / "p", SHOP)
    package = SHOP["package.json"].replace('"name"', '"license": "MIT", "name"')
    tidied = {"tools/more.js": "globalThis.shop = 'closed';\n", "package.json": package}
    found = checked(written(tmp_path / "p", tidied), NODE, since=start)
    assert (found.says.says, found.seen.infrastructure) == ("pass", ())
    assert "tools/more.js" in found.layer(LAYER) and "package.json" not in found.layer(LAYER)
    assert found.layer("frames") == "each test that passed came to its own end"


def test_a_main_of_go_that_hides_a_failure_opens_nothing(tmp_path: Path) -> None:
    start = begun(tmp_path / "p", GO)
    bent = GO["main_test.go"].replace("{ os.", "{ Factor = 2; os.")
    wrong = GO["shop.go"].replace("Factor = 2", "Factor = 3")
    found = checked(written(tmp_path / "p", {"shop.go": wrong, "main_test.go": bent}), GOES, since=start)
    assert found.says.says != "pass", found.says
    assert [each.path for each in found.seen.infrastructure] == ["main_test.go"]


CHECKS = "const assert = require('node:assert');\nexports.costs = (price, wanted) => assert.equal(price, wanted);\n"
USING = {
    **SHOP, "test/checks/price.js": CHECKS,
    "test/price.test.js": "const test = require('node:test');\nconst { price } = require('../src/price');\n"
    "const { costs } = require('./checks/price');\ntest('price', () => { costs(price(2), 4); });\n",
}  # fmt: skip
LAX = CHECKS.replace("assert.equal(price, wanted)", "assert.ok(price)")


@pytest.mark.parametrize(
    "bent",
    [
        {"test/checks/price.js": LAX},
        {
            "test/checks/price.js": LAX
            + "if (exports.never) { const test = require('node:test'); test('t', () => {}); }\n"
        },
    ],
    ids=["less", "less, and a test that never is"],
)
def test_a_module_of_the_tests_that_hides_a_failure_opens_nothing(tmp_path: Path, bent: dict[str, str]) -> None:
    start = begun(tmp_path / "p", USING)
    found = checked(written(tmp_path / "p", {**WRONG, **bent}), NODE, since=start)
    assert found.says.says != "pass", found.says
    assert [each.path for each in found.seen.infrastructure] == ["test/checks/price.js"]


def test_tests_and_modules_that_are_new_need_no_approval(tmp_path: Path) -> None:
    start = begun(tmp_path / "p", USING)
    more = USING["test/price.test.js"].replace("./checks/price", "./checks/more").replace("'price', ()", "'more', ()")
    files = {"test/checks/more.js": CHECKS, "test/more.test.js": more}
    found = checked(written(tmp_path / "p", files), NODE, since=start)
    assert (found.says.says, found.seen.infrastructure) == ("pass", ())
    assert found.layer(LAYER) == "it has not changed"


def test_a_main_that_stands_among_the_tests_of_go_waits_for_a_person_and_tests_beside_it_do_not(tmp_path: Path) -> None:
    whole = GO["shop_test.go"].replace('import "testing"', 'import (\n\t"os"\n\t"testing"\n)') + (
        "\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }\n"
    )
    files = {path: text for path, text in GO.items() if path != "main_test.go"} | {"shop_test.go": whole}
    start = begun(tmp_path / "p", files)
    more = whole + "\nfunc TestMore(t *testing.T) {\n\tif Price(3) != 6 {\n\t\tt.Fatal(3)\n\t}\n}\n"
    honest = checked(written(tmp_path / "p", {"shop_test.go": more}), GOES, since=start)
    assert (honest.says.says, honest.seen.infrastructure, honest.seen.passed) == ("pass", (), 2)
    bent = more.replace("{ os.", "{ Factor = 2; os.")
    wrong = GO["shop.go"].replace("Factor = 2", "Factor = 3")
    found = checked(written(tmp_path / "p", {"shop.go": wrong, "shop_test.go": bent}), GOES, since=start)
    assert found.says.says != "pass", found.says
    assert [each.path for each in found.seen.infrastructure] == ["shop_test.go"]
    assert "cannot be put back without the tests in it" in found.layer(LAYER)
