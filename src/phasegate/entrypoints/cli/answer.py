"""`phasegate answer`: what a person decides: questions of the agent, deferred phases, changes that are held."""

from __future__ import annotations

import os
from typing import Literal

import msgspec
import rich_click as click

from phasegate.engine.advance import reopened, run_of
from phasegate.engine.answer import ANSWERED
from phasegate.engine.desk import Observation
from phasegate.engine.judge import Judgement, carry_out, judge, of_a_person
from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import holding, output
from phasegate.entrypoints.cli.approval import Approval, approval_of, signature_option, signed_text
from phasegate.entrypoints.cli.approving import phase
from phasegate.entrypoints.cli.session import desk, json_option, version_option
from phasegate.entrypoints.cli.start import HAND_OVER
from phasegate.errors import Exit, Failure
from phasegate.gates.interface import some
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import NoteResolved, QuestionAnswered, QuestionAsked
from phasegate.ledger.state import Held, Question, RunRecord, State
from phasegate.plain import line, paragraph
from phasegate.wiring import RealDesk

Verdict = Literal["approve", "reject"]
SAID = {"approve": "approved", "reject": "rejected", "withdrawn": "withdrawn"}


class UnknownQuestion(Failure):
    """No open question has this id."""

    code = "unknown-question"
    exit_code = Exit.USAGE


class NotHeld(Failure):
    """No change of this path is held."""

    code = "not-held"
    exit_code = Exit.USAGE


@click.group()
def answer() -> None:
    """Answer what waits for a person.

    Example: phasegate answer list
    """


answer.add_command(phase)


@answer.command("list")
@json_option
def list_(as_json: bool) -> int:
    """Show the open questions and the held changes, oldest first.

    Example: phasegate answer list
    """
    with desk() as opened:
        state = opened.state()
        run = state.run_in(opened.worktree)
    held = [run.held[path] for path in sorted(run.held)] if run is not None else []
    if as_json:
        output.give({"questions": [_as_value(state, question) for question in state.open_questions()], "held": held})
        return Exit.OK
    for question in state.open_questions():
        output.say(_shown(state, question))
    for change in held:
        output.say(f"held: {line(change.path)} ({change.rule}): `phasegate answer held` shows it")
    if not held and not state.open_questions():
        output.say("Nothing waits for a person.")
    return Exit.OK


@answer.command()
@click.argument("id_", metavar="ID")
@click.argument("words", default="")
@signature_option
@json_option
@version_option
def approve(id_: str, words: str, signature: str | None, as_json: bool, if_version: int | None) -> int:
    """Say yes to a question; a strategic note it asks about is settled by it.

    Example: phasegate answer approve q-1a2b3c4d5e "Half even, as the bank does."
    """
    return give(id_, "approve", words, signature, if_version, as_json=as_json)


@answer.command()
@click.argument("id_", metavar="ID")
@click.argument("words")
@signature_option
@json_option
@version_option
def reject(id_: str, words: str, signature: str | None, as_json: bool, if_version: int | None) -> int:
    """Say no, and in WORDS what shall be done instead: the agent reads them, and what it asked about stays open.

    Example: phasegate answer reject q-1a2b3c4d5e "Keep the old rounding; add a setting."
    """
    if not words.strip():
        raise click.UsageError("Say in words what shall be done instead.")
    return give(id_, "reject", words, signature, if_version, as_json=as_json)


@answer.command("held")
@click.argument("path", default="")
@json_option
def held_(path: str, as_json: bool) -> int:
    """Show each held change: what differs, why it is held, and what ends it. Nothing is changed.

    Example: phasegate answer held .git/config
    """
    with desk(looks=True) as opened:
        state = opened.state()
        run = state.run_in(opened.worktree)
        chosen = [_held(opened, state, path)[1]] if path else list(run.held.values()) if run is not None else []
        found = [holding.of(opened, change) for change in chosen]
    if as_json:
        output.give({"held": found})
        return Exit.OK
    for each in found:
        output.say(holding.told(each))
    if not found:
        output.say("No change is held.")
    return Exit.OK


