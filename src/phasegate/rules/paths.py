"""Whether a path matches glob patterns: `*` within a part, `**` across parts, `?` one character."""

import functools
import re

MOST_STARS = 8
"""Stars in one pattern of a rule: what a search tries grows with them."""


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a glob pattern matches the whole path."""
    return bool(patterns) and _compiled(patterns).fullmatch(path) is not None


@functools.lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_expression(pattern)})" for pattern in patterns), re.DOTALL)


def _expression(pattern: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meaning.get(part) or re.escape(part) for part in parts)
