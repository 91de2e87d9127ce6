"""Claude Code: its hook payloads in our words, and our answers in the form that it obeys."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never, get_args

import msgspec

from phasegate.agents.interface import LARGEST_PAYLOAD, Reply, UnknownMoment, UnreadableCall
from phasegate.errors import Failure
from phasegate.policy.calls import (
    Answer,
    Call,
    Caller,
    Compacting,
    ConfigChanging,
    Does,
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

name: Final = "claude"

OBEYS_ON_FAILURE: Final = (2, 1, 330)
"""The oldest version seen to block when a hook with `onFailure: "block"` fails; 2.1.197 ignores the key."""

NOTHING: Final = Reply()
PASSED: Final = 0
FAILED: Final = 1
BLOCKED: Final = 2


# --- tools ------------------------------------------------------------------------------------------------------------


class Tool(msgspec.Struct, frozen=True):
    """What a tool does, and the keys of its input that hold the path it names and the text it writes or runs."""

    does: Does
    path: str = ""
    text: str = ""


READS: Final = Tool("read")
WRITES_UNSEEN: Final = Tool("other")
OF_A_SERVER: Final = Tool("mcp")
SERVER_PREFIX: Final = "mcp__"

TOOLS: Final[Mapping[str, Tool]] = {
    "Write": Tool("edit", "file_path", "content"),
    "Edit": Tool("edit", "file_path", "new_string"),
    "MultiEdit": Tool("edit", "file_path", "edits"),
    "NotebookEdit": Tool("edit", "notebook_path", "new_source"),
    "Bash": Tool("shell", text="command"),
    "PowerShell": Tool("shell", text="command"),
    "Monitor": Tool("shell", text="command"),
    "Agent": Tool("subagent", text="prompt"),
    "Task": Tool("subagent", text="prompt"),
    "SendMessage": Tool("subagent", text="message"),
    "Read": Tool("read", "file_path"),
    "NotebookRead": Tool("read", "notebook_path"),
    "Grep": Tool("read", "path"),
    "Glob": Tool("read", "path"),
    "LS": Tool("read", "path"),
    "ToolSearch": READS,
    "WebFetch": READS,
    "WebSearch": READS,
    "ListAgents": READS,
    "ReportFindings": READS,
    "ScheduleWakeup": READS,
    "TodoWrite": READS,
    "TaskCreate": READS,
    "TaskGet": READS,
    "TaskList": READS,
    "TaskOutput": READS,
    "TaskStop": READS,
    "TaskUpdate": READS,
    "CronCreate": READS,
    "CronDelete": READS,
    "CronList": READS,
    "BashOutput": READS,
    "KillShell": READS,
    "AskUserQuestion": READS,
    "EnterPlanMode": READS,
    "ExitPlanMode": READS,
    "StructuredOutput": READS,
    "Skill": WRITES_UNSEEN,
    "Workflow": WRITES_UNSEEN,
}
"""Tools of the client. One that is not here may write unseen, as may every tool of an MCP server."""


def tool_named(tool: str) -> Tool:
    return TOOLS.get(tool) or (OF_A_SERVER if tool.startswith(SERVER_PREFIX) else WRITES_UNSEEN)


class _Change(msgspec.Struct):
    """One of the edits of a MultiEdit."""

    new_string: str = ""


def _path_in(fields: Mapping[str, msgspec.Raw], tool: Tool) -> tuple[str, ...]:
    if tool.does == "edit":
        # An edit whose path we cannot see is one we cannot judge.
        return (msgspec.json.decode(fields.get(tool.path, b"null"), type=str),)
    if not tool.path or tool.path not in fields:
        return ()
    path = msgspec.json.decode(fields[tool.path], type=str | None)
    return (path,) if path else ()


def _text_in(fields: Mapping[str, msgspec.Raw], tool: Tool) -> str:
    if not tool.text or tool.text not in fields:
        return ""
    text = msgspec.json.decode(fields[tool.text], type=str | list[_Change] | None)
    return "\n".join(change.new_string for change in text) if isinstance(text, list) else text or ""


# --- payloads ---------------------------------------------------------------------------------------------------------


class Payload(msgspec.Struct, tag_field="hook_event_name"):
    """What every event carries. Keys that we do not name are skipped: each version of the client adds some."""

    session_id: str
    cwd: str
    agent_id: str | None = None
    agent_type: str | None = None

    def call(self, caller: Caller) -> Call | None:
        raise NotImplementedError


class SessionStart(Payload, tag="SessionStart"):
    source: str = "startup"

    def call(self, caller: Caller) -> Call:
        return SessionOpened(caller, self.source)


class UserPromptSubmit(Payload, tag="UserPromptSubmit"):
    prompt: str = ""

    def call(self, caller: Caller) -> Call:
        return PromptGiven(caller, self.prompt)


class _AboutATool(Payload):
    """An event about one tool call; the input is read by what `TOOLS` knows of the tool, since other tools use the same
    keys for other things."""

    tool_name: str = ""
    tool_use_id: str = ""
    tool_input: dict[str, msgspec.Raw] = {}

    def use(self) -> ToolUse:
        tool = tool_named(self.tool_name)
        paths, text = _path_in(self.tool_input, tool), _text_in(self.tool_input, tool)
        return ToolUse(self.tool_use_id, self.tool_name, tool.does, paths, text)


class PreToolUse(_AboutATool, tag="PreToolUse"):
    def call(self, caller: Caller) -> Call:
        return ToolAsked(caller, self.use())


class PostToolUse(_AboutATool, tag="PostToolUse"):
    def call(self, caller: Caller) -> Call:
        return ToolReturned(caller, self.use(), ok=True)


class PostToolUseFailure(_AboutATool, tag="PostToolUseFailure"):
    error: str = ""

    def call(self, caller: Caller) -> Call:
        return ToolReturned(caller, self.use(), ok=False, error=self.error)


class Stop(Payload, tag="Stop"):
    stop_hook_active: bool = False
    last_assistant_message: str | None = None

    def call(self, caller: Caller) -> Call:
        return TurnEnding(caller, again=self.stop_hook_active, said=self.last_assistant_message or "")


class SubagentStop(Payload, tag="SubagentStop"):
    stop_hook_active: bool = False

    def call(self, caller: Caller) -> Call | None:
        # The client summarises a conversation with an agent of its own, which has no type.
        return None if self.agent_type == "" else SubagentEnding(caller, again=self.stop_hook_active)


class PreCompact(Payload, tag="PreCompact"):
    trigger: str = ""

    def call(self, caller: Caller) -> Call:
        return Compacting(caller, self.trigger)


class ConfigChange(Payload, tag="ConfigChange"):
    source: str = ""
    file_path: str | None = None

    def call(self, caller: Caller) -> Call:
        return ConfigChanging(caller, self.source, self.file_path or "")


class SessionEnd(Payload, tag="SessionEnd"):
    reason: str = ""

    def call(self, caller: Caller) -> Call:
        return SessionClosed(caller, self.reason)


AnyPayload = (
    SessionStart
    | UserPromptSubmit
    | PreToolUse
    | PostToolUse
    | PostToolUseFailure
    | Stop
    | SubagentStop
    | PreCompact
    | ConfigChange
    | SessionEnd
)

MOMENTS: Final = tuple(str(kind.__struct_config__.tag) for kind in get_args(AnyPayload))
"""The events we register for, by the client's names."""


