"""The assertions of a JavaScript or TypeScript function: of jest, vitest, chai, node:assert and supertest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from phasegate.ratchets.grammar import DEEPEST, Block, Names, conditional, line, muffled, text, words
from phasegate.ratchets.strength import literal
from phasegate.ratchets.suites import Check, Op

if TYPE_CHECKING:
    from tree_sitter import Node

MATCHERS: dict[str, Op] = {
    **dict.fromkeys(
        "toBe toEqual toStrictEqual toHaveLength toHaveBeenCalledTimes toHaveBeenCalledWith toHaveBeenLastCalledWith "
        "toHaveBeenNthCalledWith toHaveBeenCalledExactlyOnceWith toHaveReturnedWith toBeNull toBeUndefined toBeNaN "
        "toMatchInlineSnapshot toMatchSnapshot toThrowErrorMatchingSnapshot toThrowErrorMatchingInlineSnapshot "
        "equal equals eq eql eqls lengthOf length null undefined NaN true false calledWith calledOnceWith "
        "strictEqual deepEqual deepStrictEqual isNull isUndefined isTrue isFalse lengthOf toEqualTypeOf".split(), "=="
    ),
    **dict.fromkeys("notEqual notStrictEqual notDeepEqual notDeepStrictEqual isNotNull doesNotMatch".split(), "!="),
    **dict.fromkeys("toBeGreaterThanOrEqual least gte isAtLeast".split(), ">="),
    **dict.fromkeys("toBeGreaterThan above gt greaterThan isAbove".split(), ">"),
    **dict.fromkeys("toBeLessThanOrEqual most lte isAtMost".split(), "<="),
    **dict.fromkeys("toBeLessThan below lt lessThan isBelow".split(), "<"),
    **dict.fromkeys("toContain toContainEqual include includes contain contains".split(), "has"),
    **dict.fromkeys("oneOf toBeOneOf".split(), "in"),
    **dict.fromkeys("toMatch toMatchObject match partialDeepStrictEqual nested".split(), "like"),
    **dict.fromkeys("toBeCloseTo closeTo approximately".split(), "~"),
    **dict.fromkeys("toBeTruthy toBeFalsy ok isOk isNotOk".split(), "true"),
    **dict.fromkeys("toHaveBeenCalled called toHaveBeenCalledOnce calledOnce toHaveReturned".split(), "called"),
    **dict.fromkeys(
        "toBeDefined toBeInstanceOf exist exists a an instanceof instanceOf isDefined isFunction isObject isString "
        "isArray isNumber doesNotThrow doesNotReject toBeTypeOf isNotNull property toHaveProperty".split(), "something"
    ),
    **dict.fromkeys("toThrow toThrowError throw throws rejects isRejected rejectedWith".split(), "raises"),
}  # fmt: skip
ASSERTS = frozenset(("assert", "should", "chai", "sinon", "expectTypeOf", "assertType"))
OPERATORS: dict[str, Op] = {
    "===": "==", "==": "==", "!==": "!=", "!=": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<=", "in": "in",
    "instanceof": "something",
}  # fmt: skip
FLIPPED: dict[Op, Op] = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
LITERALS = frozenset("number string template_string true false null undefined regex".split())
FUNCTIONS = frozenset(
    "arrow_function function_expression function function_declaration generator_function method_definition".split()
)
OWN = re.compile(r"_?(?:assert|check|expect|verify|should|ensure)(?:_\w+|[A-Z]\w*)")
FAILS = re.compile(r"\bthrow\b|\bexpect\b|\bassert\b|\bfail\b|\bdone\(|\bnext\(|\breject\(|\bshould\b")
PARTIAL = re.compile(
    r"\bexpect\s*\.\s*(?:any|anything|objectContaining|arrayContaining|stringContaining|stringMatching)\b|\bsinon\.match\b"
)
ENDS = frozenset(("return_statement", "throw_statement", "break_statement", "continue_statement"))
TYPES_ONLY = frozenset(("expectTypeOf", "assertType", "expectAssignable"))


class Step(msgspec.Struct, frozen=True):
    """One link of a chain: `.toBe(6)` is `toBe` with its arguments, `.not` has none."""

    name: str
    arguments: tuple[Node, ...] | None
    node: Node


def chain(node: Node) -> tuple[str, list[Step]]:
    """The name a chain of members and calls begins with, and its links; the call of the first name is a link too."""
    steps: list[Step] = []
    arguments: tuple[Node, ...] | None = None
    while True:
        if node.type == "call_expression":
            inner, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            if inner is None or given is None:
                return "", []
            if arguments is not None:
                steps.append(Step("", arguments, node))
            arguments = tuple(given.named_children) if given.type == "arguments" else (given,)
            node = inner
        elif node.type == "member_expression":
            steps.append(Step(text(node.child_by_field_name("property")), arguments, node))
            arguments = None
            inner = node.child_by_field_name("object")
            if inner is None:
                return "", []
            node = inner
        elif (
            node.type in ("await_expression", "parenthesized_expression", "non_null_expression") and node.named_children
        ):
            node = node.named_children[0]
        else:
            name = text(node) if node.type in ("identifier", "this") else ""
            if arguments is not None:
                steps.append(Step("", arguments, node))
            return name, steps[::-1]


class Checks:
    """Collects the checks below one function."""

    def __init__(self, names: Names, called: frozenset[str]) -> None:
        self._names, self._called = names, called
        self.found: list[Check] = []

    def block(self, node: Node, around: Block, depth: int = 0) -> None:
        """Look at the statements of a block; nothing is reached behind what leaves it."""
        for child in node.named_children:
            self.visit(child, around, depth + 1)
            if child.type in ENDS and node.type in ("statement_block", "program"):
                around = muffled(around, f"after `{words(child, 60)}`")
            elif child.type == "if_statement" and _returns(child):
                around = conditional(around, f"unless {words(child.child_by_field_name('condition') or child, 80)}")

    def visit(self, node: Node, around: Block, depth: int = 0) -> None:
        """Look at one node and what is below it."""
        if depth > DEEPEST:
            raise RecursionError("nested too deep")
        if node.type == "if_statement":
            self._branch(node, around, depth)
        elif node.type == "try_statement":
            self._try(node, around, depth)
        elif node.type in ("call_expression", "member_expression"):
            self._chain(node, around, depth)
        elif node.type in ("function_declaration", "variable_declarator"):
            self._named(node, around, depth)
        else:
            self.block(node, around, depth)

    def _named(self, node: Node, around: Block, depth: int) -> None:
        name, value = text(node.child_by_field_name("name")), node.child_by_field_name("value")
        is_function = node.type == "function_declaration" or (value is not None and value.type in FUNCTIONS)
        if is_function and name not in self._called:
            around = muffled(around, f"`{name}` is never called")
        self.block(node, around, depth)

    def _branch(self, node: Node, around: Block, depth: int) -> None:
        condition, body, other = (node.child_by_field_name(n) for n in ("condition", "consequence", "alternative"))
        parts: list[list[Check]] = []
        for part in (body, other):
            kept, self.found = self.found, []
            if part is not None:
                self.visit(part, around, depth + 1)
            parts.append(self.found)
            self.found = kept
        always = truth(condition) if condition is not None else None
        said = words(condition, 80) if condition is not None else ""
        if always is not None:
            parts[int(always)] = [_muffled(check, f"under `if {said}`") for check in parts[int(always)]]
        elif bool(parts[0]) != bool(parts[1]):
            when = f"if {said}" if parts[0] else f"unless {said}"
            parts = [[msgspec.structs.replace(c, when=c.when or when) for c in part] for part in parts]
        self.found += [*parts[0], *parts[1]]

    def _try(self, node: Node, around: Block, depth: int) -> None:
        handler = node.child_by_field_name("handler")
        for child in node.named_children:
            swallows = child.type == "statement_block" and handler is not None and not FAILS.search(text(handler))
            self.block(child, muffled(around, "`catch`") if swallows else around, depth + 1)

    def _chain(self, node: Node, around: Block, depth: int) -> None:
        root, steps = chain(node)
        for at, step in enumerate(steps):
            if step.name == "catch" and step.arguments and not FAILS.search(text(step.arguments[0])):
                around = muffled(around, "`.catch`")
            elif step.name == "then" and at and len(step.arguments or ()) > 1 and not FAILS.search(
                text(step.arguments[1] if step.arguments else None)
            ):  # fmt: skip
                around = muffled(around, "`.then(…, …)`")
        self._asserted(root, steps, node, around)
        base = node
        while base.type in ("call_expression", "member_expression", "await_expression"):
            given = base.child_by_field_name("arguments")
            if given is not None:
                self.block(given, around, depth + 1)
            inner = base.child_by_field_name("function") or base.child_by_field_name("object")
            if inner is None:
                return
            base = inner
        if base.child_count:
            self.visit(base, around, depth + 1)

    def _asserted(self, root: str, steps: list[Step], node: Node, around: Block) -> None:
        said = words(node)
        if root == "expect" and steps and steps[0].name == "" and steps[0].arguments:
            self._expected(steps[0].arguments[0], steps[1:], said, node, around)
        elif root == "expect" and steps and steps[0].name in ("assertions", "hasAssertions"):
            value = ", ".join(self._names.key(a) for a in steps[0].arguments or ())
            self._add("assertions", "==" if value else "something", value, said, node, around)
        elif root == "expect" and len(steps) > 1 and steps[0].name in ("soft", "poll") and steps[0].arguments:
            self._expected(steps[0].arguments[0], steps[1:], said, node, around)
        elif root == "assert" or (len(steps) > 1 and steps[0].name == "assert" and root in ("t", "chai", "context")):
            self._assert(steps if root == "assert" else steps[1:], said, node, around)
        elif any(step.name == "should" for step in steps):
            at = next(i for i, step in enumerate(steps) if step.name == "should")
            self._expected(steps[at].node.child_by_field_name("object") or node, steps[at + 1 :], said, node, around)
        elif steps and steps[-1].name == "expect" and steps[-1].arguments:
            self._response(steps, said, node, around)
        elif steps and steps[-1].arguments is not None and OWN.fullmatch(steps[-1].name or root):
            key = self._names.key(node)
            self.found.append(_made(Check(said, "own", "", said, line(node), key, key, self._names.shape(node),
                                          through=steps[-1].name or root), around))  # fmt: skip
            return
        if steps and steps[-1].name == "expect" and root != "expect":
            for at, step in enumerate(steps[:-1]):  # `.expect(200).expect('text')`: each is a check of its own
                if step.name == "expect" and step.arguments:
                    self._response(steps[: at + 1], said, node, around)

    def _response(self, steps: list[Step], said: str, node: Node, around: Block) -> None:
        given = [each for each in steps[-1].arguments or () if each.type not in FUNCTIONS and text(each) != "done"]
        value = ", ".join(self._names.key(each) for each in given)
        if value:
            shape = ", ".join(self._names.shape(each) for each in given)
            self.found.append(_made(Check("response", "==", value, f".expect({value[:120]})", line(node), "response",
                                          f"response == {value}", f"response == {shape}"), around))  # fmt: skip

    def _expected(self, subject: Node, steps: list[Step], said: str, node: Node, around: Block) -> None:
        negated = any(step.name in ("not", "never") for step in steps)
        deciding = [step for step in steps if step.name in MATCHERS or step.arguments is not None]
        if not deciding:
            return
        last = next((step for step in reversed(deciding) if step.name in MATCHERS), deciding[-1])
        arguments = last.arguments or ()
        op: Op = MATCHERS.get(last.name, "own")
        value = ", ".join(self._names.key(each) for each in arguments)
        if last.arguments is None or not arguments:
            value = last.name
        tolerance = _tolerance(last.name, arguments)
        if op == "raises" and not arguments:
            op = "true"
        elif op == "has" and not arguments:
            return
        elif last.name in ("toHaveProperty", "property") and len(arguments) > 1:
            op = "=="
        elif op in ("==", "own") and PARTIAL.search(value):
            op = "something" if PARTIAL.match(value.lstrip("( ")) and "any" in value[:14] else "like"
        about = self._names.key(subject)
        if negated:
            op = _negated(op, last.name)
        elif op == "==" and last.arguments and _same(about, value):
            op = "empty" if "(" not in about else "true"
        elif op in ("true", "something") and subject.type not in FUNCTIONS and truth(subject) is not None:
            op = "empty"
        shape = ", ".join(self._names.shape(each) for each in arguments)
        kind = f"{'not ' * negated}{last.name}"
        self.found.append(
            _made(Check(text(subject), op, value, said, line(node), about, f"{about} {kind} {value}",
                        f"{self._names.shape(subject)} {kind} {shape}", tolerance=tolerance), around)
        )  # fmt: skip

    def _assert(self, steps: list[Step], said: str, node: Node, around: Block) -> None:
        last = next((step for step in reversed(steps) if step.arguments is not None), None)
        if last is None or not last.arguments:
            return
        op: Op = MATCHERS.get(last.name, "own") if last.name else "true"
        first, second = last.arguments[0], last.arguments[1] if len(last.arguments) > 1 else None
        if op == "true":
            self.condition(first, said, node, around)
        elif last.name in ("fail", "AssertionError"):
            self._add("", "other", "fails", said, node, around)
        elif last.name == "ifError":
            self._add(self._names.key(first), "==", "null", said, node, around)
        elif op == "raises":
            is_message = second is not None and second.type == "string"
            value = self._names.key(second) if second is not None and not is_message else ""
            self._add(self._names.key(first), "raises" if value else "true", value, said, node, around)
        elif op == "own" or second is None or last.name.startswith("is"):
            rest = ", ".join(self._names.key(each) for each in last.arguments[1:])
            self._add(self._names.key(first), op, f"{last.name} {rest}".strip(), said, node, around)
        else:
            self._compared(op, first, second, said, node, around, _tolerance(last.name, last.arguments))

    def condition(self, node: Node, said: str, at: Node, around: Block, *, negated: bool = False) -> None:
        """The checks that a condition comes to."""
        node = self._names.value(node)
        while node.type == "parenthesized_expression" and node.named_children:
            node = node.named_children[0]
        operator = text(node.child_by_field_name("operator"))
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        always = truth(node)
        if always is not None:
            self._add(text(node), "empty" if always != negated else "other", "", said, at, around)
        elif node.type == "unary_expression" and operator == "!":
            self.condition(node.named_children[-1], said, at, around, negated=not negated)
        elif node.type == "binary_expression" and operator == "&&" and not negated and left and right:
            self.condition(left, said, at, around)
            self.condition(right, said, at, around)
        elif node.type == "binary_expression" and operator in ("||", "??") and left and right:
            op: Op = "empty" if truth(left) or truth(right) else "other"
            self._add(self._names.key(left), op, self._names.key(right), said, at, around)
        elif node.type == "binary_expression" and operator in OPERATORS and left and right and not negated:
            self._compared(OPERATORS[operator], left, right, said, at, around)
        else:
            self._add(self._names.key(node), "true", "not" * negated, said, at, around)

    def _compared(
        self, op: Op, left: Node, right: Node, said: str, at: Node, around: Block, tolerance: float = 0.0
    ) -> None:
        if left.type in LITERALS and right.type not in LITERALS:
            left, right, op = right, left, FLIPPED.get(op, op)
        one, other = self._names.key(left), self._names.key(right)
        if op == "!=" and other in ("null", "undefined"):
            op = "something"
        elif one == other and op in ("==", ">=", "<="):
            op = "empty" if "(" not in one else "true"
        elif op == ">=" and one.endswith(". length") and other == "0":
            op = "empty"
        shape = f"{self._names.shape(left)} {op} {self._names.shape(right)}"
        key = f"{one} {op} {other}{f' within {tolerance:g}' if tolerance else ''}"
        self.found.append(
            _made(Check(text(left), op, other, said, line(at), one, key, shape, tolerance=tolerance), around)
        )

    def _add(self, about: str, op: Op, value: str, said: str, at: Node, around: Block) -> None:
        key = f"{about} {op} {value}"
        self.found.append(_made(Check(about, op, value, said, line(at), about, key, f"{about} {op}"), around))


def _negated(op: Op, matcher: str) -> Op:
    if matcher in ("toBeNull", "toBeUndefined", "null", "undefined", "toThrow", "toThrowError", "throw"):
        return "something"
    return "other" if op in ("called", "something") else "true" if op == "true" else "!="


def _same(about: str, value: str) -> bool:
    return bool(about) and about == value


def _tolerance(matcher: str, arguments: tuple[Node, ...]) -> float:
    if MATCHERS.get(matcher) != "~":
        return 0.0
    number = literal(text(arguments[-1])) if len(arguments) > 1 else None
    if matcher == "toBeCloseTo":
        digits = number if isinstance(number, int | float) else 2
        return float(10.0 ** -min(max(digits, -300), 300) / 2)
    return float(number) if isinstance(number, int | float) else 0.0


def truth(node: Node) -> bool | None:
    """Whether a literal is true or false; None of what is none."""
    while node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    if node.type in ("true", "arrow_function", "object", "array", "regex"):
        return True
    if node.type in ("false", "null", "undefined"):
        return False
    if node.type == "number":
        return text(node) not in ("0", "0.0", "0n")
    return len(text(node)) > 2 if node.type == "string" else None


def _returns(node: Node) -> bool:
    """Whether an `if` without an `else` leaves the function."""
    body = node.child_by_field_name("consequence")
    if body is None or node.child_by_field_name("alternative") is not None:
        return False
    last = body.named_children[-1] if body.type == "statement_block" and body.named_children else body
    return last.type == "return_statement"


def _made(check: Check, around: Block) -> Check:
    plain = not around.muffled and not around.when
    return check if plain else msgspec.structs.replace(check, muffled=around.muffled, when=around.when)


def _muffled(check: Check, why: str) -> Check:
    return msgspec.structs.replace(check, muffled=check.muffled or why)
