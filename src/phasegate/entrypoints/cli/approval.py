"""What stands behind a person's word: a terminal and the processes above it, or a signature of exactly that text."""

from __future__ import annotations

import hashlib
import os
from typing import Literal

import msgspec
import rich_click as click

from phasegate.engine.wishes import UNSEEN
from phasegate.entrypoints.cli.session import actor, only_people
from phasegate.errors import Exit, Failure
from phasegate.wiring import RealDesk
from phasegate.workspace import processes, signatures

MOST_WORDS = 4000


class NotAtTerminal(Failure):
    """A weak approval is typed by a person; standard input is no terminal."""

    code = "not-at-a-terminal"
    exit_code = Exit.USAGE


class FreshTerminal(Failure):
    """The terminal was opened, by nobody who was there before, while a command of the agent ran."""

    code = "fresh-terminal"
    exit_code = Exit.USAGE


class SignatureNeeded(Failure):
    """The settings ask for a signature, and none was given."""

    code = "signature-needed"
    exit_code = Exit.USAGE


class Approval(msgspec.Struct, frozen=True):
    """Who approves, how strongly, and what shows it: a terminal with its processes, or a signature."""

    strength: Literal["weak", "strong"]
    by: str
    shown: str
    text: str = ""
    signature: str = ""


signature_option = click.option(
    "--signature", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
    help="A signature of what `phasegate answer text` prints: the strong approval.",
)  # fmt: skip


def approval_of(opened: RealDesk, text: str, signature: str | None, *, strong: bool = False) -> Approval:
    """The approval of exactly `text`: by signature where there is one, else typed at a terminal if that is enough."""
    wanted = opened.settings.approvals
    if signature is not None:
        signers = signatures.allowed_signers(opened.worktree, wanted.allowed_signers, opened.project.directory)
        with open(signature, "rb") as file:
            content = file.read(signatures.LARGEST_SIGNATURE + 1)
        signer = signatures.verify(text.encode(), content, signers)
        said = f"{signer.said}; allowed signers of {signers.commit[:12]}"
        return Approval("strong", signer.identity, said, text, content.decode("ascii", "replace"))
    only_people("An answer")
    if strong or wanted.questions == "strong":
        why = "A regulated phase closes" if strong else "This project takes answers (approvals.questions)"
        raise SignatureNeeded(
            f"{why} by a signature only.",
            hint="Sign what `phasegate answer text` prints, then give it with --signature FILE.",
        )
    if not os.isatty(0):
        raise NotAtTerminal(
            "An answer is typed by a person, and standard input is no terminal.",
            hint="Run it in a terminal of your own, or sign it: --signature FILE.",
        )
    _refuse_fresh(opened)
    above = " < ".join(f"{processes.name(pid) or '?'} ({pid})" for pid in processes.ancestry(os.getppid()))
    return Approval("weak", actor().name, f"{os.ttyname(0)}; {above}")


def _refuse_fresh(opened: RealDesk) -> None:
    """Refuse a terminal whose outermost program began during a call of the agent that is still at work.

    A command can open a terminal of its own and detach it from the client, and answer there before it returns. People's
    terminals come from a program that was there before: a desktop, a login, a multiplexer.
    """
    run = opened.state().run_in(opened.worktree)
    began = [call.at_ms for call in run.in_flight.values() if call.does in UNSEEN] if run is not None else []
    outermost = next((pid for pid in reversed(processes.ancestry(os.getppid())) if pid > 1), 0)
    age = processes.age_ms(outermost)
    if began and age and opened.now_ms() - age >= min(began):
        raise FreshTerminal(
            f"This terminal was opened by {processes.name(outermost)} ({outermost}) while a command of the agent runs.",
            hint="Answer from a terminal that was there before, when the command is done, or by --signature FILE.",
        )


def signed_text(opened: RealDesk, rows: list[str], words: str) -> str:
    """What is signed: bound to this ledger, to one question or file content, and to every word."""
    if len(words) > MOST_WORDS:
        raise click.UsageError(f"Say it in at most {MOST_WORDS} characters.")
    try:
        digest = hashlib.sha256(words.encode()).hexdigest()
    except UnicodeEncodeError as problem:
        raise click.UsageError("The words are not valid UTF-8.") from problem
    head = ["phasegate approval", f"ledger: {opened.project.pointer.ledger}"]
    return "\n".join([*head, *rows, f"sha256 of the words: {digest}", ""])
