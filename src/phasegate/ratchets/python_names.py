"""What the names of a Python test stand for, so that renaming them, or giving a value a name, changes no check."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef

DEEPEST = 4
LONGEST = 2000
MOST = 4000
"""Nodes of an expression after which names are no longer replaced by what they stand for."""
CASE = "‹case›"
LOCAL = "‹local›"


class Names:
    """The names bound in one function, with the literals of its module: what each stands for where it is bound once."""

    def __init__(
        self, body: Iterable[ast.stmt], cases: Iterable[str] = (), module: Mapping[str, ast.expr] = {}
    ) -> None:
        self._bound: dict[str, ast.expr | None] = dict(module)
        own: set[str] = set()
        for name, value in _bindings(body):
            self._bound[name] = None if name in own else value
            own.add(name)
        self._cases = frozenset(cases)
        self._left = 0

    def key(self, node: ast.expr) -> str:
        """`node` as text with its names resolved."""
        self._left = MOST
        return _text(self._resolved(node, DEEPEST, literals=True))

    def shape(self, node: ast.expr) -> str:
        """The same without literals."""
        self._left = MOST
        return _text(self._resolved(node, DEEPEST, literals=False))

    def value(self, node: ast.expr) -> ast.expr:
        """What a name stands for, when that is known; else the node itself."""
        found = self._bound.get(node.id) if isinstance(node, ast.Name) else None
        return found if found is not None else node

    def _resolved(self, node: ast.AST, depth: int, *, literals: bool) -> ast.AST:
        self._left -= 1
        if isinstance(node, ast.Name):
            return self._name(node, depth, literals=literals)
        if isinstance(node, ast.Constant):
            return node if literals else ast.Name("‹literal›")
        if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant) and not literals:
            return ast.Name("‹literal›")
        if isinstance(node, ast.JoinedStr):  # written back, its quotes could clash with those of what is put in
            parts = [each.value if isinstance(each, ast.FormattedValue) else each for each in node.values]
            return ast.Call(ast.Name("format"), self._field(parts, depth, literals), [])  # type: ignore[arg-type]
        return type(node)(**{name: self._field(value, depth, literals) for name, value in ast.iter_fields(node)})

    def _field(self, value: object, depth: int, literals: bool) -> object:
        if isinstance(value, ast.AST):
            return self._resolved(value, depth, literals=literals)
        return [self._field(each, depth, literals) for each in value] if isinstance(value, list) else value

    def _name(self, node: ast.Name, depth: int, *, literals: bool) -> ast.AST:
        if node.id in self._cases:
            return ast.Name("‹literal›" if not literals else CASE)
        if node.id not in self._bound:
            return node
        value = self._bound[node.id]
        if value is None or depth == 0 or self._left < 0:
            return ast.Name(LOCAL)
        return self._resolved(value, depth - 1, literals=literals)


def _bindings(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.expr | None]]:
    """Every name that statements bind, with its value where it is simply that."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, node.value
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and isinstance(node.target, ast.Name):
                yield node.target.id, node.value
            elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension | ast.AugAssign):
                yield from ((name, None) for name in stored(node.target))
            elif isinstance(node, ast.Assign):
                yield from ((name, None) for target in node.targets for name in stored(target))
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                yield from ((name, None) for name in stored(node.optional_vars))
            elif isinstance(node, ast.ExceptHandler) and node.name:
                yield node.name, None
            elif isinstance(node, ast.Lambda):
                yield from ((each.arg, None) for each in node.args.args)


def stored(target: ast.expr) -> Iterator[str]:
    """The names that assigning to `target` binds."""
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def _text(node: ast.AST) -> str:
    return ast.unparse(node)[:LONGEST]


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a name or attribute; what stands before a call or an index is left out: `self().x` is `x`."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))
