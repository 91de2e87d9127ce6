"""Who owns a path by a CODEOWNERS file in GitHub's syntax: the last row that matches says it.

Source: docs.github.com, "About code owners", the sections on syntax and its exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from phasegate.rules.rule import Owned

MOST_BYTES = 3 << 20
"""GitHub reads no larger file."""

MOST_ROWS = 5000
MOST_PATTERN = 400

_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?|[^\s@]+@[^\s@]+")
_PARTS = re.compile(r"(\*\*/|/\*\*|\*\*|\*|\?)")
_MEANING = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class OwnersInvalid(ValueError):
    """A CODEOWNERS file that cannot be relied on: `problems` with the line of each."""

    def __init__(self, problems: Iterable[tuple[int, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"line {line}: {reason}" for line, reason in self.problems[:5]))


def read_owners(content: bytes) -> tuple[Owned, ...]:
    """The rows of a file; OwnersInvalid when one is no row, for a row that is skipped takes a path from its owner."""
    if len(content) > MOST_BYTES:
        raise OwnersInvalid([(1, f"it is larger than {MOST_BYTES} bytes")])
    try:
        rows = content.decode().split("\n")
    except UnicodeDecodeError as problem:
        raise OwnersInvalid([(content[: problem.start].count(b"\n") + 1, "it is not UTF-8")]) from problem
    found, wrong = [], []
    for number, row in enumerate(rows, 1):
        words = _words(row)
        if words:
            why = _wrong(words)
            wrong += [(number, why)] if why else []
            found.append(Owned(words[0].replace("\\ ", " "), tuple(words[1:])))
    if len(found) > MOST_ROWS:
        wrong.append((1, f"it has more than {MOST_ROWS} rows"))
    if wrong:
        raise OwnersInvalid(wrong)
    return tuple(found)


def owners_of(path: str, rows: tuple[Owned, ...]) -> tuple[str, ...]:
    """The owners of `path`; none when no row matches, or the last that does names nobody."""
    for row in reversed(rows):
        if _expression(row.pattern).fullmatch(path) is not None:
            return row.owners
    return ()


def _words(row: str) -> list[str]:
    """The pattern and owners of a row, without its comment; a blank in a pattern is escaped."""
    words = re.findall(r"(?:\\.|[^\s\\]|\\$)+", row.strip())
    cut = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
    return words[:cut]


def _wrong(words: list[str]) -> str:
    pattern, owners = words[0], words[1:]
    if len(pattern) > MOST_PATTERN or pattern.count("*") > 20:
        return "the pattern is too long"
    if pattern.startswith("!") or "[" in pattern or "\\#" in pattern:
        return f"{pattern!r} uses what CODEOWNERS does not have: `!`, `[ ]` or an escaped `#`"
    if "\\" in pattern.replace("\\ ", ""):
        return f"{pattern!r} escapes more than a blank"
    if set(pattern) <= {"/"}:
        return f"{pattern!r} names no path"
    odd = next((owner for owner in owners if not _OWNER.fullmatch(owner)), None)
    return f"{odd!r} is no owner: write @user, @org/team or an address" if odd else ""


def _expression(pattern: str) -> Any:
    """The pattern as a linear-time expression over whole paths.

    With a slash before its end it is anchored at the root, else it speaks of every folder. What matches a folder
    matches all beneath it, but for a last part of `*`, which stays in its folder.
    """
    import re2

    bare = pattern.strip("/")
    anchored = pattern.startswith("/") or "/" in bare
    body = "".join(_MEANING.get(part) or re2.escape(part) for part in _PARTS.split(bare))
    beneath = "/.*" if pattern.endswith("/") else "" if bare.endswith("/*") else "(?:/.*)?"
    options = re2.Options()
    options.dot_nl, options.log_errors = True, False
    return re2.compile(f"{'' if anchored else '(?:.*/)?'}{body}{beneath}", options=options)
