"""`phasegate start`: read the plan, know the tests as they are, begin the first phase that is open."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

import rich_click as click

from phasegate.collectors.interface import NoTestCommand
from phasegate.collectors.suites import command_of
from phasegate.context.instruction import instruction
from phasegate.engine import custody, plan_watch
from phasegate.engine.advance import SMALL_LANE, next_phase, observe, take
from phasegate.engine.judge import shown_views, write_own
from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import again, at_work, desk, json_option, version_option
from phasegate.errors import Exit, Failure
from phasegate.evidence.items import TestsSeen
from phasegate.gates.baseline_known import UNTESTED
from phasegate.gates.interface import Moment
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import BaselineMoved, RunMode, RunStarted, StepEntered, TaskGiven, TreeObserved
from phasegate.ledger.state import PhaseRecord, RunRecord, State
from phasegate.plain import line
from phasegate.wiring import RealDesk
from phasegate.workflow.plan import KINDS, Kind, Phase
from phasegate.workflow.small import MOST_LETTERS, MOST_TASKS, small_phase
from phasegate.workspace import files, place

NOT_RUN = ("import_of_test", "syntax_of_test", "collection")
"""Causes of a test that never began."""

HAND_OVER = "Continue the plan."


class NoPlan(Failure):
    """There is no plan to work on."""

    code = "no-plan"
    exit_code = Exit.USAGE


class PlanFinished(Failure):
    """Every phase of the plan is closed."""

    code = "plan-finished"
    exit_code = Exit.USAGE


class BaselineUnusable(Failure):
    """The tests could not be run to their end, or none could even be imported: nothing could be compared with that."""

    code = "baseline-unusable"
    exit_code = Exit.CANNOT_TELL


class RunActive(Failure):
    """A run is active in this work tree already."""

    code = "run-active"
    exit_code = Exit.USAGE


class TreeDriven(Failure):
    """A drive works in this work tree, and says itself what is worked on."""

    code = "tree-driven"
    exit_code = Exit.USAGE


@click.command()
@click.argument("sentence", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="What sort of work SENTENCE is; default: as it says.")
@click.option("--task", "tasks", multiple=True, metavar="TEXT", help="A task of SENTENCE; may be repeated.")
@click.option("--no-baseline", is_flag=True, help="Do not run the tests first; the agent does in the explore step.")
@json_option
@version_option
def start(
    sentence: str | None, kind: Kind | None, tasks: tuple[str, ...], no_baseline: bool, as_json: bool,
    if_version: int | None,
) -> int:  # fmt: skip
    """Begin a run in this work tree: on the plan, or on one small phase made of SENTENCE.

    Then open your agent as always and say "Continue the plan.", or the sentence. A plan is neither needed nor touched
    by a sentence, and the run ends when its phase is closed.

    Example: phasegate start "fix the typo in the greeting"
    """
    _refuse_words(sentence, kind, tasks)
    with desk(if_version) as opened:
        _refuse_unwritable(opened)
        state = opened.state()
        _refuse_driven(opened, state)
        refuse_second(opened, state)
        small = small_phase(sentence, kind, tasks, state.phases.keys() | state.small.keys()) if sentence else None
        state = refresh(opened, state) if small else again(lambda state: read_plan(opened, state), opened)
        phase = small or next_phase(state, opened.worktree)
        if phase is None:
            raise nothing_left(state, opened)
        if not no_baseline and (small.kind if small else state.kind_of(phase.id)) not in UNTESTED:
            know_baseline(opened, state)
        with _alone(opened):
            refuse_second(opened, opened.state())
            state = begin(opened, opened.state(), sentence or "", small)
        _tell(opened, state, as_json)
    return Exit.OK


def _refuse_words(sentence: str | None, kind: str | None, tasks: tuple[str, ...]) -> None:
    if sentence is None and (kind or tasks):
        raise click.UsageError('--kind and --task belong to a sentence: `phasegate start "fix the typo"`.')
    if sentence is not None and not sentence.strip():
        raise click.UsageError("Say in a sentence what is to be done, or leave it out to work on the plan.")
    if max(map(len, (sentence or "", *tasks))) > MOST_LETTERS or len(tasks) > MOST_TASKS:
        raise click.UsageError(
            f"A small phase is said in at most {MOST_LETTERS} characters and {MOST_TASKS} tasks; write a plan."
        )


def _refuse_unwritable(opened: RealDesk) -> None:
    """A run that can show nothing and close nothing is not begun."""
    if not os.access(opened.worktree, os.W_OK | os.X_OK):
        raise files.NotWritable(
            f"{opened.worktree} cannot be written.", hint="Make it writable (a mount may be read-only)."
        )


def _refuse_driven(opened: RealDesk, state: State) -> None:
    """What a drive works on is its person's to say: a run beside its own would take its work for half done."""
    if state.drive_in(opened.worktree) is not None:
        raise TreeDriven(
            "A drive works in this work tree.",
            hint="Put what is left to do into the plan, or begin it in another work tree when the drive has ended.",
        )


