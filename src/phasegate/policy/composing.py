"""Puts the layers of a policy together: packs first, each after what it extends, then the repository's own.

All rules of all layers are in force at once, so that a layer can only add. A later layer may name an earlier one's rule
to raise its mode, and nothing else. What a pack enforces of the built-in refusals no later layer loosens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from phasegate.policy.reading import Fault, PolicyInvalid, PolicyText, raises
from phasegate.rules.rule import MODES, Mode, Rule, Rules
from phasegate.workflow.definition import Step, Workflow
from phasegate.workflow.validate import meant, shown


def compose(layers: Sequence[PolicyText], own: int, *, people: dict[str, tuple[str, ...]] | None = None) -> Rules:
    """The rules of all `layers`, in their order; the last `own` of them are the repository's, the others packs.

    Raises PolicyInvalid with every line at which two layers contradict each other.
    """
    found: dict[str, Rule] = {}
    modes: dict[str, Mode] = {}
    pinned: dict[str, str] = {}
    faults: list[Fault] = []
    packs = len(layers) - own
    for number, layer in enumerate(layers):
        for rule in layer.rules:
            faults += _put(found, rule, layer)
        for key, mode in layer.modes.items():
            if number < packs and mode != "enforce":
                faults.append(Fault(layer.path, layer.line(f"modes.{key}"), _PACK_LOOSENS.format(key)))
            elif number < packs:
                pinned[key] = layer.name
            elif key in pinned and mode != "enforce":
                why = f"{key}: the pack {pinned[key]} enforces it, and a repository may only tighten."
                faults.append(Fault(layer.path, layer.line(f"modes.{key}"), why))
            elif key not in modes or MODES.index(mode) > MODES.index(modes[key]):
                modes[key] = mode
    if faults:
        raise PolicyInvalid(faults)
    lower: dict[str, Mode] = {key: mode for key, mode in modes.items() if mode != "enforce"}
    named = tuple(layer.name for layer in layers)
    return Rules(tuple(found.values()), lower, people=people or {}, layers=named if found or lower else ())


_PACK_LOOSENS = "{}: a pack only tightens, so it can only say enforce."


def _put(found: dict[str, Rule], rule: Rule, layer: PolicyText) -> Iterator[Fault]:
    before = found.get(rule.id)
    if before is None and raises(rule):
        yield Fault(
            layer.path, layer.line(rule.id), f"no earlier layer has a rule {shown(rule.id)} to set the mode of."
        )
    elif before is None:
        found[rule.id] = replace(rule, layer=layer.name)
    elif not raises(rule):
        why = f"rule {shown(rule.id)}: {before.layer} has one of this name; give yours another, or set only its mode."
        yield Fault(layer.path, layer.line(rule.id), why)
    elif MODES.index(rule.mode) < MODES.index(before.mode):
        why = (f"rule {shown(rule.id)}: {before.layer} says {before.mode}, and {rule.mode} is less; a repository may "
               "only tighten. An exception for one phase is a waiver.")  # fmt: skip
        yield Fault(layer.path, layer.line(rule.id), why)
    else:
        found[rule.id] = replace(before, mode=rule.mode)


def misplaced(rules: Rules, layers: Sequence[PolicyText], workflow: Workflow) -> list[Fault]:
    """Rules at steps that this workflow does not have, or where nobody would ask them."""
    steps = {step.name: step for step in workflow.steps}
    faults = []
    for rule in rules.rules:
        where = next((layer for layer in layers if layer.name == rule.layer), None)
        path, line = (where.path, where.line(rule.id)) if where is not None else (rule.layer, 1)
        for place in rule.at:
            why = "" if place.startswith("@") else _misplaced(place, steps, rule)
            if why:
                faults.append(Fault(path, line, f"rule {shown(rule.id)}: {why}"))
    return faults


def _misplaced(place: str, steps: Mapping[str, Step], rule: Rule) -> str:
    step = steps.get(place)
    if step is None:
        return f"the workflow has no step {shown(place)}. {meant(place, steps)}"
    if not rule.calls and (step.passes_through or step.rests or step.ends):
        return f"the engine leaves the step {shown(place)} by itself and asks nothing there; name a step with work."
    return ""


def loosened(before: Rules, after: Rules) -> list[str]:
    """In words, what `after` demands less than `before`: rules that are gone or another, modes that are lower."""
    told = []
    for rule in before.rules:
        now = after.rule(rule.id)
        if now is None:
            told.append(f"rule {rule.id} ({rule.mode}) is gone")
        elif MODES.index(now.mode) < MODES.index(rule.mode):
            told.append(f"rule {rule.id}: {rule.mode} -> {now.mode}")
        elif replace(now, mode=rule.mode, layer=rule.layer, says=rule.says, remedy=rule.remedy) != rule:
            told.append(f"rule {rule.id} demands something else")
    for key in sorted(before.modes | after.modes):
        was, now_is = before.mode_of(key), after.mode_of(key)
        if MODES.index(now_is) < MODES.index(was):
            told.append(f"built-in {key}: {was} -> {now_is}")
    return told
