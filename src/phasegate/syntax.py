"""Reads a program into its syntax tree, by the grammar that the ending of its name asks for."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from phasegate.errors import Exit, Failure

if TYPE_CHECKING:
    from tree_sitter import Language, Node

LARGEST = 1 << 20
JAVASCRIPT = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
_Grammar = Literal["js", "ts", "tsx", "go"]
_ENDINGS: tuple[tuple[tuple[str, ...], _Grammar], ...] = (
    ((".tsx",), "tsx"), ((".ts", ".mts", ".cts"), "ts"), ((".go",), "go"),
)  # fmt: skip


class CannotBeRead(Failure):
    """A text is not what its name says, or too large to be read."""

    code = "program-unreadable"
    exit_code = Exit.CANNOT_TELL


def tree(path: str, text: bytes) -> Node:
    """The root of `text`, every byte of which is understood; what is no Go or TypeScript is JavaScript.

    Raises CannotBeRead.
    """
    if len(text) > LARGEST:
        raise CannotBeRead(f"{path} is above {LARGEST >> 20} MiB.", hint="Split it, so that it can be looked into.")
    from tree_sitter import Parser

    root = Parser(_language(_grammar(path))).parse(text).root_node
    if root.has_error:
        raise CannotBeRead(
            f"{path} cannot be read as a program: look at line {_first_error(root)}.",
            hint="Mend it, or give it another name.",
        )
    return root


def of_kinds(path: str, root: Node, kinds: Sequence[str]) -> dict[str, list[Node]]:
    """Every node of each of `kinds`, in the order of the text."""
    from tree_sitter import Query, QueryCursor

    query = Query(_language(_grammar(path)), " ".join(f"({kind}) @{kind}" for kind in kinds))
    found = QueryCursor(query).captures(root)
    return {kind: sorted(found.get(kind, ()), key=lambda node: node.start_byte) for kind in kinds}


def written(node: Node | None) -> str:
    """What stands there; "" for nothing."""
    return (node.text or b"").decode(errors="replace") if node is not None else ""


def above(node: Node) -> Iterator[Node]:
    """What a node stands in, from the inside out."""
    around = node.parent
    while around is not None:
        yield around
        around = around.parent


def _first_error(root: Node) -> int:
    cursor = root.walk()
    while True:
        node = cursor.node
        if node is not None and (node.is_error or node.is_missing):
            return node.start_point[0] + 1
        if node is not None and node.has_error and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return 1


def _grammar(path: str) -> _Grammar:
    return next((grammar for endings, grammar in _ENDINGS if path.endswith(endings)), "js")


@functools.cache
def _language(grammar: _Grammar) -> Language:
    from tree_sitter import Language

    match grammar:
        case "js":
            import tree_sitter_javascript

            return Language(tree_sitter_javascript.language())
        case "go":
            import tree_sitter_go

            return Language(tree_sitter_go.language())
        case _:
            import tree_sitter_typescript as typescript

            return Language(typescript.language_tsx() if grammar == "tsx" else typescript.language_typescript())
