"""Takes out, one at a time, every place where phasegate says no, and asks whether a test notices.

    python reliability/mutants.py                    all of them
    python reliability/mutants.py --file gates/covered.py
    python reliability/mutants.py --record           keep what came of them below results/

A *refusal* is a verdict that fails or cannot tell, an objection to a call, a failure that is raised. Its mutant lets
through: the verdict passes, nobody objects, nothing is raised. The tests that ran the line are run again on it; one of
them has to fail. A refusal that no test reaches survives.
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "src" / "phasegate"
RESULTS: Final = Path(__file__).parent / "results" / "mutants.json"
WHERE: Final = ("gates/*.py", "rules/*.py", "policy/*.py", "attestation/*.py", "entrypoints/verifying*.py")
"""The rooms that refuse, and what judges a clean checkout."""
TESTS: Final = ("tests/gates", "tests/rules", "tests/policy", "tests/attestation", "tests/engine", "tests/evidence")
MOST_TESTS: Final = 60
SECONDS: Final = 300.0
VERDICTS: Final = frozenset({"failed", "unknown"})
PASSES: Final = 'passed("a mutant lets it through")'


class Mutant(msgspec.Struct, frozen=True):
    """A refusal: the file relative to the package, the lines from 1, and what stands there instead."""

    path: str
    first: int
    last: int
    was: str
    instead: str

    @property
    def name(self) -> str:
        return f"{self.path}:{self.first}"


class Came(msgspec.Struct, frozen=True):
    """What came of a mutant: killed by a test, or alive; `tests` ran its line."""

    name: str
    was: str
    killed: bool
    tests: int


# --- refusals ---------------------------------------------------------------------------------------------------------


def mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every refusal of a file, let through."""
    tree = ast.parse(text)
    objecting = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and _objects(each)}
    for statement in (each for each in ast.walk(tree) if isinstance(each, ast.stmt)):
        instead = _instead(statement, objecting | {"Objection"})
        if instead:
            was = (ast.get_source_segment(text, statement) or "").split("\n")[0]
            yield Mutant(path, statement.lineno, statement.end_lineno or statement.lineno, was, instead)


def _objects(function: ast.FunctionDef) -> bool:
    return function.returns is not None and ast.unparse(function.returns) == "Objection"


def _instead(statement: ast.stmt, objecting: set[str]) -> str:
    """What a refusal becomes; nothing where the statement is none."""
    match statement:
        case ast.Raise(exc=ast.Call()):
            return "pass"
        case ast.Return(value=ast.Call(func=ast.Name(id=name))) if name in VERDICTS:
            return f"return {PASSES}"
        case ast.Return(value=ast.Call(func=ast.Name(id=name))) if name in objecting:
            return "return None"
        case ast.Return(value=ast.IfExp() as choice) if _refuses(choice):
            return f"return {PASSES}"
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="append"), args=[ast.Call(func=ast.Name(id=name))])) if (
            name in objecting
        ):
            return "pass"
        case _:
            return ""


def _refuses(choice: ast.IfExp) -> bool:
    arms = (choice.body, choice.orelse)
    return any(isinstance(arm, ast.Call) and getattr(arm.func, "id", "") in VERDICTS for arm in arms)


def mutated(text: str, mutant: Mutant) -> str:
    """The text with the refusal taken out, and every other line where it was."""
    lines = text.split("\n")
    at = mutant.first - 1
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    before = lines[at][: _column(text, mutant)]
    lines[at : mutant.last] = [
        (before if before.strip() else indent) + mutant.instead,
        *[""] * (mutant.last - mutant.first),
    ]
    return "\n".join(_importing(lines, mutant))


def _column(text: str, mutant: Mutant) -> int:
    """Where the statement begins in its line, in characters: it may stand behind `case _:`."""
    statements = (each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.stmt))
    found = next(each for each in statements if each.lineno == mutant.first and each.end_lineno == mutant.last)
    return len(text.split("\n")[mutant.first - 1].encode()[: found.col_offset].decode())


def _importing(lines: list[str], mutant: Mutant) -> list[str]:
    """The verdict `passed` may not be known in the file: then the line that lets through brings it along."""
    if PASSES not in mutant.instead:
        return lines
    at = mutant.first - 1
    lines[at] = lines[at].replace("return passed(", "from phasegate.gates.interface import passed; return passed(")
    return lines


# --- tests ------------------------------------------------------------------------------------------------------------


