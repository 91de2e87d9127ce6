"""What the events so far come to: the project, its phases, its runs. Built by `fold` alone and cached as snapshots."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from collections.abc import Sequence

import msgspec

from phasegate.evidence.items import Evidence, TestsSeen
from phasegate.ledger.driving import Limits, Tokens
from phasegate.ledger.facts import BaselineTaken, Category, FileKept, NoteKind
from phasegate.ledger.waivers import Waivable
from phasegate.settings import matches
from phasegate.workflow.plan import Phase

CODE = "state-14"
"""Changes whenever a snapshot of an older fold could mean something else."""

TRAIL = 60
"""How many steps back a run remembers, for noticing that it goes in circles."""


class Note(msgspec.Struct):
    """An error, discovery or uncertainty, as corrected so far."""

    id: str
    run: str
    phase: str
    kind: NoteKind
    severity: str
    text: str
    file: str
    line: int
    remedy: str
    category: Category
    about: str
    author: str
    at_ms: int
    position: int
    resolved: str = ""


class Question(msgspec.Struct):
    """What a person is asked, and the answer once there is one."""

    id: str
    run: str
    text: str
    note: str
    phase: str
    step: str
    at_ms: int
    default: str = ""
    verdict: str = ""
    words: str = ""
    approval: str = ""
    by: str = ""
    subject: str = ""

    @property
    def open(self) -> bool:
        """Whether it still waits."""
        return not self.verdict


class ApprovalRecord(msgspec.Struct, frozen=True):
    """Somebody approved that a phase closes on the tree `subject`: weak (a terminal) or strong (a signature)."""

    subject: str
    by: str
    approval: str
    position: int


class Ruled(msgspec.Struct, frozen=True):
    """What a rule said last in a run: its mode, its verdict, on which tree, and why."""

    mode: str
    says: str
    subject: str
    why: str


class PhaseRecord(msgspec.Struct):
    """A phase as worked on: `status` is open, started, closed, publishing (closed, not yet shown) or deferred."""

    id: str
    status: str = "open"
    kind: str = ""
    run: str = ""
    subject: str = ""
    tree: str = ""
    lane: str = "standard"
    lane_why: str = ""
    lane_by: str = ""
    loops: int = 0
    links: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    red_seen: dict[str, str] = msgspec.field(default_factory=dict)
    started_ms: int = 0
    closed_ms: int = 0
    archive: str = ""
    manifest: str = ""
    files: tuple[FileKept, ...] = ()
    report: str = ""
    why_deferred: str = ""
    question: str = ""
    approvals: list[ApprovalRecord] = msgspec.field(default_factory=list)


class Visit(msgspec.Struct):
    """A step that was entered: on which subject, and what was red then."""

    step: str
    phase: str
    subject: str
    failure: str
    loop: bool
    position: int
    at_ms: int


class InFlight(msgspec.Struct):
    """A tool call that was let through and has not come back."""

    call: str
    session: str
    agent: str
    tool: str
    does: str
    paths: tuple[str, ...]
    at_ms: int


class Held(msgspec.Struct):
    """A forbidden change that stands until it is settled; `before` is the blob it replaced ("" = none)."""

    path: str
    rule: str
    why: str
    before: str


class Check(msgspec.Struct):
    """A detached runner at work."""

    id: str
    what: str
    pid: int
    born: str
    subject: str
    at_ms: int


class RunRecord(msgspec.Struct):
    """One agent's way through the workflow in one work tree.

    `watched` is what the files outside the tree hold, `bound` the process of each session's client, `left` the programs
    still at work when the last turn ended, `turn_over` whether it has, `returned_ms` when a call last came back.
    """

    id: str
    worktree: str
    mode: str
    workflow: str
    step: str
    task: str = ""
    small: str = ""
    status: str = "active"
    phase: str = ""
    asked_from: str = ""
    entered: int = 0
    entered_ms: int = 0
    trail: list[Visit] = msgspec.field(default_factory=list)
    tree: str = ""
    subject: str = ""
    edits: dict[str, str] = msgspec.field(default_factory=dict)
    undone: dict[str, str] = msgspec.field(default_factory=dict)
    in_flight: dict[str, InFlight] = msgspec.field(default_factory=dict)
    held: dict[str, Held] = msgspec.field(default_factory=dict)
    sessions: dict[str, str] = msgspec.field(default_factory=dict)
    driver: str = ""
    driver_pid: int = 0
    driver_born: str = ""
    driver_seen_ms: int = 0
    handed_over: bool = False
    own_turn: str = ""
    wish_told: bool = False
    refused_stops: int = 0
    refused_here: int = 0
    last_stop_position: int = 0
    checks: dict[str, Check] = msgspec.field(default_factory=dict)
    outcome: str = ""
    refusals: int = 0
    watched: dict[str, str] = msgspec.field(default_factory=dict)
    bound: dict[str, tuple[int, str]] = msgspec.field(default_factory=dict)
    left: tuple[str, ...] = ()
    turn_over: bool = False
    returned_ms: int = 0
    people: tuple[str, ...] = ()
    ruled: dict[str, Ruled] = msgspec.field(default_factory=dict)

    @property
    def drives(self) -> bool:
        """Whether steps limit and instruct now."""
        return self.status == "active"


TAKEN_UP = "-"
"""In the place of the branch of a phase that was set aside: its work is in the tree again."""


class DriveRecord(msgspec.Struct):
    """A supervisor's work in one work tree: what it may use, what it used so far, what it does now.

    `aside` names the branch that holds what was done of each deferred phase ("" where nothing was).
    `iterations` counts the clients that got an answer of their model, `waits` the waits since one last got anywhere;
    `waits_until_ms` is 0 while the supervisor does not wait.
    """

    id: str
    worktree: str
    branch: str
    base: str
    limits: Limits
    pid: int
    born: str
    attempt_of: str
    phase: str
    started_ms: int
    launches: int = 0
    iterations: int = 0
    launch: str = ""
    client_pid: int = 0
    client_born: str = ""
    cost_usd: float = 0.0
    tokens: Tokens = Tokens()
    turns: int = 0
    last_ending: str = ""
    waits: int = 0
    waits_until_ms: int = 0
    waits_for: str = ""
    commits: dict[str, str] = msgspec.field(default_factory=dict)
    aside: dict[str, str] = msgspec.field(default_factory=dict)
    outcome: str = ""
    said: str = ""


class Waiver(msgspec.Struct, frozen=True):
    """An exception in force from `given_ms` until the UTC date `until` ("" = no end), unless it was ended."""

    id: str
    what: Waivable
    subject: str
    owner: str
    reason: str
    until: str
    approval: str
    by: str
    given_ms: int
    ended: str = ""

    def holds_on(self, today: str) -> bool:
        """Whether it is in force on a UTC date, YYYY-MM-DD; its last day counts."""
        return not self.ended and (not self.until or today <= self.until)

    def is_about(self, names: Sequence[str]) -> bool:
        """Whether its subject is one of `names`, or a glob that matches one."""
        return self.subject in names or any(matches(name, (self.subject,)) for name in names)


class State(msgspec.Struct):
    """Everything the ledger comes to at `position`."""

    position: int = 0
    now_ms: int = 0
    versions: dict[str, int] = msgspec.field(default_factory=dict)
    project: str = ""
    home: str = ""
    trusted: str = ""
    plan_path: str = ""
    plan_digest: str = ""
    plan: tuple[Phase, ...] = ()
    small: dict[str, Phase] = msgspec.field(default_factory=dict)
    imported: frozenset[str] = frozenset()
    kinds: dict[str, str] = msgspec.field(default_factory=dict)
    phases: dict[str, PhaseRecord] = msgspec.field(default_factory=dict)
    runs: dict[str, RunRecord] = msgspec.field(default_factory=dict)
    current: dict[str, str] = msgspec.field(default_factory=dict)
    views: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    replaced: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    evidence: dict[str, Evidence] = msgspec.field(default_factory=dict)
    notes: dict[str, Note] = msgspec.field(default_factory=dict)
    questions: dict[str, Question] = msgspec.field(default_factory=dict)
    secrets: int = 0
    baseline: BaselineTaken | None = None
    drives: dict[str, DriveRecord] = msgspec.field(default_factory=dict)
    waivers: dict[str, Waiver] = msgspec.field(default_factory=dict)

    def waiver_for(self, what: Waivable, names: Sequence[str], today: str) -> Waiver | None:
        """The exception in force on the UTC date `today` whose subject is, or as a glob matches, one of `names`."""
        named = (waiver for waiver in self.waivers.values() if waiver.what == what and waiver.holds_on(today))
        return next((waiver for waiver in named if waiver.is_about(names)), None)

    def drive_in(self, worktree: str) -> DriveRecord | None:
        """The drive at work in this work tree, if any."""
        drives = (drive for drive in reversed(self.drives.values()) if drive.worktree == worktree)
        newest = next(drives, None)
        return newest if newest is not None and not newest.outcome else None

    def run_in(self, worktree: str) -> RunRecord | None:
        """The run of this work tree that has not ended, if any."""
        run = self.runs.get(self.current.get(worktree, ""))
        return run if run is not None and run.status != "ended" else None

    def planned(self, phase: str) -> Phase | None:
        """The phase as the plan lists it, or as the sentence of a task made it."""
        return next((listed for listed in self.plan if listed.id == phase), None) or self.small.get(phase)

    def phases_of(self, run: RunRecord | None) -> tuple[Phase, ...]:
        """What a run works on: its one small phase, or the plan."""
        return (self.small[run.small],) if run is not None and run.small in self.small else self.plan

    def kind_of(self, phase: str) -> str:
        """The kind of a phase: as corrected, else as it was when the phase began, else as the plan says or implies."""
        listed = self.planned(phase)
        return self.kinds.get(phase) or self.record_of(phase).kind or (listed.kind if listed else "feature")

    def record_of(self, phase: str) -> PhaseRecord:
        """What happened to a phase so far."""
        return self.phases.get(phase) or PhaseRecord(phase)

    def is_closed(self, phase: str) -> bool:
        """Whether the ledger (or the plan before the ledger was born) says that the phase is done."""
        return phase in self.imported or self.record_of(phase).status in ("closed", "publishing")

    def open_notes(self, phase: str) -> list[Note]:
        """The unresolved notes of a phase, oldest first."""
        return [note for note in self.notes.values() if note.phase == phase and not note.resolved]

    def open_questions(self) -> list[Question]:
        """The unanswered questions, oldest first."""
        return [question for question in self.questions.values() if question.open]

    def newest(self, kind: type, *, subject: str | None = None) -> Evidence | None:
        """The newest evidence of this kind, on this subject when one is given; nothing speaks for "" (unknown)."""
        for evidence in reversed(self.evidence.values()):
            if isinstance(evidence.seen, kind) and (subject is None or evidence.speaks_for(subject)):
                return evidence
        return None

    def failure_on(self, subject: str) -> str:
        """How the newest tests on `subject` fail, as a comparable text; empty when none is red or none ran."""
        tests = self.newest(TestsSeen, subject=subject)
        return tests.seen.failure if tests and isinstance(tests.seen, TestsSeen) else ""


def utc_date(ms: int) -> str:
    """The UTC date, YYYY-MM-DD, of milliseconds since 1970; reckoned, for the clock is not to be asked here.

    Years are counted from March, in eras of 400 (146,097 days), as in Hinnant, "chrono-compatible date algorithms".
    """
    era, day = divmod(ms // 86_400_000 + 719_468, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    of_year = day - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    calendar = month + 3 if month < 10 else month - 9
    return f"{era * 400 + year + (calendar <= 2):04}-{calendar:02}-{of_year - (153 * month + 2) // 5 + 1:02}"


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


def freeze(state: State) -> bytes:
    """`state` as bytes for a snapshot."""
    return _encoder.encode(state)


def thaw(data: bytes) -> State:
    """The state that `freeze` wrote; msgspec.DecodeError when it is another's."""
    return _decoder.decode(data)
