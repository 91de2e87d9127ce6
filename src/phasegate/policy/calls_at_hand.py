"""What all rules together say of a tool call, as far as what is known of it tells: built-in ones first, then others."""

from __future__ import annotations

import msgspec

from phasegate.policy import bounds
from phasegate.policy.call_facts import CallAtHand
from phasegate.policy.edits import Grounds, Objection, object_to
from phasegate.policy.secrets import find_secrets
from phasegate.rules.deciding import decide
from phasegate.rules.rule import LEAD
from phasegate.settings import Settings
from phasegate.workflow.definition import Workflow


class Heard(msgspec.Struct, frozen=True):
    """What becomes of a call: `allow`, `warn` or `refuse`; by which rule, why; and what rules say that do not shut."""

    says: str
    rule: str = ""
    why: str = ""
    soft: tuple[str, ...] = ()


class InForce(msgspec.Struct, frozen=True):
    """What calls are held against."""

    settings: Settings
    workflow: Workflow


def heard(call: CallAtHand, text: str | None, against: InForce, yields: tuple[str, ...] = ()) -> Heard:
    """What the rules say of `call`; with `text` (what an edit would write) also those that look at content.

    `yields` are built-in refusals that give way here, to a person's wish or exception.
    """
    rules = against.settings.rules
    soft: list[tuple[str, str]] = []
    for objection in _built_in(call, text, against):
        if objection.rule in yields:
            continue
        mode = rules.mode_of(objection.rule)
        if mode == "enforce":
            return Heard("refuse", objection.rule, objection.reason)
        soft.append((mode, objection.rule))
    for rule in rules.about_calls():
        decided = decide(rule, call.read, rules)
        if decided.shuts:
            return Heard("refuse", f"{LEAD}{rule.id}", "; ".join(decided.reasons), _names(soft))
        if decided.says != "pass":
            soft.append((rule.mode, f"{LEAD}{rule.id}"))
    return Heard("warn" if any(mode == "warn" for mode, _ in soft) else "allow", soft=_names(soft))


def _names(soft: list[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(rule for _, rule in soft)


def _built_in(call: CallAtHand, text: str | None, against: InForce) -> list[Objection]:
    if call.does != "edit":
        return []
    known = {step.name for step in against.workflow.steps}
    step = call.step if call.step in known else ""
    grounds = Grounds(against.settings, against.workflow, step or "", (call.kind or "") if step else "")
    found = [_of_path(path, text, grounds) for path in call.paths or ()]
    if text is not None and find_secrets(text):
        found.append(Objection("secret", "the text carries a secret"))
    return [objection for objection in found if objection is not None]


def _of_path(path: str, text: str | None, grounds: Grounds) -> Objection | None:
    limits = grounds.settings.limits
    if path.startswith("/"):
        return bounds.outside(path, limits)
    objection = object_to(path, grounds)
    if objection is not None or not grounds.step:
        return objection
    return bounds.object_to_edit(bounds.Target(path), text or "", limits, "")
