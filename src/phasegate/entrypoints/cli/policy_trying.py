"""`phasegate policy test` and `policy simulate`: try the rules on cases, or another policy on what happened."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec
import rich_click as click

from phasegate.entrypoints.cli import disputes, output
from phasegate.entrypoints.cli.explanation import NothingToExplain
from phasegate.entrypoints.cli.session import desk, json_option
from phasegate.errors import Exit, Failure
from phasegate.plain import line
from phasegate.policy.calls_at_hand import InForce
from phasegate.policy.cases import Case, Tried, read_cases, tried
from phasegate.policy.reading import MOST_BYTES
from phasegate.policy.redeciding import Redecided, redecided
from phasegate.wiring import RealDesk
from phasegate.workspace import installing, place, policy_files

CASES = "policy-cases.toml"
RECENT = 3
SHOWN = 50

policy_option = click.option(
    "--policy", "other", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
    help="A file of rules, or another phasegate.toml; default: the one in the work tree, trusted or not.",
)  # fmt: skip


class NoCases(Failure):
    """There is no case to try the rules on."""

    code = "no-policy-cases"
    exit_code = Exit.USAGE


@click.command("test")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, dir_okay=False), metavar="[FILE]...")
@policy_option
@json_option
def test(paths: tuple[str, ...], other: str | None, as_json: bool) -> int:
    """Try the rules on cases: tool calls or facts, and what the rules should say of them.

    Reads policy-cases.toml, or the files named, and the refusals that a person called wrong (`why ID --wrong`), which
    should be allowed. The rules are those in the work tree, so that they can be tried before they are trusted. Exit 1
    when one says something else.

    Example: phasegate policy test policy-cases.toml
    """
    with desk(looks=True) as opened:
        named = paths or ((CASES,) if os.path.isfile(CASES) else ())
        cases = [case for path in named for case in read_cases(_bytes(path), path=path)]
        known = {case.event for case in cases if case.event}
        cases += [case for case in _disputed(opened) if case.event not in known]
        if not cases:
            raise NoCases("There is no case to try.", hint=f'Write {CASES}, or say `phasegate why ID --wrong "WHY"`.')
        against = _against(opened, other)
    results = [tried(case, against) for case in cases]
    wrong = [result for result in results if not result.as_expected]
    if as_json:
        output.give({"cases": len(results), "differ": wrong})
    else:
        _tell_tried(results, wrong)
    return Exit.GATE_FAILED if wrong else Exit.OK


@click.command()
@policy_option
@click.option("--all", "everything", is_flag=True, help="Also the decisions that would have been the same.")
@json_option
def simulate(other: str | None, everything: bool, as_json: bool) -> int:
    """Make every recorded decision again under another policy, and show which would have been another.

    Tool calls, steps that were left or held, phases that were closed. What a decision needs and the ledger does not
    have (what an edit wrote, for one) is said to be unknown.

    Example: phasegate policy simulate --policy strict.toml
    """
    with desk(looks=True) as opened:
        found = list(redecided(opened.project.log.read(), _against(opened, other)))
    differ = [each for each in found if each.differs]
    unknown = [each for each in found if each.now == "unknown"]
    shown = found if everything else [*differ, *unknown]
    if as_json:
        output.give({"decisions": len(found), "differ": len(differ), "unknown": len(unknown), "told": shown})
        return Exit.OK
    for each in shown[:SHOWN]:
        output.say(in_a_line(each))
    if len(shown) > SHOWN:
        output.say(f"and {len(shown) - SHOWN} more: --json lists them all")
    output.say(f"phasegate: of {len(found)} decisions {len(differ)} would have been another; "
               f"of {len(unknown)} that cannot be told.")  # fmt: skip
    return Exit.OK


def decided_again(opened: RealDesk, id_: str, other: str) -> list[Redecided]:
    """The newest decisions that go by `id_`, a position, a call, a path, a rule or a phase, under another policy."""
    found = [
        each
        for each in redecided(opened.project.log.read(), _against(opened, other))
        if id_.removeprefix("@") == str(each.position) or id_ in each.names
    ]
    if not found:
        raise NothingToExplain(
            f"No recorded decision goes by the name {line(id_, 80)!r}.",
            hint="Name a tool call, a path, a rule, a phase, or a position of `phasegate log show`.",
        )
    return found[-RECENT:]


def in_a_line(each: Redecided) -> str:
    """A decision, and what it would be."""
    change = f"{each.then} -> {each.now}" if each.now != each.then else each.then
    why = f": {line(each.why, 400)}" if each.why else ""
    return f"{change}  event {each.position}: {line(each.what, 300)}{why}"


def _against(opened: RealDesk, other: str | None) -> InForce:
    """The rules to try: of the file named, else of the work tree as it is."""
    path = other or os.path.join(opened.worktree, place.SETTINGS)
    content = _bytes(path) if other else installing.read(opened.worktree, place.SETTINGS)
    if content is None:
        return InForce(opened.settings, opened.workflow)
    settings, workflow = policy_files.another(
        opened.worktree, line(path, 200), content, opened.settings, opened.workflow, os.environ
    )
    settings = msgspec.structs.replace(settings, elsewhere=opened.settings.elsewhere)
    return InForce(settings, workflow)


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(MOST_BYTES + 1)


def _disputed(opened: RealDesk) -> Iterable[Case]:
    for each in disputes.recorded(opened):
        yield msgspec.convert(msgspec.to_builtins(each), Case)


def _tell_tried(results: list[Tried], wrong: list[Tried]) -> None:
    for each in wrong:
        by = f" by {line(each.rule, 60)}" if each.rule else ""
        why = f": {line(each.why, 300)}" if each.why else ""
        output.say(f"FAILED   {line(each.case, 200)}: expected {each.expected}, and it is {each.says}{by}{why}")
    output.say(f"phasegate: {len(results) - len(wrong)} of {len(results)} cases are as expected.")
