"""Glob patterns against an independent reading of what they mean, letter by letter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phasegate.rules.paths import matches

PARTS = st.sampled_from(["a", "b", ".", "test_", "/", "*", "**", "**/", "?", "\n", "(", "\\"])
PATTERNS = st.lists(PARTS, max_size=6).map("".join)
PATHS = st.text("ab./t_\n(\\", max_size=10)


def reads(pattern: str, path: str) -> bool:
    """Whether the pattern means the path: the same, one letter after the other."""
    if not pattern:
        return not path
    if pattern.startswith("**/"):
        rests = [path, *(path[at + 1 :] for at, letter in enumerate(path) if letter == "/")]
        return any(reads(pattern[3:], rest) for rest in rests)
    if pattern.startswith("**"):
        return any(reads(pattern[2:], path[at:]) for at in range(len(path) + 1))
    if pattern.startswith("*"):
        part = path.partition("/")[0]
        return any(reads(pattern[1:], path[at:]) for at in range(len(part) + 1))
    return (
        bool(path) and (path[0] == pattern[0] or (pattern[0] == "?" != path[0] != "/")) and reads(pattern[1:], path[1:])
    )


@given(PATHS, st.lists(PATTERNS, max_size=4))
def test_a_path_matches_exactly_what_its_patterns_mean(path: str, patterns: list[str]) -> None:
    assert matches(path, tuple(patterns)) is any(reads(pattern, path) for pattern in patterns)


def test_the_patterns_of_the_settings_mean_what_they_say() -> None:
    assert matches("a/b/test_one.py", ("**/test_*.py",)) and matches("test_one.py", ("**/test_*.py",))
    assert not matches("a/test_one.pyc", ("**/test_*.py",)) and not matches("tests", ("tests/**",))
    assert matches("tests/", ("docs/**", "tests/**")) and not matches("x.toml/y", ("*.toml",))
    assert not matches("a", ())
