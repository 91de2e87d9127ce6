"""Reads what `go test -json` and our witnesses in the test files wrote, package by package and test by test."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from phasegate.foreign import UNREADABLE

FILE_LIMIT = 256 << 20
_OUTPUT_LIMIT = 64 << 10
_ENDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}


class _Event(Struct, frozen=True, rename="pascal"):
    action: str
    package: str = ""
    test: str = ""
    output: str = ""
    elapsed: float = 0.0
    failed_build: str = ""
    import_path: str = ""


class _Witnessed(Struct, frozen=True):
    nonce: str
    package: str
    test: str
    kind: str
    failed: bool
    skipped: bool


class Seen:
    """What the events say of one test, or of one package: `outcome` is "" until it ended."""

    def __init__(self) -> None:
        self.outcome = ""
        self.seconds = 0.0
        self.runs = self.ends = 0
        self.output = ""

    @property
    def contradicts_itself(self) -> bool:
        return self.runs != 1 or self.ends > 1

    def take(self, event: _Event) -> None:
        match event.action:
            case "run" | "start":
                self.runs += 1
            case "output":
                if len(self.output) < _OUTPUT_LIMIT:
                    self.output += event.output
            case "pass" | "fail" | "skip":
                # Once red, always red: of several ends the worst counts.
                self.outcome = "failed" if self.outcome == "failed" else _ENDS[event.action]
                self.seconds = event.elapsed
                self.ends += 1


class Package(Seen):
    """One package: its tests by name, and the build that failed, if one did."""

    def __init__(self) -> None:
        super().__init__()
        self.tests: dict[str, Seen] = {}
        self.failed_build = ""
        self.after_the_end = False

    def take(self, event: _Event) -> None:
        self.after_the_end = self.after_the_end or self.ends > 0
        if event.test:
            self.tests.setdefault(event.test, Seen()).take(event)
        else:
            super().take(event)
            self.failed_build = self.failed_build or event.failed_build

    @property
    def crashed(self) -> str:
        """The first test whose output tells of a panic or a fatal error that ended the process."""
        told = (name for name, test in self.tests.items() if told_of_a_crash(test.output))
        return next(told, "") if self.outcome == "failed" else ""

    def settle(self) -> None:
        """A panic in a goroutine and a fatal error leave no word on the test itself: it failed."""
        for test in self.tests.values():
            if self.outcome == "failed" and not test.outcome and told_of_a_crash(test.output):
                test.outcome = "failed"


class Events(Struct, frozen=True):
    """All packages of a run by import path, what failing builds printed, and why no more could be read."""

    packages: dict[str, Package]
    builds: dict[str, str]
    problem: str = ""


class Witness(Struct):
    """What our own line in a test saw, over all its calls."""

    entered: int = 0
    left: int = 0
    failed: bool = False
    skipped: bool = False


def told_of_a_crash(output: str) -> bool:
    return output.startswith(("panic: ", "fatal error: ")) or "\npanic: " in output or "\nfatal error: " in output


def read_events(content: bytes) -> Events:
    """The events up to the first line that is none."""
    packages: dict[str, Package] = {}
    builds: dict[str, str] = {}
    if len(content) > FILE_LIMIT:
        return Events(packages, builds, f"the events are above {FILE_LIMIT >> 20} MiB")
    try:
        for event in _decoded(content):
            if event.import_path:
                builds[event.import_path] = (builds.get(event.import_path, "") + event.output)[:_OUTPUT_LIMIT]
            elif event.package:
                packages.setdefault(event.package, Package()).take(event)
    except UNREADABLE as bad:
        return Events(packages, builds, f"go wrote a line that is no event ({bad})")
    for package in packages.values():
        package.settle()
    return Events(packages, builds)


def read_witnesses(content: bytes, nonce: str) -> dict[tuple[str, str], Witness]:
    """By import path and test; lines that are not ours are passed over: they confirm nothing."""
    seen: dict[tuple[str, str], Witness] = {}
    for line in content[:FILE_LIMIT].split(b"\n"):
        try:
            said = msgspec.json.decode(line, type=_Witnessed)
        except UNREADABLE:
            continue
        if said.nonce == nonce:
            one = seen.setdefault((said.package, said.test), Witness())
            one.entered += said.kind == "enter"
            one.left += said.kind == "left"
            one.failed, one.skipped = one.failed or said.failed, one.skipped or said.skipped
    return seen


def _decoded(content: bytes) -> Iterator[_Event]:
    decoder = msgspec.json.Decoder(_Event)
    *lines, _unfinished = content.split(b"\n")
    return map(decoder.decode, lines)
