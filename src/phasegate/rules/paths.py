"""Whether a path matches glob patterns: `*` within a part, `**` across parts, `?` one character."""

import functools
import re

MOST_STARS = 8
"""Stars in one pattern of a rule: what a search tries grows with them."""

_WILD = r"(\*\*/|\*\*|\*|\?)"


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a glob pattern matches the whole path."""
    near = [
        pattern
        for start, longest, end, pattern in _literals(patterns)
        if longest in path and path.startswith(start) and path.endswith(end)
    ]
    return any(_compiled(pattern).fullmatch(path) for pattern in near)


@functools.lru_cache(maxsize=64)
def _literals(patterns: tuple[str, ...]) -> tuple[tuple[str, str, str, str], ...]:
    """What every path that a pattern matches starts with, has somewhere, and ends with; and the pattern.

    Compiling a pattern costs a hook call more than all else that it does with a path, and few come near.
    """
    split = [(pattern, re.split(_WILD, pattern)) for pattern in patterns]
    return tuple((parts[0], max(parts[::2], key=len), parts[-1], pattern) for pattern, parts in split)


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    expression = "".join(meaning.get(part) or re.escape(part) for part in re.split(_WILD, pattern))
    return re.compile(expression, re.DOTALL)
