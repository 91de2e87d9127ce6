"""Programs that go on and on, or too deep, are read by no parser; whatever a person writes is."""

from __future__ import annotations

import pytest

from phasegate import syntax
from phasegate.ratchets.grammar import parsed
from phasegate.ratchets.suites import Endless, Unreadable
from phasegate.syntax import Grammar

GRAMMARS: tuple[Grammar, ...] = ("js", "ts", "tsx", "go")
WRITTEN = {"js": b"const a = [f({b: [1]})]\n", "go": b"package p\nvar a = []int{f(1)}\n"}


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("piece", [b"[{", b"{a:", b"f(", b"if (a) {"], ids=str)
def test_what_nests_without_end_is_read_by_no_parser(grammar: Grammar, piece: bytes) -> None:
    hostile = WRITTEN["go" if grammar == "go" else "js"] * 2000 + piece * 180_000
    assert syntax.parsed(grammar, hostile[: syntax.LARGEST]) is None


def test_brackets_that_close_nothing_hide_none_that_open() -> None:
    assert syntax.parsed("js", b"]" * 100_000 + b"[" * 100_000) is None


def test_garbage_that_is_parsed_in_the_square_of_its_bytes_is_given_up() -> None:
    assert syntax.parsed("go", b"<a>" * 150_000) is None


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_a_long_program_is_read(grammar: Grammar) -> None:
    line = b"\tx = g(y, 1) + 2\n" if grammar == "go" else b"x = g(y, [1]) + 2;\n"
    head, tail = (b"package p\nfunc f() {\n", b"}\n") if grammar == "go" else (b"", b"")
    text = head + line * 20_000 + tail
    root = syntax.parsed(grammar, text)
    assert root is not None and not root.has_error


def test_no_second_grammar_is_tried_on_what_the_first_gave_up() -> None:
    with pytest.raises(Endless, match="too long or too deep"):
        parsed("ts", b"x = 1;\n" * 20_000 + b"{a:" * 50_000)
    assert issubclass(Endless, Unreadable)
