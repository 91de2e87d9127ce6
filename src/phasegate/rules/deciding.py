"""What a rule comes to on given facts: pass, fail or unknown, with the facts that were read. Unknown never passes."""

from __future__ import annotations

from typing import Literal

import msgspec

from phasegate.rules.approving import approved
from phasegate.rules.conditions import CannotEvaluate, Lookup, holds
from phasegate.rules.paths import matches
from phasegate.rules.rule import Condition, Mode, Rule, Rules, Value

Says = Literal["pass", "fail", "unknown"]


class Decision(msgspec.Struct, frozen=True):
    """What a rule says: `applies` is false where it demands nothing here; `facts` are those that were looked at."""

    rule: str
    mode: Mode
    says: Says
    reasons: tuple[str, ...] = ()
    applies: bool = True
    facts: dict[str, Value | None] = {}

    @property
    def shuts(self) -> bool:
        """Whether it stands in the way."""
        return self.mode == "enforce" and self.says != "pass"


class Reading:
    """Facts as a rule reads them: each is remembered, so that the decision can be told and made again."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.read: dict[str, Value | None] = {}

    def __call__(self, name: str) -> Value | None:
        if name not in self.read:
            self.read[name] = self._lookup(name)
        return self.read[name]

    @property
    def missing(self) -> tuple[str, ...]:
        """The facts that are not known now."""
        return tuple(name for name, value in self.read.items() if value is None)


def decide(rule: Rule, lookup: Lookup, rules: Rules) -> Decision:
    """What `rule` says on these facts; `rules` has the owners and people that approvals are held against."""
    reading = Reading(lookup)
    try:
        applies, why = _applies(rule, reading)
        if applies is False:
            return Decision(rule.id, rule.mode, "pass", (f"it does not apply: {why}",), False, reading.read)
        if applies is None:
            return _decision(rule, "unknown", (f"whether it applies is not known: {why}",), reading)
        return _demanded(rule, reading, rules)
    except CannotEvaluate as problem:
        return _decision(rule, "unknown", (f"it cannot be evaluated: {problem}",), reading)


def _applies(rule: Rule, reading: Reading) -> tuple[bool | None, str]:
    """Whether a rule is about what is at hand, and if not or not known, by which of its parts."""
    for name, wanted in (("kind", rule.kinds), ("lane", rule.lanes), ("phase", rule.phases)):
        if wanted:
            value = reading(name)
            if value is None:
                return None, f"the fact {name} is missing"
            if value not in wanted:
                return False, f"{name} is {value or 'none'}"
    if rule.calls:
        done = reading("call.does")
        if done is None:
            return None, "what the call does is not known"
        if done not in rule.calls:
            return False, f"the call is {done}"
        step = reading("step") if rule.at else ""
        if rule.at and step not in rule.at:
            return (None, "the step is not known") if step is None else (False, f"the step is {step or 'none'}")
    if rule.paths:
        matched = _some_match(rule, reading)
        if matched is not True:
            return matched, "no path matches" if matched is False else "the paths are not known"
    if rule.when is not None:
        fits = holds(rule.when, reading)
        if fits is not True:
            return fits, f"`when` is {'not met' if fits is False else _lacking(reading)}"
    return True, ""


def _some_match(rule: Rule, reading: Reading) -> bool | None:
    paths = reading("call.paths" if rule.calls else "changed.paths")
    if paths is None:
        return None
    if not isinstance(paths, tuple | list):
        raise CannotEvaluate("paths are no list")
    return any(matches(str(path), rule.paths) for path in paths)


def _demanded(rule: Rule, reading: Reading, rules: Rules) -> Decision:
    if rule.gate:
        return _gated(rule, reading)
    if rule.approvals is not None:
        says, reasons = approved(rule.approvals, reading, rules)
        return _decision(rule, says, reasons, reading)
    if rule.require is None:
        if not rule.calls:
            raise CannotEvaluate("it demands nothing")
        return _decision(rule, "fail", (rule.says or "such a call is not allowed",), reading)
    fits = holds(rule.require, reading)
    if fits is None:
        return _decision(rule, "unknown", (f"what it requires is {_lacking(reading)}",), reading)
    told = f"{'met' if fits else 'not met'}: {in_words(rule.require, reading)}"
    return _decision(rule, "pass" if fits else "fail", (told,), reading)


def _gated(rule: Rule, reading: Reading) -> Decision:
    said = reading(f"gate.{rule.gate}")
    if said == "pass":
        return _decision(rule, "pass", (f"the gate {rule.gate} passes",), reading)
    if said == "fail":
        return _decision(rule, "fail", (f"the gate {rule.gate} fails",), reading)
    return _decision(rule, "unknown", (f"the gate {rule.gate} cannot tell",), reading)


def _decision(rule: Rule, says: Says, reasons: tuple[str, ...], reading: Reading) -> Decision:
    return Decision(rule.id, rule.mode, says, reasons, True, reading.read)


def _lacking(reading: Reading) -> str:
    return f"not known, for want of {', '.join(reading.missing) or 'facts'}"


def in_words(condition: Condition, lookup: Lookup | None = None) -> str:
    """A condition as a person reads it; with `lookup`, with what each fact is."""
    if condition.all is not None:
        return f"all of ({'; '.join(in_words(part, lookup) for part in condition.all)})"
    if condition.any is not None:
        return f"any of ({'; '.join(in_words(part, lookup) for part in condition.any)})"
    if condition.not_ is not None:
        return f"not ({in_words(condition.not_, lookup)})"
    said = f"{condition.fact} {condition.op} {in_short(condition.value)}"
    return said if lookup is None else f"{said} (it is {in_short(lookup(condition.fact))})"


def in_short(value: Value | None) -> str:
    """A value in a line; a long list by its first items."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        shown = ", ".join(map(str, value[:5]))
        return f"[{shown}{f', {len(value) - 5} more' if len(value) > 5 else ''}]"
    return str(value)
