"""Reads rules from TOML and finds what is wrong in them: unknown facts, wrong types, what can never be met."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.gates.catalog import gate_names
from phasegate.gates.known import ANYWHERE, AT_GATES, GATE, Known, known_at_gates
from phasegate.policy.call_facts import TABLE
from phasegate.rules.conditions import DEEPEST, CannotEvaluate, shape_of, unfit
from phasegate.rules.paths import MOST_STARS
from phasegate.rules.rule import BUILT_IN, LOOSENED, PLACES, Condition, Mode, Rule
from phasegate.settings import Extends, PolicySource
from phasegate.workflow.definition import KINDS, LANES
from phasegate.workflow.toml_lines import Path, line_at, lines_of, nesting
from phasegate.workflow.validate import meant, shown

FORMAT = "phasegate-policy-1"
MOST_BYTES = 512 << 10
MOST_NESTING = 40
MOST_RULES = 500
MOST_CONDITIONS = 100
MOST_WORDS = 1000
MOST_LISTED = 500
MOST_PROBLEMS = 20
MOST_COUNT = 20

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")

Lines = Mapping[Path, int]


class Fault(msgspec.Struct, frozen=True, order=True):
    """Something wrong in a policy: in which file, at which line, and why."""

    path: str
    line: int
    reason: str


class PolicyInvalid(Failure):
    """Rules that cannot be in force; the message names each line and why."""

    code: ClassVar[str] = "policy-invalid"
    exit_code: ClassVar[Exit] = Exit.USAGE

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        told = "\n".join(f"{f.path}:{f.line}: {f.reason}" for f in self.faults[:MOST_PROBLEMS])
        super().__init__(told, hint="Mend the lines above; what was trusted last stays in force until then.")


class PolicyText(msgspec.Struct, frozen=True):
    """What one file says: rules, modes of built-in refusals, packs it extends, and the line of each."""

    path: str
    rules: tuple[Rule, ...] = ()
    modes: dict[str, Mode] = {}
    extends: tuple[Extends, ...] = ()
    lines: dict[str, int] = {}
    name: str = ""

    def line(self, what: str) -> int:
        """Where a rule (by id), a mode (`modes.NAME`) or a pack (`extends.N`) stands."""
        return self.lines.get(what, 1)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of rules as TOML has it."""

    format: str
    name: str = ""
    about: str = ""
    extends: tuple[Extends, ...] = ()
    modes: dict[str, Mode] = {}
    rules: tuple[Rule, ...] = ()


def read_policy(content: bytes, *, path: str) -> PolicyText:
    """The policy that a file says; PolicyInvalid with every line that is wrong. `path` is only for messages."""
    text, found = parsed(content, path)
    lines = lines_of(text)
    if found.get("format") != FORMAT:
        raise PolicyInvalid([Fault(path, 1, f'it must begin with format = "{FORMAT}".')])
    file = _converted(found, _File, (), lines, path)
    return policy_text(file.rules, file.modes, file.extends, lines, path=path, name=file.name)


def settings_text(content: bytes, source: PolicySource, *, path: str) -> PolicyText:
    """What a settings file says of policy; `source` is its `[policy]`. PolicyInvalid with every line that is wrong."""
    text, found = parsed(content, path)
    lines = lines_of(text)
    rules = _converted(found.get("rules", []), tuple[Rule, ...], ("rules",), lines, path)
    return policy_text(rules, source.modes, source.extends, lines, path=path, below=("policy",))


def policy_text(
    rules: tuple[Rule, ...], modes: dict[str, Mode], extends: tuple[Extends, ...], lines: Lines, *,
    path: str, name: str = "", below: Path = (),
) -> PolicyText:  # fmt: skip
    """What a file says, after each of its lines was looked at; `below` is where modes and extends lie in it."""
    faults = [Fault(path, line_at(lines, at), reason) for at, reason in _wrong(rules, modes, below)]
    if faults:
        raise PolicyInvalid(faults)
    known = {rule.id: line_at(lines, ("rules", at)) for at, rule in enumerate(rules)}
    known |= {f"modes.{key}": line_at(lines, (*below, "modes", key)) for key in modes}
    known |= {f"extends.{at}": line_at(lines, (*below, "extends", at)) for at in range(len(extends))}
    return PolicyText(path, rules, dict(modes), extends, known, name or path)


