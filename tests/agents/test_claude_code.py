"""What Claude Code's payloads mean to us, and in which form it gets our answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.agents import claude_code
from phasegate.agents.interface import LARGEST_PAYLOAD, Client, Reply, UnknownMoment, UnreadableCall
from phasegate.errors import Failure
from phasegate.policy.calls import (
    Answer,
    Call,
    Caller,
    Compacting,
    ConfigChanging,
    Inform,
    KeepGoing,
    PromptGiven,
    Refuse,
    SessionClosed,
    SessionOpened,
    Silent,
    SubagentEnding,
    ToolAsked,
    ToolReturned,
    ToolUse,
    TurnEnding,
)

PAYLOADS = Path(__file__).parent / "payloads" / "claude"
NEW = {"AI_AGENT": "claude-code_2-1-330_harness", "CLAUDE_PROJECT_DIR": "/repo"}
OLD = {"AI_AGENT": "claude-code_2-1-197_harness"}
CALLER = Caller("claude", "s", "/repo", version="2.1.330")
USE = ToolUse("t1", "Write", "edit", ("/repo/a.py",), "x")


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def call(name: str) -> Any:
    return claude_code.read(payload(name), NEW)


def made(**fields: Any) -> bytes:
    return json.dumps({"session_id": "s", "cwd": "/repo", **fields}).encode()


def asked(tool: str, **tool_input: Any) -> ToolUse:
    made_call = claude_code.read(made(hook_event_name="PreToolUse", tool_name=tool, tool_input=tool_input), NEW)
    assert isinstance(made_call, ToolAsked)
    return made_call.use


def said(reply: Reply) -> Any:
    return json.loads(reply.stdout)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_the_module_is_a_client() -> None:
    client: Client = claude_code
    assert client.name == "claude"


@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("*.json")), ids=lambda path: path.stem)
def test_every_captured_payload_is_read_or_is_of_an_event_that_is_not_ours(path: Path) -> None:
    event = json.loads(path.read_bytes())["hook_event_name"]
    try:
        call = claude_code.read(path.read_bytes(), NEW)
    except UnknownMoment as failure:
        assert failure.moment == event and event not in claude_code.MOMENTS
        return
    assert event in claude_code.MOMENTS
    assert call is None or (call.caller.session and call.caller.cwd.startswith("/"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SessionStart-compact", SessionOpened),
        ("UserPromptSubmit", PromptGiven),
        ("PreToolUse-Write", ToolAsked),
        ("PostToolUse-Write", ToolReturned),
        ("PostToolUseFailure-Bash", ToolReturned),
        ("Stop", TurnEnding),
        ("SubagentStop", SubagentEnding),
        ("PreCompact-auto", Compacting),
        ("ConfigChange-local_settings", ConfigChanging),
        ("SessionEnd-clear", SessionClosed),
    ],
)
def test_each_event_of_ours_is_one_kind_of_call(name: str, kind: type) -> None:
    assert type(call(name)) is kind


def test_a_write_names_its_path_and_its_text() -> None:
    assert call("PreToolUse-Write").use == ToolUse("toolu_fake00000001", "Write", "edit", ("/repo/a.txt",), "hello\n")


def test_a_failed_command_returned_not_ok_and_says_how() -> None:
    returned = call("PostToolUseFailure-Bash")
    assert (returned.ok, returned.error, returned.use.text) == (False, "Exit code 1", "false")


def test_a_call_inside_a_subagent_names_the_subagent() -> None:
    caller = call("PreToolUse-Bash-in-subagent").caller
    assert caller.agent and caller.agent_kind == "general-purpose"


def test_a_stop_after_a_refusal_of_ours_is_told_from_a_first_one() -> None:
    assert (call("Stop").again, call("Stop-active").again) == (False, True)
    assert call("SubagentStop-active").again


def test_the_agent_that_summarises_for_the_client_is_none_of_ours() -> None:
    assert call("SubagentStop-compaction") is None


@pytest.mark.parametrize(
    ("tool", "tool_input", "use"),
    [
        ("Edit", {"file_path": "/a", "old_string": "x", "new_string": "y"}, ("edit", ("/a",), "y")),
        (
            "MultiEdit",
            {"file_path": "/a", "edits": [{"new_string": "y"}, {"new_string": "z"}]},
            ("edit", ("/a",), "y\nz"),
        ),
        ("NotebookEdit", {"notebook_path": "/a.ipynb", "new_source": "y"}, ("edit", ("/a.ipynb",), "y")),
        ("NotebookEdit", {"notebook_path": "/a.ipynb", "edit_mode": "delete"}, ("edit", ("/a.ipynb",), "")),
        ("Bash", {"command": "rm -r x"}, ("shell", (), "rm -r x")),
        ("Agent", {"prompt": "look"}, ("subagent", (), "look")),
        ("Task", {"prompt": "look"}, ("subagent", (), "look")),
        ("Read", {"file_path": "/a"}, ("read", ("/a",), "")),
        ("Grep", {"pattern": "x"}, ("read", (), "")),
        ("Glob", {"pattern": "x", "path": "/d"}, ("read", ("/d",), "")),
        ("Skill", {"skill": "x"}, ("other", (), "")),
        ("mcp__files__write", {"file_path": 5, "content": {}}, ("mcp", (), "")),
        ("Invented", {"file_path": [], "command": 1}, ("other", (), "")),
        ("mcp__odd__names", {"": 5}, ("mcp", (), "")),
        ("WebFetch", {"": 5, "url": "x"}, ("read", (), "")),
    ],
)
def test_each_tool_does_what_the_table_says(tool: str, tool_input: Any, use: Any) -> None:
    read = asked(tool, **tool_input)
    assert (read.does, read.paths, read.text) == use


@pytest.mark.parametrize("tool_input", [{}, {"file_path": 5}, {"file_path": None}, {"file_path": "/a", "content": 5}])
def test_an_edit_whose_path_or_text_cannot_be_seen_is_unreadable(tool_input: dict[str, Any]) -> None:
    with pytest.raises(UnreadableCall) as raised:
        asked("Write", **tool_input)
    assert raised.value.moment == "PreToolUse"


def test_only_session_directory_and_event_are_demanded() -> None:
    for event in claude_code.MOMENTS:
        if event not in ("PreToolUse", "PostToolUse", "PostToolUseFailure"):
            assert claude_code.read(made(hook_event_name=event), {}) is not None


def test_a_field_that_an_event_does_not_use_may_be_anything() -> None:
    assert (
        claude_code.read(made(hook_event_name="Stop", tool_input=5, source=[], effort="x", prompt={}), {}) is not None
    )


@pytest.mark.parametrize(
    ("agent", "version"),
    [
        ("claude-code_2-1-330_harness", "2.1.330"),
        ("claude-code_2-1-330", "2.1.330"),
        ("codex_2-1-330_x", ""),
        ("claude-code_2-1-330-beta_x", ""),
        ("claude-code_٣-1_x", ""),
        ("claude-code_" + "9" * 5000, ""),
        ("", ""),
    ],
)
def test_the_version_is_read_from_the_environment_or_unknown(agent: str, version: str) -> None:
    assert claude_code.version_in({"AI_AGENT": agent}) == version


def test_the_root_is_where_the_client_was_opened_not_where_the_agent_went() -> None:
    assert claude_code.root_hint({"CLAUDE_PROJECT_DIR": "/repo"}, "/repo/sub") == "/repo"
    assert claude_code.root_hint({"CLAUDE_PROJECT_DIR": ""}, "/repo/sub") == "/repo/sub"
    assert claude_code.root_hint({"CLAUDE_PROJECT_DIR": "../x"}, "/repo/sub") == "/repo/sub"


def test_a_payload_over_the_cap_is_refused_by_its_event() -> None:
    large = made(hook_event_name="PreToolUse", tool_name="Write", tool_input={"content": "x" * LARGEST_PAYLOAD})
    with pytest.raises(UnreadableCall, match="32 MiB") as raised:
        claude_code.read(large, NEW)
    assert raised.value.moment == "PreToolUse"


def test_a_payload_nested_beyond_reason_is_unreadable() -> None:
    deep = b'{"session_id":"s","cwd":"/","hook_event_name":"PreToolUse","tool_input":{"x":' + b"[" * 200_000
    with pytest.raises(UnreadableCall) as raised:
        claude_code.read(deep, NEW)
    assert raised.value.moment == "PreToolUse"


@pytest.mark.parametrize(
    "stdin", [b"", b"[]", b"null", b"{", b'{"hook_event_name":5}', b"\xff\xfe", b'{"hook_event_name":"']
)
def test_a_payload_without_an_event_has_no_moment(stdin: bytes) -> None:
    with pytest.raises(UnreadableCall) as raised:
        claude_code.read(stdin, NEW)
    assert raised.value.moment is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "session_id cwd agent_id agent_type source prompt tool_name tool_use_id tool_input error stop_hook_active "
    "last_assistant_message trigger file_path reason"
)
fields = st.sampled_from(FIELDS.split())


@given(
    st.sampled_from(claude_code.MOMENTS), st.dictionaries(fields, json_values), st.sampled_from(list(claude_code.TOOLS))
)
def test_fields_of_any_type_give_a_call_or_an_expected_failure(event: str, extra: dict[str, Any], tool: str) -> None:
    stdin = json.dumps({"session_id": "s", "cwd": "/", "tool_name": tool, **extra, "hook_event_name": event}).encode()
    try:
        read = claude_code.read(stdin, NEW)
    except UnreadableCall as failure:
        assert failure.moment == event
    else:
        assert read is None or isinstance(read, Call)


# --- writing ----------------------------------------------------------------------------------------------------------

OPENED, PROMPT = SessionOpened(CALLER, "startup"), PromptGiven(CALLER, "go")
ASKED, RETURNED, FAILED = (
    ToolAsked(CALLER, USE),
    ToolReturned(CALLER, USE, True),
    ToolReturned(CALLER, USE, False, "no"),
)
ENDING, SUB = TurnEnding(CALLER, False), SubagentEnding(CALLER, False)
COMPACTING, CHANGING, CLOSED = (
    Compacting(CALLER, "auto"),
    ConfigChanging(CALLER, "x", "y"),
    SessionClosed(CALLER, "other"),
)
CALLS = (OPENED, PROMPT, ASKED, RETURNED, FAILED, ENDING, SUB, COMPACTING, CHANGING, CLOSED)
INFORM, REFUSE, KEEP = Inform("w"), Refuse("w", "rule"), KeepGoing("w")

BLOCK = {"decision": "block", "reason": "w"}


def context(event: str) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": "w"}}


DENY = {
    "hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": "w"}
}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: type(call).__name__)
def test_silence_prints_nothing(call: Call) -> None:
    assert claude_code.write(call, Silent()) == Reply(b"", b"", 0)


@pytest.mark.parametrize(
    ("call", "informed", "refused"),
    [
        (OPENED, context("SessionStart"), (context("SessionStart"), 0)),
        (PROMPT, context("UserPromptSubmit"), (context("UserPromptSubmit"), 0)),
        (ASKED, context("PreToolUse"), (DENY, 1)),
        (RETURNED, context("PostToolUse"), (context("PostToolUse"), 0)),
        (FAILED, context("PostToolUseFailure"), (context("PostToolUseFailure"), 0)),
        (ENDING, {"systemMessage": INFORM.text}, (BLOCK, 0)),
        (SUB, None, (BLOCK, 0)),
        (COMPACTING, None, (None, 0)),
        (CHANGING, None, (BLOCK, 1)),
        (CLOSED, None, (None, 0)),
    ],
)
def test_each_answer_has_one_form(call: Call, informed: Any, refused: tuple[Any, int]) -> None:
    """`refused`: also the form of `KeepGoing`; what an event cannot refuse is told where it can be."""
    told = claude_code.write(call, INFORM)
    assert (said(told) if told.stdout else None, told.exit, told.stderr) == (informed, 0, b"")
    for answer in (REFUSE, KEEP):
        held = claude_code.write(call, answer)
        assert (said(held) if held.stdout else None, held.exit) == refused and not held.stderr


@pytest.mark.parametrize("version", ["2.1.197", "2.1.329", "", "new"])
@pytest.mark.parametrize("call", [ASKED, CHANGING], ids=["tool", "configuration"])
def test_a_client_that_does_not_know_on_failure_is_refused_by_exit_2_alone(call: Any, version: str) -> None:
    old = msgspec.structs.replace(call, caller=msgspec.structs.replace(CALLER, version=version))
    assert claude_code.write(old, REFUSE) == Reply(b"", b"w", 2)


@pytest.mark.parametrize("version", ["2.1.330", "2.2.0", "10.0.0"])
def test_later_clients_get_the_json_form(version: str) -> None:
    asked = ToolAsked(msgspec.structs.replace(CALLER, version=version), USE)
    assert claude_code.write(asked, REFUSE).exit == 1


@given(st.sampled_from(CALLS), st.text(), st.sampled_from([Inform, lambda text: Refuse(text, "r"), KeepGoing]))
def test_no_answer_ever_grants(call: Call, text: str, answer: Any) -> None:
    reply = claude_code.write(call, answer(text))
    assert b'"allow"' not in reply.stdout.replace(json.dumps(text).encode(), b"")
    assert "allow" not in (
        said(reply).get("hookSpecificOutput", {}).get("permissionDecision", "") if reply.stdout else ""
    )


def test_a_path_that_is_not_text_can_be_spoken_of() -> None:
    odd = b"/repo/\xff".decode("utf-8", "surrogateescape")
    answers: tuple[Answer, ...] = (Inform(odd), Refuse(odd, "r"), KeepGoing(odd))
    for answer in answers:
        for call in CALLS:
            assert b"\xff" not in claude_code.write(call, answer).stdout


# --- failures of ours -------------------------------------------------------------------------------------------------

FAILURE = Failure("The ledger is locked.", hint="Try again.")


@pytest.mark.parametrize("moment", ["PreToolUse", "ConfigChange", None])
@pytest.mark.parametrize("first", [True, False])
def test_a_failure_of_ours_refuses_what_can_do_harm(moment: str | None, first: bool) -> None:
    reply = claude_code.crashed(moment, FAILURE, env=NEW, first=first)
    assert reply.exit == 1 and b"The ledger is locked." in reply.stdout


@pytest.mark.parametrize("moment", ["PreToolUse", "ConfigChange"])
def test_a_failure_of_ours_refuses_by_exit_2_on_a_client_that_does_not_know_on_failure(moment: str) -> None:
    reply = claude_code.crashed(moment, FAILURE, env=OLD, first=True)
    assert (reply.exit, reply.stdout) == (2, b"") and b"Try again." in reply.stderr


def test_at_a_moment_that_cannot_be_told_only_a_tool_call_is_refused() -> None:
    """Exit 2 would block a prompt too; a denial with exit 1 means something to a tool call alone."""
    for env in (NEW, OLD, {}):
        reply = claude_code.crashed(None, FAILURE, env=env, first=True)
        assert reply.exit == 1 and said(reply)["hookSpecificOutput"]["permissionDecision"] == "deny"


@pytest.mark.parametrize("moment", [*sorted({*claude_code.MOMENTS} - {"PreToolUse", "ConfigChange"}), "Notification"])
@pytest.mark.parametrize("env", [NEW, OLD], ids=["new", "old"])
def test_a_failure_of_ours_lets_all_else_pass_and_says_so_once(moment: str, env: dict[str, str]) -> None:
    first, later = (claude_code.crashed(moment, FAILURE, env=env, first=first) for first in (True, False))
    assert first.exit == later.exit == 0 and not later.stdout
    assert set(said(first)) == {"systemMessage"} if first.stdout else moment in ("PreCompact", "SessionEnd")


# --- cost -------------------------------------------------------------------------------------------------------------


def test_reading_a_call_imports_nothing_slow() -> None:
    slow = "pathlib subprocess dataclasses asyncio tomllib importlib.metadata click rich logging json re shlex tempfile"
    script = (
        "import sys, phasegate.agents.claude_code as c; c.read(sys.stdin.buffer.read(), {}); "
        f"print(*sorted(set({slow.split()!r}) & set(sys.modules) - before))"
    )
    baseline = "import sys, msgspec; before = set(sys.modules); "
    done = subprocess.run(
        [sys.executable, "-I", "-c", baseline + script],
        input=payload("PreToolUse-Write"),
        capture_output=True,
        check=True,
    )
    assert done.stdout.split() == []
