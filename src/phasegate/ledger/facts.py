"""Every fact phasegate can record, in the past tense. Their fields are a contract with every ledger already written.

A field may be added with a default; anything else needs a higher schema version and an upcast in `schema.py`.
"""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from typing import Literal

import msgspec

from phasegate.evidence.items import Evidence
from phasegate.ledger import custody, driving, rulings, waivers
from phasegate.ledger.fact import Fact
from phasegate.workflow.plan import Phase

Category = Literal["", "implement", "research", "strategic"]
NoteKind = Literal["error", "discovery", "uncertainty"]
Severity = Literal["minor", "major", "strategic"]
RunMode = Literal["start", "drive"]


# -- the project ------------------------------------------------------------------------------------------------------


class LedgerBorn(Fact, frozen=True):
    """This ledger began for `project`; `copied_from` names the ledger of the clone it was copied from."""

    project: str
    home: str
    copied_from: str = ""


class LedgerMoved(Fact, frozen=True):
    """The clone was found at another place than before."""

    home: str


class SettingsTrusted(Fact, frozen=True):
    """A person trusted the settings file with this digest."""

    digest: str


class BaselineTaken(Fact, frozen=True):
    """How the repository was when phasegate came, by the ids of the evidence, of `findings` for each scanner.

    `flaky` tests differed between runs.
    """

    subject: str
    tree: str
    tests: str = ""
    coverage: str = ""
    findings: dict[str, str] = msgspec.field(default_factory=dict)
    flaky: tuple[str, ...] = ()


class PlanRead(Fact, frozen=True):
    """The plan as read from the work tree. `imported` boxes were ticked before the ledger was born."""

    path: str
    digest: str
    phases: tuple[Phase, ...]
    imported: tuple[str, ...] = ()


class BoxesPutBack(Fact, frozen=True):
    """Boxes of the plan ticked (or unticked) by another hand were put back."""

    boxes: tuple[str, ...]


class KindCorrected(Fact, frozen=True):
    """A person or the agent named another kind for a phase than the one inferred."""

    phase: str
    kind: str


class ViewRendered(Fact, frozen=True):
    """phasegate is about to write `path` (relative to `worktree`) with content of this SHA-256 (hex; "" = removed)."""

    worktree: str
    path: str
    sha256: str


class SecretSeen(Fact, frozen=True):
    """A secret was found; `where` is a path or the field of a fact, `fingerprint` names it without showing it."""

    rule: str
    fingerprint: str
    where: str
    refused: bool


# -- phases -----------------------------------------------------------------------------------------------------------


class GateSaid(msgspec.Struct, frozen=True):
    """What a gate said when something relied on it."""

    gate: str
    says: str
    evidence: tuple[str, ...] = ()
    waived: str = ""


class FileKept(msgspec.Struct, frozen=True):
    """A file of an archive: path relative to the work tree, SHA-256 of its content (hex)."""

    path: str
    sha256: str


class PhaseStarted(Fact, frozen=True):
    """A run took up a phase on the tree `tree` with digest `subject`."""

    phase: str
    run: str
    kind: str
    subject: str
    tree: str
    lane: str = "standard"


class LaneMoved(Fact, frozen=True):
    """The phase goes by the steps and gates of another lane from now on: the difference grew, or a person said so."""

    phase: str
    lane: str
    was: str
    why: str
    by: str = ""


class BaselineMoved(Fact, frozen=True):
    """The tree changed before anybody could work on the phase; what it is compared with is the tree as it is now."""

    phase: str
    subject: str
    tree: str


class PhaseClosed(Fact, frozen=True):
    """The phase is done; its evidence lies in `archive`, `files` with their digests, and these gates had passed.

    `changed` counts the files that differ from the phase's start, less the plan and phasegate's own; None: unknown.
    """

    phase: str
    run: str
    subject: str
    archive: str
    files: tuple[FileKept, ...]
    gates: tuple[GateSaid, ...]
    manifest: str
    changed: int | None = None


class ClosurePublished(Fact, frozen=True):
    """The plan shows the closure and the originals are gone."""

    phase: str


