"""`phasegate evidence`: what was recorded, for which tree, and which task it shows."""

from __future__ import annotations

import os
from collections.abc import Iterator

import rich_click as click

from phasegate.context.sentences import observed
from phasegate.engine import manifests
from phasegate.engine.advance import observe, run_of
from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.record import record
from phasegate.entrypoints.cli.session import desk, json_option, version_option
from phasegate.errors import Exit, Failure
from phasegate.evidence import manifest
from phasegate.evidence.items import CommandSeen, Evidence, TestsSeen
from phasegate.ledger.facts import EvidenceRecorded, TaskLinked
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.wiring import RealDesk

MOST_MANIFESTS = 10_000


class NothingToLink(Failure):
    """There is no fresh evidence, or no such task."""

    code = "nothing-to-link"
    exit_code = Exit.GATE_FAILED


class UnknownEvidence(Failure):
    """No evidence has this id."""

    code = "unknown-evidence"
    exit_code = Exit.USAGE


class TooManyManifests(Failure):
    """More manifests than a plan can have."""

    code = "too-many-manifests"
    exit_code = Exit.LIMIT_REACHED


@click.group()
def evidence() -> None:
    """Show recorded evidence and link it to the tasks it shows.

    Example: phasegate evidence list
    """


evidence.add_command(record)


@evidence.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List the evidence of the open phases, newest last, and whether it speaks for the tree as it is.

    Example: phasegate evidence list
    """
    with desk(looks=True) as opened:
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
    with desk(looks=True) as opened:
        item = opened.state().evidence.get(id_) or _long_ago(opened, id_)
    if item is None:
        raise _unknown(id_)
    output.give(item)
    return Exit.OK


def _long_ago(opened: RealDesk, id_: str) -> Evidence | None:
    """An observation so old that only the ledger still has it."""
    for event in opened.project.log.read():
        fact = fact_of(event) if event.kind == EvidenceRecorded.__name__ else None
        if isinstance(fact, EvidenceRecorded) and fact.evidence.id == id_:
            return fact.evidence
    return None


def _unknown(id_: str) -> UnknownEvidence:
    return UnknownEvidence(f"No evidence is called {id_!r}.", hint="See `phasegate evidence list`.")


def _newest(state: State, subject: str) -> tuple[str, ...]:
    """The test run that speaks for the tree; where there is none, as in a phase of documents, the recorded command."""
    found = state.newest(TestsSeen, subject=subject) or state.newest(CommandSeen, subject=subject)
    return (found.id,) if found is not None else ()


@evidence.command()
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@click.option(
    "--evidence",
    "ids",
    multiple=True,
    metavar="ID",
    help="Which evidence; default: the newest fresh test run, else recorded command.",
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
        for id_ in ids:
            if id_ not in state.evidence:
                raise _unknown(id_)
        chosen = ids or _newest(state, seen.subject)
        fresh = [id_ for id_ in chosen if state.evidence[id_].speaks_for(seen.subject)]
        if not fresh or len(fresh) < len(chosen):
            raise NothingToLink("There is no such evidence of the tree as it is now.",
                                hint="Run `phasegate check tests` or `phasegate record -- CMD` first.")  # fmt: skip
        facts = [TaskLinked(run.phase, task, tuple(fresh)) for task in tasks]
        refresh(opened, opened.record(facts, relying_on=state))
    output.say(f"phasegate: linked {', '.join(tasks)} to {', '.join(fresh)}.")
    return Exit.OK


@evidence.command()
@json_option
def check(as_json: bool) -> int:
    """Read every manifest under investigations/ and archive/: which say what the ledger says, and which are claims.

    What lies beside them in an archive must be as it was when its phase closed. Exit 1 when anything is a claim, stale,
    unreadable or missing.

    Example: phasegate evidence check
    """
    with desk(looks=True) as opened:
        standings = manifests.standings(opened, opened.state(), dict(_manifests(opened)))
    doubtful = [standing for standing in standings if standing.says != "recorded"]
    good = len(standings) - len(doubtful)
    of = sum(standing.path.endswith(f"/{manifest.NAME}") for standing in standings)
    if as_json:
        output.give({"manifests": standings, "recorded": good})
    else:
        for standing in doubtful:
            output.say(f"{line(standing.path)}: {standing.says}: {line(standing.why)}")
        output.say(f"phasegate: {good} of {of} manifests say what the ledger says.")
    return Exit.GATE_FAILED if doubtful else Exit.OK


def _manifests(opened: RealDesk) -> Iterator[tuple[str, bytes | None]]:
    """Every manifest in the work tree with its content; None for one that cannot be read."""
    count = 0
    for folder in manifests.FOLDERS:
        for place, folders, names in os.walk(os.path.join(opened.worktree, folder)):
            folders.sort()
            if manifest.NAME not in names:
                continue
            count += 1
            if count > MOST_MANIFESTS:
                raise TooManyManifests(f"There are more than {MOST_MANIFESTS} manifests.",
                                       hint="Take folders that are not phasegate's out of the archive.")  # fmt: skip
            path = os.path.relpath(os.path.join(place, manifest.NAME), opened.worktree).replace(os.sep, "/")
            try:
                yield path, opened.files.read(path)
            except Failure:
                yield path, None
