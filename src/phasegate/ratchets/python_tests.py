"""The tests of a Python file, read from its syntax tree as pytest and unittest would collect them."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from phasegate.ratchets.python_checks import OWN, checks_of, ends
from phasegate.ratchets.python_names import Function, Names, dotted, stored
from phasegate.ratchets.suites import Suite, Switch, Test, Unreadable

OFF = ("skip", "xfail", "expectedFailure", "skipIf", "skipUnless", "skipif")
CALLS_OFF = ("skip", "xfail", "skipTest", "importorskip")
RAISES_OFF = ("SkipTest", "Skipped", "unittest.SkipTest")
TABLES = ("parametrize", "parameterized", "subTest", "given", "ddt", "expand")
MOCKS = ("patch", "patch.object", "patch.dict", "patch.multiple", "setattr", "setitem", "spy")
CLASS_DEPTH = 4
WORDS = 120


def python_suite(text: str | bytes, known: tuple[str, ...] = ()) -> Suite:
    """The tests of a Python file. Raises `Unreadable`."""
    try:
        return _File(ast.parse(text)).suite()
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise Unreadable(f"it is no Python that can be read here ({type(problem).__name__})") from problem


class _Found(msgspec.Struct, frozen=True):
    """A function somewhere in the file, with what its class says of it."""

    name: str
    node: Function
    outer: tuple[ast.expr, ...] = ()
    collected: bool = True
    switches: tuple[Switch, ...] = ()


class _File:
    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._constants = {
            name: value for name, value in _assigned(tree.body).items() if _is_literal(value)
        }  # fmt: skip

        self._asserters = frozenset(
            node.name for node in tree.body if isinstance(node, Function) and _asserts_what_it_is_given(node)
        )

    def suite(self) -> Suite:
        switches = tuple(_module_switches(self._tree.body))
        undone = frozenset(_undone(self._tree.body))
        tests: dict[str, Test] = {}
        helpers: dict[str, Test] = {}
        for found in _functions(self._tree.body, "", (), (), True, 0):
            test = self._test(found)
            is_test = found.collected and found.node.name.startswith("test") and found.node.name not in undone
            if is_test and not _is_fixture(found.node):
                earlier = tests.get(found.name)
                tests[found.name] = msgspec.structs.replace(test, shadowed=earlier.line) if earlier else test
            else:
                helpers[found.name] = test
        always = next((switch for switch in switches if switch.always), None)
        off, line = (always.words, always.line) if always else ("", 0)
        return Suite(tests, off, line, switches, helpers)

    def _test(self, found: _Found) -> Test:
        node = found.node
        body = [statement for statement in node.body if not _is_text(statement)]
        decorators = [*node.decorator_list, *found.outer]
        called = Counter(_called(node))
        rows, columns = self._cases(decorators, body)
        names = Names(body, columns, self._constants)
        lines = tuple(line.strip() for statement in body for line in ast.unparse(statement).splitlines())
        texts = [ast.unparse(decorator) for decorator in node.decorator_list]
        switches = (*_decorated(decorators), *_called_off(body), *found.switches)
        off = next((switch for switch in switches if switch.always), None)
        checks = tuple(checks_of(body, names, frozenset(called), self._asserters))
        return Test(
            found.name, node.lineno, lines, checks, off.words if off else "", "",
            off.line if off else 0, rows is not None or any(w in t for t in (*texts, *lines) for w in TABLES),
            switches, _body(body), rows, called, tuple(sorted(set(_mocks(node, decorators)))),
        )  # fmt: skip

    def _cases(
        self, decorators: Sequence[ast.expr], body: Sequence[ast.stmt]
    ) -> tuple[tuple[str, ...] | None, frozenset[str]]:
        """The rows of every table that the function is run over, and the names of their columns."""
        rows: tuple[str, ...] | None = None
        columns: set[str] = set()
        for table, named in (*_tables(decorators), *_loops(body)):
            columns |= named
            values = self._constants.get(table.id) if isinstance(table, ast.Name) else table
            if isinstance(values, ast.List | ast.Tuple | ast.Set):
                rows = (*(rows or ()), *(_row(each) for each in values.elts if not _is_off(each)))
        return rows, frozenset(columns)


def _functions(
    body: Sequence[ast.stmt], inside: str, outer: tuple[ast.expr, ...], switches: tuple[Switch, ...],
    collected: bool, depth: int,
) -> Iterator[_Found]:  # fmt: skip
    for node in body:
        if isinstance(node, Function):
            yield _Found(inside + node.name, node, outer, collected, switches)
        elif isinstance(node, ast.ClassDef) and depth < CLASS_DEPTH:
            within = (*node.decorator_list, *outer)
            marks = (*switches, *_module_switches(node.body, ("setUp", "setUpClass")))
            yield from _functions(node.body, f"{inside}{node.name}.", within, marks, collected and _collects(node),
                                  depth + 1)  # fmt: skip
        elif isinstance(node, ast.If | ast.Try | ast.With) and depth < CLASS_DEPTH:
            for part in (node.body, getattr(node, "orelse", []), getattr(node, "finalbody", [])):
                yield from _functions(part, inside, outer, switches, collected, depth + 1)


def _collects(node: ast.ClassDef) -> bool:
    """Whether a runner takes the tests of this class: by its name, or as a case of unittest, which derives from it."""
    own = {each.name for each in node.body if isinstance(each, Function)}
    off = _assigned(node.body).get("__test__")
    if isinstance(off, ast.Constant) and not off.value:
        return False
    if any(dotted(base) != "object" for base in node.bases):
        return True
    return node.name.startswith("Test") and "__init__" not in own


def _undone(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Names of tests that the module takes back: deleted, assigned anew, or told not to be tests."""
    for node in body:
        if isinstance(node, ast.Delete):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr == "__test__":
                    yield dotted(target.value)
                yield from (name for name in stored(target) if name.startswith("test"))


