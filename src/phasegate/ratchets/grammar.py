"""Syntax trees of JavaScript, TypeScript and Go, by tree-sitter; and their parts as text with local names resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from phasegate import syntax
from phasegate.ratchets.suites import Endless, Unreadable
from phasegate.syntax import Grammar

if TYPE_CHECKING:
    from tree_sitter import Node

SAMPLE = 24 * 1024
FEW_ERRORS = 3
MOST_ERRORS = 30
"""Errors in the first bytes of a large file from which on it is no program."""
DEEPEST = 180
SUBSTITUTED = 4
MOST_LEAVES = 600
LONGEST = 2000
CASE, LOCAL, LITERAL = "‹case›", "‹local›", "‹literal›"


def parsed(grammar: Grammar, content: bytes, known: tuple[str, ...] = ()) -> Node:
    """The root of the syntax tree. Raises `Unreadable` where the file is none of this language.

    `known` are parts that the grammar does not know and that may stand in it, exactly these and no others.
    """
    root = _tree(grammar, content)
    if root.has_error and errors(root) != known:
        raise Unreadable(f"it does not parse: line {_first_error(root)}")
    return root


def errors_in(grammar: Grammar, content: bytes) -> tuple[str, ...]:
    """The parts of a file that its grammar does not know, a few at most. Raises `Unreadable`."""
    found = errors(_tree(grammar, content))
    return found if len(found) <= FEW_ERRORS else ()


def _tree(grammar: Grammar, content: bytes) -> Node:
    if len(content) > syntax.LARGEST:
        raise Unreadable(f"it is larger than {syntax.LARGEST >> 10} KiB")
    if len(content) > 2 * SAMPLE and len(errors(_bounded(grammar, content[:SAMPLE]))) > MOST_ERRORS:
        raise Unreadable("it does not parse")
    return _bounded(grammar, content)


def _bounded(grammar: Grammar, content: bytes) -> Node:
    root = syntax.parsed(grammar, content)
    if root is None:
        raise Endless("it goes on too long or too deep to be parsed")
    return root


def below(node: Node, without: frozenset[int] = frozenset()) -> Iterator[Node]:
    """`node` and all below it, in order, but for the nodes with these ids and what is below them; without recursion."""
    stack = [node]
    while stack:
        found = stack.pop()
        if found.id not in without:
            yield found
            stack.extend(reversed(found.children))


def errors(root: Node) -> tuple[str, ...]:
    """What the grammar does not know, each with the kind of what it stands in."""
    found = (node for node in below(root) if node.is_error or node.is_missing) if root.has_error else ()
    return tuple(f"{node.type} in {node.parent.type if node.parent else 'nothing'}: {text(node)}" for node in found)


def _first_error(root: Node) -> int:
    return next((node.start_point[0] + 1 for node in below(root) if node.is_error or node.is_missing), 0)


def text(node: Node | None) -> str:
    """A node as it is written."""
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def words(node: Node, most: int = 160) -> str:
    """A node as it is written, on one line."""
    return " ".join(text(node).split())[:most]


def line(node: Node) -> int:
    """The line it begins on, from 1."""
    return int(node.start_point[0]) + 1


def comments(root: Node) -> Iterator[Node]:
    """Every comment of a file."""
    return (node for node in below(root) if node.type == "comment")


class Spelling(msgspec.Struct, frozen=True):
    """What is what in the trees of one language: kinds of names, of literals, and marks that mean nothing."""

    names: frozenset[str]
    literals: frozenset[str]
    shorthand: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset((";", ","))


class Names:
    """What the names of one function stand for: another part of the program, a case of a table, or something local."""

    def __init__(self, spelling: Spelling, bound: Mapping[str, Node | str | None]) -> None:
        self._spelling = spelling
        self._bound = bound
        self._left = 0

    def key(self, node: Node | None) -> str:
        """`node` as text with its names resolved, without formatting."""
        self._left = MOST_LEAVES
        return " ".join(self._tokens(node, SUBSTITUTED, literals=True))[:LONGEST] if node is not None else ""

    def shape(self, node: Node | None) -> str:
        """The same without literals."""
        self._left = MOST_LEAVES
        return " ".join(self._tokens(node, SUBSTITUTED, literals=False))[:LONGEST] if node is not None else ""

    def value(self, node: Node) -> Node:
        """What a name stands for, when that is known; else the node itself."""
        found = self._bound.get(text(node)) if node.type in self._spelling.names else None
        return node if found is None or isinstance(found, str) else found

    def _tokens(self, node: Node, depth: int, *, literals: bool) -> Iterator[str]:
        stack = [node]
        while stack and self._left > 0:
            found = stack.pop()
            if found.type in self._spelling.literals:
                yield _quoted(text(found)) if literals else LITERAL
            elif found.type in self._spelling.names or found.type in self._spelling.shorthand:
                yield from self._name(found, depth, literals=literals)
            elif found.child_count:
                stack.extend(reversed(found.children))
                continue
            elif found.type != "comment" and found.type not in self._spelling.quiet:
                yield text(found)
            self._left -= 1

    def _name(self, node: Node, depth: int, *, literals: bool) -> Iterator[str]:
        name = text(node)
        if name not in self._bound:
            yield name
            return
        value = self._bound[name]
        if isinstance(value, str):
            yield value if literals or value != CASE else LITERAL
        elif value is None or depth == 0:
            yield LOCAL
        else:
            yield from self._tokens(value, depth - 1, literals=literals)


def _quoted(written: str) -> str:
    """A text literal in one kind of quotes."""
    if len(written) > 1 and written[0] in "'`" and written[-1] == written[0] and '"' not in written:
        return f'"{written[1:-1]}"'
    return written


class Block(msgspec.Struct, frozen=True):
    """What stands around a statement: what keeps a failure from failing the test, on which condition it is reached."""

    muffled: str = ""
    when: str = ""


def muffled(around: Block, why: str) -> Block:
    """`around`, within something that swallows what fails."""
    return around if around.muffled else msgspec.structs.replace(around, muffled=why)


def conditional(around: Block, when: str) -> Block:
    """`around`, within a condition."""
    return around if around.when else msgspec.structs.replace(around, when=when)


Visit = Callable[["Node", Block], None]
