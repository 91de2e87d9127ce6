"""`phasegate note`: what agent and person write down: errors, discoveries, uncertainties; and questions from them."""

from __future__ import annotations

from collections.abc import Sequence

import rich_click as click

from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk, json_option, version_option
from phasegate.errors import Exit, Failure
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import NoteAdded, NoteCorrected, NoteResolved, QuestionAsked
from phasegate.ledger.state import Note, State
from phasegate.plain import line
from phasegate.wiring import RealDesk

CATEGORY = click.Choice(["implement", "research", "strategic"])
SEVERITY = click.Choice(["minor", "major", "strategic"])


class UnknownNote(Failure):
    """No note has this id."""

    code = "unknown-note"
    exit_code = Exit.USAGE


class SettledByItself(Failure):
    """The note waits for what it is about; nobody settles it by saying so."""

    code = "settled-by-itself"
    exit_code = Exit.GATE_FAILED


class PersonsNote(Failure):
    """An agent would lower or settle what a person wrote down, or what is for a person to decide."""

    code = "persons-note"
    exit_code = Exit.GATE_FAILED


@click.group()
def note() -> None:
    """Record and settle errors, discoveries and uncertainties.

    Example: phasegate note list
    """


@note.command()
@click.argument("kind", type=click.Choice(["error", "discovery", "uncertainty"]))
@click.argument("text")
@click.option("--severity", type=SEVERITY, default="major", show_default=True)
@click.option("--category", type=CATEGORY, help="What an uncertainty needs.")
@click.option("--file", "file", default="", help="PATH or PATH:LINE it is about.")
@click.option("--remedy", default="", help="What would settle it.")
@click.option("--task", default="", help="The task it is about.")
@json_option
@version_option
def add(
    kind: str, text: str, severity: str, category: str | None, file: str, remedy: str, task: str, as_json: bool,
    if_version: int | None,
) -> int:  # fmt: skip
    """Record a note in the present phase; the very words of an open one are that note, not a second.

    Example: phasegate note add uncertainty "Which rounding is meant?" --category strategic
    """
    with desk(if_version) as opened:
        state = opened.state()
        run = state.run_in(opened.worktree)
        path, _, number = file.rpartition(":")
        place, at = (path, int(number)) if path and number.isdecimal() else (file, 0)
        known = _same(state, run.phase if run else "", kind, text[:4000], f"task:{task}" if task else "")
        id_ = known or opened.new_id("note")
        added = NoteAdded(
            id_, run.id if run else "", run.phase if run else "", kind, severity, text[:4000], place, at,  # type: ignore[arg-type]
            remedy[:1000], category or "", f"task:{task}" if task else "",  # type: ignore[arg-type]
        )  # fmt: skip
        _record(opened, state, [] if known else [added])
        output.give({"note": id_}) if as_json else output.say(f"phasegate: noted as {id_}.")
    return Exit.OK


@note.command("list")
@click.option("--all", "every", is_flag=True, help="Settled ones too.")
@json_option
def list_(every: bool, as_json: bool) -> int:
    """Show the open notes, and what each waits for.

    Example: phasegate note list
    """
    with desk() as opened:
        notes = [note for note in opened.state().notes.values() if every or not note.resolved]
    if as_json:
        output.give(notes)
        return Exit.OK
    for found in notes:
        output.say(_line(found))
    if not notes:
        output.say("No note is open.")
    return Exit.OK


@note.command()
@click.argument("id_", metavar="ID")
@click.option("--category", type=CATEGORY)
@click.option("--severity", type=SEVERITY)
@version_option
def correct(id_: str, category: str | None, severity: str | None, if_version: int | None) -> int:
    """Give a note another category or severity.

    Example: phasegate note correct note-1a2b3c4d5e --category research
    """
    if not category and not severity:
        raise click.UsageError("Name --category or --severity.")
    with desk(if_version) as opened:
        state = opened.state()
        found = _find(state, id_)
        if found.category == "strategic" and category not in (None, "strategic"):
            _refuse_agent(opened, id_, "is strategic until a person has answered")
        if found.author == "person":
            _refuse_agent(opened, id_, "is a person's")
        if severity == "minor" and found.author == "phasegate":
            raise SettledByItself(f"{id_} was recorded by phasegate and stays {found.severity}.",
                                  hint=found.remedy or "Settle what it is about.")  # fmt: skip
        _record(opened, state, [NoteCorrected(id_, category or "", severity or "")])  # type: ignore[arg-type]
    output.say(f"phasegate: {id_} corrected.")
    return Exit.OK


