"""Takes out, one at a time, every place where phasegate says no, and asks whether a test notices.

    python reliability/mutants.py                    all of them
    python reliability/mutants.py --file gates/covered.py
    python reliability/mutants.py --record           keep what came of them below results/

What is taken out is in `refusals.py`. The tests that ran the line are run again on it; one of them has to fail. A
refusal that no test reaches survives. The few without which nothing changes are in `reviewed.py`, each with its reason.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from forked import Serving
from refusals import CONDITIONS, REFUSALS, Mutant, mutants
from reviewed import EQUIVALENT

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "src" / "phasegate"
RESULTS: Final = Path(__file__).parent / "results" / "mutants.json"
TESTS: Final = (
    "tests/gates", "tests/rules", "tests/policy", "tests/ratchets", "tests/attestation", "tests/evidence",
    "tests/engine",
)  # fmt: skip
"""Where it is asked which test runs which line."""
DOORS: Final = {
    "entrypoints/verifying.py": ("tests/cli/test_verify.py",),
    "collectors/private/": ("tests/collectors/test_pytest_lies.py", "tests/collectors/test_pytest_frames.py"),
}
"""What is tested through processes of its own: all of these tests are run."""
MOST_TESTS: Final = 1200


class Came(msgspec.Struct, frozen=True):
    """What came of a mutant: "killed" by a test, "equivalent" (`why`), or "alive"; so many `tests` ran its line."""

    name: str
    within: str
    was: str
    instead: str
    what: str
    tests: int
    why: str = ""


def main() -> int:
    """0 when no refusal can be taken out without a test that fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--file", action="append", default=[], help="only files whose path begins so")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="so many at a time")
    parser.add_argument("--tests", action="append", metavar="PATH", help="ask only these which of them runs what")
    parser.add_argument("--reach", type=Path, metavar="FILE", help="keep there which test runs what, and use it again")
    parser.add_argument("--list", action="store_true", help="list the refusals and take out none")
    parser.add_argument("--record", action="store_true", help="keep what came of them below results/")
    parser.add_argument("--planted-bug", action="store_true", help="let no test see any of them; each must be told")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.pop("PYTEST_DISABLE_PLUGIN_AUTOLOAD", None)  # the tests need theirs, also below a test of this harness
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [Path(os.path.realpath(folder)) / str(number) for number in range(asked.jobs)]
        for copy in copies:  # whoever goes on working on the sources changes nothing here
            shutil.copytree(SOURCE, copy / "phasegate", ignore=shutil.ignore_patterns("__pycache__"))
        found = list(_found(copies[0] / "phasegate", asked.file))
        if asked.list:
            print("\n".join(f"{each.name:48} {each.was}  =>  {each.instead}" for each in found))
            return 0
        came = list(_all(found, copies, asked.tests or TESTS, asked.reach, blind=asked.planted_bug))
    if asked.record:
        _keep(came)
    counts = Counter(each.what for each in came)
    print(f"{counts['killed']} of {len(came)} were noticed by a test, {counts['equivalent']} change nothing")
    return int(counts["alive"] > 0)


def _found(package: Path, chosen: Sequence[str]) -> Iterator[Mutant]:
    turned = _files(package, CONDITIONS)
    for path in _files(package, REFUSALS):
        if not chosen or path.startswith(tuple(chosen)):
            yield from mutants(path, (package / path).read_text(encoding="utf-8"), conditions=path in turned)


def _files(package: Path, patterns: Sequence[str]) -> list[str]:
    return [str(each.relative_to(package)) for pattern in patterns for each in sorted(package.glob(pattern))]


# --- which tests ------------------------------------------------------------------------------------------------------

Reach = dict[str, dict[int, list[str]]]
"""By file and line the tests that run it, those first that run the fewest lines."""


