"""The tests of a Go file, as `go test` would run them: functions, methods of suites, fuzz targets and examples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from phasegate.ratchets.go_checks import LITERALS, Checks
from phasegate.ratchets.grammar import CASE, Block, Names, Spelling, below, errors_in, line, parsed, text, words
from phasegate.ratchets.suites import Suite, Switch, Test, Unreadable

if TYPE_CHECKING:
    from tree_sitter import Node

Bound = dict[str, "Node | str | None"]

SPELLING = Spelling(frozenset(("identifier",)), LITERALS)
TEST = re.compile(r"(?:Test|Fuzz|Example|Benchmark)(?:[^a-z].*)?")
TAG = re.compile(r"^//\s*(?:go:build|\+build)\s+(.*)")
SKIPS = frozenset("Skip Skipf SkipNow".split())


def go_errors(content: bytes) -> tuple[str, ...]:
    """What the grammar does not know in a file. Raises `Unreadable`."""
    return errors_in("go", content)


def go_suite(content: str | bytes, known: tuple[str, ...] = ()) -> Suite:
    """The tests of a Go file. Raises `Unreadable`."""
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    try:
        return _suite(parsed("go", raw, known))
    except RecursionError as problem:
        raise Unreadable("it is nested too deep") from problem


def _suite(root: Node) -> Suite:
    constants = _bound(root.named_children, deep=False)
    tests: dict[str, Test] = {}
    helpers: dict[str, Test] = {}
    for node in root.named_children:
        if node.type not in ("function_declaration", "method_declaration"):
            continue
        name = _name(node)
        is_test = TEST.fullmatch(name.rpartition(".")[2]) and name != "TestMain"
        for test in _functions(name, node, constants, frozenset(_receivers(node))) if is_test else ():
            tests[test.name] = test
        if not is_test:
            body = node.child_by_field_name("body") or node
            helpers[name] = _function(name, node, body, constants, frozenset(_receivers(node)), frozenset())
    switches = tuple(_tags(root))
    always = next((switch for switch in switches if switch.always), None)
    return Suite(tests, always.words if always else "", always.line if always else 0, switches, helpers)


def _tags(root: Node) -> Iterator[Switch]:
    """Build constraints: files that are built only where somebody asks for them."""
    for node in root.named_children:
        found = TAG.match(text(node)) if node.type == "comment" else None
        if found:
            yield Switch(words(node, 120), line(node), found[1].strip() == "ignore")
        elif node.type != "comment":
            return


def _name(node: Node) -> str:
    name = text(node.child_by_field_name("name"))
    if node.type == "method_declaration":
        owner = re.findall(r"\w+", text(node.child_by_field_name("receiver")))
        name = f"{owner[-1]}.{name}" if owner else name
    return name


def _functions(name: str, node: Node, constants: Bound, receivers: frozenset[str]) -> Iterator[Test]:
    """A test, and each of its subtests that has a name of its own: `t.Run("empty", func(t *testing.T) { … })`."""
    body = node.child_by_field_name("body") or node
    named = list(_named(body, receivers))
    within = frozenset(each.id for _, each in named)
    yield _function(name, node, body, constants, receivers, within)
    met: Counter[str] = Counter()
    bound = {**constants, **_bound([body], within)}
    for title, inner in named:
        met[title] += 1
        again = f"#{met[title]}" if met[title] > 1 else ""
        yield from _functions(f"{name}/{title}{again}", inner, bound, receivers)


def _named(body: Node, receivers: frozenset[str]) -> Iterator[tuple[str, Node]]:
    """The outermost subtests that have a name; what runs in a loop is a row of a table."""
    stack = list(reversed(body.children))
    while stack:
        node = stack.pop()
        if node.type == "call_expression":
            base, _, run = text(node.child_by_field_name("function")).rpartition(".")
            given = node.child_by_field_name("arguments")
            arguments = given.named_children if given is not None else []
            literal = len(arguments) == 2 and "string_literal" in arguments[0].type
            if run == "Run" and base in receivers and literal and arguments[1].type == "func_literal":
                yield text(arguments[0])[1:-1], arguments[1]
                continue
        if node.type != "for_statement":
            stack.extend(reversed(node.children))


def _function(
    name: str, node: Node, body: Node, constants: Bound, receivers: frozenset[str], without: frozenset[int]
) -> Test:  # fmt: skip
    called = Counter(text(n) for n in below(body, without) if n.type in ("identifier", "field_identifier"))
    bound = {**constants, **_bound([body], without)}
    rows, columns = _cases(body, bound, without)
    bound |= dict.fromkeys(columns, CASE)
    checks = Checks(Names(SPELLING, bound), frozenset(called), receivers, without)
    recovers = any(n.type == "defer_statement" and "recover()" in text(n) for n in below(body, without))
    checks.visit(body, Block(when="unless the code panics: `recover()`") if recovers else Block())
    switches = tuple(_called_off(body, receivers, without))
    off = next((switch for switch in switches if switch.always), None)
    rest = text(body)
    for part in (text(n) for n in below(body) if n.id in without):
        rest = rest.replace(part, "")
    lines = tuple(row for row in map(str.strip, rest.splitlines()) if row.strip("{}()") and row[:2] != "//")
    key = Names(SPELLING, {}).key(body) if not without else "\n".join(lines)
    table = rows is not None or "range" in called or ".Run(" in rest or "for " in rest
    return Test(
        name, line(node), lines, tuple(checks.found), off.words if off else "", "", off.line if off else 0, table,
        switches, key, rows, called,
    )  # fmt: skip


def _receivers(node: Node) -> Iterator[str]:
    """The names of the parameters that a test fails by, and of a suite's receiver; also in functions within."""
    for each in below(node):
        if each.type == "parameter_declaration":
            kind = text(each.child_by_field_name("type"))
            if kind.lstrip("*") in ("testing.T", "testing.B", "testing.TB", "testing.F", "require.TestingT"):
                yield from (text(name) for name in each.children_by_field_name("name"))
    if node.type == "method_declaration":
        given = node.child_by_field_name("receiver")
        yield from re.findall(r"\((\w+)\s", text(given))


