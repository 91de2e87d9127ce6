"""What never weakens: the same file, more tests, more assertions, other names, other lines, another layout."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_weakened_tests import FILES, GO, PY, TS

from phasegate.ratchets.look import look
from phasegate.ratchets.strength import RANK, rank, weaker
from phasegate.ratchets.suites import Check
from phasegate.ratchets.weakening import Change

PATHS = st.sampled_from(sorted(FILES))
NAMES = st.from_regex(r"[a-z]{6}_[a-z]{3}", fullmatch=True)
MORE = {
    PY: "\n\ndef test_{name}():\n    assert shop.{name}({number}) == {number}\n",
    TS: "it('{name}', () => {{ expect({name}({number})).toBe({number}) }});\n",
    GO: "\nfunc Test_{name}(t *testing.T) {{\n\tassert.Equal(t, {number}, {name}())\n}}\n",
}
ASSERTIONS = {PY: ("    assert got == 6\n", "    assert {name}() == {number}\n"),
              TS: ("    expect(got).toBe(6);\n", "    expect({name}()).toBe({number});\n"),
              GO: ("\tcart := NewCart()\n", "\tassert.Equal(t, {number}, {name}())\n")}  # fmt: skip
LOCALS = {PY: "got", TS: "got", GO: "cart"}
CHECKS = st.builds(
    Check, st.just("x"), st.sampled_from(sorted(RANK)), st.sampled_from(["1", "2", "(1, 2)", "'a'", "ValueError", "y"]),
    st.just(""), st.just(1), tolerance=st.sampled_from([0.0, 1e-9, 0.1, 9.0]),
)  # fmt: skip


def shut(path: str, before: str, after: str) -> list[str]:
    looked = look([Change(path, before.encode(), after.encode())])
    assert not looked.unread
    return [each.words for each in looked.found if not each.told]


@pytest.mark.parametrize("path", FILES)
def test_a_file_against_itself_is_as_it_was(path: str) -> None:
    assert look([Change(path, FILES[path].encode(), FILES[path].encode())]).found == ()


@settings(max_examples=40, deadline=None)
@given(PATHS, NAMES, st.integers(0, 99))
def test_another_test_never_weakens(path: str, name: str, number: int) -> None:
    assert shut(path, FILES[path], FILES[path] + MORE[path].format(name=name, number=number)) == []


@settings(max_examples=40, deadline=None)
@given(PATHS, NAMES, st.integers(0, 99), st.booleans())
def test_another_assertion_never_weakens(path: str, name: str, number: int, before: bool) -> None:
    beside, more = ASSERTIONS[path]
    more = more.format(name=name, number=number)
    after = FILES[path].replace(beside, more + beside if before and path != GO else beside + more, 1)
    assert after != FILES[path] and shut(path, FILES[path], after) == []


@settings(max_examples=40, deadline=None)
@given(PATHS, NAMES)
def test_another_name_for_a_local_never_weakens(path: str, name: str) -> None:
    after = FILES[path].replace(LOCALS[path], name)
    assert look([Change(path, FILES[path].encode(), after.encode())]).found == ()


@settings(max_examples=40, deadline=None)
@given(PATHS, st.integers(1, 40), st.sampled_from(["\n", "  \n"]))
def test_moved_lines_change_nothing_and_keep_the_fingerprint(path: str, lines: int, blank: str) -> None:
    comment = "# moved\n" if path == PY else "// moved\n"
    moved = comment * lines + blank + FILES[path]
    assert shut(path, FILES[path], moved) == []
    weak = (
        FILES[path].replace(ASSERTIONS[path][0], "", 1) if path != GO else FILES[path].replace("TestTotal", "total", 1)
    )
    first = look([Change(path, FILES[path].encode(), weak.encode())]).found
    second = look([Change(path, FILES[path].encode(), (comment * lines + weak).encode())]).found
    assert first and [each.fingerprint for each in first] == [each.fingerprint for each in second]


def test_another_layout_changes_nothing() -> None:
    assert look([Change(PY, FILES[PY].encode(), ast.unparse(ast.parse(FILES[PY])).encode())]).found == ()
    for path in (TS, GO):
        wide = FILES[path].replace("(", "( ").replace(";\n", "\n").replace("  ", "\t ")
        assert look([Change(path, FILES[path].encode(), wide.encode())]).found == (), path


def test_turning_the_tests_round_changes_nothing() -> None:
    head, *tests = FILES[PY].split("\n\n\n")
    assert look([Change(PY, FILES[PY].encode(), "\n\n\n".join([head, *reversed(tests)]).encode())]).found == ()


@given(CHECKS, CHECKS)
def test_of_two_checks_at_most_one_is_weaker_and_none_than_itself(one: Check, other: Check) -> None:
    assert not weaker(one, one)
    assert not (weaker(one, other) and weaker(other, one))


@given(CHECKS, CHECKS)
def test_what_is_weaker_never_ranks_higher(one: Check, other: Check) -> None:
    assert not weaker(one, other) or rank(other) <= rank(one) or {one.op, other.op} <= {"==", "~"}
