"""Our hooks go into a settings file and come out again, and every byte that was not ours is as it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from phasegate.agents import claude_code
from phasegate.agents.claude_command import hook_command
from phasegate.agents.claude_settings import SECONDS, UnusableSettings, hooks_for, install, is_ours, uninstall, validate
from phasegate.agents.json_text import UnreadableJson

ME = hook_command("me", executable="/opt/phasegate/bin/python")
TEAM = hook_command("team", executable="")
THEIRS = {"type": "command", "command": "lint", "timeout": 5}


def entries(text: str) -> list[tuple[str, dict[str, Any]]]:
    hooks = json.loads(text)["hooks"]
    return [(event, entry) for event, groups in hooks.items() for group in groups for entry in group["hooks"]]


def ours(text: str) -> list[tuple[str, dict[str, Any]]]:
    return [(event, entry) for event, entry in entries(text) if is_ours(entry)]


# --- any object, in any layout ----------------------------------------------------------------------------------------

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3), max_leaves=6
)
foreign_entry = st.fixed_dictionaries(
    {"type": st.just("command"), "command": st.text(max_size=8)}, optional={"timeout": st.integers(1, 9), "x": values}
)
group = st.fixed_dictionaries(
    {"hooks": st.lists(foreign_entry, max_size=3)}, optional={"matcher": st.text(max_size=5), "note": values}
)
event_hooks = st.dictionaries(
    st.sampled_from([*SECONDS, "Notification", "Invented"]), st.lists(group, max_size=3), max_size=4
)
settings = st.builds(
    lambda before, hooks, after: {**before, **hooks, **after},
    st.dictionaries(st.text(max_size=5).filter(lambda key: key != "hooks"), values, max_size=3),
    st.just({}) | st.fixed_dictionaries({"hooks": event_hooks}),
    st.dictionaries(st.text(max_size=5).filter(lambda key: key != "hooks"), values, max_size=3),
)


@st.composite
def laid_out(draw: st.DrawFn, value: Any) -> str:
    """`value` as JSON with any white space wherever JSON allows it."""
    space = st.text(" \t\r\n", max_size=3)

    def write(part: Any) -> str:
        if isinstance(part, dict):
            inner = [
                f"{draw(space)}{json.dumps(key)}{draw(space)}:{draw(space)}{write(part[key])}{draw(space)}"
                for key in part
            ]
            return "{" + (",".join(inner) or draw(space)) + "}"
        if isinstance(part, list):
            return "[" + (",".join(f"{draw(space)}{write(item)}{draw(space)}" for item in part) or draw(space)) + "]"
        return json.dumps(part, ensure_ascii=draw(st.booleans()))

    return draw(space) + write(value) + draw(space)


plain = st.builds(
    lambda value, indent, end: json.dumps(value, indent=indent) + end,
    settings,
    st.sampled_from([None, 0, 1, 2, 4, "\t"]),
    st.sampled_from(["", "\n", "\r\n"]),
)
texts = plain | plain.map(lambda text: text.replace("\n", "\r\n")) | settings.flatmap(laid_out)
commands = st.sampled_from([ME, TEAM])


@given(texts, commands)
def test_taking_out_what_was_put_in_gives_the_same_bytes(text: str, command: Sequence[str]) -> None:
    assert uninstall(install(text, command)) == text


@given(texts, commands)
def test_putting_in_keeps_every_key_and_entry_and_adds_ours_once_for_each_event(
    text: str, command: Sequence[str]
) -> None:
    before, after = json.loads(text), json.loads(install(text, command))
    for event, groups in hooks_for(command).items():
        theirs = before.get("hooks", {}).get(event, [])
        assert after["hooks"][event] == [*theirs, *groups]
    others = {event: groups for event, groups in after["hooks"].items() if event not in SECONDS}
    assert others == {k: v for k, v in before.get("hooks", {}).items() if k not in SECONDS}
    assert {k: v for k, v in after.items() if k != "hooks"} == {k: v for k, v in before.items() if k != "hooks"}
    assert validate(install(text, command)) == ()


@given(texts, commands, commands)
def test_putting_in_again_changes_nothing_and_another_command_replaces_the_first(
    text: str, first: Sequence[str], second: Sequence[str]
) -> None:
    once = install(text, first)
    assert install(once, first) == once
    assert install(once, second) == install(text, second)


@given(texts)
def test_taking_out_of_a_file_without_ours_changes_nothing(text: str) -> None:
    assert uninstall(text) == text


@given(texts, commands, st.sampled_from([2, 4, None]))
def test_ours_come_out_also_after_the_client_wrote_the_file_anew(
    text: str, command: Sequence[str], indent: int | None
) -> None:
    rewritten = json.dumps(json.loads(install(text, command)), indent=indent)
    left = uninstall(rewritten)
    assert left is None or not ours('{"hooks":{}}' if "hooks" not in json.loads(left) else left)


@given(st.text())
def test_any_text_is_edited_or_refused_with_a_failure_of_ours(text: str) -> None:
    for edit in (lambda: install(text, ME), lambda: uninstall(text), lambda: validate(text)):
        try:
            edit()
        except (UnreadableJson, UnusableSettings) as failure:
            assert failure.hint


@given(values)
def test_any_value_under_hooks_is_edited_or_refused(value: Any) -> None:
    text = json.dumps({"hooks": {"PreToolUse": value}})
    try:
        assert uninstall(install(text, ME)) == text
    except UnusableSettings:
        assume(value != [])


# --- single cases -----------------------------------------------------------------------------------------------------


def test_a_file_of_ours_alone_is_removed() -> None:
    text = install(None, ME)
    assert text.endswith("}\n") and {event for event, _ in ours(text)} == set(SECONDS)
    assert uninstall(text) is None


@pytest.mark.parametrize("text", ["{}", "{ }", "{\n}\n", '{"hooks": {}}', '{"hooks":{"PreToolUse":[]}}', "\ufeff{}"])
def test_what_was_empty_before_is_empty_after_not_gone(text: str) -> None:
    assert uninstall(install(text, ME)) == text


def test_the_layout_of_the_file_is_followed() -> None:
    text = '{\r\n\t"model": "x",\r\n\t"hooks": {\r\n\t\t"Stop": [\r\n\t\t\t{"hooks": []}\r\n\t\t]\r\n\t}\r\n}\r\n'
    lines = install(text, ME).split("\r\n")
    assert not any("\n" in line for line in lines)
    assert '\t\t"PreToolUse": [' in lines and '\t\t\t\t\t\t"type": "command",' in lines


def test_an_older_entry_of_ours_in_another_form_is_replaced() -> None:
    old = {"type": "command", "command": "/usr/bin/phasegate hook claude"}
    text = json.dumps(
        {"hooks": {"PreToolUse": [{"matcher": "Write", "hooks": [old]}], "StopFailure": [{"hooks": [old]}]}}
    )
    assert sorted(event for event, _ in ours(install(text, ME))) == sorted(SECONDS)


def test_an_entry_that_a_person_added_to_our_group_stays() -> None:
    value = json.loads(install(None, ME))
    value["hooks"]["Stop"][0]["hooks"].append(THEIRS)
    value["hooks"]["PreToolUse"].append({"hooks": [THEIRS]})
    left = uninstall(json.dumps(value, indent=2))
    assert left is not None and entries(left) == [("PreToolUse", THEIRS), ("Stop", THEIRS)]


def test_of_two_members_with_one_name_the_last_counts_as_for_the_client() -> None:
    text = '{"hooks": {"Stop": []}, "hooks": {"Stop": [], "Stop": [ ]}}'
    installed = install(text, ME)
    assert len(ours(installed)) == len(SECONDS)
    assert uninstall(installed) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [('{\n  // mine\n  "a": 1\n}', "Line 2"), ('{\n"a": 1,\n}', "Line "), ("", "Line 1"), ('{"a": NaN}', "NaN")],
)
def test_a_file_that_is_not_json_is_left_alone_with_its_line_named(text: str, line: str) -> None:
    for edit in (lambda: install(text, ME), lambda: uninstall(text)):
        with pytest.raises(UnreadableJson, match=line) as raised:
            edit()
        assert raised.value.hint


def test_numbers_no_machine_can_hold_and_brackets_without_end_are_no_crash() -> None:
    huge = '{"a": ' + "9" * 10_000 + "}"
    assert uninstall(install(huge, ME)) == huge
    with pytest.raises(UnreadableJson):
        install('{"a":' + "[" * 100_000, ME)


@pytest.mark.parametrize(
    ("hooks", "problem"),
    [
        (5, "not an object"),
        ({"Stop": {}}, "not a list"),
        ({"Stop": [5]}, r"Stop\[0\]"),
        ({"Stop": [{}]}, "hooks"),
        ({"Stop": [{"hooks": [], "matcher": 1}]}, "matcher"),
        ({"Stop": [{"hooks": [{"command": "x"}]}]}, "type"),
        ({"Stop": [{"hooks": [{"type": "shell", "command": "x"}]}]}, "shell"),
        ({"Stop": [{"hooks": [{"type": "command"}]}]}, "command"),
        ({"Stop": [{"hooks": [THEIRS | {"onFailure": "deny"}]}]}, "deny"),
        ({"Stop": [{"hooks": [THEIRS | {"timeout": 0}]}]}, "timeout"),
        ({"Stop": [{"hooks": [THEIRS | {"timeout": "5"}]}]}, "timeout"),
        ({"Stop": [{"hooks": [THEIRS | {"args": "x"}]}]}, "args"),
        ({"Stop": [{"hooks": [THEIRS | {"args": None}]}]}, "args"),
        ({"Stop": [{"hooks": [{"type": "http", "url": "no"}]}]}, "url"),
    ],
)
def test_an_entry_that_would_void_the_file_is_named_and_nothing_is_written(hooks: Any, problem: str) -> None:
    text = json.dumps({"hooks": hooks})
    assert len(validate(text)) == 1
    with pytest.raises(UnusableSettings, match=problem):
        install(text, ME)


def test_all_that_the_client_allows_is_allowed() -> None:
    every = [
        THEIRS
        | {"args": ["a"], "onFailure": "block", "if": "Bash(git push*)", "once": True, "async": False, "more": 1},
        {"type": "http", "url": "http://127.0.0.1:1/", "headers": {"a": "b"}, "onFailure": "continue", "timeout": 1.5},
        {"type": "mcp_tool", "server": "s", "tool": "t", "input": {"a": 1}},
        {"type": "prompt", "prompt": "p", "model": "m"},
        {"type": "agent", "prompt": "p"},
    ]
    assert validate(json.dumps({"hooks": {"PreToolUse": [{"matcher": "Write|Edit", "hooks": every}]}})) == ()


def test_only_tool_calls_and_configuration_are_blocked_when_we_fail() -> None:
    blocking = {event for event, entry in ours(install(None, ME)) if "onFailure" in entry}
    assert blocking == {"PreToolUse", "ConfigChange"}


def test_every_event_that_is_registered_can_be_read() -> None:
    assert set(SECONDS) == set(claude_code.MOMENTS)


@pytest.mark.parametrize(
    ("entry", "mine"),
    [
        ({"command": ME[0], "args": list(ME[1:])}, True),
        ({"command": TEAM[0], "args": list(TEAM[1:])}, True),
        ({"command": "phasegate", "args": ["hook", "claude"]}, True),
        ({"command": "'/a b/phasegate' hook claude"}, True),
        ({"command": "python -m phasegate.entrypoints.hook claude"}, True),
        ({"command": "phasegate hook codex"}, False),
        ({"command": "notphasegate hook claude"}, False),
        ({"command": "hook claude"}, False),
        ({"command": "echo 'phasegate hook claude'"}, False),
        ({"command": "unbalanced ' phasegate hook claude"}, False),
        ({"command": 5, "args": 5}, False),
        (5, False),
    ],
)
def test_ours_are_known_by_how_their_command_line_ends(entry: Any, mine: bool) -> None:
    assert is_ours(entry) == mine
