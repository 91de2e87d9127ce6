"""`phasegate record`: run a command and keep what it showed, as evidence of the tree it ran on."""

from __future__ import annotations

import os
import sys

import rich_click as click

from phasegate.collectors import command
from phasegate.engine.desk import Observation
from phasegate.engine.judge import shown_views
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk, json_option, readable
from phasegate.errors import Exit
from phasegate.evidence.items import CommandSeen, Evidence
from phasegate.gates.interface import some
from phasegate.ledger.facts import EvidenceRecorded
from phasegate.plain import line
from phasegate.wiring import VERSION, RealDesk

OUTPUT = "output.txt"
HIGHEST_OWN_CODE = 125
"""Exit codes above it mean a signal or a shell's complaint to whoever called us; they are answered with 1."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--timeout", type=click.FloatRange(min=0.001), metavar="SECONDS",
              help="Kill the command and record nothing after this long.")  # fmt: skip
@json_option
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD [ARG]...")
def record(timeout: float | None, as_json: bool, argv: tuple[str, ...]) -> int:
    """Run a command at the root of the work tree and record it as evidence of the tree as it is.

    Ends with the command's exit code (1 when that is above 125). Exit 7: the tree changed meanwhile, so nothing is
    recorded. Such evidence says that this command ran; `phasegate check tests` is what shows that tests pass.
    Example: phasegate record -- make lint
    """
    with desk() as opened:
        before = _observed(opened)
        ran = command.run(argv, cwd=opened.worktree, env=os.environ, seconds=timeout, show=_shown(as_json))
        if ran.timed_out:
            return _nothing(as_json, Exit.LIMIT_REACHED, f"it was still running after {timeout:g} s and was killed")
        after = _observed(opened)
        if after.subject != before.subject:
            paths = [change.path for change in opened.tree.changes(before.tree, after.tree)] or ["an ignored file"]
            why = f"the tree changed while it ran ({some(list(map(line, paths)))})"
            return _nothing(as_json, Exit.CANNOT_TELL, why, paths)
        evidence = _keep(opened, before, argv, ran)
    return _tell(as_json, evidence, ran.exit_code)


def record_command(opened: RealDesk, argv: tuple[str, ...]) -> Evidence | None:
    """Run `argv` and record it, saying nothing; None when the tree changed meanwhile."""
    before = _observed(opened)
    ran = command.run(argv, cwd=opened.worktree, env=os.environ, seconds=None, show=lambda piece: None)
    return _keep(opened, before, argv, ran) if _observed(opened).subject == before.subject else None


def _observed(opened: RealDesk) -> Observation:
    """The tree as it is, not recorded as known: what changed is still to be judged by whoever judges."""
    return opened.tree.observe(shown_views(opened, opened.state()))


def _keep(opened: RealDesk, seen: Observation, argv: tuple[str, ...], ran: command.Ran) -> Evidence:
    run = opened.state().run_in(opened.worktree)
    said = tuple(map(readable, argv))
    evidence = Evidence(
        opened.new_id("ev"), CommandSeen(said, ran.exit_code, round(ran.seconds, 3)), seen.subject, "recorded",
        f"record {VERSION}", run.phase if run else "", run.id if run else "", (opened.keep(OUTPUT, ran.output),),
        seen.tree,
    )  # fmt: skip
    opened.record([EvidenceRecorded(evidence)], relying_on=None)
    return evidence


def _shown(as_json: bool) -> command.Show:
    """Where the command's output goes: stdout, which with --json belongs to the result."""
    stream = sys.stderr if as_json else sys.stdout
    stream.flush()
    gone = False

    def show(piece: bytes) -> None:
        nonlocal gone
        rest = memoryview(piece)
        try:
            while rest and not gone:
                rest = rest[os.write(stream.fileno(), rest) :]
        except BrokenPipeError:  # nobody reads on (`| head`): what runs is recorded all the same
            gone = True

    return show


def _nothing(as_json: bool, code: Exit, why: str, changed: list[str] | None = None) -> int:
    if as_json:
        output.give({"recorded": False, "why": why, "changed": changed or [], "exit": int(code)})
    else:
        remedy = "Let git ignore what it writes, or record it once more." if changed else "Give it more time."
        output.progress(f"phasegate: nothing is recorded: {why}.\n  {remedy}")
    return code


def _tell(as_json: bool, evidence: Evidence, exit_code: int) -> int:
    code = exit_code if 0 <= exit_code <= HIGHEST_OWN_CODE else Exit.GATE_FAILED
    if as_json:
        output.give({"recorded": True, "evidence": evidence, "exit": int(code)})
        return code
    how = f"ended with {exit_code}" if exit_code >= 0 else f"was ended by signal {-exit_code}"
    output.progress(f"phasegate: the command {how}; recorded as {evidence.id}.")
    return code
