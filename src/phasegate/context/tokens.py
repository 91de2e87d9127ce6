"""How many tokens a text costs a model at most, estimated from its letters: no model's own count is at hand in a hook.

How it was set: the vendors' rule of thumb is four characters of English for a token, and rarer text costs more. So a
word costs a token for every four letters begun, a run of digits one for every two, a letter outside ASCII one for every
two of its bytes, any other sign and every line break one each, and a tenth is added. By that, English prose comes to
about a third more than the rule of thumb, and ids, paths and code to more. It was not compared with a model's own
tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PARTS = re.compile(r"([A-Za-z]+)|([0-9]+)|([^\x00-\x7f]+)|(\n|[^\sA-Za-z0-9])")
LETTERS, DIGITS, BYTES = 4, 2, 2
"""Of each kind, how many make a token."""

MOST_AT_START = 1500
"""Tokens that phasegate puts into a model's context when a session begins, all in all."""


def tokens(text: str) -> int:
    """The estimate for `text`, rounded up."""
    count = 0
    for letters, digits, other, _ in _PARTS.findall(text):
        if letters:
            count += -(-len(letters) // LETTERS)
        elif digits:
            count += -(-len(digits) // DIGITS)
        elif other:
            count += -(-len(other.encode("utf-8", "replace")) // BYTES)
        else:
            count += 1
    return count + -(-count // 10)


def clipped(text: str, most: int) -> str:
    """`text`, or as much of its beginning as fits into `most` tokens, and a sign that there was more."""
    while (cost := tokens(text)) > most:
        text = text[: max(0, min(len(text) - 2, len(text) * most // cost - 1))].rstrip("…") + "…"
        if text == "…":
            break
    return text


def fitting(rows: Sequence[str], most: int, elsewhere: str) -> list[str]:
    """As many of `rows`, each on a line, as fit into `most` tokens, and where the others are."""
    shown: list[str] = []
    for row in rows:
        most -= tokens(row) + 1
        if most < 0:
            break
        shown.append(row)
    left = len(rows) - len(shown)
    return [*shown, f"- and {left} more: {elsewhere}"] if left else shown
