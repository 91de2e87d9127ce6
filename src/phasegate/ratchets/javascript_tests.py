"""The tests of a JavaScript or TypeScript file, as jest, vitest, mocha, Playwright and node:test would collect them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from phasegate.ratchets.grammar import (
    CASE,
    DEEPEST,
    Block,
    Names,
    Spelling,
    below,
    errors_in,
    line,
    parsed,
    text,
    words,
)
from phasegate.ratchets.javascript_checks import FUNCTIONS, LITERALS, Checks, Step, chain, truth
from phasegate.ratchets.suites import Endless, Suite, Switch, Test, Unreadable
from phasegate.syntax import Grammar

if TYPE_CHECKING:
    from tree_sitter import Node

Bound = dict[str, "Node | str | None"]

SPELLING = Spelling(frozenset(("identifier",)), LITERALS, frozenset(("shorthand_property_identifier",)))
TESTS = frozenset("it test specify xit fit xtest ftest".split())
GROUPS = frozenset("describe context suite xdescribe fdescribe xcontext".split())
OFF = re.compile(r"skip|todo|fixme|fails|failing")
CONDITIONAL = ("skipIf", "runIf")
MOCKING = re.compile(r"mock\w*|stub|replace|callsFake|returns")
SKIPS = frozenset(("skip", "todo", "fixme", "pending"))


def javascript_suite(content: str | bytes, known: tuple[str, ...] = ()) -> Suite:
    """The tests of a JavaScript file, with or without JSX. Raises `Unreadable`."""
    return _suite(content, known, ("tsx", "ts", "js"))


def typescript_suite(content: str | bytes, known: tuple[str, ...] = ()) -> Suite:
    """The tests of a TypeScript file. Raises `Unreadable`."""
    return _suite(content, known, ("ts",))


def javascript_errors(content: bytes) -> tuple[str, ...]:
    """What the grammar does not know in a file. Raises `Unreadable`."""
    return errors_in("js", content)


def typescript_errors(content: bytes) -> tuple[str, ...]:
    """The same of a TypeScript file."""
    return errors_in("ts", content)


def _suite(content: str | bytes, known: tuple[str, ...], grammars: tuple[Grammar, ...]) -> Suite:
    """Read by the first grammar that fits: `<T>x` is a cast in one, and the begin of an element in another."""
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    *first, last = grammars
    for grammar in first:
        try:
            return _read(parsed(grammar, raw))
        except Endless:
            raise
        except Unreadable:
            continue
    return _read(parsed(last, raw, known))


def _read(root: Node) -> Suite:
    try:
        return _File(root).suite()
    except RecursionError as problem:
        raise Unreadable("it is nested too deep") from problem


class _Group(msgspec.Struct, frozen=True):
    """What stands around a test: the titles of its groups, what switches it off, the tables it is run over."""

    titles: tuple[str, ...] = ()
    switches: tuple[Switch, ...] = ()
    alone: str = ""
    cases: tuple[str, ...] | None = None
    table: bool = False
    columns: frozenset[str] = frozenset()


class _File:
    def __init__(self, root: Node) -> None:
        self._root = root
        self._constants: Bound = {
            text(node.child_by_field_name("name")): value
            for node in _declared(root.named_children)
            if (value := node.child_by_field_name("value")) is not None and value.type in (*LITERALS, "array", "object")
        }
        self._tests: dict[str, Test] = {}
        self._helpers: dict[str, Test] = {}
        self._titles: Counter[str] = Counter()
        self._mocks = tuple(_file_mocks(root))

    def suite(self) -> Suite:
        for child in self._root.named_children:
            self._look(child, _Group(), 0)
        return Suite(self._tests, helpers=self._helpers)

    def _look(self, node: Node, group: _Group, depth: int) -> None:
        if depth > DEEPEST:
            raise RecursionError("nested too deep")
        if node.type == "call_expression" and self._opened(node, group, depth):
            return
        if node.type == "for_in_statement":
            group = _over(group, *self._rows(node.child_by_field_name("right")), node.child_by_field_name("left"))
        elif node.type in ("function_declaration", "variable_declarator"):
            self._helper(node)
        for child in node.named_children:
            self._look(child, group, depth + 1)

    def _opened(self, node: Node, group: _Group, depth: int) -> bool:
        """Whether a call opens a test or a group, which is then read."""
        root, steps = chain(node)
        if not steps or not steps[-1].arguments:
            return False
        last = steps[-1].arguments
        if root in TESTS or root in GROUPS:
            words_ = [step.name for step in steps if step.name]
            if root == "test" and words_[:1] == ["describe"]:
                root, words_ = "describe", words_[1:]
            body = next((each for each in reversed(last) if each.type in FUNCTIONS), None)
            if body is None and not SKIPS & {*words_}:
                return False
            within = self._within(root, steps, node, group)
            if root in GROUPS:
                within = msgspec.structs.replace(within, titles=(*group.titles, _title(last[0])))
                self._look(body, within, depth + 1) if body is not None else None
            else:
                self._test(_title(last[0]), node, body, within)
            return True
        if steps[-1].name in ("forEach", "map") and len(steps) == 1 and last[0].type in FUNCTIONS:
            inner = node.child_by_field_name("function")
            over = inner.child_by_field_name("object") if inner is not None else None
            self._look(last[0], _over(group, *self._rows(over), _parameters(last[0])), depth + 1)
            return True
        return False

    def _within(self, root: str, steps: list[Step], node: Node, group: _Group) -> _Group:
        names = [step.name for step in steps if step.name]
        said = ".".join([root, *names])
        switches, alone = list(group.switches), group.alone
        if root.startswith("x") or any(OFF.fullmatch(name) for name in names):
            switches.append(Switch(said, line(node)))
        for step in steps:
            if step.name in CONDITIONAL and step.arguments:
                always = truth(step.arguments[0])
                off = always is not None and always == (step.name == "skipIf")
                switches += [] if always is not None and not off else [
                    Switch(f"{said}({words(step.arguments[0], 80)})", line(node), off)
                ]  # fmt: skip
        switches += _option_switches(steps[-1].arguments or ())
        if "only" in names or root.startswith("f") or _is_only(steps[-1].arguments or ()):
            alone = said
        for at, step in enumerate(steps):
            if step.name in ("each", "for"):
                table = (step.arguments or (steps[at + 1].arguments if at + 1 < len(steps) else None) or (None,))[0]
                body = next((each for each in (steps[-1].arguments or ()) if each.type in FUNCTIONS), None)
                group = _over(group, *self._rows(table), _parameters(body) if body is not None else None)
        return msgspec.structs.replace(group, switches=tuple(switches), alone=alone)

    def _rows(self, table: Node | None) -> tuple[tuple[str, ...] | None]:
        """The rows of a table that can be read."""
        if table is not None and table.type == "identifier":
            found = self._constants.get(text(table))
            table = None if found is None or isinstance(found, str) else found
        plain = Names(SPELLING, {})
        if table is not None and table.type == "array":
            return (tuple(plain.key(each) for each in table.named_children if each.type != "comment"),)
        if table is not None and table.type == "template_string":
            rows = [row.strip() for row in text(table).strip("`").strip().splitlines()]
            return (tuple(row for row in rows[1:] if row),)
        return (None,)

    def _test(self, title: str, node: Node, body: Node | None, group: _Group) -> None:
        name = " > ".join((*group.titles, title))
        self._titles[name] += 1
        name = name if self._titles[name] == 1 else f"{name} #{self._titles[name]}"
        test = self._function(name, node, body if body is not None else node, group)
        self._tests[name] = test

    def _helper(self, node: Node) -> None:
        value = node.child_by_field_name("value") if node.type == "variable_declarator" else node
        name = node.child_by_field_name("name")
        if value is not None and value.type in FUNCTIONS and name is not None and name.type == "identifier":
            self._helpers.setdefault(text(name), self._function(text(name), node, value, _Group()))

    def _function(self, name: str, node: Node, body: Node, group: _Group) -> Test:
        called = Counter(text(each) for each in below(body) if each.type in ("identifier", "property_identifier"))
        bound: Bound = {**self._constants, **_bound(body), **dict.fromkeys(group.columns, CASE)}
        names = Names(SPELLING, bound)
        checks = Checks(names, frozenset(called))
        if body is not node or node.type not in ("call_expression",):
            checks.visit(body, Block())
        switches = (*group.switches, *_called_off(body))
        off = next((switch for switch in switches if switch.always), None)
        inner = body.child_by_field_name("body") or body
        lines = tuple(row for row in (row.strip() for row in text(inner).splitlines()) if _is_code(row))
        return Test(
            name, line(node), lines, tuple(checks.found), off.words if off else "", group.alone, off.line if off else 0,
            group.table, switches, Names(SPELLING, {}).key(inner), group.cases, called,
            tuple(sorted({*self._mocks, *_mocks(body)})),
        )  # fmt: skip


def _is_code(row: str) -> bool:
    return bool(row.strip("{}();")) and not row.startswith(("//", "/*", "*"))


def _over(group: _Group, rows: tuple[str, ...] | None, named: Node | None) -> _Group:
    """`group`, run once for each of `rows`, whose parts are called as in `named`."""
    columns = frozenset(text(each) for each in below(named) if "identifier" in each.type) if named is not None else ()
    both = None if rows is None and group.cases is None else (*(group.cases or ()), *(rows or ()))
    return msgspec.structs.replace(group, cases=both, table=True, columns=group.columns | frozenset(columns))


def _parameters(function: Node) -> Node | None:
    return function.child_by_field_name("parameters") or function.child_by_field_name("parameter")


def _title(node: Node) -> str:
    return text(node)[1:-1][:200] if node.type in ("string", "template_string") else words(node, 200)


def _is_only(arguments: tuple[Node, ...]) -> bool:
    """`test('…', { only: true }, fn)` of node:test."""
    pairs = [pair for options in arguments if options.type == "object" for pair in options.named_children]
    return any(
        text(pair.child_by_field_name("key")) == "only" and text(pair.child_by_field_name("value")) == "true"
        for pair in pairs
    )


def _option_switches(arguments: tuple[Node, ...]) -> Iterator[Switch]:
    """`test('…', { skip: true }, fn)` of node:test and vitest."""
    for options in arguments:
        for pair in options.named_children if options.type == "object" else ():
            key, value = text(pair.child_by_field_name("key")), pair.child_by_field_name("value")
            if key in ("skip", "todo", "fails") and value is not None and truth(value) is not False:
                yield Switch(words(pair, 80), line(pair), truth(value) is True)


def _called_off(body: Node) -> Iterator[Switch]:
    """`this.skip()`, `t.skip()`, `test.skip(condition)` within a test."""
    block = body.child_by_field_name("body")
    top_lines = {each.start_byte for each in block.named_children} if block is not None else set()
    for node in below(body):
        if node.type != "call_expression":
            continue
        root, steps = chain(node)
        if root not in ("this", "t", "ctx", "context", "test", "it") or not steps or steps[-1].name not in SKIPS:
            continue
        arguments = steps[-1].arguments
        if arguments is not None and not any(each.type in FUNCTIONS for each in arguments):
            given = [each for each in arguments if each.type != "string"]
            yield Switch(words(node, 120), line(node), node.start_byte in top_lines and not given)


def _declared(statements: list[Node]) -> Iterator[Node]:
    for statement in statements:
        found = statement.named_children if statement.type == "export_statement" else [statement]
        for declaration in found:
            if declaration.type in ("lexical_declaration", "variable_declaration"):
                yield from (each for each in declaration.named_children if each.type == "variable_declarator")


def _bound(body: Node) -> Bound:
    """The names bound below a function, each with its value where it is bound once."""
    bound: Bound = {}
    for node in below(body):
        if node.type == "variable_declarator":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is not None and name.type == "identifier":
                bound[text(name)] = None if text(name) in bound else value
            elif name is not None:
                bound.update((text(each), None) for each in below(name) if "identifier" in each.type)
        elif node.type == "assignment_expression":
            left = node.child_by_field_name("left")
            if left is not None and left.type == "identifier" and text(left) in bound:
                bound[text(left)] = None
        elif node.type in ("formal_parameters", "catch_clause"):
            given = node if node.type == "formal_parameters" else node.child_by_field_name("parameter")
            if given is not None:
                bound.update((text(each), None) for each in below(given) if each.type == "identifier")
    return bound


def _file_mocks(root: Node) -> Iterator[str]:
    """What `jest.mock('…')` and `vi.mock('…')` replace in the whole file, by the names imported from there."""
    mocked = set()
    for node in root.named_children:
        inner = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
        name, steps = chain(inner)
        if name in ("jest", "vi") and steps and steps[0].name in ("mock", "doMock") and steps[0].arguments:
            mocked.add(text(steps[0].arguments[0]).strip("'\"`"))
    for node in root.named_children:
        source = text(node.child_by_field_name("source")).strip("'\"`") if node.type == "import_statement" else ""
        if source in mocked:
            yield from (f"{source}.{text(each)}" for each in below(node) if each.type == "identifier")


def _mocks(body: Node) -> Iterator[str]:
    for node in below(body):
        if node.type == "call_expression":
            _, steps = chain(node)
            spied = next((step for step in steps if step.name in ("spyOn", "stub")), None)
            given = (spied.arguments or ()) if spied is not None else ()
            replaces = any(MOCKING.fullmatch(step.name) for step in steps if step is not spied)
            if spied is not None and len(given) > 1 and (spied.name == "stub" or replaces):
                yield f"{words(given[0], 80)}.{text(given[1])[1:-1]}"
        elif node.type == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and left.type == "member_expression" and right is not None:
                root, steps = chain(right)
                if root in ("jest", "vi", "sinon") and steps and steps[0].name in ("fn", "stub", "fake"):
                    yield words(left, 120)
