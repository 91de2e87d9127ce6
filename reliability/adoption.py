"""Sets phasegate up in public packages of many kinds, as a person would, and says what `phasegate check` then knows.

    python reliability/adoption.py --record

Each subject (see `subjects.py`) is laid out by its registry's own client, made a git repository, and given
`phasegate init --yes`, then `phasegate check`. What came of it is a working check with its numbers, or the sentence by
which phasegate said why not. With `--record` outcomes are kept in `reliability/results/adoption.json` as they come, and
those of the same versions are not tried again; `--anew` tries all, `--only NAME` some. Exit code 1 when a subject ended
in neither: phasegate failed, hung, or said nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import msgspec
from subjects import BIN, SUBJECTS, NotBrought, Subject, bring, call

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/cli"))
from people import ORPHAN

RESULTS: Final = Path(__file__).parent / "results/adoption.json"
SECONDS: Final = 900.0
"""How long one command of phasegate may take."""

WHY_NOT: Final = ("unknown", "no test", "none passes")
"""What a line of a baseline has in it that says why something cannot be told."""

TOOLS: Final = ("phasegate", "go")
"""Programs of this environment that the person has; its Python is not the person's."""


class Outcome(msgspec.Struct, omit_defaults=True):
    """What came of one subject; `sentence` is why there is no working check, in phasegate's own words."""

    name: str
    version: str
    registry: str
    kind: str
    works: bool
    runners: list[str] = []
    tests: int | None = None
    red: int = 0
    flaky: int = 0
    coverage: float | None = None
    verdicts: dict[str, str] = {}
    sentence: str = ""
    seconds: float = 0.0
    fault: str = ""
    commit: str = ""
    """The state of phasegate it was tried with."""


class Results(msgspec.Struct):
    """One table: with what it was made, when, and every outcome."""

    date: str = ""
    phasegate: str = ""
    python: str = ""
    system: str = ""
    outcomes: list[Outcome] = []


