"""The tests of a Python file, read from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from phasegate.report.lookback.suites import Check, Op, Suite, Test

Function = ast.FunctionDef | ast.AsyncFunctionDef

METHODS: dict[str, Op] = {
    "assertEqual": "==", "assertEquals": "==", "assertListEqual": "==", "assertDictEqual": "==",
    "assertTupleEqual": "==", "assertSetEqual": "==", "assertCountEqual": "==", "assertMultiLineEqual": "==",
    "assertIs": "==",
    "assertGreaterEqual": ">=", "assertGreater": ">", "assertLessEqual": "<=", "assertLess": "<", "assertIn": "in",
    "assertTrue": "true", "assertIsNotNone": "something", "assertIsInstance": "something", "assertFalse": "other",
    "assertIsNone": "other", "assertNotEqual": "other", "assertNotIn": "other", "assertAlmostEqual": "other",
    "assertRaises": "other", "assertRaisesRegex": "other", "assertRegex": "other",
}  # fmt: skip
COMPARES: dict[type[ast.cmpop], Op] = {
    ast.Eq: "==", ast.Is: "==", ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<", ast.In: "in",
}  # fmt: skip
OFF = frozenset(
    ("pytest.mark.skip", "pytest.mark.xfail", "mark.skip", "mark.xfail", "unittest.skip", "unittest.expectedFailure")
)
TABLES = ("parametrize", "parameterized", "subTest", "given", "ddt")


def python_suite(text: str) -> Suite | None:
    """The tests of `text`; None when it is no Python that we can read."""
    try:
        tree = ast.parse(text)
        tests = {name: _test(name, node, tree_off) for name, node, tree_off in _functions(tree.body, "", "", 0)}
        off, line = _module_off(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return Suite(tests, off, line)


def _functions(body: Sequence[ast.stmt], inside: str, off: str, depth: int) -> Iterator[tuple[str, Function, str]]:
    for node in body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield inside + node.name, node, off
        elif isinstance(node, ast.ClassDef) and depth < 4:
            yield from _functions(node.body, f"{inside}{node.name}.", _decorated_off(node) or off, depth + 1)


def _test(name: str, node: Function, inherited: str) -> Test:
    body = [statement for statement in node.body if not _is_text(statement)]
    lines = tuple(line.strip() for statement in body for line in ast.unparse(statement).splitlines())
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    off, line = _off(node, body)
    table = any(word in text for text in (*decorators, *lines) for word in TABLES)
    return Test(name, node.lineno, lines, tuple(_checks(body)), off or inherited, "", line, table)


def _off(node: Function, body: Sequence[ast.stmt]) -> tuple[str, int]:
    decorated = _decorated_off(node)
    if decorated:
        return decorated, node.decorator_list[0].lineno
    for statement in body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        name = _name(call.func) if isinstance(call, ast.Call) else ""
        if name in ("pytest.skip", "pytest.xfail", "self.skipTest"):
            return ast.unparse(statement)[:120], statement.lineno
        if not isinstance(statement, ast.Import | ast.ImportFrom | ast.Expr | ast.Assign):
            break
    return "", 0


def _decorated_off(node: Function | ast.ClassDef) -> str:
    """The decorator that switches `node` off; one with a condition of its own is no such."""
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = _name(call.func if call else decorator)
        conditional = call and any(word.arg in ("condition", "raises") for word in call.keywords)
        if name in OFF and not conditional and not (name.endswith("xfail") and call and call.args):
            return "@" + ast.unparse(decorator)[:120]
    return ""


def _module_off(body: Sequence[ast.stmt]) -> tuple[str, int]:
    for node in body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["pytestmark"]:
            value = node.value
            name = _name(value.func if isinstance(value, ast.Call) else value)
            if name in OFF:
                return ast.unparse(node)[:120], node.lineno
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _name(node.value.func) == "pytest.skip":
            return ast.unparse(node)[:120], node.lineno
    return "", 0


def _checks(body: Sequence[ast.stmt]) -> Iterator[Check]:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assert):
                subject, op, value = _condition(node.test)
                yield Check(subject, op, value, f"assert {ast.unparse(node.test)}"[:160], node.lineno)
            elif isinstance(node, ast.Call) and node.args and _method(node) in METHODS:
                yield _called(METHODS[_method(node)], node)


def _method(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _called(op: Op, node: ast.Call) -> Check:
    words, first = ast.unparse(node)[:160], node.args[0]
    if op == "true":
        subject, op, value = _condition(first)
        return Check(subject, op, value, words, node.lineno)
    second = node.args[1] if len(node.args) > 1 else None
    if second is not None and isinstance(first, ast.Constant) and op == "==":
        first, second = second, first
    subject, value = ast.unparse(first), ast.unparse(second) if second is not None else ""
    if op == "in" and isinstance(first, ast.Constant):
        subject, op, value = value, "has", subject
    return Check(subject, op, value, words, node.lineno)


def _condition(test: ast.expr) -> tuple[str, Op, str]:
    """What an assertion is about, how it looks at it, and for what."""
    if isinstance(test, ast.Constant):
        return "", "empty" if test.value else "other", ""
    if isinstance(test, ast.BoolOp):
        never = isinstance(test.op, ast.Or) and any(isinstance(v, ast.Constant) and v.value for v in test.values)
        return _condition(test.values[0])[0], "empty" if never else "other", ""
    if isinstance(test, ast.Compare):
        return _compared(test)
    if isinstance(test, ast.Call) and _name(test.func) == "isinstance" and test.args:
        return ast.unparse(test.args[0]), "something", ""
    if isinstance(test, ast.UnaryOp):
        return ast.unparse(test.operand), "other", ""
    return ast.unparse(test), "true", ""


def _compared(test: ast.Compare) -> tuple[str, Op, str]:
    left, right = test.left, test.comparators[0]
    if len(test.ops) > 1:
        return ast.unparse(left), "other", ""
    op = COMPARES.get(type(test.ops[0]), "other")
    if isinstance(test.ops[0], ast.IsNot) and isinstance(right, ast.Constant) and right.value is None:
        op = "something"
    if isinstance(left, ast.Constant) and op in ("==", "in"):
        return ast.unparse(right), "has" if op == "in" else "==", ast.unparse(left)
    return ast.unparse(left), op, ast.unparse(right)


def _name(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
