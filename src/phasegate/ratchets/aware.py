"""Product code that newly asks whether a test is running, or lies in a test: it is not judged like what others get."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from phasegate.ratchets.grammar import below, line, parsed, text, words
from phasegate.ratchets.languages import could_hold_tests
from phasegate.ratchets.python_names import dotted
from phasegate.ratchets.suites import Unreadable
from phasegate.ratchets.weakening import Change, Kind, Weakening
from phasegate.syntax import Grammar

if TYPE_CHECKING:
    from tree_sitter import Node

Asked = tuple[Kind, str, int]
"""What it is, the words by which it is asked, and their line."""
ASKS: Kind = "product-asks"
USES: Kind = "product-in-tests"
WORDS = {ASKS: "it asks whether it is tested", USES: "it needs what counts as a test, whose lines no coverage counts"}

VARIABLES = re.compile(
    r"PYTEST_(?:CURRENT_TEST|VERSION|XDIST_\w+|ADDOPTS|PLUGINS)|JEST_WORKER_ID|VITEST(?:_\w+)?|NODE_TEST_CONTEXT|MOCHA_\w+"
    r"|PHASEGATE_\w+|__vitest_\w+__|__coverage__"
)
"""What runners, and phasegate, set where tests run."""
RUNNERS = re.compile(r"(?:.*[/\\.])?_?(?:pytest|py\.test|unittest|hypothesis|phasegate_\w+)(?:[/\\.].*)?")
ASKING = frozenset(
    "get getenv find_spec import_module __import__ startswith endswith search match fullmatch hasattr getattr pop "
    "count index find __contains__ __getitem__ any all filter".split()
)
GLOBALS = frozenset(("jest", "describe", "vi", "expect", "mocha", "suite", "beforeEach", "afterEach"))
"""What JavaScript's runners put where every module sees it."""
GO_FLAGS = re.compile(r"[\"`]-?(?:test\.\w*|\.test)[\"`]")
GRAMMARS: dict[str, Grammar] = {
    ".js": "js", ".mjs": "js", ".cjs": "js", ".jsx": "tsx", ".tsx": "tsx",
    ".ts": "ts", ".mts": "ts", ".cts": "ts", ".go": "go",
}  # fmt: skip
MAY_ASK = re.compile(
    rb"(?i)test|jest|mocha|phasegate|coverage|\bvi\b|\bexpect\b|\bdescribe\b|hypothesis|beforeEach|suite"
)
"""Without any of these a file does not ask, and is not parsed."""
CONFIGURES = re.compile(r"(?:^|/)(?:conftest\.py|(?:vite|vitest|jest|karma|babel|webpack)[\w.]*\.config\.\w+)$")


def concerns(path: str) -> bool:
    """Whether a file is of the product, in a language that is read."""
    return path.endswith((".py", *GRAMMARS)) and not could_hold_tests(path) and not CONFIGURES.search(path)


def asked(changes: Iterable[Change]) -> Iterator[Weakening]:
    """Each question of that kind which no changed file asked before, and each new need of a changed test file."""
    changes = list(changes)
    tests = [change.path for change in changes if change.after is not None and could_hold_tests(change.path)]
    ours = [change for change in changes if concerns(change.path)]
    known = Counter(each[:2] for change in ours for each in _questions(change.path, change.before))
    for change in ours:
        for kind, said, at in _questions(change.path, change.after):
            if known[kind, said]:
                known[kind, said] -= 1
            elif kind == ASKS or any(_is_of(said, path) for path in tests):
                yield Weakening(kind, change.path, at, "", "", f"{WORDS[kind]}: {said}")


def _is_of(module: str, path: str) -> bool:
    """Whether `module`, or what it is imported from, may be the file at `path`: the ends of both are the same."""
    stem = path.rpartition(".")[0].removesuffix("/__init__").removesuffix("/index")
    names = module.split("/") if "/" in module else module.split(".")
    wanted = [name for name in names if name.strip(".")]
    if "/" in module:
        wanted[-1] = re.sub(r"\.[cm]?[jt]sx?$", "", wanted[-1])
        return f"/{stem}".endswith("/" + "/".join(wanted))
    return any(f"/{stem}".endswith("/" + "/".join(some)) for some in (wanted, wanted[:-1]) if some)


def _questions(path: str, content: bytes | None) -> list[Asked]:
    if content is None or not MAY_ASK.search(content):
        return []
    try:
        if path.endswith(".py"):
            return list(_of_python(ast.parse(content)))
        grammar = next(grammar for ending, grammar in GRAMMARS.items() if path.endswith(ending))
        found = _of_go(parsed("go", content)) if grammar == "go" else _of_script(parsed(grammar, content))
        return list(found)
    except (SyntaxError, ValueError, RecursionError, MemoryError, Unreadable):
        return []  # what cannot be parsed cannot run either; a grammar that lags behind is told elsewhere


# --- Python -----------------------------------------------------------------------------------------------------------


def _of_python(tree: ast.AST) -> Iterator[Asked]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield from _texts((node.left, *node.comparators))
        elif isinstance(node, ast.Subscript):
            yield from _texts((node.slice,))
        elif isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ASKING:
            yield from _texts(node.args)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLES.fullmatch(node.value):
            yield ASKS, node.value, node.lineno
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imported(node)


def _texts(nodes: Iterable[ast.expr]) -> Iterator[Asked]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and RUNNERS.fullmatch(node.value):
            yield ASKS, node.value, node.lineno


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[Asked]:
    names = [name.name for name in node.names]
    modules = names if isinstance(node, ast.Import) else [f"{node.module or ''}.{name}" for name in names]
    for module in modules:
        if module.partition(".")[0] in ("pytest", "_pytest"):
            yield ASKS, f"import {module}", node.lineno
        else:
            yield USES, module, node.lineno


# --- JavaScript, TypeScript, Go ---------------------------------------------------------------------------------------


_EVERYWHERE = re.compile(r"(?:globalThis|global|window)\??\.(\w+)|import\.meta\??\.vitest")
_ENVIRONMENT = re.compile(r"NODE_ENV\W+=?==?\W+test\b|^\W*test\W+===?.*NODE_ENV")


def _of_script(root: Node) -> Iterator[Asked]:
    for node in below(root):
        said = text(node)
        if node.type in ("identifier", "property_identifier", "string_fragment") and VARIABLES.fullmatch(said):
            yield ASKS, said, line(node)
        elif node.type == "string_fragment" and said.startswith(("./", "../")):
            yield USES, said, line(node)
        elif node.type == "unary_expression" and said.startswith("typeof ") and said[7:].strip(" ()") in GLOBALS:
            yield ASKS, words(node), line(node)
        elif node.type == "member_expression" and _EVERYWHERE.fullmatch(said):
            if said.rpartition(".")[2] in (*GLOBALS, "vitest"):
                yield ASKS, words(node), line(node)
        elif node.type == "binary_expression" and _ENVIRONMENT.search(said):
            yield ASKS, words(node), line(node)


def _of_go(root: Node) -> Iterator[Asked]:
    for node in below(root):
        said = text(node)
        flag = node.type in ("interpreted_string_literal", "raw_string_literal") and GO_FLAGS.fullmatch(said)
        if flag or (node.type == "selector_expression" and said == "testing.Testing"):
            yield ASKS, said, line(node)