def refuse_second(opened: RealDesk, state: State) -> None:
    run = state.run_in(opened.worktree)
    if run is not None:
        raise RunActive(
            f"A run is {run.status} in this work tree, at step {run.step} of phase {run.phase}.",
            hint=f'Let it go on (say "{said_to_go_on(run)}" to your agent, or `phasegate resume` if it is paused), '
            "or end it first: `phasegate pause --end`.",
        )


@contextlib.contextmanager
def _alone(opened: RealDesk) -> Iterator[None]:
    """One start at a time: two at once would both find no run, and no stream of the ledger is theirs in common."""
    with open(os.path.join(opened.project.directory, "start.lock"), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def no_plan(opened: RealDesk) -> NoPlan:
    return NoPlan(
        f"There is no plan at {opened.settings.plan}.",
        hint='Write one, begin with `phasegate plan new "WHAT TO BUILD"`, or do one small thing without a plan: '
        '`phasegate start "WHAT TO DO"`.',
    )


def read_plan(opened: RealDesk, state: State) -> State:
    """Read the plan; the first reading imports the boxes that are ticked, a later one puts back what others ticked."""
    content = opened.files.read(opened.settings.plan)
    if content is None:
        raise no_plan(opened)
    mended = plan_watch.read(opened, state, content, first=not state.plan_digest)
    if opened.actor.kind != "person":
        plan_watch.refuse_less(state, mended.facts)
    if mended.facts:
        state = opened.record(mended.facts, relying_on=state)
    if mended.content is not None:
        state = write_own(opened, state, opened.settings.plan, mended.content)
    for told in mended.told:
        output.progress(f"phasegate: {told}")
    return refresh(opened, state)  # the block is there before the first digest, so that no phase begins by its coming


def begin(
    opened: RealDesk, state: State, task: str = "", small: Phase | None = None, *, mode: RunMode = "start"
) -> State:
    """Record the run, its first phase and its first step, and render the views; `small` is the phase of a task."""
    place.register(opened.project.where, opened.project.pointer, os.environ)
    seen = opened.tree.observe(shown_views(opened, state))
    id_, first = opened.new_id("run"), _first_step(opened, state, small, seen.subject)
    begun = RunStarted(id_, opened.worktree, mode, opened.workflow.name, first, task, at_work(opened))
    watch = custody.begun(opened, id_)
    given: list[Fact] = [TaskGiven(id_, small)] if small is not None else []
    state = opened.record([begun, watch, TreeObserved(id_, seen.tree, seen.subject), *given], relying_on=state)
    state = take(opened, state, state.runs[id_], seen)
    again_begun = state.record_of(state.runs[id_].phase)
    if again_begun.tree not in ("", seen.tree) and _was_stopped(state, again_begun, id_):
        moved = BaselineMoved(again_begun.id, seen.subject, seen.tree)
        state = opened.record([moved], relying_on=state)
    entered = StepEntered(id_, first, "", "start", state.runs[id_].phase, seen.subject)
    state = refresh(opened, opened.record([entered], relying_on=state))
    return observe(opened, state)[0]


def _first_step(opened: RealDesk, state: State, small: Phase | None, subject: str) -> str:
    """Where a run begins: a task where its lane says, unless the tests are still to be run on the tree as it is."""
    start = opened.workflow.lane(SMALL_LANE).start
    known = state.newest(TestsSeen, subject=subject)
    tested = known is not None and isinstance(known.seen, TestsSeen) and known.seen.complete
    skips = small is not None and start and (tested or small.kind in UNTESTED)
    return start if skips else opened.workflow.start


def said_to_go_on(run: RunRecord) -> str:
    """What a person says to the agent so that the run goes on."""
    return "Go ahead." if run.small else HAND_OVER


def _was_stopped(state: State, phase: PhaseRecord, run: str) -> bool:
    """Whether a person ended every run that worked on the phase before, so that it begins anew on the tree as it is."""
    return all(
        other.outcome == "stopped" for other in state.runs.values() if other.phase == phase.id and other.id != run
    )


def know_baseline(opened: RealDesk, state: State) -> None:
    """Run the tests as they are, unless that was seen on this very tree."""
    from phasegate.entrypoints import checking

    seen = opened.tree.observe(shown_views(opened, state))
    known = state.newest(TestsSeen, subject=seen.subject)
    if known is not None and isinstance(known.seen, TestsSeen) and known.seen.complete:
        return
    output.progress("phasegate: running the tests as they are, so that it is known what was red before")
    try:
        tests, _ = checking.check_here(opened, lambda said: output.progress(f"phasegate: {said}"))
    except NoTestCommand as failure:
        raise NoTestCommand(
            failure.message, hint=f"{failure.hint} Or begin without: `phasegate start --no-baseline`."
        ) from failure
    from phasegate.report.words import counted

    red = f", {len(tests.red)} of them red" if tests.red else ""
    output.progress(f"phasegate: {counted(tests.collected, 'test')} known{red}")
    _refuse_unusable(opened, tests)


def _refuse_unusable(opened: RealDesk, tests: TestsSeen) -> None:
    """A baseline that was never measured would let everything that follows look new."""
    suites = opened.settings.all_suites().values()
    named = ", ".join(f"`{' '.join(command_of(opened.worktree, tests))}`" for tests in suites)
    hint = (
        f"The tests were run by {named} in {opened.worktree}. If that is not how they run, set "
        "`[tests] command` in phasegate.toml and `phasegate policy trust`, or begin without: "
        "`phasegate start --no-baseline`."
    )
    if not tests.complete:
        raise BaselineUnusable(f"The tests did not run to their end: {tests.why_incomplete}.", hint=hint)
    if tests.collected and all(test.cause in NOT_RUN for test in tests.red) and len(tests.red) == tests.collected:
        first = tests.red[0]
        raise BaselineUnusable(f"Not one test could be imported: {first.id}: {line(first.message, 200)}.", hint=hint)


def nothing_left(state: State, opened: RealDesk) -> Failure:
    waiting = [phase.id for phase in state.plan if not state.is_closed(phase.id)]
    if waiting:
        return PlanFinished(
            f"No phase can be taken up now; {', '.join(waiting)} wait for a person or for another phase.",
            hint="See `phasegate answer list`.",
        )
    return PlanFinished(
        f"Every phase of {opened.settings.plan} is closed.", hint='Add a phase: `phasegate plan new "WHAT TO BUILD"`.'
    )


def _tell(opened: RealDesk, state: State, as_json: bool) -> None:
    run = state.run_in(opened.worktree)
    assert run is not None
    if as_json:
        output.give({"run": run.id, "phase": run.phase, "step": run.step, "version": state.position})
        return
    output.say(instruction(Moment(state, run, opened.settings, ""), opened.workflow))
    output.say(f'\nNow open your agent here and say "{said_to_go_on(run)}". `phasegate pause` is one word.')
