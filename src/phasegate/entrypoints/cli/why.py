"""`phasegate why`: the rule behind a decision, the evidence it was made on, and the permitted way on."""

from __future__ import annotations

import rich_click as click

from phasegate.entrypoints.cli import disputes, explanation, output
from phasegate.entrypoints.cli.explanation import Explanation
from phasegate.entrypoints.cli.policy_trying import decided_again, in_a_line
from phasegate.entrypoints.cli.session import desk, json_option
from phasegate.errors import Exit
from phasegate.plain import line, paragraph


@click.command()
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--wrong", metavar="WHY", help="Call the refusal ID wrong, and say why; for people. It changes no rule.")
@click.option("--policy", "other", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
              help="Decide again, on what was known then, by the rules of FILE.")  # fmt: skip
@json_option
def why(id_: str | None, wrong: str | None, other: str | None, as_json: bool) -> int:
    """Explain a decision; without ID the newest refusal, and what keeps the present step open.

    ID is a phase, a note, a question, an evidence id, a gate, a tool call, a path, or a position of
    `phasegate log show` (`@21` where a phase has the same number).
    Example: phasegate why covered
    """
    if wrong is not None:
        return _wrong(id_, wrong, as_json=as_json)
    if other is not None:
        return _again(id_, other, as_json=as_json)
    with desk(looks=True) as opened:
        found = explanation.explain(opened, id_) if id_ else explanation.present(opened)
    if as_json:
        output.give(found)
        return Exit.OK
    for number, each in enumerate(found):
        output.say("\n" * bool(number) + _shown(each))
    return Exit.OK


def _wrong(id_: str | None, wrong: str, *, as_json: bool) -> int:
    if not id_:
        raise click.UsageError("Name the refusal: a tool call, a path, or a position of `phasegate log show`.")
    with desk() as opened:
        told = disputes.call_wrong(opened, id_, wrong)
    output.give({"said": told}) if as_json else output.say(f"phasegate: {told}")
    return Exit.OK


def _again(id_: str | None, other: str, *, as_json: bool) -> int:
    if not id_:
        raise click.UsageError("Name the decision: a call, a path, a rule, a phase, or a position in the log.")
    with desk(looks=True) as opened:
        found = decided_again(opened, id_, other)
    if as_json:
        output.give(found)
        return Exit.OK
    for each in found:
        output.say(in_a_line(each))
    return Exit.OK


def _shown(found: Explanation) -> str:
    rows = [line(found.what, 600)]
    rows += [f"  rule: {line(found.rule, 600)}"] if found.rule else []
    rows += [f"  because: {line(reason, 600)}" for reason in found.because]
    rows += [f"  evidence: {line(item, 400)}" for item in found.evidence]
    rows += [f"  permitted: {line(way, 2000)}" for way in found.permitted]
    return paragraph("\n".join(rows), 12000)
