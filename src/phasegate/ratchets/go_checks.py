"""The assertions of a Go function: `if got != want { t.Error(…) }`, testify, gomega, quicktest and the like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from phasegate.ratchets.grammar import DEEPEST, Block, Names, conditional, line, muffled, text, words
from phasegate.ratchets.strength import literal
from phasegate.ratchets.suites import Check, Op

if TYPE_CHECKING:
    from tree_sitter import Node

TESTIFY: dict[str, Op] = {
    **dict.fromkeys("Equal EqualValues Exactly Len Nil NoError Empty Zero JSONEq YAMLEq".split(), "=="),
    **dict.fromkeys("ElementsMatch Same".split(), "=="),
    **dict.fromkeys("EqualError ErrorIs ErrorAs PanicsWithError PanicsWithValue EqualExportedValues".split(), "raises"),
    **dict.fromkeys("NotEqual NotContains NotSame NotRegexp".split(), "!="),
    **dict.fromkeys("InDelta InEpsilon InDeltaSlice WithinDuration".split(), "~"),
    **dict.fromkeys("Contains Subset ErrorContains".split(), "has"), "Regexp": "like",
    "GreaterOrEqual": ">=", "Greater": ">", "LessOrEqual": "<=", "Less": "<", "Positive": ">", "Negative": "<",
    **dict.fromkeys("True False NotEmpty NotZero".split(), "true"),
    **dict.fromkeys("NotNil NotPanics IsType Implements FileExists Panics Error".split(), "something"),
    **dict.fromkeys("Eventually Never Condition Fail FailNow".split(), "other"),
}  # fmt: skip
EXPECTED_FIRST = frozenset("Equal EqualValues Exactly JSONEq YAMLEq InDelta InEpsilon Same NotEqual".split())
GOMEGA: dict[str, Op] = {
    **dict.fromkeys("Equal BeEquivalentTo BeIdenticalTo BeNil HaveLen BeEmpty BeZero".split(), "=="),
    **dict.fromkeys("ConsistOf MatchJSON".split(), "=="),
    **dict.fromkeys("BeTrue BeFalse Succeed".split(), "true"), "MatchError": "raises", "MatchRegexp": "like",
    **dict.fromkeys("ContainElement ContainElements ContainSubstring HaveKey HaveKeyWithValue".split(), "has"),
    **dict.fromkeys("HaveOccurred BeAssignableToTypeOf".split(), "something"),
}  # fmt: skip
ASSERTERS = frozenset("assert require is must qt be td check".split())
FAILS = frozenset("Error Errorf Fatal Fatalf Fail FailNow".split())
OPERATORS: dict[str, Op] = {"==": "==", "!=": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
OPPOSITE: dict[Op, Op] = {"==": "!=", "!=": "==", ">": "<=", ">=": "<", "<": ">=", "<=": ">"}
FLIPPED: dict[Op, Op] = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
SAME = re.compile(
    r"(?:reflect\.DeepEqual|cmp\.Equal|bytes\.Equal|slices\.Equal|maps\.Equal|strings\.EqualFold|\w*[eE]qual\w*)"
)
HAS = re.compile(r"(?:strings|bytes|slices)\.(?:Contains|HasPrefix|HasSuffix)")
OWN = re.compile(r"(?:assert|check|expect|verify|must|require|should|ensure|compare)(?:[A-Z_]\w*)")
ENDS = frozenset(("return_statement", "break_statement", "continue_statement", "goto_statement"))
LITERALS = frozenset(
    "int_literal float_literal imaginary_literal rune_literal interpreted_string_literal raw_string_literal "
    "true false nil".split()
)  # fmt: skip


class Checks:
    """Collects the checks below one function; `receivers` are what `*testing.T` is called there.

    Nodes whose ids are in `without` are other tests.
    """

    def __init__(
        self, names: Names, called: frozenset[str], receivers: frozenset[str], without: frozenset[int]
    ) -> None:
        self._without = without
        self._names, self._called, self._receivers = names, called, receivers
        self.found: list[Check] = []

    def visit(self, node: Node, around: Block, depth: int = 0) -> None:
        """Look at one node and what is below it."""
        if depth > DEEPEST:
            raise RecursionError("nested too deep")
        if node.id in self._without:
            return
        if node.type == "if_statement":
            self._branch(node, around, depth)
            return
        if node.type == "call_expression" and self._call(node, around):
            return
        if node.type == "short_var_declaration" and self._never_called(node):
            around = muffled(around, "in a function that is never called")
        for child in node.named_children:
            self.visit(child, around, depth + 1)
            if child.type in ENDS and node.type in ("block", "statement_list"):
                around = muffled(around, f"after `{words(child, 60)}`")
            elif child.type == "if_statement" and self._leaves(child):
                condition = child.child_by_field_name("condition")
                around = conditional(around, f"unless {words(condition or child, 80)}")

    def _never_called(self, node: Node) -> bool:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or len(right.named_children) != 1:
            return False
        return right.named_children[0].type == "func_literal" and text(left) not in self._called

    def _leaves(self, node: Node) -> bool:
        """Whether an `if` without an `else` returns from the test without failing it."""
        body = node.child_by_field_name("consequence")
        if body is None or node.child_by_field_name("alternative") is not None:
            return False
        statements = [each for part in body.named_children for each in (
            part.named_children if part.type == "statement_list" else [part]
        )]  # fmt: skip
        ends = bool(statements) and statements[-1].type == "return_statement"
        return (
            ends and not self._fails(body) and not any(OWN.fullmatch(word) for word in re.findall(r"\w+", text(body)))
        )

    def _fails(self, node: Node) -> bool:
        """Whether a block fails the test by itself, in what stands directly in it."""
        for part in node.named_children:
            for statement in part.named_children if part.type == "statement_list" else [part]:
                call = statement.named_children[0] if statement.type == "expression_statement" else None
                if call is not None and call.type == "call_expression" and self._failing(call):
                    return True
        return False

    def _failing(self, call: Node) -> bool:
        base, _, name = text(call.child_by_field_name("function")).rpartition(".")
        return (name in FAILS and base in self._receivers) or text(call.child_by_field_name("function")) == "panic"

    def _branch(self, node: Node, around: Block, depth: int) -> None:
        condition, body, other = (node.child_by_field_name(n) for n in ("condition", "consequence", "alternative"))
        initial = node.child_by_field_name("initializer")
        if initial is not None:
            self.visit(initial, around, depth + 1)
        if condition is None or body is None:
            return
        said = words(node, 160)
        always = text(condition) in ("true", "false")
        if self._fails(body):
            self.condition(condition, said, node, around, negated=True)
        elif other is not None and other.type == "block" and self._fails(other):
            self.condition(condition, said, node, around)
        before = len(self.found)
        inside = conditional(around, f"if {words(condition, 80)}")
        inside = muffled(inside, "under `if false`") if always and text(condition) == "false" else inside
        kept, self.found = self.found, []
        for part, within in ((body, inside), (other, conditional(around, f"unless {words(condition, 80)}"))):
            if part is not None and not (self._fails(part) and part.type == "block"):
                self.visit(part, within, depth + 1)
        parts, self.found = self.found, kept
        if (
            other is not None
            and before == len(self.found)
            and {c.when for c in parts} == {inside.when, f"unless {words(condition, 80)}"}
        ):
            parts = [msgspec.structs.replace(check, when=around.when) for check in parts]
        self.found += parts

    def _call(self, node: Node, around: Block) -> bool:
        """Take in a call that asserts; whether it was one that holds nothing else."""
        function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or given is None:
            return False
        base, _, name = text(function).rpartition(".")
        arguments = [each for each in given.named_children if each.type != "comment"]
        root = base.split(".")[0].split("(")[0]
        while arguments and text(arguments[0]) in self._receivers | {"t", "tb", "b", "c"}:
            arguments = arguments[1:]
        if name in FAILS and base in self._receivers:
            self._add("", "other", "fails", words(node), node, around)
        elif name.removesuffix("f") in TESTIFY and self._asserts(root, base):
            self._testify(name.removesuffix("f"), arguments, node, around)
        elif (name in ("To", "Should", "NotTo", "ToNot", "ShouldNot") and "Expect(" in base) or base.startswith("Ω("):
            self._gomega(name, function, arguments, node, around)
        elif name in ("Assert", "Check") and len(arguments) > 1 and root in ("qt", "c", "td"):
            value = ", ".join(self._names.key(each) for each in arguments[2:])
            op: Op = "==" if text(arguments[1]).rpartition(".")[2] in ("Equals", "DeepEquals", "IsNil") else "own"
            self._add(self._names.key(arguments[0]), op, f"{text(arguments[1])} {value}", words(node), node, around)
        elif OWN.fullmatch(name) and not base.startswith(("strings", "regexp")):
            key, said = self._names.key(node), words(node)
            self.found.append(_made(Check(said, "own", "", said, line(node), key, key, self._names.shape(node),
                                          through=name), around))  # fmt: skip
            return False
        else:
            return False
        return not any(each.type == "func_literal" for each in arguments)

    def _asserts(self, root: str, base: str) -> bool:
        return root in ASSERTERS or base.endswith((".Require()", ".Assert()", "require", "assert")) or (
            base in self._receivers and base not in ("t", "b", "tb")
        )  # fmt: skip

    def _testify(self, name: str, arguments: list[Node], node: Node, around: Block) -> None:
        said, op = words(node), TESTIFY[name]
        if not arguments:
            self._add("", "other", name, said, node, around)
            return
        first, second = arguments[0], arguments[1] if len(arguments) > 1 else None
        if op == "true" and name in ("True", "False"):
            self.condition(first, said, node, around, negated=name == "False")
        elif op in ("something", "other", "true") or second is None or name in ("Nil", "NoError", "Empty", "Zero"):
            self._add(self._names.key(first), op, name, said, node, around, first)
        else:
            if name in EXPECTED_FIRST:
                first, second = second, first
            tolerance = literal(text(arguments[2])) if op == "~" and len(arguments) > 2 else 0.0
            near = float(tolerance) if isinstance(tolerance, int | float) else 0.0
            self._compared(op, first, second, said, node, around, near, name)

    def _gomega(self, name: str, function: Node, arguments: list[Node], node: Node, around: Block) -> None:
        subject = function.child_by_field_name("operand")
        matcher = arguments[0] if arguments else node
        called = text(matcher.child_by_field_name("function")).rpartition(".")[2]
        op: Op = GOMEGA.get(called, "own")
        negated = "Not" in name
        op = "something" if negated and called in ("BeNil", "HaveOccurred", "BeEmpty") else "!=" if negated else op
        self._add(self._names.key(subject), op, self._names.key(matcher), words(node), node, around, subject)

    def condition(self, node: Node, said: str, at: Node, around: Block, *, negated: bool = False) -> None:
        """The checks that a condition comes to; `negated` when the test fails where it holds."""
        while node.type == "parenthesized_expression" and node.named_children:
            node = node.named_children[0]
        operator = text(node.child_by_field_name("operator"))
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if text(node) in ("true", "false"):
            fails = (text(node) == "true") == negated
            self._add("", "other" if fails else "empty", text(node), said, at, around)
        elif node.type == "unary_expression" and operator == "!":
            self.condition(node.named_children[-1], said, at, around, negated=not negated)
        elif node.type == "binary_expression" and left and right and operator == ("||" if negated else "&&"):
            self.condition(left, said, at, around, negated=negated)
            self.condition(right, said, at, around, negated=negated)
        elif node.type == "binary_expression" and left and right and operator in ("||", "&&"):
            never = ("false" if negated else "true") in (text(left), text(right))
            self._add(self._names.key(left), "empty" if never else "other", self._names.key(right), said, at, around)
        elif node.type == "binary_expression" and left and right and operator in OPERATORS:
            op = OPERATORS[operator]
            self._compared(OPPOSITE[op] if negated else op, left, right, said, at, around)
        elif node.type == "call_expression" and not negated:
            self._asked(node, said, at, around)
        else:
            self._add(self._names.key(node), "true", "not" * negated, said, at, around, node)

    def _asked(self, node: Node, said: str, at: Node, around: Block) -> None:
        name, given = text(node.child_by_field_name("function")), node.child_by_field_name("arguments")
        arguments = given.named_children if given is not None else []
        if len(arguments) > 1 and (SAME.fullmatch(name) or HAS.fullmatch(name)):
            self._compared("==" if SAME.fullmatch(name) else "has", arguments[0], arguments[1], said, at, around)
        else:
            self._add(self._names.key(node), "true", "", said, at, around, node)

    def _compared(
        self, op: Op, left: Node, right: Node, said: str, at: Node, around: Block, tolerance: float = 0.0,
        name: str = "",
    ) -> None:  # fmt: skip
        if left.type in LITERALS and right.type not in LITERALS:
            left, right, op = right, left, FLIPPED.get(op, op)
        one, other = self._names.key(left), self._names.key(right)
        if op == "!=" and other == "nil":
            op = "something"
        elif one == other and op in ("==", ">=", "<="):
            op = "empty" if "(" not in one else "true"
        elif op == ">=" and one.startswith("len (") and other == "0":
            op = "empty"
        shape = f"{self._names.shape(left)} {op} {self._names.shape(right)}"
        key = f"{one} {op} {other}{f' within {tolerance:g}' if tolerance else ''}"
        self.found.append(
            _made(Check(text(left), op, other, said, line(at), one, key, shape, tolerance=tolerance), around)
        )

    def _add(
        self, about: str, op: Op, value: str, said: str, at: Node, around: Block, subject: Node | None = None
    ) -> None:
        shape = f"{self._names.shape(subject) if subject is not None else about} {op} {value}"
        self.found.append(_made(Check(about, op, value, said, line(at), about, f"{about} {op} {value}", shape), around))


def _made(check: Check, around: Block) -> Check:
    plain = not around.muffled and not around.when
    return check if plain else msgspec.structs.replace(check, muffled=around.muffled, when=around.when)
