"""One observation bound to a subject digest: what was seen, by whom, how sure we are, and what shows it."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import msgspec

from phasegate.evidence.findings import FindingsSeen
from phasegate.evidence.levels import Assurance, Hollow, Infrastructure, SuiteLevel


class Artifact(msgspec.Struct, frozen=True):
    """Bytes kept beside the ledger under their SHA-256 (hex); `size` in bytes."""

    name: str
    sha256: str
    size: int


class RedTest(msgspec.Struct, frozen=True):
    """A test that did not pass: its id, the cause (`evidence.tests.Cause`), first lines of its message, its place."""

    id: str
    cause: str
    message: str = ""
    line: int = 0
    file: str = ""


class TestsSeen(msgspec.Struct, frozen=True, tag="tests"):
    """What a test run showed. `new`, `gone` and `newly_red` compare its ids with the runs up to `compared_to`.

    `gone` and `newly_skipped` look also at the tests seen red earlier in the phase; `held` are those that pass now.
    `excused` are red tests of other projects that were red there before. `levels` says how sure each suite's run is.
    `hollow` are tests that pass and show nothing, and did not so before.
    `infrastructure` is what the result hangs on and nobody had approved when the tests ran.
    `flaky` were red and passed in a further run.
    """

    __test__ = False

    runner: str
    complete: bool
    why_incomplete: str = ""
    collected: int = 0
    passed: int = 0
    skipped: int = 0
    red: tuple[RedTest, ...] = ()
    compared_to: str = ""
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    newly_red: tuple[str, ...] = ()
    newly_green: tuple[str, ...] = ()
    newly_skipped: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    excused: tuple[str, ...] = ()
    levels: tuple[SuiteLevel, ...] = ()
    hollow: tuple[Hollow, ...] = ()
    infrastructure: tuple[Infrastructure, ...] = ()
    flaky: tuple[str, ...] = ()

    @property
    def failure(self) -> str:
        """A text that is equal for two runs that fail in the same way; empty when nothing is red."""
        return "\n".join(sorted(f"{test.id}\t{test.cause}\t{test.message[:120]}" for test in self.red))


def per_cent(value: float, places: int = 1) -> str:
    """`79.9 %`: cut off, so that what is not quite whole, or not quite what was demanded, is never shown as if."""
    return f"{cut(value, places):.{places}f} %"


def cut(value: float, places: int = 1) -> float:
    """`value` to so many places, towards zero."""
    scale = 10.0**places
    return int(value * scale + 1e-6) / scale


class Counts(msgspec.Struct, frozen=True, gc=False):
    """How much of something ran: `covered` of `total`."""

    covered: int
    total: int

    @property
    def percent(self) -> float | None:
        """None when there was nothing to cover, since nothing measured is not everything covered."""
        return 100 * self.covered / self.total if self.total else None


class ChangedFile(msgspec.Struct, frozen=True):
    """Executable lines of `path` changed since the phase began: how many a test ran, and which none did.

    `excluded` are those among `missing` that the project tells its coverage tool not to count.
    """

    path: str
    covered: int
    missing: tuple[int, ...] = ()
    excluded: tuple[int, ...] = ()


class CoverageSeen(msgspec.Struct, frozen=True, tag="coverage"):
    """Statement coverage: of everything, and of the lines changed since the phase began, per file.

    `unmeasured` are changed source files of whose lines the report says nothing; what ran in them is unknown.
    A metric that the tool does not give, or not for every file, is None. `outside` counts files that the report names
    and that are not in the project.
    """

    tool: str
    covered: int
    total: int
    changed: tuple[ChangedFile, ...] = ()
    unmeasured: tuple[str, ...] = ()
    branches: Counts | None = None
    functions: Counts | None = None
    lines: Counts | None = None
    outside: int = 0

    @property
    def metrics(self) -> dict[str, Counts | None]:
        """Every metric under the name by which people and programs read it."""
        return {
            "coverage.statements": Counts(self.covered, self.total),
            "coverage.branches": self.branches,
            "coverage.functions": self.functions,
            "coverage.lines": self.lines,
        }

    @property
    def missing(self) -> int:
        """Statements that no test ran."""
        return self.total - self.covered

    @property
    def percent(self) -> float:
        """Covered statements in per cent of all; 100.0 when there is none."""
        return _percent(self.covered, self.total)

    @property
    def said(self) -> str:
        """Every metric that is known, in per cent."""
        known = {name: counts.percent for name, counts in self.metrics.items() if counts is not None}
        return ", ".join(f"{name} {per_cent(percent)}" for name, percent in known.items() if percent is not None)

    @property
    def changed_percent(self) -> float:
        """Covered changed lines in per cent of all changed executable lines; 100.0 when there is none."""
        covered = sum(file.covered for file in self.changed)
        return _percent(covered, covered + sum(len(file.missing) for file in self.changed))


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0


class NoCoverage(msgspec.Struct, frozen=True, tag="no_coverage"):
    """Coverage could not be measured, and why, with what would make it measurable."""

    why: str


class CommandSeen(msgspec.Struct, frozen=True, tag="command"):
    """A command that `phasegate record` ran; read only by a gate that names this command."""

    argv: tuple[str, ...]
    exit_code: int
    seconds: float


Seen = TestsSeen | CoverageSeen | NoCoverage | CommandSeen | FindingsSeen


class Evidence(msgspec.Struct, frozen=True):
    """An observation of the tree `subject` (hex), made by `collector` (name and version) in a phase of a run."""

    id: str
    seen: Seen
    subject: str
    assurance: Assurance
    collector: str
    phase: str = ""
    run: str = ""
    artifacts: tuple[Artifact, ...] = ()
    tree: str = ""

    def speaks_for(self, subject: str) -> bool:
        """Whether it was made on exactly this subject and recorded by phasegate; a claim speaks for nothing."""
        return bool(subject) and self.subject == subject and self.assurance != "claimed"
