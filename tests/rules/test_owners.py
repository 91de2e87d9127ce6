"""CODEOWNERS in GitHub's syntax: the last row that matches says who owns a path; a row that is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.rules.owners import MOST_BYTES, MOST_PATTERN, MOST_ROWS, OwnersInvalid, owners_of, read_owners
from phasegate.rules.rule import Owned

EXAMPLE = b"""# the last row that matches counts
*       @global-owner1 @global-owner2
*.js    @js-owner #an inline comment
*.go docs@example.org
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.org
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
/apps/github2 @doctocat
/with\\ blank/ @blank
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README", "@global-owner1 @global-owner2"), ("a/b/c.js", "@js-owner"), ("main.go", "docs@example.org"),
        ("a.txt", "@octo-org/octocats"), ("build/logs/a/b", "@octocat"), ("x/build/logs", "@octocat"),
        ("scripts/run.sh", "@doctocat @octocat"), ("x/scripts/run.go", "docs@example.org"),
        ("docs/a/b.md", "@doctocat"),
        ("x/apps/y", "@octocat"), ("apps/github/a", ""), ("apps/github", ""), ("apps/github2/x", "@doctocat"),
        ("apps/githubx", "@octocat"), ("deep/er/logs/x", "@octocat"), ("with blank/a", "@blank"),
        ("line\nbreak.js", "@js-owner"),
    ],
)  # fmt: skip
def test_the_last_row_that_matches_says_who(path: str, owners: str) -> None:
    assert " ".join(owners_of(path, read_owners(EXAMPLE))) == owners


def test_a_last_star_stays_in_its_folder() -> None:
    rows = read_owners(b"docs/* @d\n")
    assert owners_of("docs/a.md", rows) == ("@d",) and owners_of("docs/a/b.md", rows) == ()


def test_nobody_owns_what_no_row_matches() -> None:
    assert owners_of("a", read_owners(b"/b @x\n")) == () and owners_of("a", ()) == ()


@pytest.mark.parametrize(
    "row",
    ["!a.js @x", "[ab].js @x", "\\#a @x", "a.js x", "a.js @", "/ @x", "a\\b @x", "a.js @x y", "a" * 500 + " @x",
     "*" * 30 + " @x"],
)  # fmt: skip
def test_a_row_that_is_none_is_refused_with_its_line_and_never_skipped(row: str) -> None:
    with pytest.raises(OwnersInvalid) as refused:
        read_owners(f"* @all\n\n{row}\n".encode())
    assert [line for line, _ in refused.value.problems] == [3]


def test_too_much_and_what_is_no_text_is_refused() -> None:
    for content in (b"* @a\n" * 5001, b"\xff @a\n", b" " * ((3 << 20) + 1)):
        with pytest.raises(OwnersInvalid):
            read_owners(content)


@given(st.lists(st.sampled_from(["*", "*.py", "/src/", "src", "docs/*", "**/x", "/a/**"]), max_size=5),
       st.sampled_from(["a.py", "src/a.py", "docs/b", "docs/b/c", "q/x/y", "a/b"]))  # fmt: skip
def test_a_row_more_changes_only_what_it_matches(patterns: list[str], path: str) -> None:
    rows = tuple(Owned(pattern, (f"@{number}",)) for number, pattern in enumerate(patterns))
    before, last = owners_of(path, rows), Owned("/src/", ("@last",))
    after = owners_of(path, (*rows, last))
    assert after == (("@last",) if path.startswith("src/") else before)


def test_a_file_may_be_as_large_as_the_limits_and_no_larger() -> None:
    row = b"* @a\n"
    assert len(read_owners(row * MOST_ROWS)) == MOST_ROWS
    with pytest.raises(OwnersInvalid, match="more than"):
        read_owners(row * (MOST_ROWS + 1))
    padded = row + b"#" * (MOST_BYTES - len(row))
    assert len(read_owners(padded)) == 1
    with pytest.raises(OwnersInvalid, match="larger than"):
        read_owners(padded + b"#")
    for pattern in ("a" * MOST_PATTERN, "a*" * 20):
        assert len(read_owners(f"{pattern} @a".encode())) == 1
        with pytest.raises(OwnersInvalid, match="too long"):
            read_owners(f"{pattern}a* @a".encode())
