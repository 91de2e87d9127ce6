"""`phasegate status`: where the run is, what is open, what waits for a person."""

from __future__ import annotations

import os

import rich_click as click

from phasegate.context.instruction import where
from phasegate.engine.advance import next_phase
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk, json_option
from phasegate.entrypoints.cli.waiver import in_force
from phasegate.entrypoints.driving import showing
from phasegate.entrypoints.foreseeing import with_readable_plan
from phasegate.errors import Exit
from phasegate.evidence.items import TestsSeen
from phasegate.gates.interface import Moment, some
from phasegate.gates.tests_ran import unapproved
from phasegate.ledger.state import RunRecord, State
from phasegate.plain import line
from phasegate.wiring import RealDesk, changed_settings
from phasegate.workflow.plan import Phase
from phasegate.workspace import place

TASKS_SHOWN = 3


@click.command()
@json_option
def status(as_json: bool) -> int:
    """Show the run, the phases of the plan, open notes and questions.

    Example: phasegate status
    """
    with desk(looks=True) as opened:
        state = opened.state()
        if state.run_in(opened.worktree) is None:
            state = with_readable_plan(opened, state)
        if as_json:
            output.give(_as_value(opened, state))
        else:
            for text in _lines(opened, state):
                output.say(text)
    return Exit.OK


def _as_value(opened: RealDesk, state: State) -> dict[str, object]:
    run = state.run_in(opened.worktree)
    return {
        "version": state.position,
        "project": state.project,
        "ledger": opened.project.pointer.ledger,
        "run": {"id": run.id, "status": run.status, "phase": run.phase, "step": run.step,
                "loops": state.record_of(run.phase).loops, "refusals": run.refusals,
                "held": sorted(run.held), "checks": sorted(run.checks)} if run else None,
        "phases": [{"id": phase.id, "title": phase.title, "kind": state.kind_of(phase.id),
                    "status": "closed" if state.is_closed(phase.id) else state.record_of(phase.id).status}
                   for phase in _listed(state)],
        "waivers": [waiver for waiver in state.waivers.values() if waiver.holds_on(opened.today())],
        "notes": [note for note in state.notes.values() if not note.resolved],
        "questions": state.open_questions(),
        "drives": showing.values(state),
        "level": _level(state),
        "settings_trusted": not changed_settings(opened.project),
    }  # fmt: skip


def _level(state: State) -> str:
    """How sure the newest test run is; empty when there is none."""
    found = state.newest(TestsSeen)
    return found.assurance if found is not None else ""


def _listed(state: State) -> tuple[Phase, ...]:
    """The phases of the plan, and before them the newest tasks that were worked on without it."""
    return (*list(state.small.values())[-TASKS_SHOWN:], *state.plan)


def _idle(opened: RealDesk, state: State) -> str:
    """That nothing is driven, and what the next start would begin with."""
    none = "No run is active in this work tree."
    if not state.plan:
        return none
    closed = sum(state.is_closed(phase.id) for phase in state.plan)
    phase = next_phase(state, opened.worktree)
    follows = f"; the next is {line(phase.id, 40)}" if phase else ""
    return f"{none} {opened.settings.plan}: {closed} of {len(state.plan)} phases closed{follows}."


def _not_enforced(run: RunRecord) -> list[str]:
    """Rules that only observe or warn, and are not met."""
    told = {rule: said for rule, said in run.ruled.items() if said.mode != "enforce" and said.says != "pass"}
    return [f"  rule {line(rule, 60)} ({said.mode}s): {line(said.why, 300)}" for rule, said in told.items()]


def _tests(state: State, today: str) -> list[str]:
    """How sure the newest test run is, and what of it waits for an approval."""
    found = state.newest(TestsSeen)
    if found is None or not isinstance(found.seen, TestsSeen):
        return []
    waiting = [line(path, 100) for path in unapproved(found.seen, state, today)]
    return [
        f"  newest tests: {found.id}, {found.assurance}",
        *([f"  changed test infrastructure waits for an approval: {some(waiting)}"] if waiting else []),
    ]


def _lines(opened: RealDesk, state: State) -> list[str]:
    run = state.run_in(opened.worktree)
    if run is None:
        lines = [_idle(opened, state)]
    else:
        lines = [f"Run {run.id} is {run.status}: {where(Moment(state, run, opened.settings, ''))}."]
        lines += [f"  held: {line(path)}" for path in sorted(run.held)]
        lines += [f"  running: {check.what}" for check in run.checks.values()]
        lines += _not_enforced(run)
    lines += _tests(state, opened.today())
    lines += showing.lines(state)
    for phase in _listed(state):
        status = "closed" if state.is_closed(phase.id) else state.record_of(phase.id).status
        lines.append(f"  [{'x' if status in ('closed', 'publishing') else ' '}] {phase.id} {line(phase.title)} "
                     f"({state.kind_of(phase.id)}, {status})")  # fmt: skip
    lines += in_force(opened, state)
    open_notes = [note for note in state.notes.values() if not note.resolved]
    lines += [f"  {note.id} {note.kind}, {note.severity}: {line(note.text)}" for note in open_notes[:20]]
    for question in state.open_questions():
        lines += [f"  waits for you: {question.id} {line(question.text)}",
                  f'    answer: `phasegate answer approve {question.id} "WORDS"`, or `reject`']  # fmt: skip
    changed = changed_settings(opened.project)
    if changed and os.path.lexists(os.path.join(opened.worktree, place.SETTINGS)):
        lines.append(f"not as you trusted: {some([line(name) for name in changed])}: `phasegate policy trust`.")
    return lines
