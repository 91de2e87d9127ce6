"""`phasegate evidence`: what was recorded, for which tree, and which task it shows."""

from __future__ import annotations

import rich_click as click

from phasegate.context.sentences import observed
from phasegate.engine.advance import observe, run_of
from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.record import record
from phasegate.entrypoints.cli.session import desk, json_option, version_option
from phasegate.errors import Exit, Failure
from phasegate.evidence.items import TestsSeen
from phasegate.ledger.facts import TaskLinked


class NothingToLink(Failure):
    """There is no fresh evidence, or no such task."""

    code = "nothing-to-link"
    exit_code = Exit.GATE_FAILED


@click.group()
def evidence() -> None:
    """Show recorded evidence and link it to the tasks it shows."""


evidence.add_command(record)


@evidence.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List the evidence of the open phases, newest last, and whether it speaks for the tree as it is.

    Example: phasegate evidence list
    """
    with desk() as opened:
        state, seen = observe(opened, opened.state())
    items = list(state.evidence.values())
    if as_json:
        output.give([{"fresh": item.speaks_for(seen.subject), "evidence": item} for item in items])
        return Exit.OK
    for item in items:
        fresh = "fresh" if item.speaks_for(seen.subject) else "of another tree"
        output.say(f"{item.id} {item.assurance}, {fresh}: {observed(item)}")
    if not items:
        output.say("No evidence is recorded. Run `phasegate check tests`.")
    return Exit.OK


@evidence.command()
@click.argument("id_", metavar="ID")
def show(id_: str) -> int:
    """Show one observation whole, as JSON.

    Example: phasegate evidence show ev-1a2b3c4d5e
    """
    with desk() as opened:
        item = opened.state().evidence.get(id_)
    if item is None:
        raise NothingToLink(f"No evidence is called {id_!r}.", hint="See `phasegate evidence list`.")
    output.give(item)
    return Exit.OK


@evidence.command()
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@click.option(
    "--evidence", "ids", multiple=True, metavar="ID", help="Which evidence; default: the newest fresh test run."
)
@version_option
def link(tasks: tuple[str, ...], ids: tuple[str, ...], if_version: int | None) -> int:
    """Say which evidence shows that a task is done; only evidence of the tree as it is counts.

    Example: phasegate evidence link 1.1 1.2
    """
    with desk(if_version) as opened:
        state, seen = observe(opened, opened.state())
        run = run_of(opened, state)
        listed = state.planned(run.phase)
        known = {task.id for task in listed.tasks} if listed else set()
        wrong = [task for task in tasks if task not in known]
        if wrong:
            raise NothingToLink(f"Phase {run.phase} has no task {', '.join(wrong)}.",
                                hint=f"Its tasks are {', '.join(sorted(known))}.")  # fmt: skip
        chosen = ids or tuple(e.id for e in [state.newest(TestsSeen, subject=seen.subject)] if e is not None)
        fresh = [id_ for id_ in chosen if id_ in state.evidence and state.evidence[id_].speaks_for(seen.subject)]
        if not fresh or len(fresh) < len(chosen):
            raise NothingToLink("There is no such evidence of the tree as it is now.",
                                hint="Run `phasegate check tests` or `phasegate record -- CMD` first.")  # fmt: skip
        facts = [TaskLinked(run.phase, task, tuple(fresh)) for task in tasks]
        refresh(opened, opened.record(facts, relying_on=state))
    output.say(f"phasegate: linked {', '.join(tasks)} to {', '.join(fresh)}.")
    return Exit.OK
