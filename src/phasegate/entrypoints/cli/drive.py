"""`phasegate drive`: work on the plan alone, on a branch of its own, under limits, until morning or a question."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import signal
from collections.abc import Iterator

import msgspec
import rich_click as click

from phasegate.agents import claude_run
from phasegate.engine import driving
from phasegate.entrypoints import reporting
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk, json_option, only_people
from phasegate.entrypoints.demo.real_client import find_client
from phasegate.entrypoints.driving import attempts, preview
from phasegate.entrypoints.driving import stage as stages
from phasegate.entrypoints.driving.stage import DriveAtWork, Stage
from phasegate.entrypoints.driving.supervisor import Order, Supervisor
from phasegate.entrypoints.driving.telling import Teller
from phasegate.entrypoints.times import until_ms
from phasegate.errors import Exit, Failure
from phasegate.ledger.driving import DriveEnded, Limits
from phasegate.ledger.state import DriveRecord, State
from phasegate.settings import Drive
from phasegate.wiring import RealDesk


class Until(click.ParamType[int]):
    """A time of day, a date with time, or a span from now; as UTC milliseconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return until_ms(str(value), datetime.datetime.now().astimezone())
        except ValueError:
            self.fail(f'{value!r} is no time. Write "07:30", "2026-11-22T07:30" or "+8h".', param, ctx)


class Attempt(msgspec.Struct, frozen=True):
    """What a drive that is one of several attempts is told by the drive it is an attempt of."""

    id: str = ""
    of: str = ""
    phase: str = ""
    limits: Limits = Limits()


class Asked(msgspec.Struct, frozen=True):
    """The options of `drive`."""

    limits: Limits
    model: str = ""
    here: bool = False
    push: bool = False
    attempts: int = 1
    baseline: bool = True
    attempt: Attempt = Attempt()
    as_json: bool = False


@click.command()
@click.option("--until", type=Until(), metavar="TIME", default=None, help='End then: "07:30", an ISO time, or "+8h".')
@click.option("--cost", type=click.FloatRange(min=0), metavar="USD", help="End when so much is spent.")
@click.option("--tokens", type=click.IntRange(min=0), metavar="N", help="End when so many tokens are used.")
@click.option("--minutes", type=click.FloatRange(min=0), metavar="N", help="End after so many minutes awake.")
@click.option("--iterations", type=click.IntRange(min=0), metavar="N", help="End after so many sessions that did work.")
@click.option("--model", default="", metavar="NAME", help="The model the client is to use.")
@click.option("--here", is_flag=True, help="Work in this work tree and on its branch, not in one of its own.")
@click.option("--push", is_flag=True, help="Push the branch at the end; otherwise nothing leaves this machine.")
@click.option(
    "--attempts",
    type=click.IntRange(1, 8),
    default=1,
    metavar="N",
    help="Try the next phase N times at once, and let the gates choose.",
)
@click.option("--attempt", "attempt", default="", hidden=True)
@click.option("--no-baseline", is_flag=True, help="Do not run the tests first; the agent does in the explore step.")
@click.option("--dry-run", is_flag=True, help="Say what it would do, and do nothing.")
@json_option
def drive(
    until: int | None, cost: float | None, tokens: int | None, minutes: float | None, iterations: int | None,
    model: str, here: bool, push: bool, attempts: int, attempt: str, no_baseline: bool, dry_run: bool, as_json: bool,
) -> int:  # fmt: skip
    """Work on the plan alone: on a branch of its own, one commit for each closed phase, under limits.

    Whatever stops it, the next `phasegate drive` goes on where it was. Exit codes: 0 the plan is complete, 5 a person
    must answer, 6 a limit was reached, 7 cannot tell, 130 interrupted.

    Example: phasegate drive --until 07:30 --cost 20
    """
    only_people("`phasegate drive`")
    with desk() as opened:
        limits = _limits(opened.settings.drive, until, cost, tokens, minutes, iterations)
        of = msgspec.json.decode(attempt, type=Attempt) if attempt else Attempt()
        asked = Asked(of.limits if attempt else limits, model, here, push, attempts, not no_baseline, of, as_json)
        if attempts > 1 and opened.project.where.prefix:
            raise click.UsageError("--attempts works in a project at the root of its repository only.")
        if dry_run:
            return _say_what(opened, asked)
        with _alone(opened):
            return _drive(opened, asked, Teller(as_json=as_json))


def _limits(
    settings: Drive, until: int | None, cost: float | None, tokens: int | None, minutes: float | None,
    iterations: int | None,
) -> Limits:  # fmt: skip
    """What was said, else what the settings say."""
    return Limits(
        settings.cost_usd if cost is None else cost,
        settings.tokens if tokens is None else tokens,
        settings.minutes if minutes is None else minutes,
        settings.iterations if iterations is None else iterations,
        until or 0,
    )


@contextlib.contextmanager
def _alone(opened: RealDesk) -> Iterator[None]:
    """One drive at a time in a clone: the lock goes with the process, however it ends."""
    with open(os.path.join(opened.project.directory, "drive.lock"), "ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise DriveAtWork(
                "Another `phasegate drive` is at work in this clone.",
                hint="See `phasegate status`; Ctrl-C in its terminal ends it in order.",
            ) from problem
        yield


