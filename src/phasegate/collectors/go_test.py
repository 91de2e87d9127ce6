"""Runs `go test` with a line of ours in each test, and believes its events only when everything adds up.

Go's events come from what the test binary prints, and a test can print anything. So the compiler is given copies of
the test files (`-overlay`), the same but for one deferred call in each test, which says that the test began and ended.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from phasegate.collectors import environment, go_packages, one_run, process
from phasegate.collectors.coverage_formats import reports
from phasegate.collectors.go_crash import FirstParty
from phasegate.collectors.go_events import FILE_LIMIT, Events, read_events, read_witnesses
from phasegate.collectors.go_outcomes import Observed, as_test_run, merged, unfinished
from phasegate.collectors.go_packages import Packages
from phasegate.collectors.interface import Ask, NoTestCommand, SuiteRun, TestCommandNotStarted
from phasegate.collectors.private.environment_elsewhere import of_go
from phasegate.evidence.tests import TestRun
from phasegate.foreign import NotReadable, from_json

_ROUNDS = 20
"""How often the rest of a package is run again after a crash."""
_QUICK_SECONDS = 60.0
_USES = re.compile(r"^\s*(?:use\s+)?\(?\s*(\.[^\s()]*)\s*$", re.MULTILINE)
_KEPT = ("GOCACHE", "GOMODCACHE", "GOTOOLCHAIN", "GOROOT")
_WORK_FILE_BYTES = 1 << 20
_PIECE = 16 << 20
_END_OF_A_TEST = re.compile(rb'"Action":"(?:pass|fail|skip)","Package":"[^"]*","Test":"[^"/]*"')


def detect(root: str, settings: str = "") -> tuple[str, ...]:
    """`go test ./...` where there is a module. Raises NoTestCommand."""
    if not os.path.isfile(os.path.join(root, "go.mod")):
        modules = ", ".join(_modules_of_the_workspace(root))
        raise NoTestCommand(
            f"There is no go.mod in {root}.",
            hint=f"Name a suite for each module of go.work, with its directory: {modules}."
            if modules else "Set `directory` of the tests in phasegate.toml to the module's folder.",
        )  # fmt: skip
    if shutil.which("go") is None:
        raise NoTestCommand(
            "Go is not on the PATH.", hint='Install it, or name it: `command = ["/path/to/go", "test", "./..."]`.'
        )
    return ("go", "test", "./...")


def run(ask: Ask) -> SuiteRun:
    """Run `ask.command` (`go test PACKAGES`). Nothing is fetched, and nothing is written into the tree."""
    session = _Session(ask, one_run.new_folder(ask.scratch))
    packages = go_packages.look(session.go, session.words, ask, session.env, session.scratch)
    rounds, ended = session.rounds(packages)
    observed = Observed(
        session.argv(packages, 0, session.words.packages), ask.place, session.version, packages, tuple(rounds),
        read_witnesses(session.witnessed(), session.nonce), ended, ask.timeout_seconds, session.first_party,
        session.words.has("run", "skip"), session.words.has("count", "cpu"), session.notes,
    )  # fmt: skip
    tests = session.privately(as_test_run(observed)) if ask.inside is not None else as_test_run(observed)
    measured = session.measured(tests)
    kept = one_run.artifacts(results_jsonl=session.events(0), output_txt=ended.output)
    return SuiteRun(tests, measured.coverage, measured.why_not, (*kept, *measured.reports))


class _Session:
    """One run: how go is called, where its events and profiles go, what came out."""

    def __init__(self, ask: Ask, scratch: str) -> None:
        self.ask, self.scratch, self.nonce = ask, scratch, secrets.token_hex(16)
        self.began, self.deadline = time.time(), time.monotonic() + ask.timeout_seconds
        command = one_run.placed(ask.root, ask.command)
        at = next((at for at in range(1, len(command)) if _is_go_test(command[at - 1 : at + 1])), 0)
        if not at:
            raise TestCommandNotStarted(
                f"`{' '.join(command)}` is not of the form `go test PACKAGES`.",
                hint='Write it so in phasegate.toml, or use `runner = "junit"` with gotestsum.',
            )
        self.go, self.words = command[:at], go_packages.words_of((*command[at + 1 :], *ask.args))
        inside = ask.inside
        clean = environment.clean(ask.env) if inside is None else environment.private(ask.env, ask.inherit, inside)
        self.notes, self.version, self.first_party, self.env = clean.notes, "", FirstParty("", ()), clean.variables
        self.root_of_go = ""
        self._ask_go()
        # Held open: what was reported stays readable even if a test removes the file.
        self._witness_path = os.path.join(scratch, "witness.jsonl")
        self._witness = open(self._witness_path, "x+b", buffering=0)  # noqa: SIM115
        self._outputs: list[int] = []

    def _ask_go(self) -> None:
        """Where Go keeps what it built and fetched: the user's places serve, the user's other wishes bend no run."""
        ended = one_run.start((*self.go, "env", "-json", *_KEPT, "GOVERSION"), self.ask, self.env,
                              seconds=_QUICK_SECONDS)  # fmt: skip
        try:
            known = from_json(ended.output[ended.output.find(b"{") :], dict[str, str])  # warnings come before it
        except NotReadable as bad:
            raise TestCommandNotStarted(
                f"`go env` failed: {ended.last_line}.", hint="Mend what it names, and repeat."
            ) from bad
        self.root_of_go = known.get("GOROOT", "")
        self.version = known.get("GOVERSION", "").removeprefix("go")
        own = {name: known[name] for name in ("GOMODCACHE", "GOTOOLCHAIN") if known.get(name)}
        cache = known.get("GOCACHE", "")
        own["GOCACHE"] = cache if _can_be_written(cache) else os.path.join(self.scratch, "gocache")
        self.env = {**self.env, **own, "GOENV": "off", "GOPROXY": "off", **self.ask.env}
        foreign = (known.get("GOROOT", ""), known.get("GOMODCACHE", ""))
        self.first_party = FirstParty(
            os.path.realpath(self.ask.root), tuple(os.path.realpath(path) + os.sep for path in foreign if path)
        )

    def argv(self, packages: Packages, number: int, which: Sequence[str], only: Sequence[str] = ()) -> tuple[str, ...]:
        """The whole command line: the user's flags, then ours."""
        flags, binary = _before_args(self.words.flags)
        ours = ["-json", f"-overlay={packages.overlay}"]
        ours += [] if self.words.has("count") else ["-count=1"]
        ours += [] if self.words.has("timeout") else ["-timeout=0"]
        if self.ask.measure:
            ours += [f"-coverprofile={self._profile(number)}"]
            ours += [] if self.words.has("coverpkg") else ["-coverpkg=./..."]
        if only:
            ours.append(f"-run=^({'|'.join(map(re.escape, only))})$")
        return (*self.go, "test", *flags, *ours, *which, *binary)

    def rounds(self, packages: Packages) -> tuple[list[Events], process.Ended]:
        """All tests, then again and again what crashes kept from running."""
        if packages.why_not:
            return [], process.Ended(1, packages.why_not.encode())
        ended = self._go(packages, self.words.packages)
        found = [read_events(self.events(0))]
        if ended.timed_out or self.words.has("run", "skip", "count", "cpu", "failfast"):
            return found, ended
        tried: set[tuple[str, tuple[str, ...]]] = set()
        while len(found) < _ROUNDS and time.monotonic() < self.deadline:
            left = next((each for each in self._left(packages, found) if each not in tried), None)
            if left is None:
                break
            tried.add(left)
            again = self._go(packages, (left[0],), left[1])
            found.append(read_events(self.events(len(found))))
            if again.timed_out:
                return found, again
        return found, ended

    def _left(self, packages: Packages, found: Sequence[Events]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Packages whose process crashed in a test, with the tests that have no end yet."""
        seen = merged(found)
        for path, package in packages.by_path.items():
            last = next((events.packages[path] for events in reversed(found) if path in events.packages), None)
            rest = unfinished(package, seen[path]) if path in seen else ()
            if rest and last is not None and last.crashed and last.tests:
                yield path, rest

    def _go(self, packages: Packages, which: Sequence[str], only: Sequence[str] = ()) -> process.Ended:
        number = len(self._outputs)
        file = os.open(os.path.join(self.scratch, f"events-{number}.jsonl"), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._outputs.append(file)
        env = {**self.env, "PHASEGATE_WITNESS": self._witness_path, "PHASEGATE_WITNESS_NONCE": self.nonce}
        total = sum(len(package.tests) for package in packages.by_path.values())
        progress = _Progress(file, total, self.ask.on_progress)
        seconds = max(1.0, self.deadline - time.monotonic())
        argv = self.argv(packages, number, which, only)
        return one_run.start(argv, self.ask, env, stdout=file, on_tick=progress.tick, seconds=seconds)

    def events(self, number: int) -> bytes:
        return _whole(self._outputs[number]) if number < len(self._outputs) else b""

    def witnessed(self) -> bytes:
        return _whole(self._witness.fileno())

    def privately(self, tests: TestRun) -> TestRun:
        """A private run, with what has a say in it beside the tree."""
        beside = of_go(self.go[-1], self.root_of_go, self.env)
        return replace(one_run.with_frames(tests), environment=beside)

    def measured(self, tests: TestRun) -> reports.Measured:
        if not self.ask.measure:
            return reports.Measured(None, "not asked for")
        if tests.why_incomplete:
            return reports.Measured(None, f"the run is incomplete: {tests.why_incomplete}")
        if tests.results and all(result.uncollected for result in tests.results):
            return reports.Measured(None, f"no package could be built: {tests.results[0].message}")
        profiles = [self._profile(number) for number in range(len(self._outputs))]
        there = [path for path in profiles if os.path.exists(path)]
        return reports.measured(there, root=self.ask.place, began=self.began)

    def _profile(self, number: int) -> str:
        return os.path.join(self.scratch, f"cover-{number}.out")


class _Progress:
    """Says how far a run is, by counting what ended in the events written so far."""

    def __init__(self, events: int, total: int, say: Callable[[str], None]) -> None:
        self.events, self.total, self.say = events, total, say
        self.at = self.ended = 0

    def tick(self) -> None:
        new = os.pread(self.events, _PIECE, self.at)
        whole = new[: new.rfind(b"\n") + 1]
        self.at += len(whole) or (len(new) if len(new) == _PIECE else 0)
        ended = len(_END_OF_A_TEST.findall(whole))
        self.ended += ended
        if ended:
            self.say(f"{self.ended} of {self.total} tests have run")


def _is_go_test(words: Sequence[str]) -> bool:
    return os.path.basename(words[0]) == "go" and words[1] == "test"


def _before_args(flags: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    at = next((at for at, flag in enumerate(flags) if flag.lstrip("-") == "args"), len(flags))
    return flags[:at], flags[at:]


def _whole(descriptor: int) -> bytes:
    size = min(os.fstat(descriptor).st_size, FILE_LIMIT + 1)
    with open(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read(size)


def _can_be_written(folder: str) -> bool:
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder.rstrip(os.sep))
    return bool(folder) and os.access(folder, os.W_OK | os.X_OK)


def _modules_of_the_workspace(root: str) -> list[str]:
    try:
        with open(os.path.join(root, "go.work"), encoding="utf-8", errors="replace") as file:
            return _USES.findall(file.read(_WORK_FILE_BYTES))
    except OSError:
        return []