class PhaseDeferred(Fact, frozen=True):
    """The phase waits for a person: why, the report, and the question it needs answered."""

    phase: str
    run: str
    why: str
    report: str
    question: str


class PhaseReopened(Fact, frozen=True):
    """A deferred phase may be taken up again, with its loops counted anew."""

    phase: str


class TaskLinked(Fact, frozen=True):
    """A task of a phase is said to be shown by these evidence ids."""

    phase: str
    task: str
    evidence: tuple[str, ...]


PhaseFact = (
    PhaseStarted
    | LaneMoved
    | BaselineMoved
    | PhaseClosed
    | ClosurePublished
    | PhaseDeferred
    | PhaseReopened
    | TaskLinked
)
PHASE_FACTS = (
    PhaseStarted, LaneMoved, BaselineMoved, PhaseClosed, ClosurePublished, PhaseDeferred, PhaseReopened, TaskLinked,
)  # fmt: skip


# -- runs -------------------------------------------------------------------------------------------------------------


class RunStarted(Fact, frozen=True):
    """A run began in a work tree; `task` is the sentence of a run without a plan, else empty.

    `people` are who drives it, as far as known: the account it was begun under, and the address of its commits.
    """

    run: str
    worktree: str
    mode: RunMode
    workflow: str
    step: str
    task: str = ""
    people: tuple[str, ...] = ()


class TaskGiven(Fact, frozen=True):
    """The run works on this one small phase, made of the sentence it began with, and on nothing of the plan."""

    run: str
    small: Phase


class RunPaused(Fact, frozen=True):
    """Until it is resumed the run neither drives nor limits edits."""

    run: str


class RunResumed(Fact, frozen=True):
    """The run drives again."""

    run: str


class RunEnded(Fact, frozen=True):
    """The run is over: `complete`, or `stopped` by a person."""

    run: str
    outcome: str


class SessionBegan(Fact, frozen=True):
    """A client session began, resumed, was cleared or compacted, with the hooks alive."""

    run: str
    session: str
    client: str
    version: str
    source: str


class SessionEnded(Fact, frozen=True):
    """A client session ended in an orderly way."""

    run: str
    session: str
    reason: str


class DriverTaken(Fact, frozen=True):
    """`session` now drives the run; `pid` and `born` (start time) name the client's process on this machine."""

    run: str
    session: str
    pid: int = 0
    born: str = ""


class PromptTaken(Fact, frozen=True):
    """A prompt; `hands_over` when it hands the turn to the plan, else the turn is the person's own.

    `own` when the step limits no edit until the turn ends: the client itself gave it, with nobody else at work.
    """

    run: str
    session: str
    hands_over: bool
    text: str = ""
    own: bool = False


class StepEntered(Fact, frozen=True):
    """The run is at `step`; `loop` when this counts a loop, `failure` what was red then, `why` the transition taken."""

    run: str
    step: str
    came_from: str
    why: str
    phase: str
    subject: str
    loop: bool = False
    failure: str = ""


class RunRecovered(Fact, frozen=True):
    """A new session found the run at `step` after an interruption and went on there."""

    run: str
    session: str
    step: str


class CallAsked(Fact, frozen=True):
    """A tool that can write was about to run."""

    run: str
    call: str
    session: str
    agent: str
    tool: str
    does: str
    paths: tuple[str, ...] = ()
    command: str = ""


class CallRefused(Fact, frozen=True):
    """A tool call or configuration change was refused."""

    run: str
    call: str
    session: str
    agent: str
    tool: str
    rule: str
    reason: str
    paths: tuple[str, ...] = ()
    command: str = ""


class WishGranted(Fact, frozen=True):
    """In a turn of the person's own these paths were changed although the step does not allow it: it is their wish."""

    run: str
    call: str
    step: str
    paths: tuple[str, ...]


class CallReturned(Fact, frozen=True):
    """A tool that can write came back."""

    run: str
    call: str
    ok: bool


class CallsAbandoned(Fact, frozen=True):
    """Calls that will never return: their session is gone or its turn is over."""

    run: str
    calls: tuple[str, ...]