class _Named(msgspec.Struct):
    """Any payload, of which only the event's name is of interest."""

    hook_event_name: str


# --- reading ----------------------------------------------------------------------------------------------------------


def root_hint(env: Mapping[str, str], cwd: str) -> str:
    """The project's root as the client says; `cwd` follows the agent's `cd`, and serves only where that is not said."""
    said = env.get("CLAUDE_PROJECT_DIR", "")
    return said if said.startswith("/") else cwd


def version_in(env: Mapping[str, str]) -> str:
    """The client's version ("2.1.330") from the `AI_AGENT=claude-code_2-1-330_...` it gives its hooks; "" if unknown.

    The client replaces the value of another Claude Code around it and keeps that of any other agent: then unknown.
    """
    client, _, rest = env.get("AI_AGENT", "").partition("_")
    version = rest.partition("_")[0].replace("-", ".")
    return version if client == "claude-code" and _numbers(version) else ""


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    readable = len(version) <= 32 and all(part.isascii() and part.isdecimal() for part in parts)
    return tuple(int(part) for part in parts) if readable else ()


def read(stdin: bytes, env: Mapping[str, str]) -> Call | None:
    """The call that a payload makes; None for the client's own summarising agent. Raises `UnreadableCall`."""
    if len(stdin) > LARGEST_PAYLOAD:
        raise _too_large(stdin)
    try:
        payload: Payload = msgspec.json.decode(stdin, type=AnyPayload)
        return payload.call(_caller(payload, version_in(env)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise _unreadable(stdin, problem) from problem


def _caller(payload: Payload, version: str) -> Caller:
    return Caller(
        client=name,
        session=payload.session_id,
        cwd=payload.cwd,
        version=version,
        agent=payload.agent_id or "",
        agent_kind=payload.agent_type or "",
    )


def _unreadable(stdin: bytes, problem: Exception) -> UnreadableCall:
    moment = moment_of(stdin)
    if moment is None or moment in MOMENTS:
        return UnreadableCall(
            f"Claude Code sent a hook payload that phasegate cannot read: {problem}.",
            hint="Run `phasegate doctor`; `phasegate pause` lets the agent work without phasegate meanwhile.",
            moment=moment,
        )
    return UnknownMoment(
        f"phasegate has no answer for the event {moment[:80]!r} of Claude Code.",
        hint="Run `phasegate init` to write the hooks anew.",
        moment=moment,
    )


def _too_large(stdin: bytes) -> UnreadableCall:
    return UnreadableCall(
        f"The tool call is larger than {LARGEST_PAYLOAD // 2**20} MiB, the most that phasegate reads.",
        hint="Write the file in smaller parts, or with a command.",
        moment=moment_of(stdin),
    )


def moment_of(stdin: bytes) -> str | None:
    """The name of the event, also of a payload that breaks off or goes wrong further on; None when there is none.

    No string of JSON can hold the key with its quotes bare, and the client writes it before any object of the model's.
    """
    try:
        return msgspec.json.decode(stdin[:LARGEST_PAYLOAD], type=_Named).hook_event_name
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        _, found, rest = stdin[: 64 * 1024].partition(b'"hook_event_name":')
        value = rest.lstrip()[:80].split(b'"')
        return value[1].decode("utf-8", "replace") if found and len(value) > 2 and not value[0] else None


# --- writing ----------------------------------------------------------------------------------------------------------


def write(call: Call, answer: Answer) -> Reply:
    """The answer as the client obeys it. What an event cannot refuse, the model is told instead, where it can be."""
    match answer:
        case Silent():
            return NOTHING
        case Inform(text=text):
            return _tell(call, _sayable(text))
        case Refuse(reason=reason) | KeepGoing(reason=reason):
            return _hold(call, _sayable(reason))
        case _:
            assert_never(answer)


def _hold(call: Call, reason: str) -> Reply:
    match call:
        case ToolAsked():
            return _refusal("PreToolUse", reason, call.caller.version)
        case ConfigChanging():
            return _refusal("ConfigChange", reason, call.caller.version)
        case TurnEnding() | SubagentEnding():
            return _json({"decision": "block", "reason": reason})
        case _:
            return _tell(call, reason)


def _tell(call: Call, text: str) -> Reply:
    match call:
        case SessionOpened():
            return _context("SessionStart", text)
        case PromptGiven():
            return _context("UserPromptSubmit", text)
        case ToolAsked():
            return _context("PreToolUse", text)
        case ToolReturned(ok=ok):
            return _context("PostToolUse" if ok else "PostToolUseFailure", text)
        case TurnEnding():
            # The person's to read: here the client takes context for a reason to go on.
            return _json({"systemMessage": text})
        case _:
            return NOTHING


def _context(moment: str, text: str) -> Reply:
    return _json({"hookSpecificOutput": {"hookEventName": moment, "additionalContext": text}})


def _refusal(moment: str, reason: str, version: str) -> Reply:
    """A refusal. The exit code repeats it, should other output on stdout have turned the JSON into consent.

    With exit 2 the client reads only stderr; with 1 it obeys the JSON, and blocks by `onFailure` if it cannot read it.
    """
    if _numbers(version) < OBEYS_ON_FAILURE:
        return Reply(stderr=reason.encode(), exit=BLOCKED)
    if moment == "ConfigChange":
        return _json({"decision": "block", "reason": reason}, code=FAILED)
    return _denial(reason)


def _denial(reason: str) -> Reply:
    return _json(
        {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }
        },
        code=FAILED,
    )


def _json(value: Mapping[str, Any], code: int = PASSED) -> Reply:
    return Reply(stdout=msgspec.json.encode(value), exit=code)


def _sayable(text: str) -> str:
    """`text` without what UTF-8 cannot say: a path that is not text reaches us as lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def crashed(moment: str | None, failure: Failure, *, env: Mapping[str, str], first: bool) -> Reply:
    """Refuse tool calls, configuration changes and what may be either; let all else pass, once with a word."""
    cause = _sayable(str(failure))
    reason = f"phasegate cannot decide, so nothing is changed: {cause}"
    if moment is None:
        # Obeyed with this exit code by every version seen where a tool is asked for; it stops neither prompt nor turn.
        return _denial(reason)
    if moment in ("PreToolUse", "ConfigChange"):
        return _refusal(moment, reason, version_in(env))
    if not first or moment in ("PreCompact", "SessionEnd"):
        # What is printed before a compaction becomes an instruction to it, and after the end nobody reads.
        return Reply(stderr=reason.encode())
    return _json({"systemMessage": f"phasegate is not guiding this session: {cause}"})


# --- settings ---------------------------------------------------------------------------------------------------------


def install(text: str | None, command: Sequence[str]) -> str:
    """See `claude_settings.install`; imported late because no hook call needs it."""
    from phasegate.agents import claude_settings

    return claude_settings.install(text, command)


def uninstall(text: str) -> str | None:
    """See `claude_settings.uninstall`."""
    from phasegate.agents import claude_settings

    return claude_settings.uninstall(text)
