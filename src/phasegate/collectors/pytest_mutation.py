"""Tries small changes of the changed lines, one after the other, to see whether the tests that reach them notice."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from phasegate.collectors import one_run
from phasegate.collectors.channel import Channel
from phasegate.collectors.interface import Ask, Mutation
from phasegate.collectors.private.inside import Inside
from phasegate.collectors.private.mutants import Mutant, in_turn, mutants
from phasegate.collectors.pytest_frames import Frames, read_frames
from phasegate.collectors.python_session import Session
from phasegate.collectors.results import Artifact
from phasegate.evidence.coverage import Coverage
from phasegate.evidence.findings import Finding, FindingsSeen, fingerprinted, seen
from phasegate.evidence.tests import TestRun
from phasegate.gates.changed_lines_checked import SCANNER

ARTIFACT = "mutants.json"
MOST = 200
_ARGUMENT_BYTES = 60_000
_LEAST_SECONDS = 5.0
_SLOWER = 5.0
"""A changed line may make a loop longer, or endless: past so many times what its tests took, they have noticed."""

Ending = Literal["noticed", "survived", "unclear"]


class Tried(Struct, frozen=True):
    """A change, how many tests were tried with it (0: all of them), and what became of it."""

    path: str
    mutant: Mutant
    tests: int
    ended: Ending


class Kept(Struct, frozen=True):
    """What is kept of a sample: by the seed and the tree it can be repeated."""

    seed: str
    candidates: int
    tried: tuple[Tried, ...]


class Sampling:
    """One sample, on the private tree that the tests have just run on."""

    def __init__(self, ask: Ask, wanted: Mutation, frames: Frames, argv: Sequence[str]) -> None:
        """`argv` are the arguments of pytest after the command itself that every run has."""
        assert ask.inside is not None
        self._ask, self._wanted, self._argv = ask, wanted, tuple(argv)
        self._inside: Inside = ask.inside
        self._frames = frames
        self._python = [path for path in wanted.lines if path.endswith(".py")]
        self._texts: dict[str, bytes] = {}

    @property
    def paths(self) -> list[str]:
        """The files that may be changed, from where the suite runs."""
        return [self._name(path) for path in self._python]

    def sample(
        self, tests: TestRun, coverage: Coverage | None, reached: Mapping[str, Mapping[int, Sequence[str]]]
    ) -> tuple[FindingsSeen, tuple[Artifact, ...]]:
        """What became of the changes; `reached` are the tests that ran each line, as far as that is known."""
        python = self._python
        why = self._why_not(tests, coverage, python)
        if why or coverage is None:
            return seen(SCANNER, len(python), (), why_unknown=(why,)), ()
        found = in_turn(self._mutants(python, coverage), self._wanted.seed)[:MOST]
        if not found:
            return seen(SCANNER, len(python), (), notes=("no changed line that tests run has anything to change",)), ()
        try:
            tried, why = self._tried(found, tests, reached)
        finally:
            self._inside.restore()
        kept = Kept(self._wanted.seed, len(found), tuple(tried))
        return self._seen(kept, python, why), (Artifact(ARTIFACT, msgspec.json.encode(kept)),)

    def _why_not(self, tests: TestRun, coverage: Coverage | None, python: Sequence[str]) -> str:
        if self._wanted.why_not:
            return f"no small change was tried: {self._wanted.why_not}"
        newly = [id for id in tests.red if id not in self._wanted.red_before]
        if not tests.complete or newly or self._inside.changed():
            return f"no small change was tried: {f'{newly[0]} is red' if newly else 'the run is incomplete'}"
        if python and coverage is None:
            return "no small change was tried: which lines tests run was not measured"
        return ""

    def _mutants(self, paths: Sequence[str], coverage: Coverage) -> Iterator[tuple[str, Mutant]]:
        ran = {file.path: frozenset(file.executed) for file in coverage.files}
        for path in paths:
            lines = ran.get(self._name(path), frozenset())
            for mutant in mutants(self._text(path), self._wanted.lines[path], lines):
                yield path, mutant

    def _name(self, path: str) -> str:
        """A path from the root as one from where the suite runs, which is how coverage has it."""
        return os.path.relpath(os.path.join(self._ask.root, path), self._ask.place)

    def _on_disk(self, path: str) -> str:
        return self._inside.on_disk(os.path.join(self._ask.root, path))

    def _text(self, path: str) -> bytes:
        if path not in self._texts:
            with open(self._on_disk(path), "rb") as file:
                self._texts[path] = file.read()
        return self._texts[path]

    def _tried(
        self, found: Sequence[tuple[str, Mutant]], tests: TestRun, reached: Mapping[str, Mapping[int, Sequence[str]]]
    ) -> tuple[list[Tried], str]:
        """As many as the time is for, and why there is none."""
        deadline = time.monotonic() + self._wanted.seconds
        seconds = {result.id: result.seconds for result in tests.results}
        chosen = [self._reaching(path, mutant, reached, tests) for path, mutant in found]
        every = tuple(dict.fromkeys(id for ids in chosen for id in ids))
        if sum(seconds.get(id, 0.0) for id in every or tests.green) > self._wanted.seconds / 2:
            return [], f"no small change was tried: the tests that reach them take more than half of {self._limit}"
        began = time.monotonic()
        if self._run(every, self._wanted.seconds) != "survived":
            return [], "no small change was tried: the tests that reach the changed lines do not pass by themselves"
        once = time.monotonic() - began
        tried: list[Tried] = []
        for (path, mutant), ids in zip(found, chosen, strict=True):
            left = deadline - time.monotonic()
            if left < once:
                break
            ended = self._with(path, mutant, ids, min(left, max(_LEAST_SECONDS, _SLOWER * once)))
            if ended == "unclear" and time.monotonic() >= deadline:
                break
            tried.append(Tried(path, mutant, len(ids), ended))
            self._ask.on_progress(f"{len(tried)} of {len(found)} small changes were tried")
        return tried, "" if tried else f"no small change was tried: {self._limit} are not enough for one"

    @property
    def _limit(self) -> str:
        return f"the {self._wanted.seconds:g} s of `mutation_seconds`"

    def _reaching(
        self, path: str, mutant: Mutant, reached: Mapping[str, Mapping[int, Sequence[str]]], tests: TestRun
    ) -> tuple[str, ...]:
        """The green tests that ran the line; where none is known, as on import, those that ran any of the file."""
        lines, green = reached.get(self._name(path), {}), set(tests.green)
        own = [id for id in lines.get(mutant.line, ()) if id in green]
        return tuple(sorted(own or {id for ids in lines.values() for id in ids if id in green}))

    def _with(self, path: str, mutant: Mutant, ids: Sequence[str], seconds: float) -> Ending:
        text, at = self._text(path), self._on_disk(path)
        self._inside.rewrite(at, mutant.of(text))
        try:
            return self._run(ids, seconds)
        finally:
            self._inside.rewrite(at, text)

    def _run(self, ids: Sequence[str], seconds: float) -> Ending:
        """Whether some tests notice that the code is not what it was; past its time they have."""
        session = Session(self._ask, Channel(self._ask.scratch), "pytest")
        env = session.environment(measured=False) | {"PYTHONPYCACHEPREFIX": os.path.join(self._ask.scratch, "compiled")}
        for name in ("PHASEGATE_REPORT_WATCH", "PYTHONDONTWRITEBYTECODE"):
            env.pop(name, None)
        cache = ("-o", f"cache_dir={session.channel.below('cache')}")
        argv = (
            *session.command_line(measured=False),
            *self._argv,
            *cache,
            "--maxfail=1",
            *arguments(ids, self._frames, self._ask.place),
        )
        ended = one_run.start(argv, self._ask, env, seconds=seconds)
        frames = read_frames(session.channel.content(), session.channel.nonce)
        if ended.timed_out or any(report.outcome == "failed" for report in frames.reports):
            return "noticed"
        if frames.start is None:
            return "unclear"
        if frames.end is None or ended.exit_code:
            return "noticed"
        return "survived" if any(report.when == "call" for report in frames.reports) else "unclear"

    def _seen(self, kept: Kept, python: Sequence[str], why: str) -> FindingsSeen:
        survived = [each for each in kept.tried if each.ended == "survived"]
        noticed = sum(each.ended == "noticed" for each in kept.tried)
        found = fingerprinted([_finding(each) for each in survived], self._line)
        said = f"{len(kept.tried)} of {kept.candidates} small changes of changed lines were tried within {self._limit}"
        notes = (f"{said}, and tests noticed {noticed} (seed {kept.seed})",) if kept.tried else ()
        return seen(SCANNER, len(python), found, why_unknown=(why,) if why else (), notes=notes)

    def _line(self, path: str, line: int) -> str:
        lines = self._text(path).decode(errors="replace").splitlines()
        return lines[line - 1] if 0 < line <= len(lines) else ""


def arguments(ids: Sequence[str], frames: Frames, place: str) -> tuple[str, ...]:
    """What names tests to a pytest that is started in `place`; too many for a command line by their files."""
    rootdir = frames.start.rootdir if frames.start is not None else place
    placed = [os.path.relpath(os.path.join(rootdir, id.partition("::")[0]), place) for id in ids]
    if sum(map(len, ids)) > _ARGUMENT_BYTES:
        return tuple(dict.fromkeys(placed))
    return tuple("".join((path, *id.partition("::")[1:])) for path, id in zip(placed, ids, strict=True))


def _finding(tried: Tried) -> Finding:
    mutant = tried.mutant
    by = f"{tried.tests} tests that reach it pass" if tried.tests != 1 else "the test that reaches it passes"
    message = f"{mutant.said}, and {by if tried.tests else 'all tests pass'}"
    return Finding(mutant.kind, tried.path, mutant.line, message, "", severity="low", column=mutant.column)