@note.command()
@click.argument("id_", metavar="ID")
@click.argument("how")
@version_option
def resolve(id_: str, how: str, if_version: int | None) -> int:
    """Settle a note, saying how.

    Example: phasegate note resolve note-1a2b3c4d5e "The parser keeps the sign; see test_sign."
    """
    with desk(if_version) as opened:
        state = opened.state()
        found = _find(state, id_)
        if found.about.startswith(("test:", "gate:")):
            raise SettledByItself(
                f"{id_} is about {found.about.partition(':')[2]} and is settled when that is.",
                hint=found.remedy or "Run `phasegate check tests`.",
            )
        if found.author == "person":
            _refuse_agent(opened, id_, "is a person's")
        if found.category == "strategic" and not _answered(state, id_):
            raise SettledByItself(f"{id_} is strategic: a person settles it.",
                                  hint=f'Ask: `phasegate note ask {id_} "QUESTION"`.')  # fmt: skip
        _record(opened, state, [NoteResolved(id_, how[:1000])])
    output.say(f"phasegate: {id_} is settled.")
    return Exit.OK


@note.command()
@click.argument("id_", metavar="ID")
@click.argument("question")
@click.option("--default", default="", metavar="WORDS", help="What you would do if nobody answered.")
@version_option
def ask(id_: str, question: str, default: str, if_version: int | None) -> int:
    """Put a note to a person as one question.

    Example: phasegate note ask note-1a2b3c4d5e "Shall amounts be rounded half up or half even?"
    """
    with desk(if_version) as opened:
        state = opened.state()
        found = _find(state, id_)
        run = state.run_in(opened.worktree)
        open_ = (q.id for q in state.open_questions() if (q.note, q.text) == (id_, question[:1000]))
        known = next(open_, "")
        asked = known or opened.new_id("q")
        fact = QuestionAsked(
            asked, run.id if run else "", question[:1000], id_, found.phase, run.step if run else "", default[:1000]
        )
        _record(opened, state, [] if known else [fact])
    output.say(f'phasegate: asked as {asked}. A person answers with `phasegate answer approve {asked} "WORDS"`.')
    return Exit.OK


def _refuse_agent(opened: RealDesk, id_: str, why: str) -> None:
    if opened.actor.kind == "agent":
        raise PersonsNote(f"{id_} {why}.", hint=f'Ask: `phasegate note ask {id_} "QUESTION"`.')


def _record(opened: RealDesk, state: State, facts: Sequence[Fact]) -> None:
    refresh(opened, opened.record(facts, relying_on=state))


def _same(state: State, phase: str, kind: str, text: str, about: str) -> str:
    """The open note that says just this: whoever was killed before the answer came repeats the command."""
    said = (kind, text, about)
    return next((note.id for note in state.open_notes(phase) if (note.kind, note.text, note.about) == said), "")


def _find(state: State, id_: str) -> Note:
    found = state.notes.get(id_)
    if found is None or found.resolved:
        raise UnknownNote(f"No open note is called {id_!r}.", hint="See `phasegate note list`.")
    return found


def _answered(state: State, note_id: str) -> bool:
    return any(question.note == note_id and not question.open for question in state.questions.values())


def _line(found: Note) -> str:
    place = f" at {line(found.file)}:{found.line}" if found.file else ""
    waits = f" Remedy: {line(found.remedy)}" if found.remedy and not found.resolved else ""
    settled = f" Settled: {line(found.resolved)}" if found.resolved else ""
    category = f", {found.category}" if found.category else ""
    return f"{found.id} ({found.kind}, {found.severity}{category}){place}: {line(found.text, 300)}{waits}{settled}"
