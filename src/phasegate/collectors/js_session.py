"""One run of a JavaScript test tool with our reporter inside: where it reports to, its environment, what it came to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from phasegate.collectors import environment, js_frames, one_run
from phasegate.collectors.channel import Channel, Progress
from phasegate.collectors.interface import Ask, SuiteRun
from phasegate.collectors.js_coverage import Measured
from phasegate.collectors.js_outcomes import as_test_run
from phasegate.collectors.js_private import Witness, believed
from phasegate.collectors.js_seen import Seen
from phasegate.collectors.js_why_red import ours_in
from phasegate.collectors.private.environment_elsewhere import of_javascript
from phasegate.collectors.process import Ended
from phasegate.evidence.tests import TestRun

_REPORTERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js_reporters")


class Session:
    """One run: where its report goes, what it is started with, what came out."""

    def __init__(self, tool: str, ask: Ask) -> None:
        """Raises NoScratchDirectory."""
        self.tool, self.ask = tool, ask
        self.command = one_run.placed(ask.root, ask.command)
        inside = ask.inside
        self.clean = environment.clean(ask.env) if inside is None else environment.private(ask.env, ask.inherit, inside)
        self.channel = Channel(ask.scratch)
        # Under this name vitest imports them as they are; elsewhere it would transform them, or refuse to.
        self._reporters = self.channel.below(os.path.join("node_modules", "phasegate"))
        shutil.copytree(_REPORTERS, self._reporters)
        self.witness = Witness(inside, ask.place, self.channel, self.reporter("witness.cjs")) if inside else None

    @property
    def root(self) -> str:
        return self.ask.place

    def reporter(self, name: str) -> str:
        """The path of one of our reporters."""
        return os.path.join(self._reporters, name)

    def preloaded(self, command: Sequence[str]) -> tuple[str, ...]:
        """`command` with our channel loaded before all else, where it is node that is started."""
        at = node_at(command)
        return (
            (*command[: at + 1], "--require", self.reporter("channel.cjs"), *command[at + 1 :])
            if at >= 0
            else tuple(command)
        )

    def environment(self, **more: str) -> dict[str, str]:
        """The user's and the settings', and where to report to."""
        env = self.clean.variables | self.channel.variables | more
        return env | (self.witness.variables(env) if self.witness else {})

    def run(self, argv: Sequence[str], env: Mapping[str, str]) -> Ended:
        """Start it and wait for its end. Raises TestCommandNotStarted."""
        progress = Progress(self.channel, js_frames.counted, self.ask.on_progress)
        return one_run.start(argv, self.ask, env, on_tick=progress.tick)

    def seen(
        self,
        argv: Sequence[str],
        ended: Ended,
        *,
        doubts: tuple[str, ...] = (),
        uncaught: Mapping[str, js_frames.Thrown] | None = None,
        notes: tuple[str, ...] = (),
    ) -> TestRun:
        """What the reporter told, as a test run."""
        read = js_frames.LANGUAGE.read(self.channel.content(), self.channel.nonce)
        seen = Seen(
            self.tool, tuple(argv), self.root, read, ended, self.ask.timeout_seconds, (*self.clean.notes, *notes),
            doubts, uncaught or {},
        )  # fmt: skip
        tests = as_test_run(seen, ours_in(self.root, tuple(self.ask.source_roots)))
        if self.witness is None:
            return tests
        beside = of_javascript(self.root, "node", self.tool, self.clean.variables)
        return replace(believed(tests, self.witness, seen), environment=beside)

    def suite_run(self, tests: TestRun, measured: Measured, ended: Ended) -> SuiteRun:
        """All of it, with the files that prove it."""
        kept = one_run.artifacts(
            results_jsonl=self.channel.content(), coverage_json=measured.report, output_txt=ended.output
        )
        return SuiteRun(tests, measured.coverage, measured.why_not, kept)


def node_at(command: Sequence[str]) -> int:
    """Where in the command `node` itself is started, -1 when something else is."""
    for at, word in enumerate(command):
        if os.path.basename(word) == "node":
            return at
        if word != "env" and "=" not in word:
            return -1
    return -1