def _drive(opened: RealDesk, asked: Asked, teller: Teller) -> int:
    client = find_client()
    state = stages.tidy(opened, opened.state())
    former = stages.unfinished(state)
    id_ = asked.attempt.id or opened.new_id("drive")
    stage = _gone_on(former, teller) if former else stages.lay_out(opened, state, teller.say, here=asked.here)
    inner = stages.enter(opened, stage)
    try:
        if former is None:
            _begin(opened, inner, stage, id_, asked)
        else:
            inner.record([stages.started(inner, stage, id_, asked.limits)], relying_on=None)
        teller.say(f"driving on {stage.branch or 'a detached HEAD'} in {stage.worktree}", branch=stage.branch)
        supervisor = Supervisor(inner, id_, _order(inner, client.path, asked.model), teller)
        finish = _attempts(inner, id_, asked, teller, new=former is None) or supervisor.work()
        if asked.push and finish.outcome != "failed":
            _push(inner, stage, teller)
        return _tell(inner, stage, id_, finish, as_json=asked.as_json)
    finally:
        if inner is not opened:
            inner.project.close()


def _begin(opened: RealDesk, inner: RealDesk, stage: Stage, id_: str, asked: Asked) -> None:
    """Begin the run; when it cannot be begun, nothing is left of branch and work tree."""
    try:
        of = asked.attempt
        stages.begin_run(inner, stage, id_, asked.limits, baseline=asked.baseline, only=of.phase, attempt_of=of.of)
    except BaseException:
        stages.clear_away(opened, stage)
        raise


def _attempts(inner: RealDesk, id_: str, asked: Asked, teller: Teller, *, new: bool) -> driving.Finish | None:
    """Try the phase that just began several times at once, if so asked; how the drive ended, if a person ended it."""
    run = inner.state().run_in(inner.worktree)
    if asked.attempts == 1 or run is None:
        return None
    if not new:
        teller.say(f"phase {run.phase} was begun before, so it is gone on with and not tried anew")
        return None
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        attempts.try_phase(inner, id_, run.phase, asked.attempts, asked.model, teller, baseline=asked.baseline)
    except KeyboardInterrupt:
        finish = driving.Finish("stopped", "stopped by a person", Exit.INTERRUPTED)
        inner.record([DriveEnded(id_, finish.outcome, finish.said, finish.exit_code)], relying_on=None)
        return finish
    finally:
        signal.signal(signal.SIGTERM, former)
    return None


def _gone_on(former: DriveRecord, teller: Teller) -> Stage:
    how = former.outcome or "was killed"
    teller.say(f"drive {former.id} ({how}: {former.said}) is gone on with", goes_on=former.id)
    return Stage(former.worktree, former.branch, former.base, new=False, goes_on=former.id)


def _order(inner: RealDesk, program: str, model: str) -> Order:
    settings = inner.settings.drive
    return Order(
        program, (*claude_run.BASE_RULES, *settings.allow), model, settings.silent_minutes * 60,
        int(settings.longest_wait_minutes * driving.MINUTE_MS),
    )  # fmt: skip


def _push(inner: RealDesk, stage: Stage, teller: Teller) -> None:
    problem = stages.repository_of(inner).push(stage.branch)
    teller.say(f"{stage.branch} could not be pushed: {problem}" if problem else f"{stage.branch} is pushed")


def _say_what(opened: RealDesk, asked: Asked) -> int:
    told = preview.look_ahead(opened, asked.limits, model=asked.model, here=asked.here, attempts=asked.attempts)
    if asked.as_json:
        output.give(told)
        return 0
    for text in preview.lines(told):
        output.say(text)
    return 0


def _tell(inner: RealDesk, stage: Stage, id_: str, finish: driving.Finish, *, as_json: bool) -> int:
    state, report = inner.state(), _report(inner)
    if as_json:
        output.give(_result(state, stage, id_, finish) | {"report": report})
        return finish.exit_code
    record = state.drives[id_]
    output.say(f"phasegate: {finish.outcome}: {finish.said}.")
    for phase, commit in record.commits.items():
        output.say(f"  closed {phase}: {commit[:12]}")
    for question in state.open_questions():
        output.say(f"  waits for you: {question.id} {question.text.splitlines()[0][:200]}")
    if report:
        output.say(f"  read: {report}, or `phasegate report`")
    if stage.worktree != os.getcwd() and stage.branch:
        output.say(
            f"  look: git log {stage.base[:12]}..{stage.branch}\n  merge: git merge {stage.branch}\n"
            f"  throw away: git worktree remove --force {stage.worktree} && git branch -D {stage.branch}"
        )
    return finish.exit_code


def _report(inner: RealDesk) -> str:
    """Where the report lies; one that cannot be written takes nothing from what was done."""
    try:
        return reporting.write_report(inner)[1]
    except Failure as failure:
        output.progress(f"phasegate: the report could not be written: {failure.message} {failure.hint}")
        return ""


def _result(state: State, stage: Stage, id_: str, finish: driving.Finish) -> dict[str, object]:
    record = state.drives[id_]
    deferred = [phase.id for phase in state.plan if state.record_of(phase.id).status == "deferred"]
    return {
        "drive": id_, "outcome": finish.outcome, "said": finish.said, "exit": finish.exit_code,
        "branch": stage.branch, "worktree": stage.worktree, "base": stage.base,
        "closed": list(record.commits), "commits": record.commits, "deferred": deferred,
        "questions": [question.id for question in state.open_questions()],
        "cost_usd": round(record.cost_usd, 6), "tokens": record.tokens, "iterations": record.iterations,
        "launches": record.launches, "goes_on": stage.goes_on,
    }  # fmt: skip