def parsed(content: bytes, path: str) -> tuple[str, dict[str, Any]]:
    """The text and the tables of a TOML file; PolicyInvalid when it is none, or too much of it."""
    if len(content) > MOST_BYTES:
        raise PolicyInvalid([Fault(path, 1, f"it is larger than {MOST_BYTES} bytes.")])
    try:
        text = content.decode()
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise PolicyInvalid([Fault(path, line, "it is not UTF-8, as TOML must be.")]) from problem
    if nesting(text) > MOST_NESTING:
        raise PolicyInvalid([Fault(path, 1, f"it nests deeper than {MOST_NESTING} levels.")])
    try:
        return text, tomllib.loads(text)
    except ValueError as problem:
        told = re.search(r"\(at line (\d+), column \d+\)$", str(problem))
        line = int(told[1]) if told else text.rstrip("\n").count("\n") + 1
        raise PolicyInvalid([Fault(path, line, f"it is not TOML: {problem}.")]) from problem


def _converted(found: Any, kind: Any, lead: Path, lines: Lines, path: str) -> Any:
    try:
        return msgspec.convert(found, kind)
    except (msgspec.ValidationError, RecursionError) as problem:
        reason, _, place = str(problem).partition(" - at `$")
        parts = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", place)
        at = (*lead, *(key or int(position) for key, position in parts))
        raise PolicyInvalid([Fault(path, line_at(lines, at), f"{_named(at)}{reason}.")]) from problem


def _named(at: Path) -> str:
    return f"`{'.'.join(map(str, at))}`: " if at else ""


# -- what is wrong ----------------------------------------------------------------------------------------------------


def _wrong(rules: Sequence[Rule], modes: Mapping[str, Mode], below: Path) -> Iterator[tuple[Path, str]]:
    if len(rules) > MOST_RULES:
        yield ("rules",), f"there are more than {MOST_RULES} rules."
        return
    seen: set[str] = set()
    for at, rule in enumerate(rules):
        if rule.id in seen:
            yield ("rules", at, "id"), f"there are two rules {shown(rule.id)}."
        seen.add(rule.id)
        for place, reason in faults_of(rule):
            yield ("rules", at, *place), f"rule {shown(rule.id)}: {reason}"
    for key, mode in modes.items():
        if key not in BUILT_IN:
            yield (*below, "modes", key), f"there is no built-in refusal {shown(key)}. {meant(key, BUILT_IN)}"
        elif key not in LOOSENED and mode != "enforce":
            yield (*below, "modes", key), f"{shown(key)} is always enforced: without it nothing else would hold."


def faults_of(rule: Rule) -> Iterator[tuple[Path, str]]:
    """What is wrong with one rule by itself, with the way to it."""
    if not ID.fullmatch(rule.id):
        yield ("id",), "an id is made of small letters, digits and `-`, at most 60."
    if rule.id in BUILT_IN:
        yield ("id",), "a built-in refusal is called so; its mode is set in `modes`."
    if rule.layer:
        yield ("layer",), "it is not for this file."
    if any(len(text) > MOST_WORDS for text in (rule.says, rule.remedy)):
        yield ("says",), f"say it in at most {MOST_WORDS} characters."
    if raises(rule):
        return
    yield from _demands(rule)
    yield from _listed("kinds", rule.kinds, KINDS)
    yield from _listed("lanes", rule.lanes, LANES)
    for at, pattern in enumerate(rule.paths):
        if not pattern or pattern.startswith("/") or pattern.count("*") > MOST_STARS or len(pattern) > MOST_WORDS:
            yield ("paths", at), f"a pattern is relative to the root and has at most {MOST_STARS} stars."
    if len(rule.paths) > MOST_LISTED or len(rule.phases) > MOST_LISTED:
        yield ("paths",), f"list at most {MOST_LISTED}."
    facts = call_fact if rule.calls else known_at_gates
    for key, condition in (("when", rule.when), ("require", rule.require)):
        if condition is not None:
            yield from _conditions(condition, (key,), facts, [0], 0)


def raises(rule: Rule) -> bool:
    """Whether it only names the mode of a rule that an earlier layer has."""
    return msgspec.structs.replace(rule, mode="enforce", layer="") == Rule(rule.id)