def _called_off(body: Node, receivers: frozenset[str], without: frozenset[int]) -> Iterator[Switch]:
    statements = [s for part in body.named_children for s in (
        part.named_children if part.type == "statement_list" else [part]
    )]  # fmt: skip
    top = {statement.start_byte for statement in statements if statement.type == "expression_statement"}
    for node in below(body, without):
        if node.type == "call_expression":
            base, _, name = text(node.child_by_field_name("function")).rpartition(".")
            if name in SKIPS and (base in receivers or base.endswith(".T()")):
                yield Switch(words(node, 120), line(node), node.start_byte in top)


def _bound(nodes: list[Node], without: frozenset[int] = frozenset(), *, deep: bool = True) -> Bound:
    """The names bound in these nodes, each with its value where it is bound once to one."""
    bound: Bound = {}
    for top in nodes:
        for node in below(top, without) if deep or top.type in ("var_declaration", "const_declaration") else ():
            if node.type in ("short_var_declaration", "assignment_statement"):
                _bind(bound, node.child_by_field_name("left"), node.child_by_field_name("right"))
            elif node.type in ("var_spec", "const_spec"):
                for name in node.children_by_field_name("name"):
                    value = node.child_by_field_name("value")
                    one = value.named_children[0] if value is not None and len(value.named_children) == 1 else None
                    bound[text(name)] = None if text(name) in bound else one
            elif node.type == "range_clause":
                _bind(bound, node.child_by_field_name("left"), None)
            elif node.type == "parameter_declaration":
                bound.update((text(name), None) for name in node.children_by_field_name("name"))
    return bound


def _bind(bound: Bound, left: Node | None, right: Node | None) -> None:
    names = [each for each in left.named_children if each.type == "identifier"] if left is not None else []
    values = right.named_children if right is not None else []
    for at, name in enumerate(names):
        value = values[at] if len(values) == len(names) else values[0] if len(values) == 1 and at == 0 else None
        bound[text(name)] = None if text(name) in bound else value


def _cases(body: Node, bound: Bound, without: frozenset[int]) -> tuple[tuple[str, ...] | None, set[str]]:
    """The rows of every table that is ranged over, and what a row is called."""
    rows: tuple[str, ...] | None = None
    columns: set[str] = set()
    plain = Names(SPELLING, {})
    for node in below(body, without):
        if node.type != "range_clause":
            continue
        table = node.child_by_field_name("right")
        found = bound.get(text(table)) if table is not None and table.type == "identifier" else table
        if found is None or isinstance(found, str) or found.type != "composite_literal":
            continue
        values = found.child_by_field_name("body")
        rows = (*(rows or ()), *(plain.key(each) for each in (values.named_children if values is not None else [])
                                 if each.type != "comment"))  # fmt: skip
        left = node.child_by_field_name("left")
        columns |= {text(each) for each in left.named_children} - {"_"} if left is not None else set()
    return rows, columns
