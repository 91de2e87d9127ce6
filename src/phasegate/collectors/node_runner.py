"""Runs `node --test` with our reporter inside, measured by c8 or nyc, else by node's own coverage.

Each test file is a process of its own, and node calls a file passed whose process ended with 0, whether its tests had
run by then or not. So a watch in each of them tells how it ended: a file that was ended by `process.exit` is no pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from msgspec import Struct

from phasegate.collectors import environment, js_coverage, js_frames, process
from phasegate.collectors.coverage_formats import lcov
from phasegate.collectors.interface import Ask, NoTestCommand, SuiteRun
from phasegate.collectors.js_coverage import Measured
from phasegate.collectors.js_frames import Thrown
from phasegate.collectors.js_project import call_of, major, node, package_in, without
from phasegate.collectors.js_seen import real, shown
from phasegate.collectors.js_session import Session, node_at
from phasegate.evidence.tests import TestRun
from phasegate.foreign import NotReadable, from_json

_ENDS_BYTES = 64 << 20
_MEASURES_ITSELF = 22
_PROBE_SECONDS = 30.0
_FLAGS = ("--watch", "--experimental-test-coverage")
_VALUED = ("--test-reporter", "--test-reporter-destination")
_ONE_PROCESS = ("--test-isolation=none", "--experimental-test-isolation=none")
_LCOV = "node.lcov"


class End(Struct, frozen=True):
    """How the process of one test file ended: `told` to, or by itself; `error` is what nobody caught."""

    file: str
    told: bool
    code: int | None = None
    error: Thrown | None = None


def detect(root: str, settings: str = "") -> tuple[str, ...]:
    """The command that runs this project's tests: as a script has it, else `node --test`. Raises NoTestCommand."""
    package = package_in(settings or root)
    call = call_of(package, "node") if package is not None else None
    if call is not None and "--test" in call.words:
        variables = ("env", *call.variables) if call.variables else ()
        words = without(call.words, flags=_FLAGS, valued=_VALUED)
        return (*variables, node(root), *call.node_flags, *words)
    if package is None:
        raise NoTestCommand(
            f"There is no package.json in {root} that could be read.",
            hint="Name the directory of the suite, or mend it.",
        )
    return (node(root), "--test")


def run(ask: Ask) -> SuiteRun:
    """Run it. Raises TestCommandNotStarted and NoScratchDirectory; what happens later is in the result."""
    session = _Session(ask)
    around, own, why_not = session.measuring() if ask.measure else ((), (), "not asked for")
    argv = (*around, *session.argv(own), *ask.args)
    ended = session.run(argv, session.environment(PHASEGATE_REPORT_ENDS=session.ends))
    told = session.told()
    uncaught = {real(end.file): end.error for end in told if end.error}
    tests = session.seen(argv, ended, doubts=tuple(session.doubts(told, argv)), uncaught=uncaught)
    measured = Measured(None, why_not) if why_not else session.measured(tests, own=bool(own))
    return session.suite_run(tests, measured, ended)


class _Session(Session):
    """A session whose processes also tell how each of them ended."""

    def __init__(self, ask: Ask) -> None:
        super().__init__("node:test", ask)
        self.ends = self.channel.below("ends.jsonl")
        self._ends = open(self.ends, "x+b", buffering=0)  # noqa: SIM115

    @property
    def watches(self) -> bool:
        """Whether node is started by us, so that our watch is in each of its processes."""
        return node_at(self.command) >= 0

    def argv(self, own: Sequence[str]) -> tuple[str, ...]:
        """The command with our reporter, which comes before the files."""
        whole, at = self.preloaded(self.command), node_at(self.command) + 3 if self.watches else len(self.command)
        kept = "--test-reporter=spec", "--test-reporter-destination=stdout"
        ours = (
            f"--test-reporter={self.reporter('node.mjs')}",
            f"--test-reporter-destination={self.channel.below('reporter')}",
        )
        return (*whole[:at], *kept, *ours, *own, *whole[at:])

    def measuring(self) -> tuple[tuple[str, ...], tuple[str, ...], str]:
        """What to put before the command, or into it, so that it is measured; or why it cannot be."""
        around, why_not = js_coverage.around(self.root, self.ask.source_roots, self.channel.scratch)
        if around:
            return around, (), ""
        version = self._version()
        if major(version) < _MEASURES_ITSELF:
            return (), (), f"{why_not}, and node {version or 'of this command'} does not measure by itself"
        include = (f"--test-coverage-include={pattern}" for pattern in js_coverage.sources(self.ask.source_roots))
        exclude = (f"--test-coverage-exclude={pattern}" for pattern in js_coverage.NO_SOURCE)
        into = "--test-reporter=lcov", f"--test-reporter-destination={self.channel.below(_LCOV)}"
        return (), ("--experimental-test-coverage", *include, *exclude, *into), ""

    def _version(self) -> str:
        """What the node of the command is."""
        if not self.watches:
            return ""
        command = (self.command[node_at(self.command)], "--version")
        env = environment.clean().variables
        try:
            return process.run(command, cwd=os.sep, env=env, timeout_seconds=_PROBE_SECONDS).last_line
        except OSError:
            return ""

    def told(self) -> tuple[End, ...]:
        """How the processes of the test files ended; a line that is not ours is passed over."""
        self._ends.seek(0)
        lines = self._ends.read(_ENDS_BYTES).split(b"\n")
        return tuple(end for line in lines if (end := _end(line)) is not None)

    def doubts(self, told: Sequence[End], argv: Sequence[str]) -> Iterator[str]:
        """Files whose process may have ended before all of their tests had."""
        if not self.watches or "--test-force-exit" in argv or any(word in argv for word in _ONE_PROCESS):
            return
        for end in told:
            if end.told:
                yield f"{self._named(end.file)} ended its own process ({end.code}), its tests over or not"
        read = js_frames.LANGUAGE.read(self.channel.content(), self.channel.nonce)
        loaded = {real(frame.file) for frame in read.frames if isinstance(frame, js_frames.Load)}
        for file in sorted(loaded - {real(end.file) for end in told}):
            yield f"{self._named(file)} did not tell how its process ended"

    def _named(self, file: str) -> str:
        return shown(os.path.relpath(real(file) or self.root, real(self.root)))

    def measured(self, tests: TestRun, *, own: bool) -> Measured:
        """What c8 or nyc wrote, or node itself, which leaves out the files that nothing loaded."""
        if not own:
            report = os.path.join(js_coverage.folder(self.channel.scratch), "coverage-final.json")
            return js_coverage.read(report, tests)
        measured = js_coverage.read(self.channel.below(_LCOV), tests, reader=lcov.read)
        return js_coverage.with_unloaded(measured, self.root, self.ask.source_roots)


def _end(line: bytes) -> End | None:
    try:
        return from_json(line, End)
    except NotReadable:
        return None
