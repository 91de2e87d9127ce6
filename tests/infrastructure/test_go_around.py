"""Which files, and which parts of test files, run around the tests of a Go module."""

from __future__ import annotations

import pytest

from phasegate.infrastructure.catalog import around
from phasegate.infrastructure.files import Files
from phasegate.infrastructure.go import parts
from phasegate.syntax import CannotBeRead

TEST = b'package shop\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\n'
MAIN = b"func TestMain(m *testing.M) {\n\tos.Exit(m.Run())\n}"


def test_workspace_data_and_helpers_of_tests_are_found() -> None:
    empty = dict.fromkeys(("go.work", "go.mod", "shop.go", "a/testdata/x.json", "vendor/x/x.go"), b"")
    whole = {**empty, "help_test.go": b"package shop\nfunc helper() {}\n", "shop_test.go": TEST}
    seen = around("go", Files(whole, whole.__getitem__))
    assert {*seen} == {"go.work", "a/testdata/x.json", "vendor/x/x.go", "help_test.go"}


def test_of_a_test_file_what_runs_around_its_tests_is_told_apart() -> None:
    text = b"//go:build linux\n\n" + TEST + b"func init() { a() }\nfunc init() { b() }\n" + MAIN + b"\n"
    assert parts("shop_test.go", text) == {
        "//go:build": b"//go:build linux", "init": b"func init() { a() }", "init 1": b"func init() { b() }",
        "TestMain": MAIN,
    }  # fmt: skip
    assert parts("shop_test.go", TEST) == {}


def test_what_is_no_go_is_told_of() -> None:
    with pytest.raises(CannotBeRead, match="line 1"):
        parts("shop_test.go", b"func {")