def _demands(rule: Rule) -> Iterator[tuple[Path, str]]:
    demanded = [key for key in ("gate", "require", "approvals") if getattr(rule, key) not in ("", None)]
    if rule.calls:
        if set(demanded) - {"require"}:
            yield (demanded[0],), "a rule about tool calls requires a condition of them, or refuses them."
        for at, place in enumerate(rule.at):
            if place.startswith("@"):
                yield ("at", at), "a rule about tool calls is limited by steps."
        return
    if len(demanded) != 1:
        yield (), "a rule has one of `gate`, `require`, `approvals`; or `calls`."
    if not rule.at:
        yield (), f"it says nowhere where it applies: `at` names steps, or {', '.join(PLACES)}."
    for at, place in enumerate(rule.at):
        if place.startswith("@") and place not in PLACES:
            yield ("at", at), f"there is no place {shown(place)}; there are {', '.join(PLACES)}."
    if rule.gate and rule.gate not in gate_names():
        yield ("gate",), f"there is no gate {shown(rule.gate)}. {meant(rule.gate, gate_names())}"
    wanted = rule.approvals
    if wanted is None:
        return
    if not 1 <= wanted.count <= MOST_COUNT:
        yield ("approvals", "count"), f"it is a number of people, from 1 to {MOST_COUNT}."
    if wanted.of and len(set(wanted.of)) < wanted.count and not any(name.startswith("@") for name in wanted.of):
        yield ("approvals", "of"), f"{wanted.count} of {len(set(wanted.of))} can never approve."


def _listed(key: str, named: Sequence[str], known: Collection[str]) -> Iterator[tuple[Path, str]]:
    for at, word in enumerate(named):
        if word not in known:
            yield (key, at), f"there is no {key.removesuffix('s')} {shown(word)}. {meant(word, known)}"


def call_fact(name: str) -> Known | None:
    """What a fact of a tool call is; None when there is none of that name."""
    if name in TABLE:
        kind, about = TABLE[name]
        return Known(kind, about)  # type: ignore[arg-type]
    return ANYWHERE.get(name)


def _conditions(condition: Condition, at: Path, facts: Any, count: list[int], depth: int) -> Iterator[tuple[Path, str]]:
    """What is wrong in a condition and those within it."""
    count[0] += 1
    if count[0] > MOST_CONDITIONS:
        yield at, f"more than {MOST_CONDITIONS} conditions."
        return
    if depth > DEEPEST:
        yield at, f"it nests deeper than {DEEPEST} levels."
        return
    try:
        shape = shape_of(condition)
    except CannotEvaluate as problem:
        yield at, f"{problem}."
        return
    match shape:
        case "all" | "any":
            for position, part in enumerate((condition.all if shape == "all" else condition.any) or ()):
                yield from _conditions(part, (*at, shape, position), facts, count, depth + 1)
        case "not":
            assert condition.not_ is not None
            yield from _conditions(condition.not_, (*at, "not"), facts, count, depth + 1)
        case "fact":
            yield from _comparison(condition, at, facts)


def _comparison(condition: Condition, at: Path, facts: Any) -> Iterator[tuple[Path, str]]:
    known: Known | None = facts(condition.fact)
    gate = condition.fact.removeprefix(GATE) if condition.fact.startswith(GATE) else ""
    if known is None or (gate and gate not in gate_names()):
        named = [*ANYWHERE, *TABLE] if facts is call_fact else [*ANYWHERE, *_at_gates()]
        yield (*at, "fact"), f"there is no fact {shown(condition.fact)} here. {meant(condition.fact, named)}"
        return
    why = unfit(condition.op, known.type, condition.value)
    if why:
        yield (*at, "value" if condition.op else "op"), f"{condition.fact}: {why}."
        return
    value = condition.value
    words = value if isinstance(value, tuple) else (value,)
    if known.values and condition.op in ("==", "!=", "in", "not in"):
        for word in words:
            if word not in known.values:
                yield (*at, "value"), f"{condition.fact} is never {word!r}; it is one of {', '.join(known.values)}."


def _at_gates() -> list[str]:
    return [*AT_GATES, *(f"{GATE}{name}" for name in gate_names())]
