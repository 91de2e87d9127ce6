"""The small changes that are made in Python: each compiles, stands where it says, and is drawn by its seed."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.collectors.private.mutants import in_turn, mutants

EVERYWHERE = range(1, 100)
MADE = {
    "if a < b:\n    c = 1\n": {"`a < b` became `False`", "`<` became `>=`", "`<` became `<=`", "`1` became `2`"},
    "x = (a) is not (b)\n": {"`is not` became `is`"},
    "x = not a in b\n": {"`not` was taken out", "`in` became `not in`"},
    "x = a and b or c\n": {"`or` became `and`", "`and` became `or`"},
    "def f(a=True, *, b: int = 3) -> 'c':\n    return a\n": {
        "`True` became `False`", "`3` became `4`", "`a` became `None`",
    },
    "x = 1 if a else 2.5\n": {"`a` became `False`", "`1` became `2`", "`2.5` became `3.5`"},
    "x: int = a - b\n": {"`-` became `+`"},
    "é = 'ü' == a; b = f'{1 + 1}'\n": {"`==` became `!=`"},
    "if __name__ == '__main__':\n    pass\n": set(),
    "assert a == 1, 'a' + b\nraise E(1)\nimport a\n": set(),
    "x = 'a' + b\n": set(),
    "def f():\n    return None\n": set(),
    "x = (a  # ==\n     == b)\n": set(),
    "not python\n": set(),
    "# coding: latin-1\nx = a == b\n": set(),
}  # fmt: skip


@pytest.mark.parametrize("text", MADE)
def test_every_change_is_one_that_a_reader_would_make(text: str) -> None:
    found = mutants(text.encode(), EVERYWHERE, EVERYWHERE)
    assert {mutant.said for mutant in found} == MADE[text]
    for mutant in found:
        after = mutant.of(text.encode())
        assert after != text.encode() and ast.parse(after)
        assert text.encode()[mutant.start : mutant.end].decode() == mutant.was


def test_only_changed_lines_whose_statement_ran_are_changed() -> None:
    text = b"a = 1\nb = (2 +\n     3)\nc = 4\n"
    assert [mutant.was for mutant in mutants(text, {3}, {2})] == ["3"]
    assert mutants(text, {1, 4}, {2}) == ()


def test_the_seed_says_the_order_and_each_line_has_its_turn() -> None:
    found = [("a.py", mutant) for mutant in mutants(b"a = 1 < 2\nb = 3 < 4\nc = 5 < 6\n", EVERYWHERE, EVERYWHERE)]
    assert in_turn(found, "x") == in_turn(list(reversed(found)), "x") != in_turn(found, "y")
    assert {mutant.line for _, mutant in in_turn(found, "x")[:3]} == {1, 2, 3}


@given(st.text(alphabet="ab=<>!+-*/() \n:1.#'\"\\éif not and or in is return lambda", max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    for mutant in mutants(text.encode(), EVERYWHERE, EVERYWHERE):
        assert ast.parse(mutant.of(text.encode()))
