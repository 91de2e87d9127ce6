"""A rule passes only when it applies and what it demands is known to be there, or when it is known not to apply."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.rules.conditions import CannotEvaluate, Lookup
from phasegate.rules.deciding import Decision, decide, in_short, in_words
from phasegate.rules.rule import Approvals, Condition, Rule, Rules, Value

NO_RULES = Rules()
FACTS: dict[str, Value | None] = {
    "kind": "feature", "lane": "standard", "phase": "1", "step": "implement", "tests.red": 0,
    "changed.paths": ("src/a.py",), "gate.covered": "pass", "gate.red": "fail", "gate.odd": None,
    "call.does": "edit", "call.paths": ("src/a.py",), "driver": ("ann",), "approvals.strong": ("ben@example.org",),
    "approvals.weak": (), "absent": None,
}  # fmt: skip
MET, UNMET, OPEN = Condition("tests.red", "==", 0), Condition("tests.red", ">", 0), Condition("absent", "==", 0)
WRONG = Condition("tests.red", "==", "0")
"""Of another type than the fact, which is noticed when the fact is known; reading a policy refuses it in any case."""

NONSENSE = Condition("tests.red", "~", 0)


def lookup(name: str) -> Value | None:
    if name not in FACTS:
        raise CannotEvaluate(f"there is no fact {name}")
    return FACTS[name]


def said(rule: Rule, facts: Lookup = lookup, rules: Rules = NO_RULES) -> str:
    return decide(rule, facts, rules).says


def rule(**more: object) -> Rule:
    return Rule("r", **{"at": ("@close",), **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("demanded", "says"),
    [
        ({"require": MET}, "pass"), ({"require": UNMET}, "fail"), ({"require": OPEN}, "unknown"),
        ({"require": WRONG}, "unknown"), ({"require": Condition("no.such", "==", 1)}, "unknown"),
        ({"gate": "covered"}, "pass"), ({"gate": "red"}, "fail"), ({"gate": "odd"}, "unknown"),
        ({"gate": "no-such"}, "unknown"), ({}, "unknown"),
        ({"approvals": Approvals()}, "pass"), ({"approvals": Approvals(2)}, "fail"),
    ],
)  # fmt: skip
def test_what_is_demanded_decides(demanded: dict[str, object], says: str) -> None:
    assert said(rule(**demanded)) == says


@pytest.mark.parametrize(
    "elsewhere",
    [{"kinds": ("fix",)}, {"lanes": ("trivial",)}, {"phases": ("2",)}, {"paths": ("docs/**",)}, {"when": UNMET}],
)
def test_where_it_does_not_apply_it_demands_nothing(elsewhere: dict[str, object]) -> None:
    decided = decide(rule(require=UNMET, **elsewhere), lookup, NO_RULES)
    assert decided.says == "pass" and not decided.applies and "does not apply" in decided.reasons[0]


@pytest.mark.parametrize(
    "here",
    [
        {"kinds": ("fix", "feature")},
        {"lanes": ("standard",)},
        {"phases": ("1",)},
        {"paths": ("src/**",)},
        {"when": MET},
    ],
)
def test_where_it_applies_it_demands(here: dict[str, object]) -> None:
    assert said(rule(require=UNMET, **here)) == "fail" and said(rule(require=MET, **here)) == "pass"


@pytest.mark.parametrize("when", [OPEN, WRONG, Condition("no.such", "==", 1), Condition(not_=OPEN)])
def test_where_it_is_not_known_whether_it_applies_it_is_unknown(when: Condition) -> None:
    assert said(rule(require=MET, when=when)) == "unknown"


@pytest.mark.parametrize(
    ("fact", "limit"),
    [("kind", {"kinds": ("fix",)}), ("lane", {"lanes": ("trivial",)}), ("phase", {"phases": ("2",)}),
     ("changed.paths", {"paths": ("docs/**",)})],
)  # fmt: skip
def test_a_limit_on_a_fact_that_is_not_known_is_unknown(fact: str, limit: dict[str, object]) -> None:
    assert said(rule(require=MET, **limit), {**FACTS, fact: None}.get) == "unknown"


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({}, "fail"), ({"require": MET}, "pass"), ({"require": UNMET}, "fail"), ({"require": OPEN}, "unknown"),
        ({"calls": ("shell",)}, "pass"), ({"paths": ("src/**",)}, "fail"), ({"paths": ("docs/**",)}, "pass"),
        ({"at": ("implement",)}, "fail"), ({"at": ("explore",)}, "pass"),
    ],
)  # fmt: skip
def test_a_rule_about_calls_refuses_what_it_names_and_nothing_else(limits: dict[str, object], says: str) -> None:
    assert said(Rule("r", **{"calls": ("edit",), **limits})) == says  # type: ignore[arg-type]


@pytest.mark.parametrize("fact", ["call.does", "step", "call.paths"])
def test_a_call_of_which_that_is_not_known_is_unknown(fact: str) -> None:
    limited = Rule("r", calls=("edit",), at=("implement",), paths=("src/**",))
    assert said(limited) == "fail" and said(limited, {**FACTS, fact: None}.get) == "unknown"


def test_the_facts_that_were_read_are_told() -> None:
    decided = decide(rule(require=MET, kinds=("feature",)), lookup, NO_RULES)
    assert decided.facts == {"kind": "feature", "tests.red": 0}


@pytest.mark.parametrize("mode", ["observe", "warn", "enforce"])
@pytest.mark.parametrize("says", ["pass", "fail", "unknown"])
def test_only_an_enforced_rule_that_does_not_pass_shuts(mode: str, says: str) -> None:
    assert Decision("r", mode, says).shuts is (mode == "enforce" and says != "pass")  # type: ignore[arg-type]


CONDITIONS = st.recursive(
    st.sampled_from([MET, UNMET, OPEN, NONSENSE, Condition(), Condition("kind", "in", ("feature",))]),
    lambda inner: st.one_of(
        st.builds(lambda part: Condition(not_=part), inner),
        st.builds(lambda parts: Condition(all=tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(lambda parts: Condition(any=tuple(parts)), st.lists(inner, max_size=3)),
    ),
    max_leaves=6,
)
RULES = st.builds(
    Rule, st.just("r"), gate=st.sampled_from(["", "covered", "red", "odd"]), require=st.none() | CONDITIONS,
    approvals=st.none() | st.builds(Approvals, st.integers(0, 3), kind=st.sampled_from(["weak", "strong"])),
    calls=st.sampled_from([(), ("edit",), ("shell",)]), at=st.sampled_from([(), ("@close",), ("implement",)]),
    kinds=st.sampled_from([(), ("feature",), ("fix",)]), paths=st.sampled_from([(), ("src/**",), ("docs/**",)]),
    when=st.none() | CONDITIONS, mode=st.sampled_from(["observe", "warn", "enforce"]),
)  # fmt: skip


@given(RULES, st.sets(st.sampled_from(sorted(FACTS))))
def test_knowing_less_never_makes_a_rule_pass_that_applies(given_rule: Rule, hidden: set[str]) -> None:
    """A fact that is taken away turns no verdict into a pass."""
    before = decide(given_rule, FACTS.get, NO_RULES)
    after = decide(given_rule, {**FACTS, **dict.fromkeys(hidden)}.get, NO_RULES)
    if before.says != "pass":
        assert after.says != "pass"


@given(st.lists(RULES, max_size=4), RULES)
def test_a_rule_more_never_opens_what_was_shut_and_order_does_not_matter(rules: list[Rule], one_more: Rule) -> None:
    def shut(among: list[Rule]) -> bool:
        return any(decide(each, FACTS.get, NO_RULES).shuts for each in among)

    assert not shut(rules) or shut([*rules, one_more])
    assert shut(rules) is shut(list(reversed(rules)))


@given(RULES)
def test_a_higher_mode_never_opens(given_rule: Rule) -> None:
    softer = decide(msgspec.structs.replace(given_rule, mode="warn"), FACTS.get, NO_RULES)
    harder = decide(msgspec.structs.replace(given_rule, mode="enforce"), FACTS.get, NO_RULES)
    assert not softer.shuts and softer.says == harder.says and harder.shuts is (harder.says != "pass")


def test_conditions_are_told_in_words_with_what_is() -> None:
    whole = Condition(all=(MET, Condition(any=(OPEN,)), Condition(not_=UNMET)))
    assert in_words(whole) == "all of (tests.red == 0; any of (absent == 0); not (tests.red > 0))"
    assert in_words(MET, lookup) == "tests.red == 0 (it is 0)" and in_words(OPEN, lookup).endswith("(it is not known)")
    assert in_short(("a",) * 7) == "[a, a, a, a, a, 2 more]" and in_short(True) == "true"


def test_one_path_that_matches_is_enough_and_none_is_told() -> None:
    facts = FACTS | {"changed.paths": ("docs/a.md", "src/a.py")}
    about = rule(require=UNMET, paths=("src/**",))
    assert said(about, facts.get) == "fail"
    told = decide(rule(require=UNMET, paths=("lib/**",)), facts.get, NO_RULES)
    assert told.says == "pass" and told.reasons == ("it does not apply: no path matches",)
    told = decide(about, (facts | {"changed.paths": None}).get, NO_RULES)
    assert told.says == "unknown" and told.reasons == ("whether it applies is not known: the paths are not known",)


def test_paths_that_are_no_list_cannot_be_judged() -> None:
    told = decide(rule(require=MET, paths=("src/**",)), (FACTS | {"changed.paths": "src/a.py"}).get, NO_RULES)
    assert told.says == "unknown" and told.reasons == ("it cannot be evaluated: paths are no list",)


def test_what_is_missing_is_named_and_nothing_else() -> None:
    told = decide(rule(require=Condition(all=(MET, OPEN))), lookup, NO_RULES)
    assert told.says == "unknown" and "absent" in told.reasons[0] and "tests.red" not in told.reasons[0]