def reached(copy: Path, tests: Sequence[str]) -> dict[tuple[str, int], list[str]]:
    """Which tests run which lines of a copy of the package, by one run of all of them."""
    data = os.path.join(copy, "coverage")
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=phasegate", "--cov-context=test", "--cov-report=")
    ran = subprocess.run(
        (sys.executable, *words, "-n", "0", *[each for each in tests if (ROOT / each).exists()]),
        cwd=ROOT, env=os.environ | {"COVERAGE_FILE": data, "COVERAGE_CORE": "ctrace", "PYTHONPATH": str(copy)},
        capture_output=True, text=True,
    )  # fmt: skip
    if ran.returncode:
        sys.exit(f"the tests are not green by themselves:\n{ran.stdout[-2000:]}")
    return _lines(data, copy / "phasegate")


def _lines(data: str, package: Path) -> dict[tuple[str, int], list[str]]:
    from coverage.numbits import numbits_to_nums

    found: dict[tuple[str, int], list[str]] = {}
    with sqlite3.connect(data) as db:
        rows = db.execute(
            "select file.path, context.context, numbits from line_bits join file on file.id = file_id "
            "join context on context.id = context_id where context.context like '%|run'"
        )
        for path, context, bits in rows:
            inner = os.path.relpath(path, package)
            for number in numbits_to_nums(bits):
                found.setdefault((inner, number), []).append(context.removesuffix("|run"))
    return found


def tried(mutant: Mutant, tests: Sequence[str], copy: Path) -> Came:
    """Run the tests that reach the refusal on a copy of the package without it."""
    if not tests:
        return Came(mutant.name, mutant.was, killed=False, tests=0)
    file = copy / "phasegate" / mutant.path
    whole = file.read_text(encoding="utf-8")
    file.write_text(mutated(whole, mutant), encoding="utf-8")
    try:
        words = ("-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests[:MOST_TESTS])
        ran = subprocess.run(
            (sys.executable, "-B", *words), cwd=ROOT, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True,
            timeout=SECONDS,
        )  # fmt: skip
        killed = ran.returncode != 0
    except subprocess.TimeoutExpired:
        killed = True
    finally:
        file.write_text(whole, encoding="utf-8")
    return Came(mutant.name, mutant.was, killed, len(tests))


def main() -> int:
    """0 when no refusal can be taken out without a test that fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--file", action="append", default=[], help="only this file, relative to the package")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="so many at a time")
    parser.add_argument("--list", action="store_true", help="list the refusals and take out none")
    parser.add_argument("--record", action="store_true", help="keep what came of them below results/")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [Path(os.path.realpath(folder)) / str(number) for number in range(asked.jobs)]
        for copy in copies:  # whoever goes on working on the sources changes nothing here
            shutil.copytree(SOURCE, copy / "phasegate", ignore=shutil.ignore_patterns("__pycache__"))
        found = list(_refusals(copies[0] / "phasegate", asked.file))
        if asked.list:
            print("\n".join(f"{each.name:48} {each.was}" for each in found))
            return 0
        came = list(_all(found, copies))
    alive = [each for each in came if not each.killed]
    if asked.record:
        _keep(came)
    print(f"{len(came) - len(alive)} of {len(came)} refusals cannot be taken out without a test that fails")
    return int(bool(alive))


def _refusals(package: Path, chosen: Sequence[str]) -> Iterator[Mutant]:
    for path in (str(each.relative_to(package)) for pattern in WHERE for each in sorted(package.glob(pattern))):
        if not chosen or path in chosen:
            yield from mutants(path, (package / path).read_text(encoding="utf-8"))


def _all(found: list[Mutant], copies: list[Path]) -> Iterator[Came]:
    by_line = reached(copies[0], TESTS)

    def share(number: int) -> list[Came]:
        return [_told(tried(each, _tests_of(each, by_line), copies[number])) for each in found[number :: len(copies)]]

    with ThreadPoolExecutor(len(copies)) as pool:
        for done in pool.map(share, range(len(copies))):
            yield from done


def _tests_of(mutant: Mutant, by_line: dict[tuple[str, int], list[str]]) -> list[str]:
    lines = range(mutant.first, mutant.last + 1)
    return list(dict.fromkeys(test for line in lines for test in by_line.get((mutant.path, line), [])))


def _told(came: Came) -> Came:
    if not came.killed:
        print(f"ALIVE {came.name} ({came.tests} tests): {came.was}", flush=True)
    return came


def _keep(came: list[Came]) -> None:
    told: dict[str, Any] = {
        "what": "refusals taken out one at a time, and whether a test noticed",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "refusals": len(came),
        "killed": sum(each.killed for each in came),
        "alive": [each for each in came if not each.killed],
    }
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