def reached(copy: Path, tests: Sequence[str], kept: Path | None) -> Reach:
    """Which tests run which lines of a copy of the package, by one run of all of them."""
    if kept is not None and kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=Reach, strict=False)
    data = os.path.join(copy, "coverage")
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=phasegate", "--cov-context=test", "--cov-report=")
    ran = subprocess.run(
        (sys.executable, *words, "-n", "0", *tests), cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"COVERAGE_FILE": data, "COVERAGE_CORE": "ctrace", "PYTHONPATH": str(copy)},
    )  # fmt: skip
    if ran.returncode:
        sys.exit(f"the tests are not green by themselves:\n{ran.stdout[-2000:]}")
    found = lines_of(data)
    if kept is not None:
        kept.write_bytes(msgspec.json.encode(found))
    return found


def lines_of(data: str) -> Reach:
    """What coverage.py recorded, turned round."""
    from coverage.numbits import numbits_to_nums

    found: Reach = {}
    sizes: Counter[str] = Counter()
    with sqlite3.connect(data) as db:
        rows = db.execute(
            "select file.path, context.context, numbits from line_bits join file on file.id = file_id "
            "join context on context.id = context_id where context.context like '%|run'"
        )
        for path, context, bits in rows:
            test, numbers = context.removesuffix("|run"), numbits_to_nums(bits)
            sizes[test] += len(numbers)
            by_line = found.setdefault(path.rpartition("/phasegate/")[2], {})
            for number in numbers:
                by_line.setdefault(number, []).append(test)
    for by_line in found.values():
        for tests in by_line.values():
            tests.sort(key=sizes.__getitem__)
    return found


def _tests_of(mutant: Mutant, reach: Reach) -> list[str]:
    for path, tests in DOORS.items():
        if mutant.path.startswith(path):
            return list(tests)
    lines = reach.get(mutant.path, {})
    found = [lines.get(line, ()) for line in range(mutant.line, mutant.last + 1)]
    return list(dict.fromkeys(test for tests in found for test in tests))


# --- trying them ------------------------------------------------------------------------------------------------------


def _all(
    found: list[Mutant], copies: list[Path], tests: Sequence[str], kept: Path | None, *, blind: bool
) -> Iterator[Came]:
    reach = reached(copies[0], tests, kept) if any(not _is_at_a_door(each) for each in found) else {}

    def share(number: int) -> list[Came]:
        mine = [(each, _tests_of(each, reach)) for each in found[number :: len(copies)]]
        collected = sorted({test.partition("::")[0] for _, reaching in mine for test in reaching})
        with closing(Serving(copies[number], collected, ROOT)) as serving:
            return [_told(_tried(each, reaching, serving, blind=blind)) for each, reaching in mine]

    with ThreadPoolExecutor(len(copies)) as pool:
        for done in pool.map(share, range(len(copies))):
            yield from done


def _is_at_a_door(mutant: Mutant) -> bool:
    return mutant.path.startswith(tuple(DOORS))


def _tried(mutant: Mutant, tests: Sequence[str], serving: Serving, *, blind: bool) -> Came:
    why = EQUIVALENT.get(mutant.key, "")
    noticed = not why and bool(tests) and serving.notices(mutant, tests[:MOST_TESTS], blind=blind)
    what = "equivalent" if why else "killed" if noticed else "alive"
    return Came(mutant.name, mutant.within, mutant.was, mutant.instead, what, len(tests), why)


def _told(came: Came) -> Came:
    if came.what == "alive":
        print(f"ALIVE {came.name} {came.within} ({came.tests} tests): {came.was}  =>  {came.instead}", flush=True)
    return came


def _keep(came: list[Came]) -> None:
    counts = Counter(each.what for each in came)
    told: dict[str, Any] = {
        "what": "refusals taken out, and conditions turned, one at a time, and whether a test noticed",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "mutants": len(came),
        "killed": counts["killed"],
        "equivalent": [each for each in came if each.what == "equivalent"],
        "alive": [each for each in came if each.what == "alive"],
    }
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
