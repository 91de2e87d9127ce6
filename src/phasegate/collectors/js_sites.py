"""Finds the tests and the claims in the text of a JavaScript or TypeScript file, from its syntax tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from phasegate.syntax import above, of_kinds, tree, written

if TYPE_CHECKING:
    from tree_sitter import Node

_TESTS = frozenset({"test", "it", "specify", "fit", "xit", "xtest"})
_SUITES = frozenset({"describe", "suite", "context", "fdescribe", "xdescribe"})
_OFF = frozenset({"skip", "todo", "xit", "xtest", "xdescribe"})
_MAYBE = frozenset({"skipIf", "runIf", "each", "for", "prop"})
_FUNCTIONS = frozenset({"arrow_function", "function_expression", "function_declaration", "method_definition",
                        "generator_function", "generator_function_declaration"})  # fmt: skip
_BRANCHES = frozenset({
    "if_statement", "ternary_expression", "for_statement", "for_in_statement", "while_statement", "do_statement",
    "switch_statement", "try_statement", "binary_expression",
})  # fmt: skip
_ASKED = ("call_expression", "return_statement", "import_specifier", "pair_pattern", "variable_declarator")
_NO_CLAIM = frozenset({
    "extend", "assertions", "hasAssertions", "any", "anything", "not", "arrayContaining", "objectContaining",
    "stringContaining", "stringMatching", "closeTo", "getState", "setState", "addSnapshotSerializer", "unreachable",
    "addEqualityTesters", "AssertionError", "CallTracker",
})  # fmt: skip


_CLAIMING = re.compile(
    r"expect|assert|should|verif|check|ensure|must|throw|reject|resolve|match|called|snapshot|fail|is\(|ok\(|equal|done",
    re.IGNORECASE,
)


class Span(Struct, frozen=True):
    """Bytes `at` up to `end` of a file."""

    at: int
    end: int


class Body(Struct, frozen=True):
    """The body of a function: a block with what its own `return` give back (None: nothing), or an expression.

    `waits`: the function is async; `falls`: its end can be reached.
    """

    whole: Span
    block: bool
    waits: bool
    falls: bool = True
    returns: tuple[tuple[Span, Span | None], ...] = ()


class Site(Struct, frozen=True):
    """One call that registers a test, or several: `line` from 1, its body, or the argument that names a function.

    `off`: it, or a suite around it, is switched off where it stands. `maybe`: whether it is reached, or how often,
    cannot be told from the text. `speaks`: something in its body has the name of a claim, ours to see or not.
    """

    line: int
    title: str
    body: Body | None
    argument: Span | None
    off: bool
    maybe: bool
    speaks: bool = True


class Claim(Struct, frozen=True):
    """The first argument of something claimed (`expect(HERE).toBe(3)`), and whether it is `expect` that is called."""

    first: Span
    expects: bool


class Sites(Struct, frozen=True):
    """The tests of a file, and its claims."""

    tests: tuple[Site, ...]
    claims: tuple[Claim, ...]


def sites(path: str, text: bytes) -> Sites:
    """What stands in `text`. Raises CannotBeRead when it is too large, or no program of the language it claims."""
    return _File(of_kinds(path, tree(path, text), _ASKED)).sites()


class _File:
    """One file as a tree, and the names under which it calls for tests."""

    def __init__(self, nodes: dict[str, list[Node]]) -> None:
        self.calls, self.returns = nodes["call_expression"], nodes["return_statement"]
        self.names = _TESTS | {*_other_names(nodes)}

    def sites(self) -> Sites:
        tests = tuple(site for call in self.calls if (site := self._site(call)) is not None)
        claims = tuple(claim for call in self.calls if (claim := _claim(call)) is not None)
        return Sites(tests, claims)

    def _site(self, call: Node) -> Site | None:
        words = _chain(call.child_by_field_name("function"))
        arguments = _arguments(call)
        function = next((each for each in arguments if each.type in _FUNCTIONS), None)
        if not words or not arguments or not self._is_test(words, arguments, function):
            return None
        other = None if function is not None else _named_function(arguments)
        if function is None and other is None:
            return None
        around = [*self._around(call)]
        off = bool(_OFF & {*words}) or any(_OFF & {*each} for each in around)
        maybe = bool(_MAYBE & {*words}) or any(_MAYBE & {*each} for each in around) or self._is_conditional(call)
        maybe = maybe or any(each.type == "object" for each in arguments) or words[0] not in self.names
        body = self._body(function) if function is not None else None
        other = function if function is not None and body is None else other
        named, speaks = _span(other) if other else None, function is None or _CLAIMING.search(written(function))
        return Site(call.start_point[0] + 1, _title(arguments), body, named, off, maybe, bool(speaks))

    def _body(self, function: Node) -> Body | None:
        body = function.child_by_field_name("body")
        if body is None or function.type.startswith("generator"):
            return None
        waits = any(each.type == "async" for each in function.children)
        if body.type != "statement_block":
            return Body(_span(body), False, waits)
        inside = [node for node in self.returns if body.start_byte < node.start_byte < body.end_byte]
        own = [node for node in inside if _function_of(node) == function]
        last = next((each.type for each in reversed(body.named_children) if each.type != "comment"), "")
        falls = last not in ("return_statement", "throw_statement")
        return Body(_span(body), True, waits, falls, tuple((_span(node), _returned(node)) for node in own))

    def _is_test(self, words: tuple[str, ...], arguments: list[Node], function: Node | None) -> bool:
        if words[0] in self.names:
            # `test.each(table)` is a step towards the call that names the test.
            return not (words[-1] in _MAYBE and function is None)
        # `t.test("...", fn)`, but not `pattern.test(text)`
        return words[-1] in ("test", "it") and len(arguments) > 1 and function is not None

    def _around(self, call: Node) -> Iterator[tuple[str, ...]]:
        """The words of each suite or test whose function this call stands in."""
        for node in above(call):
            if node.type == "call_expression":
                words = _chain(node.child_by_field_name("function"))
                if words and (words[0] in _SUITES or words[0] in self.names):
                    yield words

    def _is_conditional(self, call: Node) -> bool:
        for node in above(call):
            if node.type in _BRANCHES:
                return True
            if node.type in _FUNCTIONS:
                given = node.parent.parent if node.parent is not None and node.parent.type == "arguments" else None
                words = _chain(given.child_by_field_name("function")) if given is not None else ()
                if not words or not (words[0] in _SUITES or words[0] in self.names):
                    return True
        return False


def _other_names(nodes: dict[str, list[Node]]) -> Iterator[str]:
    """What else this file calls a test: `import { test as check }`, `const itSlow = it.extend(...)`."""
    for node in nodes["import_specifier"]:
        name, alias = node.child_by_field_name("name"), node.child_by_field_name("alias")
        if name is not None and alias is not None and written(name) in _TESTS:
            yield written(alias)
    for node in nodes["pair_pattern"]:
        name, alias = node.child_by_field_name("key"), node.child_by_field_name("value")
        if name is not None and alias is not None and written(name) in _TESTS and alias.type == "identifier":
            yield written(alias)
    for node in nodes["variable_declarator"]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None and name.type == "identifier":
            words = _chain(value)
            if words and words[0] in _TESTS and (len(words) == 1 or words[-1] == "extend"):
                yield written(name)


def _claim(call: Node) -> Claim | None:
    words, arguments = _chain(call.child_by_field_name("function")), _arguments(call)
    if not words or not arguments or arguments[0].type == "spread_element" or words[-1] in _NO_CLAIM:
        return None
    if words[0] == "expect":
        goes_on = call.parent is not None and call.parent.type == "member_expression"
        made = goes_on and (len(words) == 1 or words[1] in ("soft", "poll", "element"))
    else:
        made = words[0] == "assert" or (len(words) > 2 and words[1] == "assert")
    return Claim(_span(arguments[0]), words[0] == "expect") if made else None


def _returned(node: Node) -> Span | None:
    value = next(iter(node.named_children), None)
    return _span(value) if value is not None and value.type != "comment" else None


def _function_of(node: Node) -> Node | None:
    return next((around for around in above(node) if around.type in _FUNCTIONS), None)


def _named_function(arguments: list[Node]) -> Node | None:
    """The argument that may be a function by its name, or be made by a call."""
    last = [each for each in arguments[1:] if each.type in ("identifier", "member_expression", "call_expression")]
    return last[0] if last else None


def _chain(node: Node | None) -> tuple[str, ...]:
    """`test.concurrent.each(table)` as (test, concurrent, each); () for anything else."""
    words: list[str] = []
    while node is not None:
        if node.type == "identifier":
            return (written(node), *reversed(words))
        if node.type == "member_expression":
            name = node.child_by_field_name("property")
            words.append(written(name) if name is not None else "")
            node = node.child_by_field_name("object")
        elif node.type in ("call_expression", "non_null_expression", "parenthesized_expression"):
            node = node.child_by_field_name("function") or next(iter(node.named_children), None)
        else:
            return ()
    return ()


def _arguments(call: Node) -> list[Node]:
    given = call.child_by_field_name("arguments")
    if given is None or given.type != "arguments":
        return []
    return [each for each in given.named_children if each.type != "comment"]


def _title(arguments: list[Node]) -> str:
    """The title as it stands there, without quotes; "" when it is made up as the file runs."""
    first = arguments[0]
    return written(first)[1:-1] if first.type in ("string", "template_string") else ""


def _span(node: Node) -> Span:
    return Span(node.start_byte, node.end_byte)
