"""Runs the corpus of evasions: each attack without phasegate and with it, each honest twin; and prints the score.

python evasion/run.py                      all of it
python evasion/run.py --family forged-results --case conftest-forces-passed
python evasion/run.py --json               the last line is the score as JSON
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec
from case import Case
from families import CASES
from judge import Result, tried
from scene import doors

RESULTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "reliability", "results")
RECORD = "evasion.json"


class Score(msgspec.Struct, frozen=True):
    """What the corpus came to. `cases` are all that were tried; those out of scope count nowhere else."""

    cases: int
    undetected_reproduced: int
    undetected_private: int
    honest_refused: int
    open_with_guards_off: int
    out_of_scope: int


class Record(msgspec.Struct, frozen=True):
    """The newest result of every case, as they are kept; `date` is that of the newest."""

    date: str
    version: str
    score: Score
    results: tuple[Result, ...]


def score(results: Iterable[Result]) -> Score:
    """Add up."""
    tried_ = list(results)
    scoped = [result for result in tried_ if result.expected != "out of scope"]
    return Score(
        cases=len(tried_),
        undetected_reproduced=sum(result.found == "undetected" for result in scoped),
        undetected_private=sum(not result.before_verify for result in scoped),
        honest_refused=sum(bool(result.refused) for result in tried_),
        open_with_guards_off=sum(result.open for result in tried_),
        out_of_scope=len(tried_) - len(scoped),
    )


def chosen(families: list[str], names: list[str], every: int) -> list[Case]:
    """The cases that were asked for; of many, one in `every`."""
    found = [
        case
        for case in CASES
        if (not families or case.family in families) and (not names or case.name in names)
    ]  # fmt: skip
    return found[::every]


def play(cases: list[Case], jobs: int, folder: str | None, bug: str) -> Iterator[Result]:
    """Try the cases side by side, each in a process of its own, since it sets the environment it works in."""
    running: set[subprocess.Popen[str]] = set()
    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    try:
        tries = [pool.submit(_apart, case, folder, bug, running) for case in cases]
        for done in concurrent.futures.as_completed(tries):
            yield done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            process.terminate()


def _apart(case: Case, folder: str | None, bug: str, running: set[subprocess.Popen[str]]) -> Result:
    """Try one case in a session of its own. Raises `Broken` when it ended with no result."""
    words = (
        sys.executable,
        os.path.abspath(__file__),
        "--one",
        case.name,
        "--directory",
        folder or "",
        "--planted-bug",
        bug,
    )
    pipe = subprocess.PIPE
    ran = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )  # fmt: skip
    running.add(ran)
    said, complained = ran.communicate()
    running.discard(ran)
    try:
        return msgspec.json.decode(said.splitlines()[-1], type=Result)
    except (IndexError, msgspec.MsgspecError):
        why = (complained.strip() or said.strip() or f"exit code {ran.returncode}")[-600:]
        return Result(case.name, case.family, case.says, case.expected, "broken", why, False, "", 0.0)


def told(result: Result) -> str:
    """One line of a result, and what is wrong with it."""
    lines = [f"{'held' if result.held else 'LOST':5} {result.name} ({result.seconds:.0f} s): {result.found}"]
    lines += [f"      {result.by}"[:300]] if result.by else []
    lines += [] if result.open else ["      without phasegate the attack does not succeed either: it proves nothing"]
    lines += [f"      the honest twin was refused: {result.refused}"[:400]] if result.refused else []
    lines += [f"      declared: {result.expected}"] if result.found != result.expected else []
    return "\n".join(lines)


def main() -> int:
    """0 when every attack was found where it was declared, or earlier, and every twin came through."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--family", action="append", default=[], help="only the cases of this family; may be repeated")
    parser.add_argument("--case", action="append", default=[], help="only this case; may be repeated")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth case")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="so many at a time")
    parser.add_argument("--directory", help="where the projects lie meanwhile (default: a temporary place)")
    parser.add_argument("--json", action="store_true", help="print the score as JSON in the last line")
    parser.add_argument("--record", action="store_true", help="keep the results below reliability/results/")
    parser.add_argument("--rest", action="store_true", help="only cases of which no result of this commit was kept")
    parser.add_argument("--list", action="store_true", help="list the cases and try none")
    parser.add_argument(
        "--planted-bug", choices=("", *sorted(doors.OF_GATES)), default="", help="break phasegate; it must show"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if asked.one:
        (case,) = chosen([], [asked.one], 1)
        print(msgspec.json.encode(tried(case, asked.directory or None, asked.planted_bug)).decode())
        return 0
    cases = chosen(asked.family, asked.case, asked.every)
    if asked.rest and (done := kept()) is not None:
        known = {result.name for result in done.results if result.commit == commit() and result.held}
        cases = [case for case in cases if case.name not in known]
    if not cases:
        parser.error("no case is called so; `--list` shows them")
    if asked.list:
        print(
            _rows(cases)
            if asked.json
            else "\n".join(f"{case.family:24} {case.name:44} {case.expected:12} {case.says}" for case in cases)
        )
        return 0
    results = []
    seen = commit()
    try:
        for result in play(cases, asked.jobs, asked.directory, asked.planted_bug):
            results.append(result)
            print(told(result), flush=True)
            if asked.record:
                keep(result, seen)
    except KeyboardInterrupt:
        print(f"Interrupted after {len(results)} of {len(cases)} cases; `--record --rest` goes on.", file=sys.stderr)
        return 130
    came_to = score(results)
    print(
        msgspec.json.encode(came_to).decode()
        if asked.json
        else ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in msgspec.structs.asdict(came_to).items())
    )
    return 0 if all(result.held for result in results) else 1


def _rows(cases: list[Case]) -> str:
    """The cases as JSON, without their turns."""
    names = ("name", "family", "says", "expected", "client", "why")
    return msgspec.json.encode([{name: getattr(case, name) for name in names} for case in cases]).decode()


def keep(result: Result, seen: str) -> None:
    """Put a result, got from the commit `seen`, in the place of the case's last one; pages are made from there."""
    from importlib import metadata

    today, before = f"{datetime.now(UTC):%Y-%m-%d}", kept()
    made = msgspec.structs.replace(result, date=today, commit=seen)
    names = {case.name for case in CASES} - {result.name}
    others = [each for each in before.results if each.name in names] if before is not None else []
    results = tuple(sorted([*others, made], key=lambda each: (each.family, each.name)))
    record = Record(today, metadata.version("phasegate"), score(results), results)
    with open(f"{os.path.join(RESULTS, RECORD)}.new", "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    os.replace(file.name, os.path.join(RESULTS, RECORD))


def kept() -> Record | None:
    """The results that were kept; None where there are none."""
    try:
        with open(os.path.join(RESULTS, RECORD), "rb") as file:
            return msgspec.json.decode(file.read(), type=Record)
    except FileNotFoundError:
        return None


def commit() -> str:
    """The commit that is tried, with a mark where the work tree differs from it; a recorded result is no difference."""
    folder = os.path.dirname(RESULTS)
    words = ("git", "describe", "--always", "--abbrev=12", "--exclude=*")
    named = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False).stdout.strip()
    differs = ("git", "status", "--porcelain", "--", ":/src", ":/evasion")
    return named + ("+" if subprocess.run(differs, cwd=folder, capture_output=True, check=False).stdout else "")


if __name__ == "__main__":
    sys.exit(main())
