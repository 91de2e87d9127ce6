"""One commit for each closed phase: what it changed, with its archive, and trailers that lead to the evidence."""

from __future__ import annotations

from phasegate.engine.driving import owed, to_set_aside, to_take_up
from phasegate.engine.judge import shown_views, undo_what_came_after
from phasegate.engine.views import area_of
from phasegate.entrypoints.driving import stage
from phasegate.evidence import manifest
from phasegate.gates.interface import some
from phasegate.ledger.driving import PhaseCommitted, PhaseSetAside
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import BaselineMoved, NoteAdded, QuestionAsked, TreeObserved
from phasegate.ledger.state import DriveRecord, PhaseRecord, RunRecord, State
from phasegate.plain import line
from phasegate.wiring import RealDesk
from phasegate.workspace import branches

TITLE = 72


def commit_owed(desk: RealDesk, drive: DriveRecord, run: RunRecord, *, a_persons: bool = False) -> tuple[str, ...]:
    """Commit what closed phases changed, and say which; `CommitHeld` when a hook of the repository refuses.

    What changed since the run was over is put back first, unless it is `a_persons`, who was told to mend what held it.
    """
    state = desk.state()
    run = state.runs.get(run.id, run)
    phases = owed(state, run, rests=desk.workflow.step(run.step).rests)
    if not phases:
        return ()
    repository = stage.repository_of(desk)
    if drive.branch and repository.branch() != drive.branch:
        raise branches.BranchGone(
            f"{desk.worktree} is not on {drive.branch} any more.",
            hint=f"Check it out there again: `git -C {desk.worktree} switch {drive.branch}`.",
        )
    if run.status == "ended" and not a_persons:
        state = undo_what_came_after(desk, state, run)
        _refuse_held(state.runs[run.id])
    message = message_for(desk, state, phases)
    commit = repository.commit(message, without=_unfinished(desk, state), shown=stage.idle_block(desk))
    commit = commit or repository.head()
    desk.record([PhaseCommitted(drive.id, phase, commit, drive.branch) for phase in phases], relying_on=None)
    return phases


def _refuse_held(run: RunRecord) -> None:
    """A commit holds what the gates saw, and nothing beside it."""
    if run.held:
        raise branches.CommitHeld(
            f"Changes stand in the tree that no gate let pass: {some([line(path, 200) for path in run.held])}.",
            hint="Undo them in the work tree of the drive, then `phasegate drive` commits the phase.",
        )


def _unfinished(desk: RealDesk, state: State) -> tuple[str, ...]:
    """Manifests of phases at work: they belong to the commit of their own phase."""
    started = (record for record in state.phases.values() if record.status == "started")
    return tuple(manifest.folder(area_of(desk, state, record), record.id) for record in started)


def message_for(desk: RealDesk, state: State, phases: tuple[str, ...]) -> str:
    """The message of a commit, from the plan's own words."""
    records = [state.record_of(phase) for phase in phases]
    body = "\n\n".join(filter(None, (_tasks(state, record) for record in records)))
    head = desk.project.log.head()
    trailers = [trailer for record in records for trailer in _trailers(record)]
    trailers.append(f"Ledger-Head: {desk.project.pointer.ledger} {head.position} {head.hash}")
    return "\n\n".join(filter(None, (_title(state, records), body, "\n".join(trailers)))) + "\n"


def _title(state: State, records: list[PhaseRecord]) -> str:
    listed = [state.planned(record.id) for record in records]
    titles = [line(phase.title if phase else record.id, 200) for phase, record in zip(listed, records, strict=True)]
    title = "; ".join(titles)
    return title if len(title) <= TITLE else title[: TITLE - 1] + "…"


def _tasks(state: State, record: PhaseRecord) -> str:
    listed = state.planned(record.id)
    return "\n".join(f"- {line(task.text, 300)}" for task in listed.tasks) if listed else ""


def _trailers(record: PhaseRecord) -> list[str]:
    sums = {kept.path: kept.sha256 for kept in record.files}
    evidence = f"{record.manifest} sha256:{sums.get(record.manifest, '')}"
    return [f"Phase: {line(record.id, 100)}", f"Evidence: {evidence}"]


def ask_about(desk: RealDesk, run: RunRecord, failure: branches.CommitHeld) -> None:
    """Put a commit that is held to a person, once."""
    text = f"The commit of a closed phase is held. {failure.message} {failure.hint}"[:1000]
    if not any(question.text == text for question in desk.state().open_questions()):
        desk.record([QuestionAsked(desk.new_id("q"), run.id, text, step=run.step)], relying_on=None)


# --- phases that wait for a person ------------------------------------------------------------------------------------


def set_aside(desk: RealDesk, drive: DriveRecord, run: RunRecord) -> tuple[str, ...]:
    """Put what was done of deferred phases on branches of their own, so that the next phase begins on what is proved.

    Nobody may be at work in the tree meanwhile.
    """
    phases = to_set_aside(desk.state(), run)
    for phase in phases:
        repository = stage.repository_of(desk)
        branch = f"{drive.branch or 'phasegate'}-parked-{manifest.safe(phase)}"
        listed = desk.state().planned(phase)
        message = f"Parked: {line(listed.title if listed else phase, 200)}\n\nPhase: {line(phase, 100)}\n"
        commit = repository.set_aside(branch, message, without=(*stage.OURS, desk.settings.plan))
        kept = PhaseSetAside(drive.id, phase, commit, branch if commit else "")
        desk.record([kept, *_tree_is_known(desk, run)], relying_on=None)
        repository.settled(branch)
    return phases


def take_up(desk: RealDesk, drive: DriveRecord, run: RunRecord) -> str:
    """Bring back what was done of the phase at work before it was deferred; what cannot be is said in a note."""
    branch = to_take_up(desk.state(), run)
    if not branch:
        return ""
    repository = stage.repository_of(desk)
    facts: list[Fact] = [PhaseSetAside(drive.id, run.phase, "", branch, taken_up=True)]
    repository.settled(branch)
    if not repository.bring_back(branch):
        text = (
            f"What was done of this phase before it was parked is on the branch {branch}; it conflicts with the tree."
        )
        facts.append(NoteAdded(desk.new_id("note"), run.id, run.phase, "discovery", "minor", text))
    desk.record([*facts, *_tree_is_known(desk, run)], relying_on=None)
    return branch


def _tree_is_known(desk: RealDesk, run: RunRecord) -> list[Fact]:
    """The tree as phasegate itself just made it; a phase nobody has worked on yet starts from it."""
    state = desk.state()
    run = state.runs[run.id]
    seen = desk.tree.observe(shown_views(desk, state))
    facts: list[Fact] = [TreeObserved(run.id, seen.tree, seen.subject)]
    record = state.record_of(run.phase)
    worked_on = any(desk.workflow.step(visit.step).may_edit for visit in run.trail if visit.phase == run.phase)
    if record.status == "started" and not worked_on:
        facts.append(BaselineMoved(run.phase, seen.subject, seen.tree))
    return facts
