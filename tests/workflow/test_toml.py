"""A workflow in TOML says what the table says, comes back unchanged, and is refused with the right line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import Workflow
from phasegate.workflow.toml import (
    MOST_BYTES,
    MOST_LETTERS,
    MOST_STEPS,
    MOST_TRANSITIONS,
    DefinitionInvalid,
    read_workflow,
    write_workflow,
)
from phasegate.workflow.toml_lines import Path, lines_of
from phasegate.workflow.validate import MOST_PROBLEMS, Problem
from tests.workflow.definitions import GATES, SMALL, TIMES, bare, legal_workflows, line_of


def refused(text: str) -> tuple[Problem, ...]:
    with pytest.raises(DefinitionInvalid) as caught:
        read_workflow(text, path="flow.toml", gates=GATES)
    return caught.value.problems


def test_the_default_comes_back_from_toml_unchanged() -> None:
    assert bare(read_workflow(write_workflow(DEFAULT), path="default.toml", gates=GATES)) == DEFAULT


@settings(max_examples=50 * TIMES)
@given(legal_workflows())
def test_any_legal_workflow_comes_back_from_toml_unchanged(workflow: Workflow) -> None:
    assert bare(read_workflow(write_workflow(workflow), path="flow.toml", gates=GATES)) == workflow


def test_rows_know_the_lines_they_were_read_from() -> None:
    workflow = read_workflow(SMALL, path="flow.toml", gates=GATES)
    assert workflow.step("look").line == line_of(SMALL, '[[step]]\nname = "look"')
    assert workflow.step("look").then[1].line == line_of(SMALL, '[[step.then]]\nto = "work"\nwhen = ["must')
    assert workflow.kind("spike").line == line_of(SMALL, '[[kind]]\nname = "spike"')


def test_transitions_may_stand_in_one_list_and_still_know_their_lines() -> None:
    listed = (
        'then = [  # [[step]]\n  { to = "close", when = ["kind_gates"] },\n  { to = "lok", otherwise = true },\n]\n'
    )
    old = '[[step.then]]\nto = "close"\nwhen = ["no_new_red", "kind_gates"]\n'
    old += '[[step.then]]\nto = "look"\notherwise = true\n'
    text = SMALL.replace(old, listed)
    (problem,) = refused(text)
    assert (problem.line, problem.reason) == (
        line_of(text, '  { to = "lok"'),
        "A transition leads to the unknown step 'lok'.",
    )
    assert read_workflow(text.replace('"lok"', '"look"'), path="flow.toml", gates=GATES).step("work").then[1].otherwise


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_headers_inside_a_multi_line_string_move_no_line(quotes: str) -> None:
    does = f'does = {quotes}\n[[step]]\nname = "no"\n[[step.then]] # "\n\\\\{quotes}'
    text = SMALL.replace('does = "Do it."', does).replace('"no_new_red", "kind_gates"', '"coverd", "kind_gates"')
    (problem,) = refused(text)
    assert problem.line == line_of(text, 'when = ["coverd"')


class Fault(NamedTuple):
    """`old` becomes `new` in the small definition; then the line where `place` begins is at fault."""

    old: str
    new: str
    place: str
    reason: str
    remedy: str = ""


FAULTS = [
    Fault('does = "Do it."', 'dose = "Do it."', "dose", "Unknown key 'dose'.", "Did you mean 'does'?"),
    Fault('"no_new_red", "kind_gates"]', '"kind_gates"]\nunless = "x"', "unless", "Unknown key 'unless'.",
          "'otherwise', 'to'"),
    Fault('name = "small"', 'nmae = "small"', "nmae", "Unknown key 'nmae'.", "Did you mean 'name'?"),
    Fault('name = "small"', "", "\n", "`name` is missing."),
    Fault('name = "look"\n', "", '[[step]]\ndoes = "Look', "`name` is missing."),
    Fault('to = "look"\n', "", "[[step.then]]\notherwise", "`to` is missing."),
    Fault("gates = []\n", "", '[[kind]]\nname = "fix"', "`gates` is missing."),
    Fault("counts_loop = true", 'counts_loop = "yes"', "counts_loop", "'counts_loop' must be true or false."),
    Fault('does = "Do it."', "does = 3", "does = 3", "'does' must be a string."),
    Fault('does = "Do it."', 'does = "{}"', "does", "'does' must be a string.", f"at most {MOST_LETTERS} characters"),
    Fault('leaves_when = ["tests_ran"]', 'leaves_when = "tests_ran"', "leaves_when",
          "'leaves_when' must be a list of strings."),
    Fault('leaves_when = ["tests_ran"]', 'leaves_when = [["tests_ran"]]', "leaves_when",
          "'leaves_when' must be a list"),
    Fault('name = "small"', 'name = "small"\nloop_limit = true', "loop_limit", "'loop_limit' must be a whole number."),
    Fault('name = "small"', 'name = "small"\nloop_limit = 7.5', "loop_limit", "'loop_limit' must be a whole number."),
    Fault("counts_loop = true", "counts_loop = yes", "counts_loop", "It is not TOML: Invalid value (at line"),
    Fault("counts_loop = true", "counts_loop = true\ncounts_loop = true", "counts_loop = true\n[[", "It is not TOML:"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.new[:40] for fault in FAULTS])
def test_a_text_that_is_no_definition_is_refused_with_line_and_reason(fault: Fault) -> None:
    text = SMALL.replace(fault.old, fault.new.format("x" * (MOST_LETTERS + 1)) if "{}" in fault.new else fault.new, 1)
    problems = refused(text)
    assert [problem.reason[: len(fault.reason)] for problem in problems] == [fault.reason]
    assert problems[0].line == line_of(text, fault.place)
    assert fault.remedy in problems[0].remedy


def test_a_misspelt_key_hides_no_other_fault() -> None:
    text = (
        SMALL.replace("leaves_when", "leave_when")
        .replace('["tests_ran"]', '["tests_run"]')
        .replace("[[kind", "[[kinds")
    )
    found = refused(text.replace('name = "spike"', 'name = "spiky"'))
    assert [(problem.line, problem.reason) for problem in found] == [
        (line_of(text, "leave_when"), "Unknown key 'leave_when'."),
        (line_of(text, "leave_when"), "Unknown gate 'tests_run'."),
        (line_of(text, "[[kinds]]"), "Unknown key 'kinds'."),
        (line_of(text, 'name = "spike"'), "Unknown kind 'spiky'."),
    ]


def test_the_message_lists_path_line_step_reason_and_remedy() -> None:
    text = SMALL.replace('"no_new_red", "kind_gates"', '"no_new_red", "coverd", "kind_gates"')
    with pytest.raises(DefinitionInvalid) as caught:
        read_workflow(text, path="flow.toml", gates=GATES)
    line = line_of(text, 'when = ["no_new_red"')
    told = f"flow.toml:{line}: step 'work': Unknown gate or fact 'coverd'. Did you mean 'covered'?"
    assert told in caught.value.message.splitlines()
    assert caught.value.hint


HOSTILE = {
    "empty": "",
    "deep brackets": "x = " + "[" * 100_000,
    "many parts in a key": ".".join("a" * 200_000) + " = 1",
    "many parts in a header": "[" + ".".join("a" * 200_000) + "]",
    "a huge number": "loop_limit = " + "9" * 100_000,
    "an open string": 'name = """' + '\\"' * 200_000,
    "many open strings": '"\\' * 200_000,
    "too large": "#" * (MOST_BYTES + 1),
    "too large in bytes": "#" + "é" * (MOST_BYTES // 2),
    "half a character": 'name = "\ud800"',
    "a null": "name = '\0'",
    "many unknown keys": "\n".join(f"key{n} = 1" for n in range(20_000)),
    "many steps": "[[step]]\n" * (MOST_STEPS + 1),
    "many transitions": '[[step]]\nname = "a"\n' + "[[step.then]]\n" * (MOST_TRANSITIONS + 1),
    "rows that are none": "step = [1, 2]\nkind = 7",
    "a long name": f'[[step]]\nname = "{"a" * 500_000}"',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_refused_briefly(text: str) -> None:
    found = refused(text)
    assert 1 <= len(found) <= MOST_PROBLEMS
    assert all(len(str(problem)) < 1000 for problem in found)
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in found)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    refused(text)


