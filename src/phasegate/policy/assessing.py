"""Holds a list of controls against the policy in force and the ledger: which gate stands for each, on what evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from phasegate.evidence.findings import FindingsSeen
from phasegate.evidence.items import TestsSeen
from phasegate.gates.standing import QUESTIONS
from phasegate.ledger.event import Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    CallRefused,
    ChangeHeld,
    ChangePutBack,
    EvidenceRecorded,
    PhaseClosed,
    QuestionAnswered,
    SecretSeen,
    SettingsTrusted,
)
from phasegate.ledger.rulings import ApprovalGiven
from phasegate.ledger.schema import fact_of
from phasegate.ledger.waivers import WaiverGiven
from phasegate.policy.calls_at_hand import InForce
from phasegate.policy.reading import Fault, PolicyInvalid, parsed
from phasegate.rules.rule import BUILT_IN

FORMAT = "phasegate-controls-1"
NO_CERTIFICATE = (
    "This is no certificate and no audit: it lists which gates stand for a control and what the ledger of this clone "
    "shows of them. Whether a control is met is for people to judge."
)
APPROVALS = "approvals"
"""In the place of a gate: any enforced rule that counts approvals, or the gate `approved`."""

KEPT = 5

Standing = Literal["shown", "in force", "not in force", "not shown"]


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One control: number, title, what phasegate does about it, by which gates, on which evidence, what is left."""

    id: str
    title: str
    says: str
    gates: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    rest: str = ""


class Controls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list of controls, and where its numbers come from."""

    format: str
    name: str
    title: str
    source: str
    control: tuple[Control, ...]


class Shown(msgspec.Struct, frozen=True):
    """What the ledger has of one kind of evidence: how much, and where the newest of it stands."""

    evidence: str
    count: int
    positions: tuple[int, ...] = ()


class Assessed(msgspec.Struct, frozen=True):
    """A control held against policy and ledger: `missing` are its gates that nothing enforces."""

    control: Control
    standing: Standing
    enforced: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()


def read_controls(content: bytes, *, path: str) -> Controls:
    """The controls in a file; PolicyInvalid when it is none."""
    _, found = parsed(content, path)
    try:
        controls = msgspec.convert(found, Controls)
    except (msgspec.ValidationError, RecursionError) as problem:
        raise PolicyInvalid([Fault(path, 1, f"{problem}.")]) from problem
    odd = [name for control in controls.control for name in control.evidence if name not in QUERIES]
    if controls.format != FORMAT or odd:
        why = f"there is no query {odd[0]!r}" if odd else f'it must begin with format = "{FORMAT}"'
        raise PolicyInvalid([Fault(path, 1, f"{why}.")])
    return controls


def assessed(controls: Controls, against: InForce, events: Iterable[Event]) -> tuple[Assessed, ...]:
    """Each control, held against what is in force and what was recorded."""
    seen: dict[str, list[int]] = {name: [] for name in QUERIES}
    for event in events:
        fact = fact_of(event)
        for name, asks in QUERIES.items():
            if fact is not None and asks(fact):
                seen[name].append(event.position)
    return tuple(_assessed(control, against, seen) for control in controls.control)


def _assessed(control: Control, against: InForce, seen: Mapping[str, list[int]]) -> Assessed:
    enforced = tuple(gate for gate in control.gates if is_enforced(gate, against))
    missing = tuple(gate for gate in control.gates if gate not in enforced)
    shown = tuple(Shown(name, len(seen[name]), tuple(seen[name][-KEPT:])) for name in control.evidence)
    some = any(each.count for each in shown)
    if missing:
        standing: Standing = "not in force"
    elif some:
        standing = "shown"
    else:
        standing = "in force" if control.gates else "not shown"
    return Assessed(control, standing, enforced, missing, shown)


def is_enforced(gate: str, against: InForce) -> bool:
    """Whether something shuts on this gate: a step, a kind, an enforced rule, a check, or a built-in refusal."""
    rules, workflow = against.settings.rules, against.workflow
    if gate in BUILT_IN:
        return rules.mode_of(gate) == "enforce"
    by_rules = [rule for rule in rules.rules if rule.mode == "enforce"]
    if gate == APPROVALS:
        return any(rule.approvals is not None for rule in by_rules)
    if any(rule.gate == gate for rule in by_rules):
        return True
    named = {name for step in workflow.steps for name in step.leaves_when}
    named |= {name for kind in workflow.kinds for name in kind.gates}
    asked = gate in QUESTIONS and gate in against.settings.scanners
    return gate in named or asked


def _is_tests(fact: Fact) -> bool:
    return isinstance(fact, EvidenceRecorded) and isinstance(fact.evidence.seen, TestsSeen)


def _is_scan(fact: Fact) -> bool:
    return isinstance(fact, EvidenceRecorded) and isinstance(fact.evidence.seen, FindingsSeen)


def _is_approval(fact: Fact) -> bool:
    return isinstance(fact, ApprovalGiven) or (isinstance(fact, QuestionAnswered) and fact.verdict == "approve")


QUERIES: Mapping[str, Callable[[Fact], bool]] = {
    "closings": lambda fact: isinstance(fact, PhaseClosed),
    "tests": _is_tests,
    "scans": _is_scan,
    "approvals": _is_approval,
    "waivers": lambda fact: isinstance(fact, WaiverGiven),
    "refusals": lambda fact: isinstance(fact, CallRefused),
    "put_back": lambda fact: isinstance(fact, ChangePutBack | ChangeHeld),
    "secrets": lambda fact: isinstance(fact, SecretSeen),
    "settings_trusted": lambda fact: isinstance(fact, SettingsTrusted),
    "ledger": lambda fact: True,
}
"""What can be asked of the ledger, by the name a control has for it."""
