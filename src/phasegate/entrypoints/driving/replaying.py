"""The chosen attempt is done again in the drive's own tree, step by step, with every gate asked anew."""

from __future__ import annotations

import os

import msgspec

from phasegate.context.instruction import unmet
from phasegate.engine.advance import leave
from phasegate.engine.judge import shown_views
from phasegate.entrypoints.checking import check_here
from phasegate.entrypoints.cli.record import record_command
from phasegate.entrypoints.driving import stage as stages
from phasegate.evidence.items import CommandSeen, TestsSeen
from phasegate.gates.baseline_known import UNTESTED
from phasegate.ledger.facts import TaskLinked, TreeObserved
from phasegate.ledger.state import RunRecord, State
from phasegate.wiring import RealDesk
from phasegate.workspace import branches, files

MOST_STEPS = 20


class Winner(msgspec.Struct, frozen=True):
    """An attempt that closed its phase: its clone and commit, and the commands its tasks are linked to."""

    root: str
    commit: str
    phase: str
    commands: tuple[tuple[str, ...], ...]


def replay(desk: RealDesk, winner: Winner) -> str:
    """Bring the winner's files into the tree as the steps allow them, and prove the phase here; "" when it closed.

    Otherwise what stood against it, in words; the run stays at that step, with the files it has so far.
    """
    repository = stages.repository_of(desk)
    repository.run("fetch", "-q", winner.root, winner.commit)
    changed = _changed(desk, repository, winner)
    for _ in range(MOST_STEPS):
        state = desk.state()
        run = state.run_in(desk.worktree)
        if run is None or run.phase != winner.phase:
            return "" if state.is_closed(winner.phase) else "the run went on without it"
        _do(desk, repository, run, changed, winner)
        state = desk.state()
        outcome = leave(desk, state, desk.tree.observe(shown_views(desk, state)))
        if not outcome.moved:
            closed = outcome.state.is_closed(winner.phase)
            return "" if closed else f"step {run.step}: {unmet(outcome.held_by)}"
    return "it went in circles"


def _changed(desk: RealDesk, repository: branches.Repository, winner: Winner) -> dict[str, str]:
    """The paths that the winner changed, each with how (A, M or D), without phasegate's own."""
    listing = repository.run("diff", "--no-renames", "--name-status", "-z", "HEAD", winner.commit).output.split(b"\0")
    pairs = zip(listing[::2], listing[1::2], strict=False)
    named = {os.fsdecode(path): status.decode() for status, path in pairs}
    return {path: status for path, status in named.items() if not stages.is_ours(desk.settings, path)}


def _do(
    desk: RealDesk, repository: branches.Repository, run: RunRecord, changed: dict[str, str], winner: Winner
) -> None:
    """What an agent would do in this step, with the winner's files."""
    step = desk.workflow.step(run.step)
    paths = [path for path in changed if desk.settings.class_of(path) in step.may_edit]
    if paths:
        _bring(repository, winner.commit, {path: changed[path] for path in paths})
        seen = desk.tree.observe(shown_views(desk, desk.state()))
        desk.record([TreeObserved(run.id, seen.tree, seen.subject)], relying_on=None)
    tested = desk.state().kind_of(run.phase) not in UNTESTED
    if tested and {"tests_ran", "new_tests_fail"} & set(step.leaves_when):
        check_here(desk, lambda said: None)
    if "checklist_answered" in step.leaves_when:
        _link(desk, winner)


def _bring(repository: branches.Repository, commit: str, paths: dict[str, str]) -> None:
    """Removals come first: where a folder became a link, what the folder held lies nowhere else."""
    for path, status in paths.items():
        if status == "D":
            files.remove(repository.root, path)
    repository.take(commit, [os.fsencode(path) for path, status in paths.items() if status != "D"])


def _link(desk: RealDesk, winner: Winner) -> None:
    """Run again the commands that showed the tasks, and link each task to what was seen on this very tree."""
    for argv in winner.commands:
        record_command(desk, argv)
    state = desk.state()
    seen = desk.tree.observe(shown_views(desk, state))
    listed = state.planned(winner.phase)
    ids = _fresh(state, seen.subject)
    if listed is not None and ids:
        desk.record([TaskLinked(winner.phase, task.id, ids) for task in listed.tasks], relying_on=None)


def _fresh(state: State, subject: str) -> tuple[str, ...]:
    """The newest tests and the commands that were seen on this tree."""
    speaks = [evidence for evidence in state.evidence.values() if evidence.speaks_for(subject)]
    tests = [evidence.id for evidence in speaks if isinstance(evidence.seen, TestsSeen)][-1:]
    ran = [e.id for e in speaks if isinstance(e.seen, CommandSeen) and e.seen.exit_code == 0]
    return (*tests, *ran)
