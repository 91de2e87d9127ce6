"""Reads a program into its syntax tree, by the grammar that the ending of its name asks for."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from phasegate.errors import Exit, Failure

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Point

LARGEST = 512 * 1024
STEPS, BYTES_A_STEP = 2_000, 30
"""How often tree-sitter may ask whether to go on: so often, and once more for so many bytes. A program has it ask once
in fifty bytes, once in twenty-five when it is minified, and garbage as often as the square of its bytes. Counted and
not timed, so that every machine gives the same answer."""
DEEPEST = 2_000
"""Brackets that may be open at once: tree-sitter's own stack overflows, and ends the process, at some 150,000."""
PIECE = 512
"""Bytes handed to tree-sitter at a time: it asks for the text of every node as well, and copies what it is given."""
JAVASCRIPT = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
Grammar = Literal["js", "ts", "tsx", "go"]
_MEND = "Mend it, or give it another name."
_OPEN, _CLOSE = b"([{", b")]}"
_NO_BRACKETS = bytes(set(range(256)) - set(_OPEN + _CLOSE))
_ENDINGS: tuple[tuple[tuple[str, ...], Grammar], ...] = (
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
        raise CannotBeRead(f"{path} is above {LARGEST >> 10} KiB.", hint="Split it, so that it can be looked into.")
    root = parsed(_grammar(path), text)
    if root is None:
        raise CannotBeRead(
            f"{path} goes on too long or too deep to be read as a program.", hint="Mend it, or give it another name."
        )
    if root.has_error:
        raise CannotBeRead(
            f"{path} cannot be read as a program: look at line {_first_error(root)}.",
            hint="Mend it, or give it another name.",
        )
    return root


def parsed(grammar: Grammar, text: bytes) -> Node | None:
    """The root of the tree of a text, errors and all; None where the parser would go on and on, or too deep."""
    if _goes_too_deep(text):
        return None
    from tree_sitter import Parser

    left = STEPS + len(text) // BYTES_A_STEP

    def read(at: int, point: Point) -> bytes:
        return text[at : at + PIECE]

    def enough(at: int, has_error: bool) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    try:
        return Parser(_language(grammar)).parse(read, progress_callback=enough).root_node
    except ValueError:
        return None


def _goes_too_deep(text: bytes) -> bool:
    """Whether more brackets are open at once than any program has; those in words and comments count too."""
    depth = 0
    for bracket in text.translate(None, _NO_BRACKETS):
        depth = depth + 1 if bracket in _OPEN else max(depth - 1, 0)
        if depth > DEEPEST:
            return True
    return False


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


def _grammar(path: str) -> Grammar:
    return next((grammar for endings, grammar in _ENDINGS if path.endswith(endings)), "js")


@functools.cache
def _language(grammar: Grammar) -> Language:
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
