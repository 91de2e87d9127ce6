"""`phasegate verify`: judge a clean checkout again, with no agent and no ledger, against the commit it grew from."""

from __future__ import annotations

import os

import rich_click as click

from phasegate.entrypoints import exporting, proving, signing, verifying
from phasegate.entrypoints.cli import bundles, machines, output
from phasegate.entrypoints.cli.check import exit_code, tell_verdicts
from phasegate.entrypoints.cli.session import actor, json_option
from phasegate.gates.interface import Verdict
from phasegate.wiring import RealDesk
from phasegate.workspace import neighbours


@click.command()
@click.option(
    "--base", default="", metavar="REF", help="What to compare with: a branch or commit (else the main branch)."
)
@click.option("--ledger", "ledgers", multiple=True, metavar="REF|FILE", help="An exported ledger to check beside.")
@click.option(
    "--anchor", "anchors", multiple=True, metavar="POSITION:HASH|FILE", help="Heads of ledgers kept elsewhere."
)
@click.option("--bundle-out", metavar="FILE|DIR", help="Write what was found, with what shows it, to this bundle.")
@click.option("--bundle", "bundle_in", metavar="FILE", help="Check this bundle instead; no repository is needed.")
@click.option("--proof", metavar="FILE", help="Write a page that checks the bundle in any browser, offline.")
@click.option("--key", default="", metavar="FILE", help="The Ed25519 key: private to sign, public to check.")
@click.option("--signer", default="", metavar="COMMAND", help="What signs with the private half of --key: KMS, HSM.")
@click.option("--commit", default="", metavar="REV", help="With --bundle: it must be about this commit.")
@click.option("--integrity-only", is_flag=True, help="With --bundle: pass without knowing who signed.")
@click.option("--junit", type=click.Path(dir_okay=False), help="Write tests and gates as JUnit XML to this file.")
@click.option("--sarif", type=click.Path(dir_okay=False), help="Write findings, red tests and shut gates as SARIF.")
@json_option
def verify(
    base: str, ledgers: tuple[str, ...], anchors: tuple[str, ...], bundle_out: str | None, bundle_in: str | None,
    proof: str | None, key: str, signer: str, commit: str, integrity_only: bool, junit: str | None,
    sarif: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Judge this commit again from a clean checkout: is it no worse than what it grew from?

    Runs tests and scanners on the merge base and on this commit, by the settings of the merge base: no test newly red,
    gone or skipped, coverage not below, changed lines tested, no new secret and no new broken link. A change of
    settings, or of what CI calls, is for a person to read. Nothing is left behind but what you ask for.

    Exported ledgers (refs/phasegate/ledgers/, --ledger) are checked: do they hold, were the phases that this change
    closes closed there, which approvals count? Only signatures by the allowed signers of the merge base do.

    A bundle holds the verdicts with what shows them, and is checked elsewhere with --bundle. It is signed by a key that
    you name here or in PHASEGATE_SIGNING_KEY; without one it shows integrity only.

    Example: phasegate verify --base origin/main
    """
    variables = signing.take_variables(os.environ)
    if bundle_in is not None:
        return bundles.check(
            bundles.Asked(bundle_in, key, signer, commit, integrity_only, bundle_out, proof), variables, as_json
        )
    where = neighbours.nearest(os.getcwd())
    signs = signing.signer(key, signer, variables, driven=bundles.driven(where)) if bundle_out or proof else None
    found: dict[str, bytes] = {}

    def keep(desk: RealDesk, verdicts: tuple[Verdict, ...]) -> None:
        machines.write(desk, verdicts, junit=junit, sarif=sarif)
        if bundle_out or proof:
            found.update(proving.exhibits(desk))

    given = verifying.Given(base, ledgers, exporting.anchors(anchors))
    judged = verifying.judge(where, actor(), given, lambda said: output.progress(f"phasegate: {said}"), keep)
    told = {"base": judged.base, "head": judged.head}
    if bundle_out or proof:
        content = proving.proven(judged, where, found, signs)
        told |= bundles.put(bundle_out, proof, content, signs)
    if not as_json:
        output.say(f"{judged.head[:12]} against {judged.base[:12]}:")
    code = tell_verdicts(judged.verdicts, told if as_json else None)
    assert code == exit_code(judged.verdicts)
    return code
