"""How each fact changes the state: state is only what the events say, and a fact without a rule is a bug."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from phasegate.evidence.items import Evidence, TestsSeen
from phasegate.ledger import custody as k
from phasegate.ledger import driving as d
from phasegate.ledger import facts as f
from phasegate.ledger import rulings as r
from phasegate.ledger import waivers as w
from phasegate.ledger.event import Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import (
    TAKEN_UP,
    TRAIL,
    ApprovalRecord,
    Check,
    DriveRecord,
    Held,
    InFlight,
    Note,
    PhaseRecord,
    Question,
    Ruled,
    RunRecord,
    State,
    Visit,
    Waiver,
)

KEPT_EVIDENCE = 400
"""How many observations the state holds; older ones stay in the ledger and the archive."""

REPLACED_KEPT = 8
"""How many views the state knows the former content of."""

SETTLED_KEPT = 400
"""How many settled notes and answered questions the state holds."""

DRIVES_KEPT = 20
"""How many ended drives the state holds."""


def fold(events: Iterable[Event], state: State | None = None) -> State:
    """The state after `events`; `state` (what came before) is changed in place and returned."""
    state = State() if state is None else state
    for event in events:
        fact = fact_of(event)
        state.position = event.position
        state.now_ms = event.clock.ms
        state.versions[event.stream] = event.version
        if fact is not None:
            apply(state, fact, author=event.actor.kind, at_ms=event.clock.ms)
    return state


def apply(state: State, fact: Fact, *, author: str = "phasegate", at_ms: int = 0) -> None:
    """Change `state` by one fact."""
    if isinstance(fact, f.PHASE_FACTS):
        _phase(state, fact, at_ms)
    elif isinstance(fact, _OF_NOTES):
        _note(state, fact, author, at_ms)
    elif isinstance(fact, _OF_PROJECT):
        _project(state, fact)
    elif isinstance(fact, _OF_WAIVERS):
        _waiver(state, fact, at_ms)
    elif isinstance(fact, _OF_DRIVES):
        _drive(state, fact, at_ms)
    elif isinstance(fact, _OF_RULES):
        _ruling(state, fact)
    else:
        run = state.runs.get(getattr(fact, "run", ""))
        _run(state, fact, run, at_ms)


def _project(state: State, fact: Fact) -> None:
    match fact:
        case f.LedgerBorn(project=project, home=home):
            state.project, state.home = project, home
        case f.LedgerMoved(home=home):
            state.home = home
        case f.SettingsTrusted(digest=digest):
            state.trusted = digest
        case f.BaselineTaken():
            state.baseline = fact
        case f.PlanRead():
            state.plan_path, state.plan_digest, state.plan = fact.path, fact.digest, fact.phases
            state.imported = state.imported | frozenset(fact.imported)
        case f.KindCorrected(phase=phase, kind=kind):
            state.kinds[phase] = kind
        case f.ViewRendered(worktree=worktree, path=path, sha256=sha256):
            _view(state, worktree, path, sha256)
        case f.SecretSeen():
            state.secrets += 1
        case f.EvidenceRecorded(evidence=evidence):
            _evidence(state, evidence)
        case f.BoxesPutBack() | f.RefusalDisputed():
            pass
        case _:
            raise AssertionError(f"no rule for {type(fact).__name__}")


def _view(state: State, worktree: str, path: str, sha256: str) -> None:
    """What a view should hold, and for the newest what it held: a writer that is killed leaves it at that."""
    views, replaced = state.views.setdefault(worktree, {}), state.replaced.setdefault(worktree, {})
    replaced.pop(path, None)
    if views.get(path, "") not in ("", sha256):
        replaced[path] = views[path]
        for oldest in list(replaced)[:-REPLACED_KEPT]:
            del replaced[oldest]
    views[path] = sha256


def _evidence(state: State, evidence: Evidence) -> None:
    state.evidence[evidence.id] = evidence
    if len(state.evidence) > KEPT_EVIDENCE:
        _forget_oldest(state)
    if isinstance(evidence.seen, TestsSeen) and evidence.phase and evidence.assurance != "claimed":
        record = state.phases.setdefault(evidence.phase, PhaseRecord(evidence.phase))
        for test in evidence.seen.red:
            if test.id in evidence.seen.newly_red or test.id in evidence.seen.new:
                record.red_seen[test.id] = test.cause


def _forget_oldest(state: State) -> None:
    """Drop the oldest observation that no phase still to be closed relies on."""
    unfinished = [phase for phase in state.phases.values() if phase.status != "closed"]
    wanted = {id for phase in unfinished for ids in phase.links.values() for id in ids}
    baselines = {phase.subject for phase in unfinished} - {""}
    taken = state.baseline
    wanted |= {taken.tests, taken.coverage, *taken.findings.values()} if taken is not None else set()
    for id, evidence in state.evidence.items():
        if id not in wanted and evidence.subject not in baselines:
            del state.evidence[id]
            return


def _phase(state: State, fact: f.PhaseFact, at_ms: int) -> None:
    record = state.phases.setdefault(fact.phase, PhaseRecord(fact.phase))
    match fact:
        case f.PhaseStarted():
            record.status, record.run, record.kind = "started", fact.run, fact.kind
            record.started_ms = record.started_ms or at_ms
            if not record.tree:
                record.subject, record.tree, record.lane = fact.subject, fact.tree, fact.lane
            if fact.run in state.runs:
                state.runs[fact.run].phase = fact.phase
                state.runs[fact.run].ruled.clear()
        case f.LaneMoved(lane=lane):
            record.lane, record.lane_why, record.lane_by = lane, fact.why, fact.by
        case f.BaselineMoved(subject=subject, tree=tree):
            record.subject, record.tree = subject, tree
        case f.PhaseClosed():
            record.status, record.closed_ms = "publishing", at_ms
            record.archive, record.files, record.manifest = fact.archive, fact.files, fact.manifest
        case f.ClosurePublished():
            record.status = "closed"
        case f.PhaseDeferred():
            record.status, record.why_deferred, record.report = "deferred", fact.why, fact.report
            record.question = fact.question
        case f.PhaseReopened():
            record.status, record.loops = "open", 0
        case f.TaskLinked():
            record.links[fact.task] = fact.evidence
        case _:
            raise AssertionError(f"no rule for {type(fact).__name__}")


def _note(state: State, fact: Fact, author: str, at_ms: int) -> None:
    match fact:
        case f.NoteAdded():
            state.notes[fact.note] = Note(
                fact.note, fact.run, fact.phase, fact.kind, fact.severity, fact.text, fact.file, fact.line,
                fact.remedy, fact.category, fact.about, author, at_ms, state.position,
            )  # fmt: skip
            _drop_settled(state)
        case f.NoteCorrected(note=id) if id in state.notes:
            note = state.notes[id]
            note.category = fact.category or note.category
            note.severity = fact.severity or note.severity
        case f.NoteResolved(note=id) if id in state.notes:
            state.notes[id].resolved = fact.how
        case f.QuestionAsked():
            state.questions[fact.question] = Question(
                fact.question, fact.run, fact.text, fact.note, fact.phase, fact.step, at_ms, fact.default,
                subject=fact.subject,
            )  # fmt: skip
        case f.QuestionAnswered(question=id) if id in state.questions:
            question = state.questions[id]
            question.verdict, question.words = fact.verdict, fact.words
            question.approval, question.by = fact.approval, fact.by
            if question.subject and question.phase and fact.verdict == "approve":
                _approve(state, question.phase, question.subject, fact.by, fact.approval)
        case f.QuestionWithdrawn(question=id) if id in state.questions:
            state.questions[id].verdict, state.questions[id].words = "withdrawn", fact.why
        case f.NoteCorrected() | f.NoteResolved() | f.QuestionAnswered() | f.QuestionWithdrawn():
            pass  # of a note or question so old that the state has dropped it
        case _:
            raise AssertionError(f"no rule for {type(fact).__name__}")


def _approve(state: State, phase: str, subject: str, by: str, approval: str) -> None:
    record = state.phases.setdefault(phase, PhaseRecord(phase))
    record.approvals.append(ApprovalRecord(subject, by, approval, state.position))


def _drop_settled(state: State) -> None:
    settled = [id for id, note in state.notes.items() if note.resolved]
    for id in settled[: max(0, len(settled) - SETTLED_KEPT)]:
        del state.notes[id]


def _waiver(state: State, fact: Fact, at_ms: int) -> None:
    match fact:
        case w.WaiverGiven():
            state.waivers[fact.waiver] = Waiver(
                fact.waiver, fact.what, fact.subject, fact.owner, fact.reason, fact.until, fact.approval, fact.by, at_ms
            )
        case w.WaiverEnded(waiver=id) if id in state.waivers:
            state.waivers[id] = msgspec.structs.replace(state.waivers[id], ended=fact.why or "ended")
        case w.WaiverEnded():
            pass
        case _:
            raise AssertionError(f"no rule for {type(fact).__name__}")


def _ruling(state: State, fact: Fact) -> None:
    match fact:
        case r.RulesSaid(run=run) if run in state.runs:
            state.runs[run].ruled |= {
                said.rule: Ruled(said.mode, said.says, fact.subject, said.why) for said in fact.said
            }
        case r.ApprovalGiven():
            _approve(state, fact.phase, fact.subject, fact.by, fact.approval)
        case r.RulesSaid() | r.CallJudged():
            pass  # read from the ledger by whoever asks why
        case _:
            raise AssertionError(f"no rule for {type(fact).__name__}")


def _drive(state: State, fact: Fact, at_ms: int) -> None:
    if isinstance(fact, d.DriveStarted):
        state.drives[fact.drive] = DriveRecord(
            fact.drive, fact.worktree, fact.branch, fact.base, fact.limits, fact.pid, fact.born, fact.attempt_of,
            fact.phase, at_ms,
        )  # fmt: skip
        _drop_old_drives(state)
        return
    drive = state.drives.get(getattr(fact, "drive", ""))
    if drive is not None:
        _driving(fact, drive)


def _driving(fact: Fact, drive: DriveRecord) -> None:
    match fact:
        case d.ClientLaunched():
            drive.launches, drive.launch = drive.launches + 1, fact.launch
            drive.client_pid, drive.client_born = fact.pid, fact.born
            drive.waits_until_ms, drive.waits_for = 0, ""
        case d.ClientEnded():
            drive.launch, drive.client_pid, drive.client_born = "", 0, ""
            drive.last_ending, drive.turns = fact.how, drive.turns + fact.turns
            drive.cost_usd, drive.tokens = drive.cost_usd + fact.cost_usd, _sum(drive.tokens, fact.tokens)
            drive.iterations += 1 if fact.turns else 0
            if fact.how == "ended":
                drive.waits = 0
        case d.WaitBegan():
            drive.waits, drive.waits_until_ms, drive.waits_for = fact.attempt, fact.until_ms, fact.why
        case d.PhaseCommitted():
            drive.commits[fact.phase] = fact.commit
        case d.PhaseSetAside():
            drive.aside[fact.phase] = TAKEN_UP if fact.taken_up else fact.branch
        case d.AttemptChosen():
            pass  # read from the ledger by the report
        case d.DriveEnded():
            drive.outcome, drive.said = fact.outcome, fact.said
            drive.waits_until_ms, drive.client_pid, drive.client_born = 0, 0, ""
        case _:
            raise AssertionError(f"no rule for {type(fact).__name__}")


def _sum(one: d.Tokens, other: d.Tokens) -> d.Tokens:
    return d.Tokens(
        one.input + other.input, one.output + other.output,
        one.cache_read + other.cache_read, one.cache_written + other.cache_written,
    )  # fmt: skip


def _drop_old_drives(state: State) -> None:
    ended = [id for id, drive in state.drives.items() if drive.outcome]
    for id in ended[:-DRIVES_KEPT]:
        del state.drives[id]


def _run(state: State, fact: Fact, run: RunRecord | None, at_ms: int) -> None:
    if isinstance(fact, f.RunStarted):
        state.runs[fact.run] = RunRecord(
            fact.run, fact.worktree, fact.mode, fact.workflow, fact.step, fact.task, entered_ms=at_ms,
            people=fact.people,
        )  # fmt: skip
        state.current[fact.worktree] = fact.run
        _drop_ended(state)
        return
    if run is None:
        return  # recorded while no run was active: a refusal by a guard
    if isinstance(fact, _OF_CUSTODY):
        _custody(fact, run)
    elif not _progress(state, fact, run, at_ms):
        _calls(state, fact, run, at_ms)


def _drop_ended(state: State) -> None:
    """Keep ended runs few: their phases and notes stand on their own."""
    ended = [id for id, run in state.runs.items() if run.status == "ended"]
    for id in ended[:-20]:
        del state.runs[id]


def _progress(state: State, fact: Fact, run: RunRecord, at_ms: int) -> bool:
    """Facts about where a run is and who drives it."""
    match fact:
        case f.TaskGiven(small=small):
            state.small[small.id], run.small = small, small.id
        case f.RunPaused():
            run.status = "paused"
        case f.RunResumed():
            run.status, run.refused_stops, run.turn_over = "active", 0, False
            run.in_flight.clear()
            run.watched, run.bound = {}, {}
        case f.RunEnded(outcome=outcome):
            run.status, run.outcome, run.own_turn = "ended", outcome, ""
            # Every hook call reads the state, so a run that is over leaves in it only what came of it.
            run.watched, run.bound = {}, {}
            for kept in (run.trail, run.edits, run.in_flight, run.sessions):
                kept.clear()
        case f.StepEntered():
            _enter(state, fact, run, at_ms)
        case f.SessionBegan(session=session, client=client, version=version):
            run.sessions[session] = f"{client} {version}".strip()
            run.own_turn = run.own_turn if fact.source == "compact" else ""
            if fact.source != "compact":
                run.left, run.turn_over = (), False
        case f.SessionEnded(session=session):
            run.sessions.pop(session, None)
            run.bound.pop(session, None)
            run.own_turn = "" if run.own_turn == session else run.own_turn
            if run.driver == session:
                run.driver = ""
        case f.DriverTaken(session=session):
            run.driver, run.driver_seen_ms = session, at_ms
            run.driver_pid, run.driver_born = fact.pid, fact.born
        case f.PromptTaken(hands_over=hands_over, session=session):
            run.handed_over, run.refused_stops = hands_over, 0
            run.own_turn, run.wish_told = (session if fact.own else ""), False
            run.left, run.turn_over = (), False
        case f.RunRecovered():
            run.refused_stops = 0
        case _:
            return False
    return True


def _custody(fact: Fact, run: RunRecord) -> None:
    match fact:
        case k.WatchTaken(seen=seen):
            run.watched = {name: digest for name, digest in seen.items() if digest}
        case k.WatchMoved(seen=seen):
            known = run.watched | seen
            run.watched = {name: digest for name, digest in known.items() if digest}
        case k.SessionBound(session=session):
            run.bound[session] = (fact.pid, fact.born)
        case k.ProcessesLeft(programs=programs):
            run.left = programs
        case k.TurnOpened():
            run.turn_over = False
        case k.HooksMissed():
            run.turn_over = False
        case k.WatchPutBack() | k.ViewRestored() | k.CallForged() | k.ChangeUngoverned():
            pass
        case _:
            raise AssertionError(f"no rule for {type(fact).__name__}")


def _enter(state: State, fact: f.StepEntered, run: RunRecord, at_ms: int) -> None:
    if run.step != fact.step and not fact.why.startswith("@"):
        run.asked_from = run.step
    run.step, run.phase = fact.step, fact.phase
    run.entered, run.entered_ms, run.refused_here = state.position, at_ms, 0
    run.trail.append(Visit(fact.step, fact.phase, fact.subject, fact.failure, fact.loop, state.position, at_ms))
    del run.trail[:-TRAIL]
    if fact.loop and fact.phase:
        state.phases.setdefault(fact.phase, PhaseRecord(fact.phase)).loops += 1


def _calls(state: State, fact: Fact, run: RunRecord, at_ms: int) -> None:
    """Facts about tool calls, what they did to the tree, and runners."""
    match fact:
        case f.CallAsked():
            run.in_flight[fact.call] = InFlight(
                fact.call, fact.session, fact.agent, fact.tool, fact.does, fact.paths, at_ms
            )
            _seen(run, fact.session, at_ms)
        case f.CallReturned(call=call):
            flying, run.returned_ms = run.in_flight.pop(call, None), at_ms
            if flying is not None:
                _seen(run, flying.session, at_ms)
        case f.CallsAbandoned(calls=calls):
            for call in calls:
                run.in_flight.pop(call, None)
        case f.WishGranted():
            run.wish_told = True
        case f.CallRefused():
            run.refusals += 1
            _seen(run, fact.session, at_ms)
        case f.TreeObserved(tree=tree, subject=subject):
            run.tree, run.subject = tree, subject
            run.edits.clear()
            run.undone.clear()
        case f.PathsRehashed(blobs=blobs):
            run.edits.update(blobs)
            run.subject = ""
        case f.ChangePutBack():
            run.edits[fact.path], run.undone[fact.path] = fact.restored, fact.overwritten
            run.subject = ""
        case f.ChangeHeld():
            run.held[fact.path] = Held(fact.path, fact.rule, fact.why, fact.before)
        case f.ChangeSettled(path=path):
            run.held.pop(path, None)
        case f.CheckStarted():
            run.checks[fact.check] = Check(fact.check, fact.what, fact.pid, fact.born, fact.subject, at_ms)
        case f.CheckEnded(check=check):
            run.checks.pop(check, None)
        case f.StopRefused():
            moved = state.position - run.last_stop_position > 1
            run.refused_stops = 1 if moved else run.refused_stops + 1
            run.refused_here += 1
            run.last_stop_position = state.position
        case f.StopAllowed():
            run.refused_stops, run.refused_here, run.handed_over, run.own_turn = 0, 0, False, ""
            run.turn_over = True
        case f.HookFailed():
            pass
        case _:
            raise AssertionError(f"no rule for {type(fact).__name__}")


def _seen(run: RunRecord, session: str, at_ms: int) -> None:
    if session == run.driver:
        run.driver_seen_ms = at_ms


_OF_NOTES = (f.NoteAdded, f.NoteCorrected, f.NoteResolved, f.QuestionAsked, f.QuestionAnswered, f.QuestionWithdrawn)
_OF_PROJECT = (
    f.LedgerBorn, f.LedgerMoved, f.SettingsTrusted, f.BaselineTaken, f.PlanRead, f.BoxesPutBack, f.KindCorrected,
    f.ViewRendered, f.SecretSeen, f.EvidenceRecorded, f.RefusalDisputed,
)  # fmt: skip
_OF_CUSTODY = (
    k.WatchTaken, k.WatchMoved, k.WatchPutBack, k.ViewRestored, k.SessionBound, k.CallForged, k.ProcessesLeft,
    k.HooksMissed, k.TurnOpened, k.ChangeUngoverned,
)  # fmt: skip
_OF_RULES = (r.RulesSaid, r.CallJudged, r.ApprovalGiven)
_OF_WAIVERS = (w.WaiverGiven, w.WaiverEnded)
_OF_DRIVES = (
    d.DriveStarted, d.ClientLaunched, d.ClientEnded, d.WaitBegan, d.PhaseCommitted, d.PhaseSetAside, d.AttemptChosen,
    d.DriveEnded,
)  # fmt: skip
