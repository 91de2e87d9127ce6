"""Where phasegate says no, and what would stand there if it did not.

A *refusal* is a verdict that fails or cannot tell, an objection to a call, a weakening that is told, words against
something, a failure that is raised. Its mutant lets through. A *condition* decides between them: its mutant asks
something else, `or` for `and`, `<` for `<=`, the thing itself for its opposite.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

import msgspec

REFUSALS: Final = (
    "gates/*.py", "rules/*.py", "policy/*.py", "ratchets/*.py", "attestation/*.py", "evidence/levels.py",
    "engine/callers.py", "engine/custody.py", "entrypoints/verifying.py", "collectors/private/*.py",
)  # fmt: skip
CONDITIONS: Final = (
    "gates/*.py", "rules/approving.py", "rules/conditions.py", "rules/deciding.py", "rules/owners.py",
    "policy/bounds.py", "policy/custody.py", "policy/edits.py", "attestation/anchors.py", "attestation/approvals.py",
    "attestation/checking.py", "attestation/closures.py", "attestation/envelope.py", "attestation/keys.py",
    "evidence/levels.py", "engine/callers.py", "engine/custody.py", "entrypoints/verifying.py",
)  # fmt: skip
"""Files in which every condition is turned too, not only what it leads to."""

PASSED: Final = '__import__("phasegate.gates.interface").gates.interface.passed("a mutant lets it through")'
SILENT: Final = '__import__("phasegate.policy.calls").policy.calls.Silent()'
MILD: Final = {
    "failed": PASSED, "unknown": PASSED, "Hollow": "None", "Objection": "None", "Refuse": SILENT, "PolicyFault": "None",
}  # fmt: skip
"""What a call of that name becomes."""
SHUT: Final = frozenset({"fail", "failed", "unknown"})
TURNED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


class Mutant(msgspec.Struct, frozen=True):
    """One place: the file relative to the package, its characters from `begin` to `end`, and what stands there instead.

    `within` is the function; `was` the first line of what is taken out.
    """

    path: str
    line: int
    last: int
    begin: int
    end: int
    within: str
    was: str
    instead: str

    @property
    def name(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What stays the same while lines move."""
        return (self.path, self.within, self.was, self.instead)


def mutants(path: str, text: str, *, conditions: bool) -> list[Mutant]:
    """Every refusal of a file let through and, where asked for, every condition turned; no place twice."""
    found = _Places(path, text, conditions=conditions).all()
    return list({(each.begin, each.end, each.instead): each for each in found}.values())


def mutated(text: str, mutant: Mutant) -> str:
    """The text with the mutant in it, and every other line where it was."""
    was = text[mutant.begin : mutant.end]
    return text[: mutant.begin] + mutant.instead + "\n" * was.count("\n") + text[mutant.end :]


class _Places:
    def __init__(self, path: str, text: str, *, conditions: bool) -> None:
        self._path, self._text, self._conditions = path, text, conditions
        self._tree = ast.parse(text)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        functions = [each for each in ast.walk(self._tree) if isinstance(each, ast.FunctionDef)]
        objecting = {each.name: "None" for each in functions if _returns(each) == "Objection"}
        self._mild = MILD | objecting

    def all(self) -> Iterator[Mutant]:
        for function, name in _functions(self._tree, ""):
            for node in _own(function):
                instead = self._refusal(node, function) if isinstance(node, ast.stmt) else ""
                if not instead and self._conditions and isinstance(node, ast.expr):
                    instead = _turned(node)
                if instead:
                    yield self._mutant(node, name, instead)

    def _mutant(self, node: ast.stmt | ast.expr, within: str, instead: str) -> Mutant:
        begin, end = self._at(node.lineno, node.col_offset), self._at(node.end_lineno or 0, node.end_col_offset or 0)
        was = self._text[begin:end].split("\n")[0]
        return Mutant(self._path, node.lineno, node.end_lineno or 0, begin, end, within, was, instead)

    def _at(self, line: int, column: int) -> int:
        """A place in characters, of one that syntax trees give in bytes."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def _refusal(self, statement: ast.stmt, function: ast.FunctionDef) -> str:
        """What a refusal becomes; "" where the statement is none."""
        match statement:
            case ast.Raise(exc=ast.Call() | ast.Name()):
                return "pass"
            case ast.Return(value=ast.expr() as value):
                mild = self._milder(value) or _wordless(value, function)
                return f"return {mild}" if mild else ""
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="append"), args=[ast.Call() as told])):
                return "pass" if self._milder(told) else ""
            case ast.Expr(value=ast.Yield() | ast.YieldFrom()) if _yields_refusals(self._path):
                return "yield from ()"
            case _:
                return ""

    def _milder(self, value: ast.expr) -> str:
        """What lets through in the place of a value that refuses; "" where it refuses nothing."""
        match value:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in self._mild:
                return self._mild[name]
            case ast.Call(func=ast.Name(id="Verdict"), args=[_, ast.Constant(value=says), *_]) if says in SHUT:
                return PASSED
            case ast.Tuple(elts=[ast.Constant(value=says), *_]) if says in SHUT:
                return '("pass", ())'
            case ast.IfExp():
                return self._milder(value.body) or self._milder(value.orelse)
            case _:
                return ""


def _wordless(value: ast.expr, function: ast.FunctionDef) -> str:
    """`""` in the place of words against something, in a function where that means that there are none."""
    if _returns(function) != "str" or (isinstance(value, ast.Constant) and value.value == ""):
        return ""
    values = [each.value for each in _own(function) if isinstance(each, ast.Return)]
    arms = [arm for each in values for arm in ((each.body, each.orelse) if isinstance(each, ast.IfExp) else (each,))]
    says_nothing = any(isinstance(arm, ast.Constant) and arm.value == "" for arm in arms)
    return '""' if says_nothing else ""


def _yields_refusals(path: str) -> bool:
    return path.startswith("ratchets/") or path in ("attestation/closures.py", "policy/custody.py")


def _turned(node: ast.expr) -> str:
    """A condition that asks something else; "" where the expression is none."""
    match node:
        case ast.BoolOp(op=op, values=values):
            other: ast.expr = ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.Compare(left=left, ops=[one], comparators=[right]):
            other = ast.Compare(left, [TURNED[type(one)]()], [right])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            other = operand
        case ast.Call(func=ast.Name(id="any" | "all" as name), args=arguments):
            other = ast.Call(ast.Name("all" if name == "any" else "any"), arguments, [])
        case _:
            return ""
    return f"({ast.unparse(other)})"


def _returns(function: ast.FunctionDef) -> str:
    return ast.unparse(function.returns) if function.returns is not None else ""


def _functions(node: ast.AST, outside: str) -> Iterator[tuple[ast.FunctionDef, str]]:
    """Every function with its dotted name, from the outside in."""
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.ClassDef)
        name = f"{outside}.{child.name}".lstrip(".") if isinstance(child, ast.FunctionDef | ast.ClassDef) else outside
        if isinstance(child, ast.FunctionDef):
            yield child, name
        yield from _functions(child, name if named else outside)


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """What a function does itself: not what it is annotated with, what functions within it do, or how it is worded."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        inner = [
            child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.FunctionDef | ast.JoinedStr)
        ]
        waiting += [child for child in inner if not (isinstance(node, ast.AnnAssign) and child is node.annotation)]
