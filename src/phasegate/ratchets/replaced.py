"""Tests that newly put something else in the place of what asserts, or of the runner's own parts."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from phasegate.ratchets.aware import CONFIGURES, GRAMMARS
from phasegate.ratchets.grammar import below, line, parsed, text, words
from phasegate.ratchets.languages import could_hold_tests
from phasegate.ratchets.python_names import dotted
from phasegate.ratchets.suites import Unreadable
from phasegate.ratchets.weakening import Change, Weakening

if TYPE_CHECKING:
    from tree_sitter import Node

Replacement = tuple[str, int]
"""What is replaced, as it is written, and its line."""

PYTHON = re.compile(r"(?:unittest(?!\.mock)|_?pytest|hypothesis|TestCase|AssertionError)(?:\.\w+)*")
"""Modules, and classes commonly imported from them, whose parts judge."""
PUTS = frozenset(("setattr", "patch", "object", "delattr", "replace"))
JUDGES = re.compile(
    r"(?:node:)?assert(?:/strict)?|chai|expect|@jest/\w+|@vitest/\w+|vitest|node:test|should|power-assert"
)
NAMES = frozenset(("assert", "expect", "chai", "should"))
"""How what asserts is called where no import says it."""
PUTS_IN_SCRIPTS = frozenset(
    ("defineProperty", "defineProperties", "assign", "method", "spyOn", "stub", "replace", "mock", "doMock", "module")
)
MAY_REPLACE = re.compile(rb"(?i)assert|expect|chai|pytest|unittest|TestCase|hypothesis|should|vitest|jest|node:test")


def concerns(path: str) -> bool:
    """Whether a file can hold tests, or what is loaded before them, in a language where names can be put anew."""
    known = path.endswith(".py") or GRAMMARS.get(path[path.rfind(".") :], "go") != "go"
    return known and bool(could_hold_tests(path) or CONFIGURES.search(path))


def replaced(changes: Iterable[Change]) -> Iterator[Weakening]:
    """Each replacement that no changed file made before."""
    changes = [change for change in changes if concerns(change.path)]
    known = Counter(said for change in changes for said, _ in _found(change.path, change.before))
    for change in changes:
        for said, at in _found(change.path, change.after):
            if known[said]:
                known[said] -= 1
            else:
                told = f"what asserts is replaced: {said}"
                yield Weakening("check-muffled", change.path, at, "", "", told)


def _found(path: str, content: bytes | None) -> list[Replacement]:
    if content is None or not MAY_REPLACE.search(content):
        return []
    try:
        if path.endswith(".py"):
            return list(_of_python(ast.parse(content)))
        return list(_of_script(parsed(GRAMMARS[path[path.rfind(".") :]], content)))
    except (SyntaxError, ValueError, RecursionError, MemoryError, Unreadable):
        return []  # told as not read where the tests are compared


# --- Python -----------------------------------------------------------------------------------------------------------


def _of_python(tree: ast.AST) -> Iterator[Replacement]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.Delete):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and PYTHON.fullmatch(ast.unparse(target.value)):
                    yield ast.unparse(target), node.lineno
        elif isinstance(node, ast.Call) and node.args and dotted(node.func).rpartition(".")[2] in PUTS:
            first = node.args[0]
            named = first.value if isinstance(first, ast.Constant) else ast.unparse(first)
            if isinstance(named, str) and PYTHON.fullmatch(named):
                yield ast.unparse(node)[:160], node.lineno


# --- JavaScript and TypeScript ----------------------------------------------------------------------------------------


def _of_script(root: Node) -> Iterator[Replacement]:
    judges = NAMES | set(_imported(root))
    for node in below(root):
        if node.type in ("assignment_expression", "augmented_assignment_expression"):
            left = node.child_by_field_name("left")
            if (
                left is not None
                and left.type in ("member_expression", "subscript_expression")
                and _root(left) in judges
            ):
                yield words(left), line(node)
        elif node.type == "call_expression" and _is_put(node, judges):
            yield words(node), line(node)


def _is_put(call: Node, judges: frozenset[str]) -> bool:
    function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    first = next(iter(arguments.named_children), None) if arguments is not None else None
    if function is None or first is None or text(function).rpartition(".")[2] not in PUTS_IN_SCRIPTS:
        return False
    if first.type == "string":
        return text(function) != "should" and JUDGES.fullmatch(text(first)[1:-1]) is not None
    return _root(first) in judges


def _imported(root: Node) -> Iterator[str]:
    """The names under which what asserts is imported or required."""
    for node in below(root):
        if node.type == "import_statement":
            source = node.child_by_field_name("source")
            if source is not None and JUDGES.fullmatch(text(source)[1:-1]):
                yield from (text(each) for each in below(node) if each.type == "identifier")
        elif node.type == "variable_declarator":
            name, value = node.child_by_field_name("name"), text(node.child_by_field_name("value"))
            required = re.match(r"""require\(\s*['"]([^'"]+)['"]\s*\)""", value)
            if name is not None and name.type == "identifier" and required and JUDGES.fullmatch(required[1]):
                yield text(name)


def _root(node: Node) -> str:
    """The first name of `a.b.c`; a name itself."""
    while node.type in ("member_expression", "subscript_expression"):
        below_it = node.child_by_field_name("object")
        if below_it is None:
            return ""
        node = below_it
    return text(node) if node.type == "identifier" else ""
