"""Makes small changes to a Python file that a test should notice: a comparison turned, a branch taken out."""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
import warnings
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby

from msgspec import Struct

_FILE_BYTES = 1 << 20
_TURNED: dict[type[ast.AST], tuple[str, tuple[str, ...]]] = {
    ast.Eq: (r"==", ("!=",)), ast.NotEq: (r"!=", ("==",)), ast.Is: (r"\bis\b", ("is not",)),
    ast.IsNot: (r"\bis\s+not\b", ("is",)), ast.In: (r"\bin\b", ("not in",)), ast.NotIn: (r"\bnot\s+in\b", ("in",)),
    ast.Lt: (r"<", (">=", "<=")), ast.LtE: (r"<=", (">", "<")), ast.Gt: (r">", ("<=", ">=")),
    ast.GtE: (r">=", ("<", ">")), ast.And: (r"\band\b", ("or",)), ast.Or: (r"\bor\b", ("and",)),
    ast.Add: (r"\+", ("-",)), ast.Sub: (r"-", ("+",)), ast.Mult: (r"\*", ("//",)), ast.Div: (r"/", ("*",)),
    ast.FloorDiv: (r"//", ("*",)),
}  # fmt: skip
"""How an operator is written, and what stands in its place."""
_LEFT_ALONE = (ast.Assert, ast.Raise, ast.Import, ast.ImportFrom, ast.ClassDef, ast.Global, ast.Nonlocal, ast.Delete)
_NEVER_IN_TESTS = frozenset({"__name__", "TYPE_CHECKING"})


class Mutant(Struct, frozen=True):
    """One change: `was`, from byte `start` to `end`, becomes `now`; line and column count from 1."""

    kind: str
    line: int
    column: int
    start: int
    end: int
    was: str
    now: str

    @property
    def said(self) -> str:
        """The change in words."""
        was = " ".join(self.was.split())
        return f"`{was[:60]}` became `{self.now}`" if self.now else f"`{was}` was taken out"

    def of(self, text: bytes) -> bytes:
        """The whole file with this change."""
        return text[: self.start] + self.now.encode() + text[self.end :]


