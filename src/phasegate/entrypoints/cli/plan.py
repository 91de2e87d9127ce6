"""`phasegate plan`: write a plan from one sentence, check it, show it, correct the kind of a phase."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import rich_click as click

from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.plan_change import difference, refuse_agent, text_of, write_plan
from phasegate.entrypoints.cli.plan_import import import_
from phasegate.entrypoints.cli.session import desk, json_option, only_people, version_option
from phasegate.entrypoints.cli.start import NoPlan
from phasegate.errors import Exit, Failure
from phasegate.ledger.facts import KindCorrected, LaneMoved
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.wiring import RealDesk
from phasegate.workflow.definition import LANES
from phasegate.workflow.plan import KINDS, Kind, Phase, Plan
from phasegate.workflow.plan_markdown import parse_plan, status_in_phase_file
from phasegate.workflow.plan_writing import add_phase, new_plan


class PhaseBegun(Failure):
    """The kind of a phase that was begun is settled."""

    code = "phase-begun"
    exit_code = Exit.USAGE


class Found(msgspec.Struct, frozen=True):
    """Something wrong with a plan or a detail file, and where; line 0 is the file as a whole."""

    path: str
    line: int
    text: str


class PhaseNotBegun(Failure):
    """A phase was named that no run works on."""

    code = "phase-not-begun"
    exit_code = Exit.USAGE


@click.group()
def plan() -> None:
    """Write, check and show the plan: phases with tasks and check boxes, in Markdown.

    Example: phasegate plan show
    """


plan.add_command(import_)


@plan.command()
@click.argument("sentence")
@click.option("--kind", type=click.Choice(KINDS), help="What sort of work it is; default: as the sentence says.")
@click.option("--task", "tasks", multiple=True, metavar="TEXT", help="A task; may be repeated. Default: the sentence.")
@click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")
@json_option
@version_option
def new(
    sentence: str, kind: Kind | None, tasks: tuple[str, ...], dry_run: bool, as_json: bool, if_version: int | None
) -> int:
    """Add a phase to the plan; without a plan, begin one with it.

    Example: phasegate plan new "Round amounts half even" --kind fix --task "Round in Money.split"
    """
    if not sentence.strip():
        raise click.UsageError("Say in a sentence what is to be built.")
    with desk(if_version) as opened:
        state, path = opened.state(), opened.settings.plan
        content = opened.files.read(path)
        before = text_of(path, content) if content is not None else ""
        after = _with_phase(path, before, sentence, kind, tasks or (sentence,))
        added = parse_plan(after, path=path).phases[-1]
        if not dry_run:
            refuse_agent(opened, state)
            state = write_plan(opened, state, after.encode())
    if as_json:
        output.give({"path": path, "phase": added.id, "kind": added.kind, "written": not dry_run,
                     "version": state.position})  # fmt: skip
    elif dry_run:
        output.say(difference(before, after, path).rstrip("\n"))
    else:
        verb = "gained" if content is not None else "begins with"
        output.say(f"phasegate: {path} {verb} phase {added.id}, {line(added.title)} ({added.kind}).\n"
                   "  Begin with `phasegate start`.")  # fmt: skip
    return Exit.OK


@plan.command()
@json_option
def check(as_json: bool) -> int:
    """Read the plan and every detail file it names, and say what is wrong with them. Exit 1 when anything is.

    Example: phasegate plan check
    """
    with desk() as opened:
        path = opened.settings.plan
        content = opened.files.read(path)
        if content is None:
            raise _no_plan(path)
        try:
            read = parse_plan(text_of(path, content), path=path)
            found = [*_of_phases(path, read), *_of_details(opened, path, read)]
        except Failure as failure:
            found = [Found(path, _line_in(failure.message, path), f"{failure.message} {failure.hint}")]
    if as_json:
        output.give({"path": path, "problems": found})
    else:
        for problem in found:
            output.say(_placed(problem))
        if not found:
            output.say(f"phasegate: {path} lists {_counted(len(read.phases))}; nothing is wrong with it.")
    return Exit.GATE_FAILED if found else Exit.OK


@plan.command()
@json_option
def show(as_json: bool) -> int:
    """Show the phases as phasegate reads them: kind, tasks, what blocks them, and the status the ledger has.

    Example: phasegate plan show
    """
    with desk() as opened:
        state, read = opened.state(), _read(opened)
    if as_json:
        output.give([_as_value(state, phase) for phase in read.phases])
        return Exit.OK
    for phase in read.phases:
        for text in _shown(state, phase):
            output.say(text)
    return Exit.OK


@plan.command()
@click.argument("phase", metavar="PHASE")
@click.argument("kind", type=click.Choice(KINDS))
@version_option
def kind(phase: str, kind: Kind, if_version: int | None) -> int:
    """Correct the kind of a phase before it is begun; the plan file stays as it is.

    Example: phasegate plan kind 3 refactor
    """
    only_people("The kind of a phase")  # it picks the gates
    with desk(if_version) as opened:
        state = opened.state()
        listed = _read(opened).phase(phase)
        status = _status(state, listed)
        if status != "open":
            raise PhaseBegun(f"Phase {phase} is {status}; its kind stays {state.record_of(phase).kind or listed.kind}.",
                             hint="Only a phase that was not begun can change its kind.")  # fmt: skip
        refresh(opened, opened.record([KindCorrected(phase, kind)], relying_on=state))
    output.say(f"phasegate: phase {phase} is of kind {kind}.")
    return Exit.OK


@plan.command()
@click.argument("phase", metavar="PHASE")
@click.argument("lane", type=click.Choice(LANES))
@click.option("--reason", required=True, help="Why; it is recorded.")
@version_option
def lane(phase: str, lane: str, reason: str, if_version: int | None) -> int:
    """Name the lane of a phase that is worked on; from then on its difference moves it no more.

    Example: phasegate plan lane 3 standard --reason "Only comments of the payment code change"
    """
    only_people("The lane of a phase")  # it picks steps and gates
    with desk(if_version) as opened:
        state = opened.state()
        record = state.record_of(phase)
        if record.status != "started":
            raise PhaseNotBegun(
                f"Phase {phase} is not worked on.", hint="Its lane begins with it; see `phasegate status`."
            )
        moved = LaneMoved(phase, lane, record.lane, reason[:1000], opened.actor.name)
        refresh(opened, opened.record([moved], relying_on=state))
    output.say(f"phasegate: phase {phase} goes by the lane {lane}.")
    return Exit.OK


# -- writing ----------------------------------------------------------------------------------------------------------


def _with_phase(path: str, before: str, sentence: str, kind: Kind | None, tasks: tuple[str, ...]) -> str:
    title = sentence.strip().rstrip(".")
    sort = kind or _inferred(title)
    if not before.strip():
        return new_plan("Plan", (title, sort, tasks))
    return add_phase(before, title=title, kind=sort, tasks=tasks, path=path)


def _inferred(title: str) -> Kind:
    """The kind that a plan would infer from this title."""
    try:
        return parse_plan(f"## Phase 1: {title}\n\n- [ ] task\n", path="the sentence").phases[0].kind
    except Failure:
        return "feature"


# -- reading ----------------------------------------------------------------------------------------------------------


def _read(opened: RealDesk) -> Plan:
    path = opened.settings.plan
    content = opened.files.read(path)
    if content is None:
        raise _no_plan(path)
    return parse_plan(text_of(path, content), path=path)


def _no_plan(path: str) -> NoPlan:
    return NoPlan(f"There is no plan at {path}.", hint='Begin one with `phasegate plan new "WHAT TO BUILD"`.')


def _line_in(message: str, path: str) -> int:
    """The line that a message about `path` names, which begins `PATH:LINE`; 0 when it names none."""
    number = message.removeprefix(f"{path}:").split(" ", 1)[0].rstrip(":")
    return int(number) if number.isdecimal() else 0


def _placed(problem: Found) -> str:
    """What is wrong behind its place, unless it begins with that itself."""
    if problem.text.startswith((f"{problem.path}:", f"{problem.path} ")):
        return problem.text
    return f"{line(problem.path)}{f':{problem.line}' if problem.line else ''}: {problem.text}"


def _counted(phases: int) -> str:
    return "1 phase" if phases == 1 else f"{phases} phases"


def _of_phases(path: str, read: Plan) -> Iterator[Found]:
    known = {phase.id for phase in read.phases}
    for phase in read.phases:
        strange = [id_ for id_ in phase.blocked_by if id_ not in known]
        if strange:
            yield Found(path, phase.line, f"phase {phase.id} is blocked by {', '.join(strange)}, which is not listed.")
        if not phase.tasks:
            yield Found(path, phase.line, f"phase {phase.id} has no tasks; nothing would show that it is done.")


def _of_details(opened: RealDesk, path: str, read: Plan) -> Iterator[Found]:
    folder = path.rpartition("/")[0]
    for phase in read.phases:
        if not phase.detail:
            continue
        detail = opened.files.relative(f"{opened.worktree}/{folder}/{phase.detail}")
        try:
            content = opened.files.read(detail) if detail is not None else None
        except Failure as failure:
            yield Found(path, phase.line, f"{failure.message} {failure.hint}")
            continue
        if detail is None or content is None:
            why = "leads out of the repository" if detail is None else "is not there"
            yield Found(path, phase.line, f"the detail file {phase.detail} of phase {phase.id} {why}.")
            continue
        for status in status_in_phase_file(content.decode("utf-8", "replace")):
            yield Found(detail, status.line, f"status belongs in the plan, not in a detail file: {line(status.text)}")


# -- showing ----------------------------------------------------------------------------------------------------------


def _status(state: State, phase: Phase) -> str:
    return "closed" if state.is_closed(phase.id) else state.record_of(phase.id).status


def _kind(state: State, phase: Phase) -> tuple[str, str]:
    """The kind in force, and where it comes from."""
    if phase.id in state.kinds:
        return state.kinds[phase.id], "corrected"
    return phase.kind, "stated" if phase.kind_stated else "inferred"


def _shown(state: State, phase: Phase) -> Iterator[str]:
    sort, whence = _kind(state, phase)
    blocked = f", blocked by {', '.join(phase.blocked_by)}" if phase.blocked_by else ""
    yield f"{phase.id} {line(phase.title)} ({sort}, {whence}; {_status(state, phase)}{blocked})"
    for task in phase.tasks:
        yield f"  [{'x' if task.done else ' '}] {task.id} {line(task.text)}"


def _as_value(state: State, phase: Phase) -> dict[str, object]:
    sort, whence = _kind(state, phase)
    return {
        "id": phase.id, "title": phase.title, "kind": sort, "kind_is": whence, "status": _status(state, phase),
        "blocked_by": phase.blocked_by, "detail": phase.detail, "line": phase.line, "area": phase.area,
        "tasks": [{"id": task.id, "text": task.text, "done": task.done, "line": task.line} for task in phase.tasks],
    }  # fmt: skip
