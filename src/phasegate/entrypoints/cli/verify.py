"""`phasegate verify`: judge a clean checkout again, with no agent and no ledger, against the commit it grew from."""

from __future__ import annotations

import os

import rich_click as click

from phasegate.entrypoints import verifying
from phasegate.entrypoints.cli import machines, output
from phasegate.entrypoints.cli.check import tell_verdicts
from phasegate.entrypoints.cli.session import actor, json_option
from phasegate.gates.standing import QUESTIONS
from phasegate.wiring import RealDesk
from phasegate.workspace import neighbours


@click.command()
@click.option(
    "--base", default="", metavar="REF", help="What to compare with: a branch or commit (else the main branch)."
)
@click.option("--junit", type=click.Path(dir_okay=False), help="Write tests and gates as JUnit XML to this file.")
@click.option("--sarif", type=click.Path(dir_okay=False), help="Write findings, red tests and shut gates as SARIF.")
@json_option
def verify(base: str, junit: str | None, sarif: str | None, as_json: bool) -> int:
    """Judge this commit again from a clean checkout: is it no worse than what it grew from?

    Runs tests and scanners on the merge base and on this commit, by the settings of the merge base: no test newly red,
    gone or skipped, coverage not below, changed lines tested, no new secret and no new broken link. A change of
    settings, or of what CI calls, is for a person to read. Nothing is left behind.

    Example: phasegate verify --base origin/main
    """

    def write(desk: RealDesk) -> None:
        machines.write(desk, tuple(QUESTIONS), junit=junit, sarif=sarif)

    where = neighbours.nearest(os.getcwd())
    judged = verifying.judge(where, actor(), base, lambda said: output.progress(f"phasegate: {said}"), write)
    if not as_json:
        output.say(f"{judged.head[:12]} against {judged.base[:12]}:")
    return tell_verdicts(judged.verdicts, {"base": judged.base, "head": judged.head} if as_json else None)