class Person:
    """Somebody at a terminal in `root`: no agent above, a home of their own, tools on the PATH."""

    def __init__(self, root: Path, base: Path) -> None:
        self.root = root
        tools = base / "bin"
        tools.mkdir(exist_ok=True)
        for name in TOOLS:
            (tools / name).symlink_to(BIN / name)
        kept = {
            name: text
            for name, text in os.environ.items()
            if name in ("LANG", "HOME") or name.endswith(("_CA_BUNDLE", "_CA_CERTS", "_CERT_FILE", "_CAINFO", "_CERT"))
        }
        self.env = {**kept, "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin", "XDG_STATE_HOME": str(base / "state")}

    def does(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command of phasegate."""
        reader, writer = os.pipe()
        orphan = (sys.executable, "-I", "-c", ORPHAN, str(SECONDS), str(writer), str(BIN / "phasegate"), *words)
        with os.fdopen(reader) as status:
            started = subprocess.Popen(
                orphan, cwd=self.root, env=self.env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, pass_fds=(writer,),
            )  # fmt: skip
            os.close(writer)
            stdout, stderr = started.communicate(timeout=SECONDS + 30)
            return int(status.read() or -1), stdout, stderr


def tried(subject: Subject, base: Path, *, verbose: bool) -> Outcome:
    """Bring one subject, adopt it, check it."""
    outcome = Outcome(subject.name, subject.version, subject.registry, subject.kind, works=False)
    root = base / subject.slug.replace(" ", "")
    root.mkdir()
    try:
        bring(subject, root, base)
        _committed(root)
    except NotBrought as problem:
        outcome.fault = f"not brought: {problem}"
        return outcome
    began = time.monotonic()
    person = Person(root, base)
    code, stdout, stderr = person.does("init", "--yes", "--json", "--allow-ephemeral")
    if code or not stdout.startswith("{"):
        outcome.fault = f"init ended with {code}: {(stderr or stdout).strip()[-600:]}"
        return outcome
    adopted = msgspec.json.decode(stdout)
    code, stdout, stderr_check = person.does("check", "--json")
    outcome.seconds = round(time.monotonic() - began, 1)
    if verbose:
        print(stderr, msgspec.json.format(msgspec.json.encode(adopted)).decode(), stderr_check, stdout, sep="\n")
        print(call(("git", "status", "--short"), root))
    if code not in (0, 1, 7) or '"verdicts"' not in stdout or not stdout.startswith("{"):
        outcome.fault = f"check ended with {code}: {(stderr_check or stdout).strip()[-600:]}"
        return outcome
    _read(outcome, adopted, msgspec.json.decode(stdout))
    outcome.sentence = outcome.sentence.replace(f"{root}/", "")
    return outcome


def _read(outcome: Outcome, adopted: Mapping[str, Any], checked: Mapping[str, Any]) -> None:
    """Fill `outcome` from what `init` and `check` said."""
    baseline, found = adopted["baseline"], adopted["found"]
    outcome.runners = sorted({each["suite"].get("runner", "pytest") for each in found["suites"]})
    outcome.tests, outcome.coverage = baseline["tests"], baseline["coverage_percent"]
    outcome.red, outcome.flaky = len(baseline["red"]), len(baseline["flaky"])
    outcome.verdicts = {verdict["gate"]: verdict["says"] for verdict in checked["verdicts"]}
    outcome.works = outcome.verdicts.get("tests") == "pass" and bool(outcome.tests)
    unread = [f"{each['what']}: {each['why']}. {each['remedy']}" for each in found["unread"]]
    unknown = [line.removeprefix("Baseline: ") for line in baseline["lines"] if any(sign in line for sign in WHY_NOT)]
    left_out = [part for each in found["suites"] for part in each["why"].split("; ") if part.startswith("not taken")]
    if not outcome.works:
        outcome.sentence = "; ".join([*[*unread, *unknown][:1], *left_out])
        outcome.fault = "" if outcome.sentence else "neither works nor says why not"
    else:
        outcome.sentence = " ".join([*unread, *unknown])


def _committed(root: Path) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), (*identity, "commit", "-q", "-m", "As it was released")):
        call(("git", *words), root)


def _kept() -> Results:
    fresh = Results(
        datetime.now(UTC).date().isoformat(), metadata.version("phasegate"), platform.python_version(),
        f"{platform.system()} {platform.machine()}",
    )  # fmt: skip
    if RESULTS.exists():
        fresh.outcomes = msgspec.json.decode(RESULTS.read_bytes(), type=Results).outcomes
    return fresh


def _keep(outcome: Outcome) -> None:
    """Put one outcome into the table, in the order of the subjects; those of subjects that are gone leave it."""
    results = _kept()
    by_name = {(each.name, each.version): each for each in results.outcomes}
    by_name[outcome.name, outcome.version] = outcome
    results.outcomes = [by_name[key] for each in SUBJECTS if (key := (each.name, each.version)) in by_name]
    RESULTS.parent.mkdir(exist_ok=True)
    waiting = RESULTS.with_suffix(f".{os.getpid()}")
    waiting.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")
    os.replace(waiting, RESULTS)


def _told(outcome: Outcome) -> str:
    if outcome.fault:
        return f"FAULT  {outcome.fault}"
    if not outcome.works:
        return f"why not: {outcome.sentence}"
    covered = f"{outcome.coverage:.1f} %" if outcome.coverage is not None else "unknown"
    numbers = f"{outcome.tests} tests, {outcome.red} red, {outcome.flaky} flaky, covered {covered}"
    return f"works: {'+'.join(outcome.runners)}, {numbers}, {outcome.verdicts} {outcome.sentence}".rstrip()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="one subject; may be repeated")
    parser.add_argument("--record", action="store_true", help="keep outcomes in reliability/results/adoption.json")
    parser.add_argument("--anew", action="store_true", help="try also what has an outcome already")
    parser.add_argument("--verbose", action="store_true", help="show all that phasegate said")
    parser.add_argument("--share", default="1/1", metavar="K/N", help="only every Nth subject, from the Kth on")
    parser.add_argument("--directory", help="where the repositories are made (default: the system's)")
    asked = parser.parse_args(argv)
    done = {(each.name, each.version) for each in _kept().outcomes if not each.fault} if asked.record else set()
    faults, state = 0, call(("git", "describe", "--always", "--dirty"), Path(__file__).parent).strip()
    share, shares = map(int, asked.share.split("/"))
    for subject in SUBJECTS[share - 1 :: shares]:
        if asked.only and subject.name not in asked.only:
            continue
        if (subject.name, subject.version) in done and not (asked.anew or asked.only):
            continue
        print(f"{subject.name} {subject.version} ({subject.kind})", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=asked.directory, ignore_cleanup_errors=True) as base:
            outcome = tried(subject, Path(os.path.realpath(base)), verbose=asked.verbose)
        outcome.commit = state
        print(f"{subject.name}: {_told(outcome)}", flush=True)
        faults += bool(outcome.fault)
        if asked.record:
            _keep(outcome)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
