"""Links of documents that lead to files, and those among them that lead nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.references.check import broken
from phasegate.references.markdown import links

LEADING = {
    "[a](b.md)": "b.md",
    "![a](pics/b.png)": "pics/b.png",
    "[a](b.md#part)": "b.md",
    "[a](<b c.md>)": "b c.md",
    "[a](b%20c.md)": "b c.md",
    "[a][1]\n\n[1]: ../b.md": "../b.md",
    "[a](/docs/b.md)": "/docs/b.md",
}
ELSEWHERE = ("[a](https://x.y/z.md)", "[a](#part)", "<mailto:a@b.c>", "`[a](b.md)`", "    [a](b.md)", "[a]", "//x/y.md")


@pytest.mark.parametrize(("text", "path"), LEADING.items())
def test_a_link_to_a_file_is_read(text: str, path: str) -> None:
    assert [link.path for link in links(text)] == [path]


@pytest.mark.parametrize("text", ELSEWHERE)
def test_what_is_no_link_to_a_file_is_left_alone(text: str) -> None:
    assert not links(text)


def test_the_line_of_a_link_is_its_own() -> None:
    assert [link.line for link in links("# A\n\none\n[a](b.md)\ntwo [c](d.md)\n")] == [4, 5]


def test_a_link_is_broken_when_neither_a_file_nor_a_folder_is_there() -> None:
    texts = {"docs/a.md": "[1](b.md) [2](../src) [3](../src/x.py) [4](gone.md) [5](/docs/b.md) [6](../..) [7](.)"}
    found = broken(["docs/a.md", "docs/b.md", "src/x.py"], lambda path: texts.get(path, ""))
    assert [(each.document, each.written) for each in found] == [("docs/a.md", "gone.md"), ("docs/a.md", "../..")]


def test_a_finding_keeps_its_name_when_its_line_moves() -> None:
    [before], [after] = (broken(["a.md"], lambda _: text) for text in ("[x](y.md)", "\n\nmore\n\n[x](y.md)"))
    assert before.fingerprint == after.fingerprint and before.line != after.line


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    broken(["a.md"], lambda _: text)