@given(
    st.lists(
        st.sampled_from([*SMALL.splitlines(), "[[step]]", '"""', "'''", "[", "]", "a.b = 1", "[step.x]"]), max_size=12
    )
)
def test_any_mixture_of_lines_is_read_or_refused(lines: list[str]) -> None:
    refused("\n".join(lines))


pieces = st.text("ab\"'#\\[]{}=.,\n ", max_size=8)
keys = st.one_of(st.sampled_from("abc"), pieces)
values = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), pieces, st.sampled_from([1.5, 1e3])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=50 * TIMES)
@given(st.data())
def test_every_value_of_a_text_has_a_line_and_nothing_else_has(data: st.DataObject) -> None:
    """The lines are found without knowing what the values mean, so their paths must be those that tomllib reads."""
    tables = data.draw(st.lists(st.dictionaries(keys, values, max_size=4), min_size=1, max_size=4))
    text = "".join(f"[[{_quoted('step', data)}]]\n{_pairs(table, data)}" for table in tables)
    found = lines_of(text)
    assert set(found) == set(_paths(tomllib.loads(text)))
    heads = [found["step", position] for position in range(len(tables))]
    assert heads == sorted(set(heads))
    assert all(text.splitlines(keepends=False)[line - 1].startswith("[[") for line in heads if "\r" not in text)


