"""Refusals that a person called wrong: recorded, listed, and written as cases that the rules can be tried on."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec
import rich_click as click

from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import actor, again, desk, json_option, only_people
from phasegate.errors import Exit, Failure
from phasegate.ledger.event import Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import CallRefused, ChangePutBack, RefusalDisputed, StepEntered
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.policy.writing import value
from phasegate.wiring import RealDesk
from phasegate.workspace import files

FORMAT = "phasegate-policy-cases-1"
MOST_WORDS = 1000


class NotRefused(Failure):
    """What was called a wrong refusal is none."""

    code = "not-refused"
    exit_code = Exit.USAGE


class Case(msgspec.Struct, frozen=True):
    """What was refused, where the run stood then, and that it should have been allowed."""

    event: int
    rule: str
    tool: str
    paths: tuple[str, ...]
    command: str
    step: str
    kind: str
    expect: str
    why: str
    by: str


def call_wrong(opened: RealDesk, id_: str, why: str) -> str:
    """Record that the newest refusal called `id_` was wrong; the same said twice is recorded once. What to tell."""
    only_people("Calling a refusal wrong")
    if not why.strip():
        raise click.UsageError("Say in words why it was wrong.")
    event, refused = _find(opened, id_)
    said = RefusalDisputed(event.position, refused.call, why.strip()[:MOST_WORDS], actor().name)
    known = [fact for _, fact in _past(opened) if fact == said]
    if not known:
        again(lambda state: opened.record([said], relying_on=state), opened)
    already = " already" if known else ""
    return (f"the refusal of event {event.position} (rule {line(refused.rule, 40)}) is called wrong{already}. "
            "The rule stays as it is; `phasegate policy disputed` lists what to try it on.")  # fmt: skip


@click.command()
@click.option("--export", "target", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE",
              help="Write them to FILE (TOML, `-` prints it) as cases to try the rules on.")  # fmt: skip
@json_option
def disputed(target: str | None, as_json: bool) -> int:
    """List the refusals that a person called wrong.

    Example: phasegate policy disputed --export policy-cases.toml
    """
    with desk(looks=True) as opened:
        found = recorded(opened)
    if as_json:
        output.give(found)
    elif target == "-":
        output.say(as_toml(found).removesuffix("\n"))
    elif target is None:
        _tell(found)
    if target not in (None, "-"):
        where = os.path.abspath(target)
        files.write_atomic(os.path.dirname(where), os.path.basename(where), as_toml(found).encode())
        output.progress(f"phasegate: wrote {len(found)} to {line(target or '', 200)}.")
    return Exit.OK


def cases(past: Iterable[tuple[Event, Fact]], state: State) -> list[Case]:
    """The refusals called wrong, each with the step and kind it was judged in; the newest word on each counts."""
    steps: dict[str, StepEntered] = {}
    refusals: dict[int, tuple[CallRefused | ChangePutBack, str, str]] = {}
    found: dict[int, Case] = {}
    for event, fact in past:
        match fact:
            case StepEntered(run=run):
                steps[run] = fact
            case CallRefused(run=run) | ChangePutBack(run=run):
                at = steps.get(run)
                refusals[event.position] = (fact, at.step if at else "", state.kind_of(at.phase) if at else "")
            case RefusalDisputed(refused=refused) if refused in refusals:
                found[refused] = _case(fact, *refusals[refused])
    return list(found.values())


def _case(said: RefusalDisputed, refused: CallRefused | ChangePutBack, step: str, kind: str) -> Case:
    if isinstance(refused, ChangePutBack):
        refused = CallRefused(refused.run, refused.call, "", "", "", refused.rule, "", (refused.path,))
    return Case(
        said.refused, refused.rule, refused.tool, refused.paths, refused.command, step, kind, "allow", said.why, said.by
    )  # fmt: skip


def recorded(opened: RealDesk) -> list[Case]:
    """The refusals of this ledger that a person called wrong."""
    return cases(_past(opened), opened.state())


def as_toml(found: list[Case]) -> str:
    """`found` as a file of cases, one table each."""
    head = "# Refusals that a person called wrong: what the rules were asked, and what they should have said.\n"
    tables = []
    for case in found:
        rows = [f"{name} = {value(getattr(case, name))}" for name in case.__struct_fields__]
        tables.append("\n[[case]]\n" + "\n".join(rows) + "\n")
    return f'{head}format = "{FORMAT}"\n' + "".join(tables)


def _tell(found: list[Case]) -> None:
    for case in found:
        what = ", ".join(line(path) for path in case.paths) or line(case.command) or line(case.tool)
        output.say(f"event {case.event}: {what} by the rule {line(case.rule, 40)}"
                   + (f" in {line(case.step, 40)}" if case.step else "")
                   + f": {line(case.why, 300)} ({line(case.by, 60)})")  # fmt: skip
    if not found:
        output.say('No refusal was called wrong. Say it with `phasegate why ID --wrong "WHY"`.')


def _find(opened: RealDesk, id_: str) -> tuple[Event, CallRefused | ChangePutBack]:
    number = id_.removeprefix("@")
    for event, fact in reversed(list(_past(opened))):
        if isinstance(fact, CallRefused | ChangePutBack):
            paths = fact.paths if isinstance(fact, CallRefused) else (fact.path,)
            if id_ in (fact.call, *paths) or (number.isdecimal() and number == str(event.position)):
                return event, fact
    raise NotRefused(
        f"Nothing called {line(id_, 80)!r} was refused or put back.",
        hint="Name a tool call, a path, or a position of `phasegate log show --kind CallRefused`.",
    )


def _past(opened: RealDesk) -> Iterable[tuple[Event, Fact]]:
    """The events that are about refusals, with their facts."""
    wanted = ("CallRefused", "ChangePutBack", "StepEntered", "RefusalDisputed")
    for event in opened.project.log.read():
        fact = fact_of(event) if event.kind in wanted else None
        if fact is not None:
            yield event, fact