class TreeObserved(Fact, frozen=True):
    """The whole tree was digested."""

    run: str
    tree: str
    subject: str
    changed: tuple[str, ...] = ()


class PathsRehashed(Fact, frozen=True):
    """Single paths were hashed after an edit: blob id, or "" when the path is gone."""

    run: str
    blobs: dict[str, str]


class ChangePutBack(Fact, frozen=True):
    """A change that nobody was allowed to make was undone; `overwritten` (blob) is kept, `command` restores it."""

    run: str
    path: str
    rule: str
    call: str
    restored: str
    overwritten: str
    command: str


class ChangeHeld(Fact, frozen=True):
    """A change that nobody was allowed to make could not be undone safely; gates are unknown until it is settled."""

    run: str
    path: str
    rule: str
    why: str
    before: str


class ChangeSettled(Fact, frozen=True):
    """A held change is settled: `reverted` (the file is as before) or `accepted` by a person."""

    run: str
    path: str
    how: str


class CheckStarted(Fact, frozen=True):
    """A detached runner began; `pid` and `born` (start time of the process) name it on this machine."""

    run: str
    check: str
    what: str
    pid: int
    born: str
    subject: str


class CheckEnded(Fact, frozen=True):
    """A runner delivered its evidence, or was lost, and why."""

    run: str
    check: str
    evidence: tuple[str, ...] = ()
    lost: str = ""


class EvidenceRecorded(Fact, frozen=True):
    """An observation was recorded."""

    evidence: Evidence


class NoteAdded(Fact, frozen=True):
    """An error, discovery or uncertainty; `about` names what resolves it by itself (a test id), else empty."""

    note: str
    run: str
    phase: str
    kind: NoteKind
    severity: Severity
    text: str
    file: str = ""
    line: int = 0
    remedy: str = ""
    category: Category = ""
    about: str = ""


class NoteCorrected(Fact, frozen=True):
    """A note was given another category or severity."""

    note: str
    category: Category = ""
    severity: str = ""


class NoteResolved(Fact, frozen=True):
    """A note is settled, how, and by which evidence."""

    note: str
    how: str
    evidence: tuple[str, ...] = ()


class QuestionAsked(Fact, frozen=True):
    """A person is asked; `note` or `phase` says what waits for the answer, `default` what the agent would do.

    With a `subject` it is whether the phase may close on that tree.
    """

    question: str
    run: str
    text: str
    note: str = ""
    phase: str = ""
    step: str = ""
    default: str = ""
    subject: str = ""


class QuestionAnswered(Fact, frozen=True):
    """A person answered, with an approval that is weak (a terminal) or strong (a signature).

    A strong one brings the text that was signed and its signature, so that anybody can check it again.
    """

    question: str
    verdict: Literal["approve", "reject"]
    words: str
    approval: Literal["weak", "strong"]
    by: str
    shown: str = ""
    text: str = ""
    signature: str = ""


class QuestionWithdrawn(Fact, frozen=True):
    """What a question was about settled itself before anybody answered."""

    question: str
    run: str
    why: str


class StopRefused(Fact, frozen=True):
    """The agent wanted to stop and was told to go on."""

    run: str
    session: str
    reason: str


class StopAllowed(Fact, frozen=True):
    """The turn ended: `own` (the person's turn), `waiting`, `complete`, `unmet` (refused often enough)."""

    run: str
    session: str
    why: str


class HookFailed(Fact, frozen=True):
    """A hook call failed on our side after the ledger was read."""

    run: str
    moment: str
    problem: str


class RefusalDisputed(Fact, frozen=True):
    """A person called a refusal wrong, and why; `refused` is the position of its event, `call` the tool call.

    It changes no rule: it is counted, and becomes a case that the rules are tried on.
    """

    refused: int
    call: str
    why: str
    by: str


ELSEWHERE = (custody, driving, rulings, waivers)
"""Modules with further facts: about what is watched, about a supervisor, about rules, and about exceptions."""


def kinds() -> dict[str, type[Fact]]:
    """Every kind of fact by name, file by file, whichever was imported first."""
    return {kind.__name__: kind for kind in sorted(Fact.__subclasses__(), key=lambda kind: kind.__module__)}
