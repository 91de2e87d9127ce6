"""Whatever bytes a policy, its cases or a CODEOWNERS file are made of, they are read or refused, and nothing passes."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.policy.cases import read_cases
from phasegate.policy.reading import PolicyInvalid, read_policy
from phasegate.rules.deciding import decide
from phasegate.rules.owners import OwnersInvalid, owners_of, read_owners
from phasegate.rules.rule import Rules

EXAMPLES = 20_000 if os.environ.get("PHASEGATE_TIER") == "release" else 200
PIECES = (
    'format = "phasegate-policy-1"\n', 'format = "phasegate-policy-cases-1"\n', "[[rules]]\n", "[[case]]\n",
    "[modes]\n",
    'id = "a"\n', 'at = ["explore"]\n', 'at = ["@close"]\n', 'gate = "covered"\n', "require = ", "when = ",
    '{ fact = "loops", op = "<", value = 3 }', '{ fact = "phase", op = "matches", value = "(a+)+$" }',
    "{ all = [", "] }", "{ not = ", "}", ",", "\n", 'calls = ["shell"]\n', "approvals = { count = 2 }\n",
    'paths = ["**/*a*/**"]\n', 'expect = "refuse"\n', 'command = "git push"\n', "facts = { loops = 1 }\n",
    "value = nan",
    "\x00", "\u202e", "[" * 60, '"""', "extends = [{ pack = ", 'mode = "observe"\n', "9" * 400,
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=30).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=12).map(lambda parts: PIECES[0] + "".join(parts)),
).map(lambda text: text.encode("utf-8", "replace"))
ROWS = st.lists(
    st.sampled_from(["*", "/src/", "**", "/**/", "a*b*c*", "?", " ", "\t", "@ann", "@a/b", "a@b.c", "#", "\\ ", "\\",
                     "\n", "!", "[", "\x00", "é", "é" * 300]), max_size=30,
).map("".join).map(lambda text: text.encode("utf-8", "replace"))  # fmt: skip


@settings(max_examples=EXAMPLES)
@given(TEXTS | st.binary(max_size=200))
def test_a_policy_of_any_bytes_is_read_or_refused_and_on_no_facts_nothing_it_demands_passes(content: bytes) -> None:
    try:
        read = read_policy(content, path="p")
    except PolicyInvalid as refused:
        assert refused.faults and all(fault.line >= 1 for fault in refused.faults)
        return
    for rule in read.rules:
        decided = decide(rule, lambda name: None, Rules())
        assert decided.says != "pass" or not decided.applies


@settings(max_examples=EXAMPLES)
@given(TEXTS | st.binary(max_size=200))
def test_cases_of_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        read_cases(content, path="c")
    except PolicyInvalid as refused:
        assert refused.faults


@settings(max_examples=EXAMPLES)
@given(ROWS | st.binary(max_size=200), st.text(max_size=30))
def test_owners_of_any_bytes_are_read_or_refused(content: bytes, path: str) -> None:
    try:
        rows = read_owners(content)
    except OwnersInvalid as refused:
        assert refused.problems
        return
    assert owners_of(path, rows) in [(), *(row.owners for row in rows)]
