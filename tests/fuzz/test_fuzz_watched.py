"""Watched files of any content: nothing crashes, what cannot be read counts, and git agrees on what it is told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.policy.custody import bends, git_settings

NAMES = (
    ".git/config", "~/.gitconfig", ".git/info/exclude", "~/.claude/settings.json", ".claude/settings.local.json",
    ".venv/lib/python3.12/site-packages/x.pth", ".venv/pyvenv.cfg", ".git/hooks/pre-commit", "/etc/gitconfig",
)  # fmt: skip
PIECES = (
    "[core]", "[filter \"x\"]", "[a.b]", "[", "]", "\thooksPath = /x", "name", "= y", "# c", "; c", "\\\n", "\n", "\"",
    "{", "}", '{"env": {"A": "1"}}', "[" * 2000, '"hooks"', ":", "null", "import os", "home = /x", "\x00", "\ufeff",
)  # fmt: skip
contents = st.one_of(
    st.none(),
    st.binary(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=12).map(lambda p: "".join(p).encode()),
)


@given(st.sampled_from(NAMES), contents, contents)
def test_any_content_is_weighed_without_a_crash_and_nothing_bends_itself(
    name: str, before: bytes | None, after: bytes | None
) -> None:
    assert bends(name, before, before) == ()
    assert all(isinstance(line, str) and line for line in bends(name, before, after))


@given(st.sampled_from(NAMES), st.binary(min_size=1, max_size=50))
def test_what_cannot_be_read_counts_as_changed(name: str, rest: bytes) -> None:
    assert bends(name, b"", b"\xff\xfe" + rest)


SECTIONS = st.sampled_from(["core", "Filter", "alias", "user", "remote", "diff", "x-y"])
SUBSECTIONS = st.sampled_from(["", ' "one"', ' "Two Words"', ' "a\\"b"'])
VARIABLES = st.sampled_from(["hooksPath", "clean", "url", "name", "fsmonitor", "x"])
VALUES = st.sampled_from([" = /tmp/x", " = a b", "= true", "", ' = "quoted # x"', " = one \\\n two", " = x ; comment"])
lines = st.tuples(SECTIONS, SUBSECTIONS, st.lists(st.tuples(VARIABLES, VALUES), max_size=3))


@given(st.lists(lines, max_size=4))
@pytest.mark.skipif(os.name != "posix", reason="git is asked by its file")
def test_git_has_every_setting_that_counts_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, sections: list[tuple[str, str, list[tuple[str, str]]]]
) -> None:
    text = "".join(
        f"[{section}{below}]\n" + "".join(f"\t{name}{value}\n" for name, value in rows)
        for section, below, rows in sections
    )
    path = Path(tmp_path_factory.getbasetemp(), "config")
    path.write_text(text)
    told = subprocess.run(
        ["git", "config", "--list", "--name-only", "-z", "--file", str(path)], capture_output=True, check=True
    ).stdout.decode()
    theirs = {name.replace('\\"', '"') for name in told.split("\0") if name}
    ours = {row.partition(" = ")[0].replace('\\"', '"') for row in git_settings(text)}
    assert ours <= theirs
    assert {name for name in theirs if name.startswith(("filter", "alias", "diff", "x-y", "core.hooks"))} <= ours
