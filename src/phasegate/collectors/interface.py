"""What a test runner is asked, what it hands back, and how it fails to: a runner is a module that meets `Runner`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import ClassVar, Protocol

from msgspec import Struct

from phasegate.collectors.private.inside import Inside
from phasegate.collectors.results import Artifact
from phasegate.errors import Exit, Failure
from phasegate.evidence.coverage import Coverage
from phasegate.evidence.findings import FindingsSeen
from phasegate.evidence.tests import TestRun


class NoTestCommand(Failure):
    """Nothing that could run this project's tests was found."""

    code: ClassVar[str] = "no-test-command"
    exit_code: ClassVar[Exit] = Exit.CANNOT_TELL


class TestCommandNotStarted(Failure):
    """The test command could not be started at all."""

    __test__ = False
    code: ClassVar[str] = "test-command-not-started"
    exit_code: ClassVar[Exit] = Exit.CANNOT_TELL


class NoScratchDirectory(Failure):
    """The private directory of a run cannot be written."""

    code: ClassVar[str] = "no-scratch-directory"
    exit_code: ClassVar[Exit] = Exit.CANNOT_TELL


def _silent(line: str) -> None:
    """Say nothing."""


class Mutation(Struct, frozen=True):
    """Which lines to change for a moment: changed ones by their path from the root, in the order of `seed`.

    No more is tried after `seconds`. Nothing is tried while a test is red that was not `red_before`. Where nothing can
    be tried in the first place `why_not` says so.
    """

    lines: Mapping[str, Collection[int]]
    seconds: float
    seed: str
    red_before: frozenset[str] = frozenset()
    why_not: str = ""


class Ask(Struct, frozen=True):
    """One run of one suite: `command` with `args`, started in `directory` below `root` (both absolute).

    A new directory below `scratch` takes all that is written. `env` is added to the environment, which is cleared of
    what could bend the run. `reports` and `coverage_reports` are glob patterns relative to `directory`.
    A private run is `inside` a private tree: `root` and `directory` are paths as the suite sees them there. `inherit`
    names variables that it takes over from us. With `challenge_seconds` some tests run once more, and are let fail.
    `mutation` asks whether they notice small changes.
    """

    root: str
    command: Sequence[str]
    scratch: str
    source_roots: Sequence[str] = ()
    directory: str = ""
    args: Sequence[str] = ()
    env: Mapping[str, str] = {}
    inherit: Sequence[str] = ()
    timeout_seconds: float = 1800.0
    measure: bool = True
    reports: Sequence[str] = ()
    coverage_reports: Sequence[str] = ()
    on_progress: Callable[[str], None] = _silent
    inside: Inside | None = None
    challenge_seconds: float = 0.0
    mutation: Mutation | None = None

    @property
    def start(self) -> tuple[str, ...]:
        """The words before every command of this run."""
        return self.inside.start if self.inside is not None else ()

    @property
    def place(self) -> str:
        """Where the command is started."""
        return self.directory or self.root


class SuiteRun(Struct, frozen=True):
    """What one run proved, and the files that prove it. Ids and paths are relative to where it ran.

    `survivors` are small changes of the code under test that no test noticed, if that was asked; paths from the root.
    """

    tests: TestRun
    coverage: Coverage | None
    why_no_coverage: str
    artifacts: tuple[Artifact, ...]
    survivors: FindingsSeen | None = None


class Runner(Protocol):
    """Runs suites of one kind."""

    def detect(self, root: str, settings: str = "") -> tuple[str, ...]:
        """The command for the suite that lies in `root`; nothing of the repository is run. Raises NoTestCommand.

        `settings` is the folder whose files say how it is called, where that is another.
        """
        ...

    def run(self, ask: Ask) -> SuiteRun:
        """Run it. Raises TestCommandNotStarted and NoScratchDirectory; what happens later is in the result."""
        ...
