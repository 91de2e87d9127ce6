"""Files of cases and controls are refused whole where a line is wrong; a case fits by what rules say, not by luck."""

from __future__ import annotations

import msgspec
import pytest

from phasegate.policy.assessing import FORMAT as CONTROLS
from phasegate.policy.assessing import read_controls
from phasegate.policy.call_facts import READ, CallAtHand
from phasegate.policy.calls_at_hand import InForce, heard
from phasegate.policy.cases import FORMAT as CASES
from phasegate.policy.cases import MOST_CASES, Case, read_cases, tried
from phasegate.policy.reading import PolicyInvalid
from phasegate.rules.conditions import CannotEvaluate
from phasegate.rules.rule import Condition, Rule, Rules
from phasegate.settings import Settings
from phasegate.workflow.default import DEFAULT

KEY = "AKIA" + "QZ7TNXW4K2LMVBRS"
ONE = '[[case]]\nexpect = "allow"\ncommand = "ls"\n'


def in_force(*rules: Rule) -> InForce:
    return InForce(Settings(rules=Rules(rules)), DEFAULT)


def refused(read: object, text: str) -> str:
    with pytest.raises(PolicyInvalid) as found:
        read(text.encode(), path="p.toml")  # type: ignore[operator]
    return "; ".join(fault.reason for fault in found.value.faults)


def test_a_file_of_cases_begins_with_its_format_and_has_a_limit() -> None:
    head = f'format = "{CASES}"\n'
    assert len(read_cases((head + ONE * MOST_CASES).encode(), path="p.toml")) == MOST_CASES
    assert "more than" in refused(read_cases, head + ONE * (MOST_CASES + 1))
    assert "must begin with" in refused(read_cases, 'format = "another"\n' + ONE)
    assert "must begin with" in refused(read_cases, ONE)
    assert "odd" in refused(read_cases, head + "odd = 1\n" + ONE)


def test_controls_name_their_format_and_queries_that_there_are() -> None:
    control = '[[control]]\nid = "1"\ntitle = "t"\nsays = "x"\n'
    whole = f'format = "{CONTROLS}"\nname = "n"\ntitle = "t"\nsource = "s"\n{control}'
    assert len(read_controls(whole.encode(), path="p.toml").control) == 1
    assert "there is no query 'odd'" in refused(read_controls, whole + 'evidence = ["odd"]\n')
    assert "must begin with" in refused(read_controls, whole.replace(CONTROLS, "another"))
    assert "title" in refused(read_controls, whole.replace('title = "t"\nsource', "source"))


def test_a_fact_that_no_call_has_cannot_be_read() -> None:
    call = CallAtHand("shell", command="ls")
    assert {name: call.read(name) for name in READ}["call.command"] == "ls"
    with pytest.raises(CannotEvaluate, match=r"no fact 'tests\.red' of a tool call"):
        call.read("tests.red")


def test_a_text_that_carries_a_secret_is_refused_by_content_and_one_without_is_not() -> None:
    call = CallAtHand("edit", paths=("src/a.py",), step="implement", kind="feature")
    assert heard(call, f'KEY = "{KEY}"\n', in_force()).rule == "secret"
    assert heard(call, "x = 1\n", in_force()).says == "allow"
    assert heard(call, None, in_force()).says == "allow"
    assert heard(msgspec.structs.replace(call, does="shell"), f'KEY = "{KEY}"\n', in_force()).says == "allow"


def test_a_case_about_content_needs_its_text() -> None:
    case = Case("refuse", rule="secret", does="edit", paths=("src/a.py",), step="implement", kind="feature")
    without = tried(case, in_force())
    assert (without.says, without.as_expected) == ("unknown", False) and "give the case its `text`" in without.why
    assert tried(msgspec.structs.replace(case, text=f'KEY = "{KEY}"\n'), in_force()).as_expected


def test_a_case_about_a_rule_is_held_against_its_facts_and_one_that_there_is_not_is_an_error() -> None:
    rule = Rule("r", at=("@close",), require=Condition("tests.red", "==", 0))
    assert tried(Case("pass", rule="r", facts={"tests.red": 0}), in_force(rule)).as_expected
    assert tried(Case("pass", rule="rule:r", facts={"tests.red": 1}), in_force(rule)).says == "fail"
    assert tried(Case("pass", rule="r"), in_force(rule)).says == "unknown"
    assert tried(Case("pass", rule="gone"), in_force(rule)).says == "unknown"
    odd = Rule("odd", at=("@close",), require=Condition("tests.blue", "==", 0))
    said = tried(Case("pass", rule="odd"), in_force(odd))
    assert said.says == "unknown" and "there is no fact 'tests.blue' at a gate" in said.why
