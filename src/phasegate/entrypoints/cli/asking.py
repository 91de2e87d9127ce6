"""`phasegate waiver ask`: how an agent asks a person for an exception that it may not make."""

from __future__ import annotations

import rich_click as click

from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk, json_option, version_option
from phasegate.errors import Exit, Failure
from phasegate.evidence.findings import FindingsSeen
from phasegate.ledger.facts import QuestionAsked, QuestionWithdrawn
from phasegate.ledger.state import State

MOST_LETTERS = 1000


class NothingToExcept(Failure):
    """An exception was asked for of something that nobody found."""

    code = "nothing-to-except"
    exit_code = Exit.USAGE


@click.command()
@click.argument("what", type=click.Choice(["finding"]))
@click.argument("subject")
@click.option("--reason", required=True, help="Why the exception would be right.")
@json_option
@version_option
def ask(what: str, subject: str, reason: str, as_json: bool, if_version: int | None) -> int:
    """Ask a person for an exception of a finding, named by its fingerprint, or for one phase as FINGERPRINT@PHASE.

    The question is shown by `phasegate answer list` with what was found and the command that makes the exception.
    Asking twice is asking once; go on with other work, or end the turn.

    Example: phasegate waiver ask finding 1f3c5a7b9d2e4f60@2 --reason "The old price list is gone"
    """
    if not reason.strip() or len(reason) > MOST_LETTERS:
        raise click.UsageError(f"Give a reason of at most {MOST_LETTERS} letters.")
    with desk(if_version) as opened:
        state = opened.state()
        found = _found(state, subject.partition("@")[0])
        if not found:
            raise NothingToExcept(
                f"Nothing with the fingerprint {subject!r} was found.", hint="Run `phasegate check tests`; it names it."
            )
        run = state.run_in(opened.worktree)
        would = f'phasegate waiver add {what} {subject} --reason "{reason}" --until 7d'
        known = next((each.id for each in state.open_questions() if _is_about(each.default, what, subject)), "")
        asked = known or opened.new_id("q")
        text = f"May this stay? {found} The agent says: {reason}. If so, make the exception: `{would}`; if not, reject."
        fact = QuestionAsked(asked, run.id if run else "", text, step=run.step if run else "", default=would)
        state = state if known else opened.record([fact], relying_on=state)
    if as_json:
        output.give({"question": asked, "version": state.position})
    else:
        output.say(f"phasegate: asked as {asked}. A person sees it with `phasegate answer list`.")
    return Exit.OK


def answered_by(state: State, what: str, subject: str, waiver: str) -> list[QuestionWithdrawn]:
    """The open questions that an exception answers."""
    about = [each for each in state.open_questions() if _is_about(each.default, what, subject)]
    return [QuestionWithdrawn(each.id, each.run, f"the exception {waiver} was made") for each in about]


def _is_about(would: str, what: str, subject: str) -> bool:
    return would.startswith(f"phasegate waiver add {what} {subject} ")


def _found(state: State, fingerprint: str) -> str:
    """What the newest scan that found it says of it."""
    for evidence in reversed(state.evidence.values()):
        if isinstance(evidence.seen, FindingsSeen):
            for each in evidence.seen.findings:
                if each.fingerprint == fingerprint:
                    return f"{each.place} {each.rule}: {each.message}."
    return ""