def _asserts_what_it_is_given(node: Function) -> bool:
    """`def holds(claim): assert claim`."""
    body = [statement for statement in node.body if not _is_text(statement)]
    first = node.args.args[0].arg if node.args.args else ""
    only = body[0] if len(body) == 1 else None
    return isinstance(only, ast.Assert) and isinstance(only.test, ast.Name) and only.test.id == first


def _is_fixture(node: Function) -> bool:
    names = (dotted(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list)
    return any(name.rpartition(".")[2] in ("fixture", "yield_fixture") for name in names)


# -- what switches off -------------------------------------------------------------------------------------------------


def _decorated(decorators: Sequence[ast.expr]) -> Iterator[Switch]:
    for decorator in decorators:
        switch = _mark(decorator)
        if switch is not None:
            yield switch


def _mark(node: ast.expr) -> Switch | None:
    """The switch a mark is; on a condition when it names one that is no literal truth."""
    call = node if isinstance(node, ast.Call) else None
    name = dotted(call.func if call else node)
    last = name.rpartition(".")[2]
    if last not in OFF or name.startswith(("self.", "re.")):
        return None
    words = f"@{ast.unparse(node)[:WORDS]}"
    if last in ("skip", "expectedFailure"):
        return Switch(words, node.lineno)
    condition = _condition(call, last)
    if last == "xfail" and condition is None:
        strict = any(word.arg in ("raises", "condition") for word in call.keywords) if call else False
        return Switch(words, node.lineno, not strict)
    always = isinstance(condition, ast.Constant) and bool(condition.value) != (last == "skipUnless")
    never = isinstance(condition, ast.Constant) and not always
    return None if never else Switch(words, node.lineno, always)


def _condition(call: ast.Call | None, mark: str) -> ast.expr | None:
    if call is None:
        return None
    named = next((word.value for word in call.keywords if word.arg == "condition"), None)
    return call.args[0] if call.args else named


def _called_off(body: Sequence[ast.stmt]) -> Iterator[Switch]:
    """Calls in a test that end it as skipped: always, when it stands in the test itself before anything else ends."""
    for statement in body:
        for node in ast.walk(statement):
            words = _ends_as_skipped(node)
            if words:
                yield Switch(words, getattr(node, "lineno", statement.lineno), node in _top(statement))
            elif _needs_module(node):
                yield Switch(ast.unparse(node)[:WORDS], statement.lineno, always=False, seen=True)
        if ends(statement):
            return


def _top(statement: ast.stmt) -> tuple[ast.AST, ...]:
    inner = statement.value if isinstance(statement, ast.Expr) else None
    return (statement,) if inner is None else (statement, inner)


def _ends_as_skipped(node: ast.AST) -> str:
    if isinstance(node, ast.Raise) and node.exc is not None:
        raised = dotted(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        return ast.unparse(node)[:WORDS] if raised.rpartition(".")[2] in RAISES_OFF else ""
    if isinstance(node, ast.Call) and dotted(node.func) in ("pytest.skip", "pytest.xfail", "self.skipTest", "skip"):
        return ast.unparse(node)[:WORDS]
    return ""


def _needs_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func).endswith("importorskip")


def _module_switches(body: Sequence[ast.stmt], functions: tuple[str, ...] = ()) -> Iterator[Switch]:
    """What switches off a whole module or class."""
    for node in body:
        if isinstance(node, ast.Assign) and any(name == "pytestmark" for t in node.targets for name in stored(t)):
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            yield from (switch for mark in marks if (switch := _mark(mark)) is not None)
        elif isinstance(node, ast.Assign) and any(
            n.startswith("collect_ignore") for t in node.targets for n in stored(t)
        ):
            yield Switch(ast.unparse(node)[:WORDS], node.lineno)
        elif isinstance(node, ast.Expr | ast.If | ast.Raise | ast.Try | ast.Assign):
            yield from _called_off([node])
        elif isinstance(node, Function) and node.name in functions:
            yield from _called_off(node.body)


# -- cases, mocks, names -----------------------------------------------------------------------------------------------


def _tables(decorators: Sequence[ast.expr]) -> Iterator[tuple[ast.expr, set[str]]]:
    for call in decorators:
        if isinstance(call, ast.Call) and dotted(call.func).endswith(
            (".parametrize", "parameterized.expand", "expand")
        ):
            named = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
            columns = {name.strip() for name in named.split(",")} if isinstance(named, str) else set()
            if call.args and isinstance(call.args[0], ast.List | ast.Tuple):
                columns = {str(each.value) for each in call.args[0].elts if isinstance(each, ast.Constant)}
            values = call.args[1:] or [word.value for word in call.keywords if word.arg == "argvalues"] or call.args
            if values:
                yield values[0], columns


def _loops(body: Sequence[ast.stmt]) -> Iterator[tuple[ast.expr, set[str]]]:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.For) and isinstance(node.iter, ast.List | ast.Tuple | ast.Name):
                yield node.iter, set(stored(node.target))


