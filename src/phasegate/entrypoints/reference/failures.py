"""`errors.md`: every failure we expect: its code, its cause, how a command ends on it, and the remedies it names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from phasegate.entrypoints.reference.markdown import doc, page
from phasegate.errors import Failure

INTRODUCTION = """A failure that phasegate expects has a code, says what happened and names the next thing to do; with
`--json` it is one JSON value with `error`, `message`, `hint` and `exit`. Anything else is a bug of ours: exit code 3,
and the trace lies in the log folder. The numbers are explained in [exit codes](exit-codes.md). In the remedies `…`
stands for what is filled in on the spot."""


def subclasses(kind: type[Failure] = Failure) -> Iterator[type[Failure]]:
    """Every failure that phasegate itself defines and that has been imported."""
    for below in kind.__subclasses__():
        if below.__module__.split(".")[0] == "phasegate":
            yield below
        yield from subclasses(below)


def failures(kinds: Iterable[type[Failure]], sources: Mapping[str, str]) -> str:
    """The page; `sources` are the texts of the modules that may raise them, by module name."""
    remedies = _remedies(sources.values())
    entries = sorted(set(kinds), key=lambda kind: (kind.code, kind.__module__, kind.__name__))
    return page("Errors", INTRODUCTION, *(_entry(kind, remedies.get(kind.__name__, {})) for kind in entries))


def _entry(kind: type[Failure], remedies: Iterable[str]) -> str:
    named = [" ".join(remedy.split()) for remedy in remedies]
    about = f"{doc(kind)} Exit code {int(kind.exit_code)}."
    then = f" **Then:** {' *Or:* '.join(named)}" if named else ""
    return f"## {kind.code}\n\n{about}{then}"


def _remedies(sources: Iterable[str]) -> dict[str, dict[str, None]]:
    """The hints given with each failure, by the name of its class, each once and in order."""
    found: dict[str, dict[str, None]] = {}
    for source in (each for each in sources if "hint=" in each):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and (hint := _hint(node)):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                found.setdefault(name, {})[hint] = None
    return found


def _hint(call: ast.Call) -> str:
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "hint"), None)
    text = _text(given).strip() if given is not None else ""
    return text if text.strip("… ") else ""


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.BinOp(left=left, right=right):
            return _text(left) + _text(right)
    return "…"
