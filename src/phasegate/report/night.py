"""A stretch of the ledger as one report: one pass over its events, each part gathered by who knows about it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from phasegate.ledger.driving import DriveEnded, DriveStarted
from phasegate.ledger.event import GENESIS, Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import HookFailed, NoteAdded, PlanRead, QuestionAsked, RunStarted
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import Question, State
from phasegate.ledger.waivers import WaiverGiven
from phasegate.plain import line, paragraph
from phasegate.report import priorities, values
from phasegate.report.driving import Driving
from phasegate.report.gathering import Gatherer, Seen
from phasegate.report.observations import Observations
from phasegate.report.phases import Phases, title
from phasegate.report.refusals import Refusals
from phasegate.report.spending import Time
from phasegate.report.values import Asked, Because, Ends, File, HeldChange, Report, Trouble, Window, event, figure
from phasegate.workflow.definition import Workflow

SOON_DAYS = 7
"""An exception that ends within so many days is worth a look."""


class Beginning:
    """Where the report begins: at a time asked for, else where the newest drive, or run of a person's, began.

    A drive that goes on where another was killed is not a new one.
    """

    def __init__(self, since_ms: int | None) -> None:
        self.since_ms = since_ms
        self.after, self.at = 0, 0
        self.because: Because = "ledger" if since_ms is None else "asked"
        self._driven: dict[str, tuple[str, str]] = {}
        self._killed: set[tuple[str, str]] = set()

    def here(self, event: Event) -> bool:
        """Whether what follows, with this event, is a new stretch."""
        if self.since_ms is not None:
            return not self.at and event.clock.ms >= self.since_ms and self._from(event, "asked")
        if event.kind not in _BEGINNINGS:
            self.at = self.at or event.clock.ms
            return False
        return self._newer(event)

    def _newer(self, event: Event) -> bool:
        match fact_of(event):
            case DriveStarted(drive=drive, worktree=worktree, branch=branch, attempt_of=attempt_of):
                again = (worktree, branch) in {*self._driven.values(), *self._killed}
                self._driven[drive] = (worktree, branch)
                return not (attempt_of or again) and self._from(event, "drive")
            case DriveEnded(drive=drive, outcome=outcome):
                ended = self._driven.pop(drive, None)
                self._killed = {ended} if ended and outcome == "failed" else set()
            case RunStarted(worktree=worktree) if worktree not in {tree for tree, _ in self._driven.values()}:
                return self._from(event, "run")
        return False

    def _from(self, event: Event, because: Because) -> bool:
        self.after, self.at, self.because = event.position - 1, event.clock.ms, because
        return True


class Places:
    """Where in the ledger questions, errors and exceptions were recorded, and hook calls that failed."""

    takes: tuple[type[Fact], ...] = (QuestionAsked, NoteAdded, WaiverGiven, HookFailed, PlanRead)

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self.plan: tuple[str, ...] = ()
        self.begin(0)

    def begin(self, at: int) -> None:
        self.failed: list[str] = []

    def take(self, seen: Seen) -> None:
        match seen.fact:
            case QuestionAsked(question=id) | NoteAdded(note=id) | WaiverGiven(waiver=id):
                self.of[id] = event(seen.position)
            case PlanRead():
                self.plan = (event(seen.position),)
            case HookFailed():
                self.failed.append(event(seen.position))


class Night:
    """Everything gathered in one pass."""

    def __init__(self, since_ms: int | None = None) -> None:
        self.beginning = Beginning(since_ms)
        self.observations, self.phases, self.refusals = Observations(), Phases(), Refusals()
        self.driving, self.time, self.places = Driving(), Time(), Places()
        parts: tuple[Gatherer, ...] = (
            self.observations, self.phases, self.refusals, self.driving, self.time, self.places,
        )  # fmt: skip
        self.parts = parts
        self._wanted: dict[str, list[Gatherer]] = {}
        for part in parts:
            for kind in part.takes:
                self._wanted.setdefault(kind.__name__, []).append(part)
        self.head, self.head_hash, self.newest_at = 0, GENESIS, 0

    def take(self, event: Event) -> None:
        """One event, in order. Only those that a part is about are decoded; an erased one says nothing any more."""
        if self.beginning.here(event):
            for part in self.parts:
                part.begin(event.clock.ms)
        self.head, self.head_hash, self.newest_at = event.position, event.hash, event.clock.ms
        if event.stream.startswith("run/"):
            self.time.alive(event.stream, event.clock.ms)
        parts = self._wanted.get(event.kind)
        fact = fact_of(event) if parts else None
        if parts and fact is not None:
            seen = Seen(event.position, event.clock.ms, fact)
            for part in parts:
                part.take(seen)

    def window(self, now_ms: int) -> Window:
        """What the report covers."""
        asked, found = self.beginning.since_ms, self.beginning
        nothing = asked is not None and not found.at
        return Window(
            found.at if asked is None else asked, max(now_ms, self.newest_at), self.head if nothing else found.after,
            self.head, self.head_hash, found.because, 0 if nothing else self.head - found.after,
        )  # fmt: skip


_BEGINNINGS = ("DriveStarted", "DriveEnded", "RunStarted")


def assemble(
    events: Iterable[Event], state: State, *, workflow: Workflow, since_ms: int | None, now_ms: int, today: str,
) -> Report:  # fmt: skip
    """The report of `events` (all of them, in order) up to where `state` is; None begins at the newest beginning.

    `today` is the UTC date, YYYY-MM-DD.
    """
    night = Night(since_ms)
    for each in events:
        if each.position > state.position:
            break
        night.take(each)
    if since_ms is not None and not night.beginning.at:
        for part in night.parts:
            part.begin(since_ms)  # nothing was recorded since
    return _report(night, state, workflow, now_ms, today)


def _report(night: Night, state: State, workflow: Workflow, now_ms: int, today: str) -> Report:
    resting = {step.name for step in workflow.steps if step.rests}
    night.driving.finish(now_ms)
    night.time.finish()
    phases = tuple(replace(spent, title=title(state, spent.name)) for spent in night.time.phases(resting))
    took = {spent.name: spent.seconds for spent in phases}
    lost = _lost(night)
    coverage_before, coverage_after, no_coverage, no_coverage_refs = night.observations.coverage(lost)
    put_back, put_back_count = night.refusals.put_back()
    closed = night.phases.closed(state, night.observations, took)
    plan = "".join(night.places.plan)
    before = [phase.id for phase in state.plan if state.is_closed(phase.id) and phase.id not in night.phases.ids()]
    deferred = night.phases.deferred(state, took)
    away = {phase.phase for phase in deferred}
    report = Report(
        project=state.project,
        window=night.window(now_ms),
        planned=figure(len(state.plan), night.places.plan),
        closed_before=figure(len(before), [night.phases.closings.get(id) or plan for id in before]),
        still_open=tuple(phase.id for phase in state.plan if not state.is_closed(phase.id) and phase.id not in away),
        first=(),
        closed=tuple(closed),
        deferred=tuple(deferred),
        questions=tuple(_asked(night, state, question) for question in state.open_questions()),
        held=_held(night, state),
        refused=night.refusals.by_rule(),
        retried=night.refusals.retried(),
        put_back=put_back,
        put_back_count=put_back_count,
        boxes_put_back=night.refusals.boxes(),
        secrets=night.refusals.secrets(),
        tests=night.observations.tests(lost),
        coverage_before=coverage_before,
        coverage_after=coverage_after,
        no_coverage=no_coverage,
        no_coverage_refs=no_coverage_refs,
        attempts=night.phases.attempts(),
        drives=night.driving.drives(),
        use=night.driving.use(),
        endings=night.driving.endings(),
        waits=night.driving.waits(),
        recoveries=night.driving.recoveries(),
        steps=night.time.steps(resting),
        phases=phases,
        worked=night.time.worked(resting),
        errors=_errors(night, state),
        failed_hooks=figure(len(night.places.failed), night.places.failed),
        ending_waivers=_ending(night, state, today),
    )
    report = replace(report, first=priorities.first_looks(report))
    known = night.observations.positions
    return replace(report, observed={ref: known[ref] for ref in sorted(values.references(report)) if ref in known})


def _lost(night: Night) -> frozenset[str]:
    """Runs in the work trees of attempts that the gates did not choose."""
    all_, winners = night.driving.all.values(), night.phases.winners
    losers = [drive for drive in all_ if drive.attempt_of and drive.drive not in winners]
    return frozenset(run for drive in losers for run in night.phases.runs_of.get(drive.worktree, ()))


def _asked(night: Night, state: State, question: Question) -> Asked:
    note, record = state.notes.get(question.note), state.record_of(question.phase)
    shown = record.report if record.status == "deferred" and not question.note else ""
    return Asked(
        question.id, paragraph(question.text, 1000), question.phase, title(state, question.phase), question.step,
        line(note.text, 300) if note else "", question.at_ms, night.places.of.get(question.id, ""),
        File(night.phases.worktrees.get(question.run, ""), shown) if shown else None, line(question.default, 400),
    )  # fmt: skip


def _held(night: Night, state: State) -> tuple[HeldChange, ...]:
    held = night.refusals.held
    return tuple(
        HeldChange(path, change.rule, line(change.why, 200), run.worktree, held.get((run.id, path), ""))
        for run in state.runs.values() if run.status != "ended"
        for path, change in sorted(run.held.items())
    )  # fmt: skip


def _errors(night: Night, state: State) -> tuple[Trouble, ...]:
    found = [note for note in state.notes.values() if note.kind == "error" and not note.resolved]
    return tuple(
        Trouble(note.id, note.severity, note.phase, f"{note.file}:{note.line}" if note.line else note.file,
                line(note.text, 300), event(note.position))
        for note in found
    )  # fmt: skip


def _ending(night: Night, state: State, today: str) -> tuple[Ends, ...]:
    """Exceptions in force that end soon, the next one first."""
    found = []
    for waiver in state.waivers.values():
        days = _day(waiver.until) - _day(today) if waiver.until else SOON_DAYS + 1
        if waiver.holds_on(today) and days <= SOON_DAYS:
            ref = night.places.of.get(waiver.id, "")
            found.append(Ends(waiver.id, waiver.what, waiver.subject, waiver.owner, waiver.until, days, ref))
    return tuple(sorted(found, key=lambda ends: ends.until))


def _day(date: str) -> int:
    """The days since 1 March of the year 0 until a date, YYYY-MM-DD; 0 when it is none."""
    parts = date.split("-")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return 0
    year, month, day = (int(part) for part in parts)
    year, month = (year - 1, month + 9) if month < 3 else (year, month - 3)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 1