def test_lines_are_found_in_every_corner_of_toml() -> None:
    text = (
        'top.dotted."quoted.key" = 1979-05-27 07:32:00\n'
        'text = """\n[[no]]\n"""""\n'
        "raw = '''\n[[no]]'''''\n"
        "[[row]]\r\n"
        'inline = { a = [1, { "b" = "]" }], c.d = 1.5 } # }\n'
        "[row.sub]\nkey = [ # ]\n  1,\n  [2],\n]\n"
        "[[row.sub2]]\n[[row.sub2]]\nx = ''\n"
        '[["row"]]\n[other]\n[other.more]\n'
    )
    found = lines_of(text)
    assert set(found) == set(_paths(tomllib.loads(text)))
    expected: dict[Path, int] = {
        ("text",): 2,
        ("raw",): 5,
        ("row", 0): 7,
        ("row", 0, "inline", "a", 1, "b"): 8,
        ("row", 0, "sub", "key", 1, 0): 12,
        ("row", 0, "sub2", 1, "x"): 16,
        ("row", 1): 17,
        ("other", "more"): 19,
    }
    assert {path: found[path] for path in expected} == expected


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from _paths(inner, (*path, key))


def _pairs(table: dict[str, Any], data: st.DataObject) -> str:
    return "".join(f"{_quoted(key, data)} = {_written(value, data)}\n" for key, value in table.items())


def _quoted(text: str, data: st.DataObject) -> str:
    """`text` as a key, in one of the ways TOML has for it."""
    return text if text.isalnum() and data.draw(st.booleans()) else _one_line(text, data)


def _one_line(text: str, data: st.DataObject) -> str:
    ways = ["basic", *([] if "'" in text or "\n" in text else ["literal"])]
    if data.draw(st.sampled_from(ways)) == "literal":
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _written(value: Any, data: st.DataObject) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _string(value, data)
        case list():
            between = data.draw(st.sampled_from([", ", ",\n", " , # ]\n"]))
            return f"[{between.join(_written(each, data) for each in value)}]"
        case dict():
            return (
                "{" + ", ".join(f"{_quoted(key, data)} = {_written(each, data)}" for key, each in value.items()) + "}"
            )
        case _:
            return str(value)


def _string(text: str, data: st.DataObject) -> str:
    if data.draw(st.booleans()):
        return '"""' + text.replace("\\", "\\\\").replace('"""', '""\\"') + '"""'
    if "'''" not in text and data.draw(st.booleans()):
        return f"'''{text}'''"
    return _one_line(text, data)
