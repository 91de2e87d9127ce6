"""`phasegate policy docs`: every rule in force as a page in Markdown, made from the rules themselves."""

from __future__ import annotations

import os
from collections.abc import Iterable

import rich_click as click

from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import desk
from phasegate.entrypoints.reference.markdown import table
from phasegate.entrypoints.reference.rules_page import built_in_refusals
from phasegate.errors import Exit
from phasegate.policy.weaving import as_rules, unwoven
from phasegate.report.markdown import text
from phasegate.rules.deciding import in_words
from phasegate.rules.rule import Rule, Rules
from phasegate.workflow.definition import Workflow
from phasegate.workspace import files

HEAD = ("rule", "mode", "where", "demands", "when", "from")


@click.command("docs")
@click.option("--output", "target", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE.")
def docs(target: str | None) -> int:
    """Print every rule in force as Markdown: the project's own, the workflow's gates, and the built-in refusals.

    Example: phasegate policy docs --output docs/policy.md
    """
    with desk(looks=True) as opened:
        page = rules_in_force(opened.settings.rules, opened.workflow)
    if target is None:
        output.say(page.removesuffix("\n"))
        return Exit.OK
    where = os.path.abspath(target)
    files.write_atomic(os.path.dirname(where), os.path.basename(where), page.encode())
    output.progress(f"phasegate: wrote {target}.")
    return Exit.OK


def rules_in_force(rules: Rules, workflow: Workflow) -> str:
    """The page."""
    blocks = ["# Rules in force"]
    if rules.layers:
        blocks.append(f"Put together from {', then '.join(text(layer) for layer in rules.layers)}; a later one only "
                      "tightens.")  # fmt: skip
    blocks += ["## The project's own", _table(rules.rules) if rules.rules else "None."]
    blocks += [f"## The gates of the workflow {text(workflow.name)}", _table(as_rules(unwoven(workflow)))]
    blocks += ["## Built-in refusals of tool calls", built_in_refusals(rules)]
    return "\n\n".join(blocks) + "\n"


def _table(rules: Iterable[Rule]) -> str:
    return table(HEAD, ([text(cell) for cell in row_of(rule)] for rule in rules))


def row_of(rule: Rule) -> tuple[str, ...]:
    """A rule in words, a cell for each word of HEAD."""
    limits = [(name, getattr(rule, name)) for name in ("kinds", "lanes", "phases", "paths")]
    when = [f"{name}: {', '.join(values)}" for name, values in limits if values]
    when += [in_words(rule.when)] if rule.when is not None else []
    where = ", ".join([*rule.calls, *rule.at])
    return (rule.id, rule.mode, where, _demands(rule), "; ".join(when), rule.layer)


def _demands(rule: Rule) -> str:
    if rule.gate:
        return f"the gate {rule.gate} passes"
    if rule.require is not None:
        return in_words(rule.require)
    wanted = rule.approvals
    if wanted is None:
        return f"no such call. {rule.says}".strip()
    of = f" of {', '.join(wanted.of)}" if wanted.of else ""
    others = "" if wanted.driver_counts else ", none of whom drives"
    owners = ", an owner of each changed file among them" if wanted.codeowners else ""
    return f"{wanted.count}{of} approved ({wanted.kind}){others}{owners}"
