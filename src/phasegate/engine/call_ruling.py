"""Holds a tool call, or a change found in the tree, against the rules about calls; loaded only where there are any."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from phasegate.engine.desk import Desk
from phasegate.engine.ruling import said_by
from phasegate.ledger.rulings import RuleSaid
from phasegate.ledger.state import RunRecord, State
from phasegate.policy.call_facts import CallAtHand
from phasegate.policy.calls import Caller, ToolUse
from phasegate.policy.edits import Objection
from phasegate.rules.deciding import Decision, decide
from phasegate.rules.rule import LEAD, Rule, Rules


def object_to_call(
    desk: Desk, state: State, run: RunRecord | None, caller: Caller, use: ToolUse, paths: Sequence[str]
) -> tuple[Objection | None, list[RuleSaid]]:
    """The first rule that stands against a tool call, and what rules say of it that do not shut."""
    call = CallAtHand(
        use.does, use.tool, caller.agent_kind or ("subagent" if caller.agent else "main"), tuple(paths),
        _classes(desk, paths), use.text if use.does == "shell" else "", len(use.text.encode("utf-8", "replace")),
    )  # fmt: skip
    return held_against(desk.settings.rules, _in_run(call, state, run))


def object_to_change(
    desk: Desk, state: State, run: RunRecord, path: str, size: int | None
) -> tuple[Objection | None, list[RuleSaid]]:
    """The same of a change that was found in the tree: an edit, whatever made it."""
    call = CallAtHand("edit", paths=(path,), classes=_classes(desk, [path]), size=size)
    return held_against(desk.settings.rules, _in_run(call, state, run))


def held_against(rules: Rules, call: CallAtHand) -> tuple[Objection | None, list[RuleSaid]]:
    """What the rules about calls say: the first that shuts, and those that do not pass and do not shut either."""
    objection, soft = None, []
    for rule in rules.about_calls():
        decided = decide(rule, call.read, rules)
        if decided.says == "pass":
            continue
        if not decided.shuts:
            soft.append(said_by(decided))
        elif objection is None:
            objection = Objection(f"{LEAD}{rule.id}", _reason(rule, decided))
    return objection, soft


def _reason(rule: Rule, decided: Decision) -> str:
    lead = "" if rule.says and rule.says in decided.reasons else rule.says
    parts = [lead, "; ".join(decided.reasons), rule.remedy]
    said = " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts if part)
    return f"The rule {rule.id} of this project stands against it: {said}"


def _classes(desk: Desk, paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({desk.settings.class_of(path) for path in paths}))


def _in_run(call: CallAtHand, state: State, run: RunRecord | None) -> CallAtHand:
    """`call` as one of the run, if one drives here."""
    if run is None or not run.drives:
        return call
    lane, kind = (state.record_of(run.phase).lane, state.kind_of(run.phase)) if run.phase else ("", "")
    return replace(call, active=True, phase=run.phase, kind=kind, lane=lane, step=run.step, mode=run.mode)