def _row(node: ast.expr) -> str:
    call = node if isinstance(node, ast.Call) and dotted(node.func).endswith("param") else None
    return ", ".join(ast.unparse(each) for each in call.args) if call else ast.unparse(node).strip("()")


def _is_off(node: ast.expr) -> bool:
    """Whether a case is marked as skipped or failing."""
    if not isinstance(node, ast.Call):
        return False
    marks = next((word.value for word in node.keywords if word.arg == "marks"), None)
    many = marks.elts if isinstance(marks, ast.List | ast.Tuple) else [marks] if marks is not None else []
    found = [_mark(each) for each in many]
    return any(each is not None and each.always for each in found)


def _mocks(node: Function, decorators: Sequence[ast.expr]) -> Iterator[str]:
    """What the function puts something else in the place of, by its last name or dotted path."""
    for call in (*decorators, *(n for each in node.body for n in ast.walk(each))):
        if not isinstance(call, ast.Call):
            continue
        name = dotted(call.func)
        if not any(name == mock or name.endswith(f".{mock}") for mock in MOCKS) or not call.args:
            continue
        first = call.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value
        elif len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            yield f"{dotted(first)}.{call.args[1].value!s}"


def _called(node: Function) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr
    yield from (argument.arg for argument in node.args.args)


def _body(body: Sequence[ast.stmt]) -> str:
    return "\n".join(ast.unparse(statement) for statement in body)


def _assigned(body: Sequence[ast.stmt]) -> Mapping[str, ast.expr]:
    """Names that are assigned once, with their values."""
    found: dict[str, ast.expr] = {}
    for node in body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
    return found


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Dict | ast.UnaryOp)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def is_asserting(name: str) -> bool:
    """Whether a function of this name checks something, by the way people call such functions."""
    return OWN.fullmatch(name) is not None
