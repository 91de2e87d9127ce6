"""Cases to try rules on: a tool call or facts in, what the rules should say of it out; read from files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from phasegate.gates.known import known_at_gates
from phasegate.policy.call_facts import CallAtHand
from phasegate.policy.calls_at_hand import InForce, heard
from phasegate.policy.reading import Fault, PolicyInvalid, parsed
from phasegate.rules.conditions import CannotEvaluate, type_of
from phasegate.rules.deciding import decide
from phasegate.rules.rule import LEAD, Value
from phasegate.workflow.definition import KINDS, LANES
from phasegate.workflow.toml_lines import line_at, lines_of

FORMAT = "phasegate-policy-cases-1"
MOST_CASES = 2000
OF_CALLS, OF_RULES = ("allow", "warn", "refuse"), ("pass", "fail", "unknown")
BY_CONTENT = ("secret", "too-large", "binary", "generated")
"""Refusals that looked at what was written, which is not recorded."""

Expected = Literal["allow", "warn", "refuse", "pass", "fail", "unknown"]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call and what should become of it; or facts, a rule and what it should say of them.

    `event`, `why` and `by` are those of a refusal that a person called wrong. `text` is what an edit would write.
    """

    expect: Expected
    name: str = ""
    rule: str = ""
    facts: dict[str, Value] = {}
    does: str = ""
    tool: str = ""
    agent: str = "main"
    paths: tuple[str, ...] = ()
    command: str = ""
    text: str | None = None
    phase: str = ""
    step: str = ""
    kind: str = ""
    lane: str = ""
    mode: str = "start"
    event: int = 0
    why: str = ""
    by: str = ""

    @property
    def called(self) -> str:
        """How it is named where it is told."""
        what = self.command or ", ".join(self.paths[:3]) or self.tool or self.rule
        return self.name or (f"event {self.event}: {what}" if self.event else what)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    case: tuple[Case, ...] = ()


class Tried(msgspec.Struct, frozen=True):
    """What became of a case: what was expected, what the rules say, by which of them and why."""

    case: str
    expected: str
    says: str
    as_expected: bool
    rule: str = ""
    why: str = ""


def read_cases(content: bytes, *, path: str) -> tuple[Case, ...]:
    """The cases that a file holds; PolicyInvalid with every line that is wrong."""
    text, found = parsed(content, path)
    lines = lines_of(text)
    if found.get("format") != FORMAT:
        raise PolicyInvalid([Fault(path, 1, f'it must begin with format = "{FORMAT}".')])
    try:
        cases = msgspec.convert(found, _File).case
    except (msgspec.ValidationError, RecursionError) as problem:
        raise PolicyInvalid([Fault(path, 1, f"{problem}.")]) from problem
    if len(cases) > MOST_CASES:
        raise PolicyInvalid([Fault(path, 1, f"there are more than {MOST_CASES} cases.")])
    wrong = [
        Fault(path, line_at(lines, ("case", at)), reason) for at, case in enumerate(cases) for reason in _wrong(case)
    ]
    if wrong:
        raise PolicyInvalid(wrong)
    return cases


def _wrong(case: Case) -> Iterator[str]:
    if case.expect in OF_RULES and not case.rule:
        yield f"{case.expect} is said by a rule: name it."
    if case.expect in OF_CALLS and not (case.does or case.paths or case.command or case.tool):
        yield f"{case.expect} is said of a tool call: give its paths or its command."
    if case.kind not in ("", *KINDS) or case.lane not in ("", *LANES):
        yield f"there is no kind {case.kind!r} or no lane {case.lane!r}."
    for name, value in case.facts.items():
        known = known_at_gates(name)
        if known is None:
            yield f"there is no fact {name!r} at a gate."
        elif type_of(value) != known.type:
            yield f"{name} is a {known.type}, and {value!r} is none."


def tried(case: Case, against: InForce) -> Tried:
    """What the rules say of `case`."""
    if case.expect in OF_RULES:
        return _rule_tried(case, against)
    said = heard(_call(case, against), case.text, against)
    fits = said.says == case.expect or (case.expect == "allow" and said.says == "warn")
    enforced = against.settings.rules.mode_of(case.rule) == "enforce"
    if said.says != "refuse" and case.rule in BY_CONTENT and case.text is None and enforced:
        why = f"the rule {case.rule} looks at content: give the case its `text`"
        return Tried(case.called, case.expect, "unknown", False, case.rule, why)
    return Tried(case.called, case.expect, said.says, fits, said.rule, said.why)


def _rule_tried(case: Case, against: InForce) -> Tried:
    rules = against.settings.rules
    rule = rules.rule(case.rule.removeprefix(LEAD))
    if rule is None:
        return Tried(case.called, case.expect, "unknown", False, case.rule, "there is no such rule")
    given = {"phase": case.phase, "step": case.step, "mode": case.mode, "kind": case.kind, "lane": case.lane}
    facts: dict[str, Value] = {**given, **case.facts}

    def lookup(name: str) -> Value | None:
        if known_at_gates(name) is None:
            raise CannotEvaluate(f"there is no fact {name!r} at a gate")
        return facts.get(name)

    said = decide(rule, lookup, rules)
    return Tried(case.called, case.expect, said.says, said.says == case.expect, case.rule, "; ".join(said.reasons))


def _call(case: Case, against: InForce) -> CallAtHand:
    does = case.does or ("shell" if case.command else "edit" if case.paths else "other")
    classes = tuple(sorted({against.settings.class_of(path) for path in case.paths if not path.startswith("/")}))
    size = None if case.text is None else len(case.text.encode("utf-8", "replace"))
    return CallAtHand(
        does, case.tool, case.agent, case.paths, classes, case.command, size, bool(case.step), case.phase, case.kind,
        case.lane or ("standard" if case.step else ""), case.step, case.mode if case.step else "",
    )  # fmt: skip
