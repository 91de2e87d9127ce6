"""The few shapes of Markdown that the pages are made of."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

NOTICE = "<!-- Written by `phasegate docs build`; change the code it speaks of instead. -->"


def page(title: str, *blocks: str) -> str:
    """A page: its title, the notice that it is generated, and its blocks with one empty line between them."""
    return "\n\n".join([f"# {title}", NOTICE, *(block.strip("\n") for block in blocks if block)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars and line breaks in a cell are made harmless."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def fenced(text: str, language: str = "") -> str:
    """`text` as it is, behind a fence that no line of it can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def code(*words: str) -> str:
    """Words as code, with commas between them; a dash when there is none."""
    return ", ".join(f"`{word}`" for word in words) or "–"


def doc(described: object) -> str:
    """A docstring without its indentation; "" when there is none."""
    return inspect.cleandoc(getattr(described, "__doc__", None) or "")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
