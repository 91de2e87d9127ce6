"""The assertions of a Python function: what each is about, how it looks, and what keeps it from failing the test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from phasegate.ratchets.python_names import Names, dotted
from phasegate.ratchets.suites import Check, Op

METHODS: dict[str, Op] = {
    "assertEqual": "==", "assertEquals": "==", "assertListEqual": "==", "assertDictEqual": "==", "assertIs": "==",
    "assertTupleEqual": "==", "assertSetEqual": "==", "assertCountEqual": "==", "assertMultiLineEqual": "==",
    "assertSequenceEqual": "==", "assertIsNone": "==", "assertQuerySetEqual": "==", "assertJSONEqual": "==",
    "assertAlmostEqual": "~", "assertAlmostEquals": "~",
    "assertGreaterEqual": ">=", "assertGreater": ">", "assertLessEqual": "<=", "assertLess": "<", "assertIn": "in",
    "assertTrue": "true", "assertFalse": "true", "assertIsNotNone": "something", "assertIsInstance": "something",
    "assertNotEqual": "!=", "assertNotIn": "!=", "assertIsNot": "!=", "assertNotIsInstance": "!=",
    "assertRegex": "like", "assertNotRegex": "!=", "assertDictContainsSubset": "like",
}  # fmt: skip
ARRAYS: dict[str, Op] = {
    "assert_array_equal": "==", "assert_equal": "==", "assert_frame_equal": "==", "assert_series_equal": "==",
    "assert_allclose": "~", "assert_almost_equal": "~", "assert_array_almost_equal": "~",
}  # fmt: skip
CALLED: dict[str, Op] = {
    "assert_called_once_with": "==", "assert_called_with": "==", "assert_has_calls": "==", "assert_any_call": "has",
    "assert_called_once": "other", "assert_not_called": "other", "assert_called": "called", "assert_awaited": "called",
    "assert_awaited_once_with": "==", "assert_awaited_with": "==", "assert_awaited_once": "other",
}  # fmt: skip
COMPARES: dict[type[ast.cmpop], Op] = {
    ast.Eq: "==", ast.Is: "==", ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<", ast.In: "in",
    ast.NotEq: "!=", ast.NotIn: "!=", ast.IsNot: "!=",
}  # fmt: skip
FLIPPED: dict[Op, Op] = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
OWN = re.compile(r"_?(?:assert|check|expect|verify|should|ensure)(?:_\w+|[A-Z]\w*)|should|ensure|expect")
RAISES = ("raises", "assertRaises", "assertRaisesRegex", "assertRaisesRegexp", "warns", "assertWarns", "RaisesGroup")
ANYTHING = re.compile(r"\bANY\b|\bIsPartial|\bmock\.ANY\b|\bAnything\b")
FAILS = re.compile(r"\braise\b|\bfail\(|\bassert\b|\bassert\w*\(|\bexit\(")
BROAD = frozenset(("", "Exception", "BaseException", "AssertionError", "StandardError"))
WORDS = 160
DEPTH = 40


class Around(msgspec.Struct, frozen=True):
    """What stands around a statement: what swallows its failure, and on which condition it is reached."""

    muffled: str = ""
    when: str = ""


def checks_of(
    body: Sequence[ast.stmt], names: Names, called: frozenset[str], asserters: frozenset[str] = frozenset()
) -> Iterator[Check]:
    """Every assertion below `body`; `called` are the names the function uses, so that inner functions are known to run.

    `asserters` are functions that assert what they are given. Raises `RecursionError` when it goes too deep.
    """
    yield from _Walk(names, called, asserters).block(body, Around(), 0)


class _Walk:
    def __init__(self, names: Names, called: frozenset[str], asserters: frozenset[str]) -> None:
        self._names, self._called, self._asserters = names, called, asserters

    def block(self, body: Sequence[ast.stmt], around: Around, depth: int) -> Iterator[Check]:
        if depth > DEPTH:
            raise RecursionError("nested too deep")
        for statement in body:
            yield from self._statement(statement, around, depth + 1)
            around = self._after(statement, around)

    def _after(self, statement: ast.stmt, around: Around) -> Around:
        """What stands around what follows `statement`: nothing is reached behind a return."""
        if ends(statement):
            return msgspec.structs.replace(around, muffled=around.muffled or f"after `{_words(statement, 60)}`")
        if isinstance(statement, ast.If) and not statement.orelse and isinstance(statement.body[-1], ast.Return):
            return msgspec.structs.replace(around, when=around.when or f"unless {_words(statement.test, 80)}")
        return around

    def _statement(self, node: ast.stmt, around: Around, depth: int) -> Iterator[Check]:
        match node:
            case ast.Assert():
                yield from self.condition(node.test, f"assert {_words(node.test)}", node.lineno, around)
            case ast.Expr():
                yield from self._expression(node.value, around)
            case ast.If():
                yield from self._branch(node, around, depth)
            case ast.Try() | ast.TryStar():
                yield from self.block(node.body, _in_try(node, around), depth)
                for part in (*(handler.body for handler in node.handlers), node.orelse, node.finalbody):
                    yield from self.block(part, around, depth)
            case ast.With() | ast.AsyncWith():
                yield from self._with(node, around, depth)
            case ast.While() | ast.For() | ast.AsyncFor():
                yield from self.block(node.body, _in_loop(node, around), depth)
                yield from self.block(node.orelse, around, depth)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                runs = node.decorator_list or node.name in self._called
                within = around if runs else msgspec.structs.replace(around, muffled=f"`{node.name}` is never called")
                yield from self.block(node.body, within, depth)
            case ast.Match():
                for each in node.cases:
                    yield from self.block(each.body, around, depth)
            case ast.Assign() | ast.Return() | ast.AnnAssign():
                yield from self._expression(node.value, around) if node.value is not None else ()
            case _:
                return

    def _branch(self, node: ast.If, around: Around, depth: int) -> Iterator[Check]:
        constant = _constant(node.test)
        body = list(self.block(node.body, around, depth))
        other = list(self.block(node.orelse, around, depth))
        if constant is not None:
            dead = body if not constant else other
            yield from (_off(check, f"under `if {_words(node.test, 60)}`") for check in dead)
            yield from (other if not constant else body)
        elif (body and other) or not (body or other):
            yield from (*body, *other)
        else:
            words = f"if {_words(node.test, 80)}" if body else f"unless {_words(node.test, 80)}"
            yield from (msgspec.structs.replace(c, when=c.when or words) for c in (*body, *other))

    def _with(self, node: ast.With | ast.AsyncWith, around: Around, depth: int) -> Iterator[Check]:
        within = around
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call):
                if dotted(call.func).rpartition(".")[2] in ("suppress", *RAISES) and _broad(call.args[:1]):
                    within = msgspec.structs.replace(within, muffled=within.muffled or f"`with {_words(call, 80)}`")
                yield from self._expression(call, around)
        yield from self.block(node.body, within, depth)

    def _expression(self, node: ast.expr, around: Around) -> Iterator[Check]:
        node = node.value if isinstance(node, ast.Await) else node
        if not isinstance(node, ast.Call):
            return
        name = dotted(node.func).rpartition(".")[2] or (node.func.attr if isinstance(node.func, ast.Attribute) else "")
        if name in METHODS and node.args:
            yield from self._method(METHODS[name], name, node, around)
        elif name in ARRAYS and len(node.args) > 1:
            yield self._compared(ARRAYS[name], node.args[0], node.args[1], _words(node), node, around, _tolerance(node))
        elif name in CALLED and isinstance(node.func, ast.Attribute):
            value = ", ".join(self._names.key(each) for each in (*node.args, *(word.value for word in node.keywords)))
            yield self._check(node.func.value, CALLED[name], value, _words(node), node.lineno, around)
        elif name in self._asserters and node.args:
            yield from self.condition(node.args[0], _words(node), node.lineno, around)
        elif name in RAISES:
            yield from self._raises(node, around)
        elif OWN.fullmatch(name):
            yield self._own(name, node, around)

    def _own(self, name: str, node: ast.Call, around: Around) -> Check:
        key, shape = self._names.key(node), self._names.shape(node)
        return _made(Check(_words(node), "own", "", _words(node), node.lineno, key, key, shape, through=name), around)

    def _raises(self, node: ast.Call, around: Around) -> Iterator[Check]:
        """What is raised, and what it says: two checks, for a message may also be looked at by itself."""
        pattern = next((word.value for word in node.keywords if word.arg in ("match", "expected_regex")), None)
        if dotted(node.func).endswith(("Regex", "Regexp")) and len(node.args) > 1:
            pattern = node.args[1]
        value, words = ast.unparse(node.args[0]) if node.args else "", _words(node)
        yield _made(Check("raised", "raises", value, words, node.lineno, "raised", f"raises {value}", "raises"), around)
        if pattern is not None and (said := self._names.key(pattern)) not in ("''", "'.*'", "None"):
            yield _made(Check("message", "like", said, words, node.lineno, "message", f"message like {said}",
                              "message like"), around)  # fmt: skip

    def _method(self, op: Op, name: str, node: ast.Call, around: Around) -> Iterator[Check]:
        words, first = _words(node), node.args[0]
        if op == "true":
            yield from self.condition(first, words, node.lineno, around, negated=name == "assertFalse")
            return
        if name == "assertIsNone":
            yield self._compared("==", first, ast.Constant(None), words, node, around)
            return
        second = node.args[1] if len(node.args) > 1 else None
        if second is None or op == "something":
            yield self._check(first, op, "", words, node.lineno, around)
        else:
            yield self._compared(op, first, second, words, node, around, _tolerance(node))

    def condition(
        self, test: ast.expr, words: str, line: int, around: Around, *, negated: bool = False
    ) -> Iterator[Check]:
        """The checks that a condition comes to."""
        found = self._names.value(test)
        always = _constant(found)
        if always is not None or isinstance(test, ast.Tuple | ast.GeneratorExp | ast.Lambda | ast.JoinedStr):
            holds = (always is not False) != negated
            yield self._check(test, "empty" if holds else "other", "", words, line, around)
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            yield from self.condition(test.operand, words, line, around, negated=not negated)
        elif isinstance(test, ast.BoolOp):
            yield from self._joined(test, words, line, around, negated)
        elif isinstance(test, ast.Compare) and not negated:
            yield from self._compare(test, words, line, around)
        elif isinstance(test, ast.Call) and not negated:
            yield from self._asked(test, words, line, around)
        else:
            yield self._check(test, "true" if not isinstance(test, ast.Compare) else "!=", "not" * negated, words,
                              line, around)  # fmt: skip

    def _joined(self, test: ast.BoolOp, words: str, line: int, around: Around, negated: bool) -> Iterator[Check]:
        if isinstance(test.op, ast.And) != negated:
            for value in test.values:
                yield from self.condition(value, words, line, around, negated=negated)
            return
        parts = [check for value in test.values for check in self.condition(value, words, line, around)]
        never = any(check.op == "empty" for check in parts) or _opposites(test.values)
        yield self._check(_subject(test.values[0]), "empty" if never else "other", "", words, line, around)

    def _asked(self, test: ast.Call, words: str, line: int, around: Around) -> Iterator[Check]:
        name = dotted(test.func)
        if name in ("all", "any") and test.args and isinstance(test.args[0], ast.GeneratorExp | ast.ListComp):
            inner = list(self.condition(test.args[0].elt, words, line, around))
            weak = name == "any"
            yield from (msgspec.structs.replace(c, op="other" if weak and c.op != "empty" else c.op) for c in inner)
        elif name == "isinstance" and test.args:
            vain = len(test.args) > 1 and dotted(test.args[1]) == "object"
            yield self._check(test.args[0], "empty" if vain else "something", "", words, line, around)
        elif name in ("bool", "len") and test.args:
            yield self._check(test.args[0], "true", "", words, line, around)
        elif name.rpartition(".")[2] in ("isclose", "allclose") and len(test.args) > 1:
            yield self._compared("~", test.args[0], test.args[1], words, test, around, _tolerance(test))
        else:
            yield self._check(test, "true", "", words, line, around)

    def _compare(self, test: ast.Compare, words: str, line: int, around: Around) -> Iterator[Check]:
        left = test.left
        for op, right in zip(test.ops, test.comparators, strict=True):
            yield self._compared(COMPARES.get(type(op), "other"), left, right, words, test, around)
            left = right

    def _compared(
        self, op: Op, left: ast.expr, right: ast.expr, words: str, node: ast.expr, around: Around,
        tolerance: float = 0.0,
    ) -> Check:  # fmt: skip
        if _is_fixed(left) and not _is_fixed(right):
            left, right, op = right, left, "has" if op == "in" else FLIPPED.get(op, op)
        one, other = self._names.key(left), self._names.key(right)
        if op == "!=" and other in ("None", "False"):
            op = "something" if other == "None" else "true"
        elif op == "==" and other == "True":
            op = "true"
        elif op == "==" and ANYTHING.search(other):
            op = "something" if other.rpartition(".")[2] == "ANY" else "other"
        elif (op == "==" and "approx(" in other[:20]) or op == "~":
            op, tolerance = "~", tolerance or _approximately(right)
        elif one == other and op in ("==", ">=", "<=", "in"):
            op = "empty" if "(" not in one else "true"
        elif op == ">=" and one.startswith("len(") and other == "0":
            op = "empty"
        return self._check(left, op, ast.unparse(right), words, node.lineno, around, other, right, tolerance)

    def _check(
        self, subject: ast.expr, op: Op, value: str, words: str, line: int, around: Around, held: str = "",
        right: ast.expr | None = None, tolerance: float = 0.0,
    ) -> Check:  # fmt: skip
        about = self._names.key(subject)
        held, near = held or value, f" within {tolerance:g}" if tolerance else ""
        shape = f"{self._names.shape(subject)} {op} {self._names.shape(right) if right is not None else ''}"
        return _made(
            Check(ast.unparse(subject), op, held, words, line, about, f"{about} {op} {held}{near}", shape,
                  tolerance=tolerance), around
        )  # fmt: skip


def _made(check: Check, around: Around) -> Check:
    return msgspec.structs.replace(check, muffled=around.muffled, when=around.when) if around != Around() else check


def _off(check: Check, why: str) -> Check:
    return msgspec.structs.replace(check, muffled=check.muffled or why)


def ends(node: ast.stmt) -> bool:
    """Whether nothing behind this statement is reached."""
    if isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break):
        return True
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and dotted(call.func) in ("sys.exit", "os._exit", "exit", "quit")


def _in_try(node: ast.Try | ast.TryStar, around: Around) -> Around:
    """Whether a handler takes a failed assertion and lets the test go on."""
    for handler in node.handlers:
        names = _classes(handler.type)
        if BROAD.isdisjoint(names) or FAILS.search(" ".join(ast.unparse(each) for each in handler.body)):
            continue
        words = f"`except {ast.unparse(handler.type)[:60]}`" if handler.type is not None else "`except`"
        return msgspec.structs.replace(around, muffled=around.muffled or words)
    return around


def _in_loop(node: ast.While | ast.For | ast.AsyncFor, around: Around) -> Around:
    never = _constant(node.test) is False if isinstance(node, ast.While) else _is_empty(node.iter)
    if never:
        return msgspec.structs.replace(around, muffled=around.muffled or "in a loop over nothing")
    if isinstance(node, ast.While) or isinstance(node.iter, ast.List | ast.Tuple | ast.Name | ast.Attribute | ast.Set):
        return around
    return msgspec.structs.replace(around, when=around.when or f"for each of {_words(node.iter, 80)}")


def _is_empty(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not node.elts
    return isinstance(node, ast.Call) and ast.unparse(node) in ("range(0)", "()", "list()", "tuple()")


def _classes(node: ast.expr | None) -> set[str]:
    if node is None:
        return {""}
    many = node.elts if isinstance(node, ast.Tuple) else [node]
    return {dotted(each).rpartition(".")[2] for each in many}


def _broad(arguments: Iterable[ast.expr]) -> bool:
    return not BROAD.isdisjoint(name for each in arguments for name in _classes(each))


def _constant(node: ast.expr) -> bool | None:
    """Whether a literal is true or false; None of what is none."""
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _constant(node.operand)
        return None if inner is None else not inner
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return bool(node.elts)
    return bool(node.keys) if isinstance(node, ast.Dict) else None


def _opposites(values: Sequence[ast.expr]) -> bool:
    texts = {ast.unparse(value) for value in values}
    return any(isinstance(v, ast.UnaryOp) and isinstance(v.op, ast.Not) and ast.unparse(v.operand) in texts
               for v in values)  # fmt: skip


def _subject(node: ast.expr) -> ast.expr:
    return node.left if isinstance(node, ast.Compare) else node


def _is_fixed(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant))


def _approximately(node: ast.expr) -> float:
    return _tolerance(node) if isinstance(node, ast.Call) else 0.0


def _tolerance(node: ast.Call) -> float:
    """The widest tolerance a call names; what it does not say in numbers counts as none."""
    found = [0.0]
    for word in node.keywords:
        number = word.value.value if isinstance(word.value, ast.Constant) else None
        if not isinstance(number, int | float) or isinstance(number, bool) or word.arg is None:
            continue
        if word.arg in ("places", "decimal"):
            found.append(10.0 ** -min(max(number, -300), 300))
        elif word.arg in ("abs", "rel", "rel_tol", "abs_tol", "delta", "rtol", "atol", "tolerance"):
            found.append(float(number))
    return max(found)


def _words(node: ast.AST, most: int = WORDS) -> str:
    return ast.unparse(node)[:most]
