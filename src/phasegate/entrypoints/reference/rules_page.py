"""`rules.md`: what a rule can say: keys, typed facts, operators, places; and what is refused without any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import msgspec

from phasegate.entrypoints.reference.markdown import code, doc, fenced, page, table
from phasegate.entrypoints.reference.shapes import type_words
from phasegate.gates.known import ANYWHERE, AT_GATES, FAMILIES, Known
from phasegate.policy.call_facts import TABLE
from phasegate.policy.weaving import as_rules
from phasegate.policy.writing import written
from phasegate.rules.conditions import OPERATORS
from phasegate.rules.rule import BUILT_IN, LOOSENED, Approvals, Call, Condition, Rule, Rules
from phasegate.workflow.definition import Workflow

INTRODUCTION = """A rule is a table `[[rules]]` in `phasegate.toml` or in a file that `[policy]` names;
[write a policy](../how-to/write-a-policy.md) shows how. What cannot be evaluated (a fact that is missing, of another
type, or that there is not) makes a rule *unknown*, and unknown never passes."""

PLACES = """Beside steps of the workflow, `at` names `@close` (before a phase closes), `@check` (`phasegate check`) and
`@verify` (`phasegate verify`). A rule about calls is limited by steps alone."""

MODES = """`observe` records what the rule says, `warn` also tells the agent, `enforce` shuts. An exception is a
waiver, `phasegate waiver add gate rule:ID@PHASE`, unless its key `waiver` says `never`."""

OF_CALLS = """Reads are in nobody's way. A change found in the tree is an edit, whatever made it; what is not known of
it is missing."""

AS_RULES = """The gates of the default workflow say nothing that a rule could not; written as rules they read:"""


def rules_page(workflow: Workflow) -> str:
    """The page."""
    keys = [field for field in msgspec.structs.fields(Rule) if field.name != "layer"]
    operators = [(code(name), ", ".join(f"{of} with {other}" for of, other in types.items()))
                 for name, types in OPERATORS.items()]  # fmt: skip
    return page(
        "Rules", INTRODUCTION, "## Keys", doc(Rule), table(("key", "type"), _keys(keys)), MODES, PLACES,
        "## Approvals", doc(Approvals), table(("key", "type"), _keys(msgspec.structs.fields(Approvals))),
        "## Conditions", doc(Condition), table(("operator", "compares"), operators),
        "`matches` finds a pattern of RE2 anywhere in a text, in time linear in it.",
        "## Facts at gates", table(("fact", "type", "means"), _facts({**ANYWHERE, **AT_GATES, **FAMILIES})),
        "## Facts of tool calls", f"Calls are {code(*get_args(Call))}. {OF_CALLS}",
        table(("fact", "type", "means"), [(code(n), t, about) for n, (t, about) in TABLE.items()] + _facts(ANYWHERE)),
        "## Built-in refusals", built_in_refusals(Rules()),
        "## The default workflow as rules", AS_RULES, fenced(written(as_rules(workflow)), "toml"),
    )  # fmt: skip


def built_in_refusals(rules: Rules) -> str:
    """What is refused without any rule, in which mode, and whether a person can lower that."""
    lowered = {True: "by a person's trust", False: "never"}
    rows = [(code(name), about, rules.mode_of(name), lowered[name in LOOSENED]) for name, about in BUILT_IN.items()]
    return table(("name", "demands", "mode", "lowered"), rows)


def _keys(fields: object) -> list[tuple[str, str]]:
    return [(code(field.encode_name), type_words(field.type)) for field in fields]  # type: ignore[attr-defined]


def _facts(facts: Mapping[str, Known]) -> list[tuple[str, str, str]]:
    return [(code(name), known.type, f"{known.about}{_values(known)}") for name, known in facts.items()]


def _values(known: Known) -> str:
    return f": {', '.join(known.values)}" if known.values else ""
