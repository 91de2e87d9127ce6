"""Answering the open questions one key each, by the same code as `phasegate answer`."""

from __future__ import annotations

import os

import rich_click as click

from phasegate.entrypoints.cli import answer, output
from phasegate.entrypoints.cli.approval import NotAtTerminal
from phasegate.entrypoints.cli.session import desk, only_people
from phasegate.errors import Exit
from phasegate.ledger.state import Question
from phasegate.plain import paragraph

KEYS = "[y]es  [n]o, and say what instead  [s]kip  [q]uit: "


def refuse_others() -> None:
    """Only a person at a terminal answers by a key."""
    only_people("An answer")
    if not os.isatty(0):
        raise NotAtTerminal(
            "Questions are answered by a key, and standard input is no terminal.",
            hint="Run it in a terminal of your own, or `phasegate answer approve ID`.",
        )


def ask() -> int:
    """Ask each question that is open now; what is skipped stays open."""
    with desk(looks=True) as opened:
        waiting = opened.state().open_questions()
    if not waiting:
        output.say("No question waits for an answer.")
    for number, question in enumerate(waiting, 1):
        output.say(f"\n({number} of {len(waiting)}) {question.id}: {paragraph(question.text, 1000)}")
        if question.default:
            output.say(f"  yes means: {paragraph(question.default, 1000)}")
        if not _answered(question):
            break
    return Exit.OK


def _answered(question: Question) -> bool:
    """Take one key; False when the person wants to stop."""
    while True:
        click.echo(KEYS, nl=False)
        key = click.getchar().lower()
        click.echo(key if key.isprintable() else "")
        match key:
            case "y":
                answer.give(question.id, "approve", "")
            case "n":
                _reject(question)
            case "q" | "\x04" | "\x1b":
                return False
            case "s" | "\r" | "\n":
                pass
            case _:
                continue
        return True


def _reject(question: Question) -> None:
    words = click.prompt("What shall be done instead", default="", show_default=False).strip()
    if words:
        answer.give(question.id, "reject", words)
    else:
        output.say("Without words nothing is answered; the question stays open.")
