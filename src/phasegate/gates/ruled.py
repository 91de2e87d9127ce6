"""A rule as a gate: open when what it demands is there, or when it demands nothing of this phase."""

from __future__ import annotations

from collections.abc import Callable

from phasegate.gates.interface import Moment, Verdict
from phasegate.gates.known import GATE, reader
from phasegate.rules.deciding import Decision, decide
from phasegate.rules.rule import LEAD, Rule


def ruled(rule: Rule, moment: Moment, ask: Callable[[str], Verdict]) -> Verdict:
    """What `rule` says of this moment; `ask` asks a gate of the catalogue."""
    asked: dict[str, Verdict] = {}

    def says(gate: str) -> str:
        asked[gate] = asked.get(gate) or ask(gate)
        return asked[gate].says

    decided = decide(rule, reader(moment, says), moment.settings.rules)
    evidence = tuple(dict.fromkeys(id_ for verdict in asked.values() for id_ in verdict.evidence))
    reasons = (*decided.reasons, *(reason for verdict in asked.values() for reason in verdict.reasons))
    return Verdict(f"{LEAD}{rule.id}", decided.says, reasons, _remedy(rule, decided, asked), evidence, decided=decided)


def _remedy(rule: Rule, decided: Decision, asked: dict[str, Verdict]) -> str:
    if decided.says == "pass":
        return ""
    named = asked.get(rule.gate) if f"{GATE}{rule.gate}" in decided.facts else None
    told = named.remedy if named is not None else ""
    if not told and rule.approvals is not None:
        told = "A person who does not drive approves the phase: `phasegate answer phase`. You may stop."
    return rule.remedy or told or rule.says or f"See `phasegate why {LEAD}{rule.id}`."