@answer.command()
@click.argument("path", default="")
@click.argument("words", default="")
@click.option("--all", "everything", is_flag=True, help="Every held change, by one approval.")
@click.option("--put-back", is_flag=True, help="Make the file what it was before, where that was kept to the byte.")
@signature_option
@json_option
@version_option
def settle(
    path: str, words: str, everything: bool, put_back: bool, signature: str | None, as_json: bool,
    if_version: int | None,
) -> int:  # fmt: skip
    """Accept a held change as the file is now, or put it back, so that gates can open again.

    `phasegate answer held` shows what differs.

    Example: phasegate answer settle docs/architecture.md
    """
    if bool(path) == everything:
        raise click.UsageError("Name one path, or --all.")
    with desk(if_version) as opened:
        state = opened.state()
        run = run_of(opened, state)
        chosen = list(run.held.values()) if everything else [_held(opened, state, path)[1]]
        if not chosen:
            raise NotHeld("No change is held.", hint="None is.")
        how = "put back" if put_back else "accepted"
        approval = approval_of(opened, _text_of_changes(opened, run, chosen, words), signature)
        paths = tuple(change.path for change in chosen)
        question = f"Shall the held change of {some(paths)} ({chosen[0].rule}) stay as it is now?"
        id_ = opened.new_id("q")
        asked = QuestionAsked(id_, run.id, question)
        verdict: Verdict = "reject" if put_back else "approve"
        answered = _answered(id_, verdict, words, approval)
        opened.record([asked, answered], relying_on=state)
        for change in chosen:
            state = opened.record(holding.settled(opened, run, change, put_back=put_back), relying_on=None)
        state = refresh(opened, state)
    if as_json:
        output.give({"settled": path or paths, "how": how, "approval": approval.strength, "by": approval.by,
                     "version": state.position})  # fmt: skip
    else:
        are = "are" if len(paths) > 1 else "is"
        said = "as it was" if put_back else "accepted as it is"
        output.say(f"phasegate: {line(some(paths), 500)} {are} {said}. {_next(opened, state, run.id)}".rstrip())
    return Exit.OK


@answer.command()
@click.argument("subject", metavar="ID|PATH")
@click.argument("verdict", type=click.Choice(["approve", "reject", "settle"]))
@click.argument("words", default="")
def text(subject: str, verdict: str, words: str) -> int:
    """Print exactly what a strong approval signs.

    Example: phasegate answer text q-1a2b3c4d5e approve "Yes." | ssh-keygen -Y sign -n phasegate -f KEY > yes.sig
    """
    with desk() as opened:
        state = opened.state()
        if verdict == "settle":
            run, held = _held(opened, state, subject)
            output.say(_text_of_changes(opened, run, [held], words).removesuffix("\n"))
        else:
            _find(state, subject)
            output.say(_text_of_answer(opened, subject, verdict, words).removesuffix("\n"))
    return Exit.OK


# -- answering --------------------------------------------------------------------------------------------------------


def give(
    id_: str, verdict: Verdict, words: str, signature: str | None = None, if_version: int | None = None, *,
    as_json: bool = False,
) -> int:  # fmt: skip
    """Record an answer and what follows from it."""
    with desk(if_version) as opened:
        state = opened.state()
        asked = _find(state, id_)
        text = _text_of_answer(opened, id_, verdict, words)
        approval = approval_of(opened, text, signature, strong=bool(asked.subject) and verdict == "approve")
        answered = _answered(id_, verdict, words, approval)
        meanwhile = _meanwhile(opened, state)
        facts: list[Fact] = [answered, *reopened(state, id_), *_settles(state, asked, verdict, words), *meanwhile.facts]
        state = carry_out(opened, opened.record(facts, relying_on=state), meanwhile)
        state = refresh(opened, state)
        told = _next(opened, state, asked.run)
    if as_json:
        output.give({"question": id_, "verdict": verdict, "approval": approval.strength, "by": approval.by,
                     "version": state.position})  # fmt: skip
    else:
        output.say(f"phasegate: {id_} is {SAID[verdict]} by {approval.by} ({approval.strength}). {told}".rstrip())
    return Exit.OK


