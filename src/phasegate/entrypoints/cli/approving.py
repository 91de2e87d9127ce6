"""`phasegate answer phase`: a person approves that a phase closes on the tree as it is; several may do so."""

from __future__ import annotations

import rich_click as click

from phasegate.engine.advance import run_of
from phasegate.engine.judge import shown_views
from phasegate.engine.views import refresh
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.approval import approval_of, signature_option, signed_text
from phasegate.entrypoints.cli.session import desk, json_option, version_option
from phasegate.errors import Exit, Failure
from phasegate.ledger.rulings import ApprovalGiven
from phasegate.ledger.state import RunRecord, State
from phasegate.wiring import RealDesk


class NothingToApprove(Failure):
    """There is no phase at work here, or its tree is not known, so that nobody could say what was approved."""

    code = "nothing-to-approve"
    exit_code = Exit.USAGE


@click.command("phase")
@click.argument("words", default="")
@click.option("--text", "only_text", is_flag=True, help="Print what a signature signs, and approve nothing.")
@signature_option
@json_option
@version_option
def phase(words: str, only_text: bool, signature: str | None, as_json: bool, if_version: int | None) -> int:
    """Approve that the phase at work closes on the tree exactly as it is now; any change needs another approval.

    Rules that ask for approvals count them: by a signature (strong), or typed at a terminal where a rule takes that.

    Example: phasegate answer phase "Read, and tried on staging." --signature phase.sig
    """
    with desk(if_version, looks=only_text) as opened:
        state = opened.state()
        run, subject = _at_work(opened, state)
        text = signed_text(opened, [f"approve phase: {run.phase}", f"tree: {subject}"], words)
        if only_text:
            output.say(text.removesuffix("\n"))
            return Exit.OK
        given = approval_of(opened, text, signature)
        fact = ApprovalGiven(
            run.id, run.phase, subject, given.by, given.strength, words, given.shown, given.text, given.signature
        )
        state = refresh(opened, opened.record([fact], relying_on=state))
    if as_json:
        output.give({"phase": run.phase, "subject": subject, "by": given.by, "approval": given.strength,
                     "version": state.position})  # fmt: skip
    else:
        output.say(
            f"phasegate: {given.by} approved that phase {run.phase} closes on {subject[:12]} ({given.strength})."
        )
    return Exit.OK


def _at_work(opened: RealDesk, state: State) -> tuple[RunRecord, str]:
    run = run_of(opened, state)
    subject = opened.tree.observe(shown_views(opened, state)).subject if run.phase else ""
    if not subject:
        raise NothingToApprove(
            "No phase is at work here whose tree is known.", hint="See `phasegate status`; make every file readable."
        )
    return run, subject
