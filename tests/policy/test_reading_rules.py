"""Rules are read with every fault at its line, composed so that later layers only tighten, and woven without loss."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.entrypoints.cli.policy_report import PACKS, as_markdown, as_text, packaged
from phasegate.gates.known import AT_GATES, READ
from phasegate.policy import call_facts
from phasegate.policy.assessing import QUERIES, assessed
from phasegate.policy.calls_at_hand import InForce
from phasegate.policy.cases import read_cases, tried
from phasegate.policy.composing import compose, loosened, misplaced
from phasegate.policy.reading import FORMAT, MOST_BYTES, MOST_NESTING, PolicyInvalid, PolicyText, read_policy
from phasegate.policy.weaving import as_rules, unwoven, woven
from phasegate.policy.writing import written
from phasegate.rules.deciding import decide
from phasegate.rules.rule import BUILT_IN, LOOSENED, MODES, Condition, Rule, Rules
from phasegate.settings import PolicySource, Settings
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import KINDS, LANES

ROOT = Path(__file__).parents[2]
PACKAGED = ROOT / "src/phasegate/policy/packs"
HEAD = f'format = "{FORMAT}"\n'


def read(text: str) -> PolicyText:
    return read_policy((HEAD + text).encode(), path="p.toml")


def faults(text: str) -> list[tuple[int, str]]:
    with pytest.raises(PolicyInvalid) as refused:
        read(text)
    return [(fault.line, fault.reason) for fault in refused.value.faults]


RULE = '[[rules]]\nid = "a"\nat = ["explore"]\n'


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (RULE + 'gate = "covered"\nmod = "warn"\n', 2, "mod"),
        (RULE + 'gate = "covered"\nmode = "deny"\n', 6, "deny"),
        (RULE + 'gate = "covered"\nrequire = { fact = "loops", op = "<", value = 3 }\n', 2, "one of"),
        (RULE + "require = { all = [] }\n", 5, "of nothing"),
        (RULE + "require = { }\n", 5, "one of"),
        (RULE + 'require = { not = { fact = "loops", op = "matches", value = "1" } }\n', 5, "number"),
        (RULE + 'require = { fact = "gate.nothing", op = "==", value = "pass" }\n', 5, "no fact"),
        (RULE + 'require = { fact = "call.tool", op = "==", value = "Bash" }\n', 5, "no fact"),
        (RULE + 'require = { fact = "phase", op = "matches", value = "(" }\n', 5, "no pattern"),
        (RULE + 'require = { fact = "lane", op = "in", value = ["standart"] }\n', 5, "never"),
        (RULE + "approvals = { count = 0 }\n", 5, "number of people"),
        (RULE + 'approvals = { count = 2, of = ["a@x.org"] }\n', 5, "can never"),
        (RULE + 'gate = "covered"\nkinds = ["bug"]\n', 6, "bug"),
        (RULE + 'gate = "covered"\nlanes = ["fast"]\n', 6, "fast"),
        (RULE + 'gate = "covered"\npaths = ["/etc/**"]\n', 6, "relative"),
        (RULE + f'gate = "covered"\npaths = ["{"*a" * 9}"]\n', 6, "stars"),
        (RULE + 'gate = "covered"\nlayer = "x"\n', 6, "not for this file"),
        (RULE + 'gate = "covered"\n' + RULE + 'gate = "covered"\n', 7, "two rules"),
        ('[[rules]]\nid = "A b"\nat = ["x"]\ngate = "covered"\n', 3, "small letters"),
        ('[[rules]]\nid = "step"\nat = ["x"]\ngate = "covered"\n', 3, "built-in"),
        ('[[rules]]\nid = "a"\ngate = "covered"\n', 2, "nowhere"),
        ('[[rules]]\nid = "a"\nat = ["@never"]\ngate = "covered"\n', 4, "no place"),
        ('[[rules]]\nid = "a"\ncalls = ["edit"]\ngate = "covered"\n', 5, "condition of them"),
        ('[[rules]]\nid = "a"\ncalls = ["edit"]\nat = ["@close"]\n', 5, "limited by steps"),
        ('[[rules]]\nid = "a"\ncalls = ["read"]\n', 4, "read"),
        ('[[rules]]\nid = "a"\ncalls = ["edit"]\nwhen = { fact = "loops", op = ">", value = 1 }\n', 5, "no fact"),
        ('modes = { steps = "warn" }\n', 2, "no built-in"),
        ('modes = { hooks = "observe" }\n', 2, "always enforced"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_once_with_its_line(text: str, line: int, reason: str) -> None:
    found = faults(text)
    assert len(found) == 1 and found[0][0] == line and reason in found[0][1], found


@pytest.mark.parametrize("content", [b"", b"\xff", b"format = 3", b"[", b"x = 1\n" * 200_000, b"[[[[" * 100])
def test_what_is_no_policy_is_refused(content: bytes) -> None:
    with pytest.raises(PolicyInvalid):
        read_policy(content, path="p.toml")


def test_every_fact_of_the_table_can_be_read() -> None:
    assert set(AT_GATES) < set(READ) and set(call_facts.TABLE) < set(call_facts.READ)


# -- layers -----------------------------------------------------------------------------------------------------------


def layer(name: str, *rules: Rule, **modes: str) -> PolicyText:
    return PolicyText(f"{name}.toml", rules, modes, name=name)  # type: ignore[arg-type]


GATED = Rule("a", gate="covered", at=("explore",), mode="warn")


def refused(*layers: PolicyText, own: int = 1) -> str:
    with pytest.raises(PolicyInvalid) as found:
        compose(layers, own)
    return str(found.value.message)


def test_rules_of_all_layers_hold_together_and_know_where_they_are_from() -> None:
    rules = compose([layer("pack", GATED), layer("own", Rule("b", gate="covered", at=("explore",)))], 1)
    assert [(rule.id, rule.layer) for rule in rules.rules] == [("a", "pack"), ("b", "own")]


def test_a_later_layer_raises_a_mode_and_never_lowers_or_redefines() -> None:
    raised = compose([layer("pack", GATED), layer("own", Rule("a", mode="enforce"))], 1)
    assert raised.rules[0].mode == "enforce" and raised.rules[0].gate == "covered"
    assert "may only tighten" in refused(layer("pack", GATED), layer("own", Rule("a", mode="observe")))
    assert "one of this name" in refused(
        layer("pack", GATED), layer("own", Rule("a", gate="tests_ran", at=("explore",)))
    )
    assert "no earlier layer" in refused(layer("own", Rule("a")))


def test_a_pack_pins_a_built_in_refusal_and_loosens_none() -> None:
    assert compose([layer("own", generated="warn")], 1).modes == {"generated": "warn"}
    assert "only tighten" in refused(layer("pack", generated="enforce"), layer("own", generated="warn"))
    assert "a pack only tightens" in refused(layer("pack", generated="observe"), layer("own"))


LAYERS = st.lists(
    st.builds(
        lambda number, modes, built_in: PolicyText(
            f"{number}.toml",
            tuple(Rule(f"r{number}-{at}", gate="covered", at=("explore",), mode=mode) for at, mode in enumerate(modes)),
            built_in,
            name=str(number),
        ),
        st.integers(0, 99),
        st.lists(st.sampled_from(MODES), max_size=3),
        st.dictionaries(st.sampled_from(LOOSENED), st.just("enforce")),
    ),
    max_size=3,
    unique_by=lambda each: each.name,
)


@given(LAYERS, st.dictionaries(st.sampled_from(LOOSENED), st.sampled_from(MODES)))
def test_packs_only_tighten(packs: list[PolicyText], modes: dict[str, str]) -> None:
    """Whatever packs are extended, nothing is demanded less than without them, or the two contradict each other."""
    own = layer("own", GATED, **modes)
    without = compose([own], 1)
    try:
        together = compose([*packs, own], 1)
    except PolicyInvalid:
        return
    assert [each for each in loosened(without, together) if not each.startswith("built-in")] == []
    assert all(MODES.index(together.mode_of(key)) >= MODES.index(without.mode_of(key)) for key in BUILT_IN)


def test_a_rule_where_nobody_would_ask_it_is_found() -> None:
    for place in ("no_such_step", "archive_phase", "complete", "waiting_for_person"):
        text = layer("own", Rule("a", gate="covered", at=(place,)))
        (fault,) = misplaced(compose([text], 1), [text], DEFAULT)
        assert place in fault.reason
    fits = layer("own", Rule("a", gate="covered", at=("explore", "@close")))
    assert misplaced(compose([fits], 1), [fits], DEFAULT) == []


def test_what_demands_less_is_told() -> None:
    before = Rules((GATED, Rule("b", gate="covered", at=("explore",))), {"step": "warn"})
    after = Rules((msgspec.structs.replace(GATED, mode="observe"),), {"generated": "observe"})
    assert loosened(before, after) == [
        "rule a: warn -> observe", "rule b (enforce) is gone", "built-in generated: enforce -> observe"
    ]  # fmt: skip
    assert loosened(after, before) == ["built-in step: enforce -> warn"] and loosened(before, before) == []
    other = Rules((msgspec.structs.replace(GATED, gate="tests_ran"),))
    assert loosened(Rules((GATED,)), other) == ["rule a demands something else"]


# -- the workflow as rules --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "lane"), list(product(KINDS, LANES)))
def test_the_gates_of_the_default_workflow_are_rules(kind: str, lane: str) -> None:
    """For each kind and lane, the rules that apply before closing demand exactly the gates of the workflow."""
    asked = []
    for rule in (rule for rule in as_rules(DEFAULT) if "@close" in rule.at):
        facts = {"kind": kind, "lane": lane, f"gate.{rule.gate}": "fail"}
        if decide(rule, facts.get, Rules()).says == "fail":
            asked.append(rule.gate)
    assert sorted(asked) == sorted(DEFAULT.closing_gates(kind, lane))


def test_the_default_workflow_written_as_rules_reads_as_they_are() -> None:
    rules = as_rules(DEFAULT)
    assert tuple(msgspec.structs.replace(rule, layer="") for rule in read(written(rules)).rules) == rules


def test_weaving_only_adds_and_unweaving_gives_back() -> None:
    rules = Rules((GATED, Rule("c", require=Condition("loops", "<", 3), at=("@close",), kinds=("docs",))))
    after = woven(DEFAULT, rules)
    assert unwoven(after) == DEFAULT
    for was, now in zip(DEFAULT.steps, after.steps, strict=True):
        assert now.leaves_when[: len(was.leaves_when)] == was.leaves_when
    assert {kind.name for kind in after.kinds if "rule:c" in kind.gates} == {"docs"}
    assert "rule:a" in after.step("explore").leaves_when


# -- what comes with phasegate ----------------------------------------------------------------------------------------


def in_force(text: PolicyText) -> InForce:
    rules = compose([text], 1)
    return InForce(Settings(rules=rules), woven(DEFAULT, rules))


@pytest.mark.parametrize("name", sorted(path.stem for path in PACKAGED.glob("*.toml")))
def test_a_packaged_pack_says_of_its_cases_what_they_expect(name: str) -> None:
    against = in_force(read_policy((PACKAGED / f"{name}.toml").read_bytes(), path=name))
    cases = read_cases((Path(__file__).parent / "data" / f"{name}.toml").read_bytes(), path=name)
    assert len(cases) > 4 and [each for case in cases if not (each := tried(case, against)).as_expected] == []


@pytest.mark.parametrize("name", PACKS)
def test_a_list_of_controls_says_what_is_in_force_and_that_it_is_no_certificate(name: str) -> None:
    controls = packaged(name)
    found = assessed(controls, InForce(Settings(), DEFAULT), ())
    assert {each.standing for each in found} <= {"in force", "not in force", "not shown"}
    for shown in (as_text(controls, found), as_markdown(controls, found)):
        assert "no certificate" in shown and all(each.control.id in shown for each in found)
    assert all(control.says and control.rest and set(control.evidence) <= set(QUERIES) for control in controls.control)


def test_the_examples_of_the_page_are_policies() -> None:
    page = (ROOT / "docs/how-to/write-a-policy.md").read_text()
    examples = re.findall(r"^ *```toml\n(.*?)^ *```$", page, re.M | re.S)
    rules = [text for text in examples if "[[rules]]" in text]
    assert len(rules) == 3 and all(read(text).rules for text in rules)
    (cases,) = (text for text in examples if "[[case]]" in text)
    assert len(read_cases(re.sub("^  ", "", cases, flags=re.M).encode(), path="page")) == 2


def test_a_case_that_cannot_be_is_refused() -> None:
    of_rule, of_call = 'rule = "a"\nexpect = "pass"\n', 'command = "x"\nexpect = "allow"\n'
    for odd in (
        'expect = "pass"\n', 'expect = "allow"\n', 'command = "x"\nexpect = "perhaps"\n', of_call + 'kind = "x"\n',
        of_rule + 'facts = { loops = "3" }\n', of_rule + "facts = { nothing = 3 }\n",
    ):  # fmt: skip
        with pytest.raises(PolicyInvalid):
            read_cases(('format = "phasegate-policy-cases-1"\n[[case]]\n' + odd).encode(), path="c")


def test_a_source_without_rules_is_empty() -> None:
    assert PolicySource() == Settings().policy and Settings().rules == Rules()


def test_a_rule_that_names_no_kind_is_asked_before_every_closing() -> None:
    after = woven(DEFAULT, Rules((Rule("c", gate="covered", at=("@close",)),)))
    assert all("rule:c" in kind.gates for kind in after.kinds)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_only_what_may_be_lowered_is_in_any_mode_but_enforce(name: str) -> None:
    assert Rules(modes={name: "observe"}).mode_of(name) == ("observe" if name in LOOSENED else "enforce")
    assert Rules().mode_of(name) == "enforce"


def test_a_file_that_is_no_policy_is_refused_before_any_rule_of_it_is_read() -> None:
    for text, why in (
        ('format = "another"\n', "must begin with format"),
        ("name = 'x'\n", "must begin with format"),
        (HEAD + "#" * MOST_BYTES, "larger than"),
        (HEAD + "x = " + "[" * (MOST_NESTING + 1) + "]" * (MOST_NESTING + 1) + "\n", "nests deeper"),
    ):
        with pytest.raises(PolicyInvalid, match=why):
            read_policy(text.encode(), path="p.toml")
    whole = HEAD + "#" * (MOST_BYTES - len(HEAD))
    assert read_policy(whole.encode(), path="p.toml").rules == ()


def test_a_value_of_another_type_is_named_where_it_stands() -> None:
    assert faults(RULE + 'gate = "covered"\nmode = 3\n')[0][1].startswith("`rules.0.mode`: ")