def mutants(text: bytes, lines: Collection[int], ran: Collection[int]) -> tuple[Mutant, ...]:
    """The changes to make in those of `lines` whose statement `ran`; none in a file that cannot be read."""
    try:
        if len(text) > _FILE_BYTES or tokenize.detect_encoding(io.BytesIO(text).readline)[0] != "utf-8":
            return ()
        tree = _parsed(text)
        found = [each for statement in _statements(tree) for each in _Statement(text, statement).mutants(lines, ran)]
        return tuple(each for each in found if _compiles(each.of(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def in_turn(found: Iterable[tuple[str, Mutant]], seed: str) -> list[tuple[str, Mutant]]:
    """Mutants by path in the order in which a seed tries them: one of every line first, then the second of each."""

    def drawn(each: tuple[str, Mutant]) -> bytes:
        path, it = each
        return hashlib.sha256(f"{seed}\0{path}\0{it.line}\0{it.column}\0{it.kind}\0{it.now}".encode()).digest()

    by_line = sorted(found, key=lambda each: (each[0], each[1].line, drawn(each)))
    ranked = [
        (rank, each)
        for _, group in groupby(by_line, key=lambda each: (each[0], each[1].line))
        for rank, each in enumerate(group)
    ]
    return [each for _, each in sorted(ranked, key=lambda one: (one[0], drawn(one[1])))]


def _parsed(text: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _compiles(text: bytes) -> bool:
    try:
        _parsed(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.stmt) and not isinstance(node, _LEFT_ALONE))


class _Statement:
    """One statement, without those inside it."""

    def __init__(self, text: bytes, node: ast.stmt) -> None:
        self._text, self._node = text, node
        self._starts = [0, *(found.end() for found in re.finditer(rb"\r\n|\r|\n", text))]

    def mutants(self, lines: Collection[int], ran: Collection[int]) -> Iterator[Mutant]:
        own = list(self._expressions())
        last = max([self._node.lineno, *(node.end_lineno or 0 for node in own)])
        if any(line in ran for line in range(self._node.lineno, last + 1)):
            yield from (each for each in self._all(own) if each.line in lines)

    def _expressions(self) -> Iterator[ast.expr]:
        """What the statement works out, at any depth; what stands in an f-string has no sure place in the file."""
        waiting = list(self._parts())
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.expr):
                yield node
            if not isinstance(node, ast.JoinedStr):
                waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]

    def _parts(self) -> Iterator[ast.AST]:
        node = self._node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from filter(None, (*node.args.defaults, *node.args.kw_defaults))
        elif isinstance(node, ast.AnnAssign):
            yield from filter(None, (node.value,))
        elif not self._is_left_alone():
            kinds = (ast.expr, ast.keyword, ast.withitem)
            yield from (child for child in ast.iter_child_nodes(node) if isinstance(child, kinds))

    def _is_left_alone(self) -> bool:
        test = getattr(self._node, "test", None)
        names = (
            {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(test)} if test is not None else set()
        )
        return bool(names & _NEVER_IN_TESTS)

    def _all(self, own: list[ast.expr]) -> Iterator[Mutant]:
        node = self._node
        if isinstance(node, ast.If | ast.While) and own:
            yield from self._instead("branch taken out", node.test, "False")
        if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            yield from self._instead("returns None", node.value, "None")
        for each in own:
            yield from self._of(each)

    def _of(self, node: ast.expr) -> Iterator[Mutant]:
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                yield from self._operator("comparison turned", op, left, right)
            case ast.BoolOp(op=op, values=[left, right, *_]):
                yield from self._operator("condition turned", op, left, right)
            case ast.BinOp(left=left, op=op, right=right) if not (_is_text(left) or _is_text(right)):
                yield from self._operator("arithmetic turned", op, left, right)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                start, end = self._at(node.lineno, node.col_offset), self._at(operand.lineno, operand.col_offset)
                yield from self._between("condition turned", start, end, r"\bnot\b", ("",), node.lineno)
            case ast.IfExp(test=test):
                yield from self._instead("branch taken out", test, "False")
            case ast.Constant(value=bool(value)):
                yield from self._instead("constant moved", node, str(not value))
            case ast.Constant(value=int(value) | float(value)):
                yield from self._instead("constant moved", node, repr(value + 1))

    def _operator(self, kind: str, op: ast.AST, left: ast.expr, right: ast.expr) -> Iterator[Mutant]:
        written, others = _TURNED.get(type(op), ("", ()))
        start = self._at(left.end_lineno or left.lineno, left.end_col_offset or 0)
        yield from self._between(kind, start, self._at(right.lineno, right.col_offset), written, others, left.lineno)

    def _between(
        self, kind: str, start: int, end: int, written: str, others: tuple[str, ...], line: int
    ) -> Iterator[Mutant]:
        """An operator is all that stands between its operands, beside brackets and space."""
        between = self._text[start:end]
        found = re.search(written.encode(), between)
        if found is not None and b"#" not in between:
            for other in others:
                yield self._made(kind, start + found.start(), start + found.end(), other)

    def _instead(self, kind: str, node: ast.expr, now: str) -> Iterator[Mutant]:
        start = self._at(node.lineno, node.col_offset)
        end = self._at(node.end_lineno or node.lineno, node.end_col_offset or 0)
        yield self._made(kind, start, end, now)

    def _made(self, kind: str, start: int, end: int, now: str) -> Mutant:
        line = max(number for number, at in enumerate(self._starts, 1) if at <= start)
        return Mutant(kind, line, start - self._starts[line - 1] + 1, start, end, self._text[start:end].decode(), now)

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