def _answered(id_: str, verdict: Verdict, words: str, approval: Approval) -> QuestionAnswered:
    return QuestionAnswered(
        id_, verdict, words, approval.strength, approval.by, approval.shown, approval.text, approval.signature
    )


def _meanwhile(opened: RealDesk, state: State) -> Judgement:
    """What changed while the run waited here with no call of the agent at work: it is the person's, who answers now."""
    run = state.run_in(opened.worktree)
    if run is None or run.in_flight or not run.drives or not opened.workflow.step(run.step).rests:
        return Judgement(Observation("", ""))
    return of_a_person(judge(opened, state, run, call="", alone=False))


def _settles(state: State, asked: Question, verdict: Verdict, words: str) -> list[Fact]:
    """An approval settles the note it was asked about; after a rejection it stays until the agent says how."""
    found = state.notes.get(asked.note)
    if verdict == "reject" or found is None or found.resolved or found.about.startswith(("test:", "gate:")):
        return []
    return [NoteResolved(found.id, words or f"approved: {asked.text}")]


def _text_of_answer(opened: RealDesk, id_: str, verdict: str, words: str) -> str:
    return signed_text(opened, [f"question: {id_}", f"verdict: {verdict}"], words)


def _text_of_changes(opened: RealDesk, run: RunRecord, held: list[Held], words: str) -> str:
    rows = [f"run: {run.id}"]
    for change in held:
        path = msgspec.json.encode(change.path).decode()
        rows += [f"accept the change of: {path}", f"blob: {holding.digest(opened, change) or 'none'}"]
    return signed_text(opened, rows, words)


# -- finding and showing ----------------------------------------------------------------------------------------------


def _find(state: State, id_: str) -> Question:
    found = state.questions.get(id_)
    if found is None:
        raise UnknownQuestion(f"No question is called {id_!r}.", hint="See `phasegate answer list`.")
    if not found.open:
        raise UnknownQuestion(
            f"{id_} was {SAID[found.verdict]} by {found.by} already.", hint="See `phasegate answer list` for open ones."
        )
    return found


def _held(opened: RealDesk, state: State, path: str) -> tuple[RunRecord, Held]:
    run = run_of(opened, state)
    held = run.held.get(path) or run.held.get(opened.files.relative(os.path.abspath(path)) or "")
    if held is None:
        known = ", ".join(sorted(run.held)[:5])
        raise NotHeld(f"No change of {path!r} is held.", hint=f"Held are: {known}." if known else "None is.")
    return run, held


def _shown(state: State, question: Question) -> str:
    rows = [f"{question.id}: {paragraph(question.text, 1000)}"]
    found = state.notes.get(question.note)
    if found is not None:
        rows.append(f"  about {found.id} ({found.kind}): {line(found.text, 300)}")
    if question.default:
        rows.append(f"  the agent would: {paragraph(question.default, 1000)}")
    report = _report(state, question)
    if report:
        rows.append(f"  what was tried and what stands open: {report}")
    rows.append(f'  answer: `phasegate answer approve {question.id} "WORDS"`, or `reject`')
    return "\n".join(rows)


def _as_value(state: State, question: Question) -> dict[str, object]:
    return {**msgspec.to_builtins(question), "report": _report(state, question)}


def _report(state: State, question: Question) -> str:
    """Where the report of the deferred phase lies that the question is about."""
    record = state.record_of(question.phase)
    return record.report if record.status == "deferred" and not question.note else ""


def _next(opened: RealDesk, state: State, run_id: str) -> str:
    """What the person does now: where the run waited for this, the agent has to be told to go on."""
    run = state.runs.get(run_id)
    if run is None or run.status == "ended":
        return ""
    step = opened.workflow.step(run.step)
    waits = step.rests or not set(ANSWERED).isdisjoint(step.leaves_when)
    where = "" if run.worktree == opened.worktree else f" in {run.worktree}"
    return f'Say "{HAND_OVER}" to your agent{where}.' if waits else "The agent reads it with its next instruction."
