"""Words as Markdown that reads as just these words in a plan, with no more escapes than they need."""

from __future__ import annotations

import re
from urllib.parse import quote

from markdown_it import MarkdownIt

from phasegate.workflow.plan_blocks import plain

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&:])")
_PARSER = MarkdownIt("commonmark").enable("table")


def written(words: str, before: str = "") -> str:
    """`words` as Markdown behind `before`; escaped only where they would read as something else."""
    return words if _seen(before + words) == before + words else _SPECIAL.sub(r"\\\1", words)


def _seen(markdown: str) -> str:
    """What a reader sees of `markdown` when it is one paragraph; "" when it is anything else."""
    tokens = _PARSER.parse(markdown)
    if [token.type for token in tokens] != ["paragraph_open", "inline", "paragraph_close"]:
        return ""
    return " ".join(text for text, _ in plain(tokens[1]))


def link_from(folder: str, target: str, number: int) -> str:
    """Where `target`, a path relative to the root or an address, is from `folder`, at that line."""
    if re.match(r"[a-z]+://", target):
        return target
    here, there = [part for part in folder.split("/") if part], target.split("/")
    while here and there[:-1] and here[0] == there[0]:
        here, there = here[1:], there[1:]
    return quote("../" * len(here) + "/".join(there), safe="/@+,~=&;-._") + (f"#L{number}" if number else "")
