"""The agent of `night.py`: reads in the ledger where the run is, and does there what an honest agent would.

It remembers nothing but how often it was asked in a step, so that whoever is started after a kill goes on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Final

from night_faults import Faults
from night_repository import Work

from phasegate import wiring
from phasegate.entrypoints.demo.script import Request, Turn, call, say
from phasegate.ledger.event import Actor
from phasegate.ledger.state import DriveRecord, RunRecord, State

DONE: Final = "phasegate done"
QUESTION: Final = "Is what it says enough?"


def bash(command: str) -> Turn:
    """A turn that runs one shell command."""
    return call("Bash", command=command, description="a command")


class Agent:
    """Answers every request of every client of the night."""

    def __init__(self, root: str, works: Mapping[str, Work], faults: Faults) -> None:
        self._root, self._works, self._faults = root, works, faults
        self._visits: dict[int, list[Turn]] = {}
        self._asked: dict[int, int] = {}
        self._lock = threading.Lock()
        self.requests = 0

    def __call__(self, request: Request) -> Turn:
        with self._lock:
            self.requests += 1
            state = state_of(self._root)
            drive, run = at_work(state)
            if run.status == "ended" or run.phase not in self._works:
                return say("Done.")
            if run.held:
                return bash("; ".join(f"git checkout -q -- {path} || rm -f {path}" for path in run.held))
            return self._turn(state, drive, run)

    def _turn(self, state: State, drive: DriveRecord, run: RunRecord) -> Turn:
        """The next of what is to do since the step was entered; when all was done and it is still there, from anew."""
        at = run.entered
        if at not in self._visits:
            self._visits[at] = list(self._faults.of(drive, run))
        if self._visits[at]:
            return self._faults.struck(self._visits[at].pop(0))
        turns = self._honest(state, run)
        self._asked[at] = self._asked.get(at, 0) + 1
        return turns[(self._asked[at] - 1) % len(turns)]

    def _honest(self, state: State, run: RunRecord) -> list[Turn]:
        phase, work = run.phase, self._works[run.phase]
        match run.step:
            case "explore":
                return [bash(DONE), bash(f"phasegate check tests; {DONE}"), bash(f"phasegate wait; {DONE}")]
            case "write_tests":
                return [*self._writes(run, work.tests), bash(f"phasegate check tests; {DONE}")]
            case "implement":
                return [*self._writes(run, self._tried(state, phase, work)), bash(DONE)]
            case "categorize_uncertainties":
                return [self._categorises(state, phase), bash(DONE)]
            case "run_tests":
                return [bash(f"phasegate check tests; {DONE}"), bash(f"phasegate wait; {DONE}")]
            case "doublecheck":
                return self._proves(state, phase, work)
            case "review_architecture_behavior":
                return self._asks(state, phase)
            case "waiting_for_person" | "complete":
                return [say("Done.")]
            case _:
                return [bash(DONE)]

    def _writes(self, run: RunRecord, files: Mapping[str, str]) -> list[Turn]:
        return [call("Write", file_path=os.path.join(run.worktree, path), content=text) for path, text in files.items()]

    def _tried(self, state: State, phase: str, work: Work) -> Mapping[str, str]:
        """What is written; where it was not enough before, a little more of the same."""
        again = "# one more try\n" * state.record_of(phase).loops
        return {path: text + again for path, text in work.files.items()}

    def _categorises(self, state: State, phase: str) -> Turn:
        """Doubts without a category can be settled by implementing, says this agent every time."""
        mine = [note for note in state.notes.values() if note.phase == phase and note.kind == "uncertainty"]
        ids = [note.id for note in mine if not note.resolved and not note.category]
        return bash("; ".join([*(f"phasegate note correct {id} --category implement" for id in ids), DONE]))

    def _proves(self, state: State, phase: str, work: Work) -> list[Turn]:
        if work.ends == "asks":
            doubts = [note for note in state.notes.values() if note.phase == phase]
            add = f"phasegate note add uncertainty '{QUESTION}' --category strategic --task {phase}.1"
            return [bash(DONE if doubts else add), bash(DONE)]
        first = "" if work.tested else f"phasegate record -- test -s {next(iter(work.files))} && "
        return [bash(f"{first}phasegate evidence link {phase}.1 && {DONE}"), bash(DONE)]

    def _asks(self, state: State, phase: str) -> list[Turn]:
        doubts = [note.id for note in state.notes.values() if note.phase == phase and note.kind == "uncertainty"]
        asked = any(question.phase == phase for question in state.open_questions())
        if asked or not doubts:
            return [say("A person must decide.")]
        return [bash(f"phasegate note ask {doubts[0]} '{QUESTION}' --default 'Leave it short.'")]


def at_work(state: State) -> tuple[DriveRecord, RunRecord]:
    """The newest drive and its run."""
    drive = list(state.drives.values())[-1]
    run = state.run_in(drive.worktree)
    if run is None:  # it ended: the newest of its work tree
        run = [run for run in state.runs.values() if run.worktree == drive.worktree][-1]
    return drive, run


def state_of(root: str) -> State:
    """What the ledger says now."""
    project = wiring.open_project(root, os.environ)
    try:
        return wiring.RealDesk(project, Actor("person", "harness")).state()
    finally:
        project.close()
