"""How the stand-in reads hooks out of a project's settings, calls them and obeys them: as Claude Code was seen to do.

Only `command` hooks are called; other types are known, so that they void nothing, and skipped.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import msgspec

SETTINGS = {"project_settings": ".claude/settings.json", "local_settings": ".claude/settings.local.json"}
VOIDING = frozenset({"PreToolUse", "PermissionRequest"})
"""Events under which one invalid entry costs the whole file, silently."""
HEEDS_ON_FAILURE = frozenset(
    {"PreToolUse", "PermissionRequest", "UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "ConfigChange"}
)
"""Events whose `onFailure` counts; a Stop hook that breaks lets the agent stop all the same."""
REFUSABLE = frozenset({*HEEDS_ON_FAILURE, "Stop", "SubagentStop", "PreCompact"})
SUBJECTS = {"SessionStart": "source", "SessionEnd": "reason", "PreCompact": "trigger", "ConfigChange": "source"}
"""The payload field a matcher is held against, where it is not `tool_name` or `agent_type`."""


class Hook(msgspec.Struct, frozen=True, rename="camel"):
    """One hook entry of the settings."""

    type: Literal["command", "http", "mcp_tool", "prompt", "agent"]
    command: str = ""
    args: tuple[str, ...] | None = None
    timeout: float = 600.0
    on_failure: Literal["continue", "block"] = "continue"

    @property
    def line(self) -> str:
        """The command line as it is shown to the model."""
        return " ".join((self.command, *(self.args or ())))

    def argv(self, project: str) -> tuple[str, ...]:
        """What to execute: without a shell if there are `args`."""
        if self.args is None:
            return "/bin/sh", "-c", self.command
        return tuple(part.replace("${CLAUDE_PROJECT_DIR}", project) for part in (self.command, *self.args))


class Group(msgspec.Struct, frozen=True):
    """Hooks that share a matcher."""

    hooks: tuple[Hook, ...]
    matcher: str = ""

    def concerns(self, subject: str) -> bool:
        return self.matcher in ("", "*") or bool(re.fullmatch(self.matcher, subject))


Hooks = dict[str, tuple[Group, ...]]


class Specific(msgspec.Struct, frozen=True, rename="camel"):
    """The part of an answer that belongs to one event."""

    hook_event_name: str
    permission_decision: Literal["allow", "deny", "ask", "defer"] | None = None
    permission_decision_reason: str | None = None
    additional_context: str | None = None
    updated_input: dict[str, Any] | None = None


class Said(msgspec.Struct, frozen=True, rename="camel"):
    """The JSON a hook may print."""

    decision: Literal["approve", "block"] | None = None
    reason: str | None = None
    go_on: bool = msgspec.field(name="continue", default=True)
    hook_specific_output: Specific | None = None


class Ran(msgspec.Struct, frozen=True):
    """What came of the process; no exit code means that its time ran out."""

    exit_code: int | None
    stdout: str
    stderr: str


class Answer(msgspec.Struct, frozen=True):
    """What a hook's run means. `refusal` is the text for the model, None when nothing is refused.

    `worded` tells a refusal given in JSON from one by exit code or failure; `asks` one that a person could lift.
    """

    hook: Hook
    ran: Ran
    outcome: str
    refusal: str | None = None
    worded: bool = False
    context: str = ""
    asks: bool = False
    ends_turn: bool = False
    updated_input: dict[str, Any] | None = None


# --- reading settings -------------------------------------------------------------------------------------------------


def read_settings(project: str) -> dict[str, bytes]:
    """The bytes of both settings files; empty where there is none."""
    return {source: _content(os.path.join(project, name)) for source, name in SETTINGS.items()}


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def hooks_in(files: Mapping[str, bytes]) -> Hooks:
    """All hooks that are in force, by event; none at all when a file says `disableAllHooks`."""
    settings = [_object(content) for content in files.values()]
    if any(one.get("disableAllHooks") is True for one in settings):
        return {}
    merged: Hooks = {}
    for one in settings:
        for event, groups in _valid_hooks(one.get("hooks")).items():
            merged[event] = (*merged.get(event, ()), *groups)
    return merged


def _object(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _valid_hooks(events: Any) -> Hooks:
    valid: Hooks = {}
    for event, groups in events.items() if isinstance(events, dict) else ():
        read = [_group(group) for group in groups] if isinstance(groups, list) else [None]
        if event in VOIDING and None in read:
            return {}
        valid[event] = tuple(group for group in read if group is not None)
    return valid


def _group(group: Any) -> Group | None:
    try:
        return msgspec.convert(group, Group)
    except msgspec.ValidationError:
        return None


def matching(hooks: Hooks, event: str, payload: Mapping[str, Any]) -> list[Hook]:
    """The hooks to call for `payload`, each command once."""
    subject = str(payload.get("tool_name") or payload.get(SUBJECTS.get(event, "agent_type")) or "")
    found = [hook for group in hooks.get(event, ()) if group.concerns(subject) for hook in group.hooks]
    return list({(hook.command, hook.args): hook for hook in found if hook.type == "command"}.values())


# --- calling ----------------------------------------------------------------------------------------------------------


def call_hooks(
    hooks: Sequence[Hook], payload: Mapping[str, Any], *, environment: Mapping[str, str], project: str
) -> list[Answer]:
    """Call `hooks` side by side with `payload` on stdin, and say what each run means."""
    event = str(payload["hook_event_name"])
    stdin = msgspec.json.encode(payload)

    def call(hook: Hook) -> Answer:
        ran = _run(hook.argv(project), stdin, hook.timeout, environment=environment, cwd=str(payload["cwd"]))
        return judge(event, hook, ran)

    with ThreadPoolExecutor(max_workers=max(1, len(hooks))) as pool:
        return list(pool.map(call, hooks))


def _run(argv: tuple[str, ...], stdin: bytes, timeout: float, *, environment: Mapping[str, str], cwd: str) -> Ran:
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            argv, env=environment, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as problem:
        return Ran(1, "", f"Error occurred while executing hook command: {problem}")
    try:
        stdout, stderr = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Ran(None, "", "")
    # A hook that a signal killed is told like any other failure.
    exit_code = process.returncode if process.returncode >= 0 else 1
    return Ran(exit_code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


# --- obeying ----------------------------------------------------------------------------------------------------------


def judge(event: str, hook: Hook, ran: Ran) -> Answer:
    """What `ran` means to the client: a refusal in JSON whatever the exit code, then exit 2, then `onFailure`."""
    said, misread = _read_answer(event, ran.stdout)
    specific = said.hook_specific_output
    broken = bool(misread) or ran.exit_code != 0
    in_words = _refusal(event, said)
    return Answer(
        hook=hook,
        ran=ran,
        outcome="cancelled" if ran.exit_code is None else "error" if broken else "success",
        refusal=in_words or _exit_two(event, hook, ran) or _fail_closed(event, hook, ran, misread),
        worded=in_words is not None,
        context=_context(event, ran, said),
        asks=specific is not None and specific.permission_decision == "ask",
        ends_turn=not said.go_on,
        updated_input=specific.updated_input if specific else None,
    )


def _read_answer(event: str, stdout: str) -> tuple[Said, str]:
    """The JSON in `stdout`, and what is wrong with it. Anything that is not one whole JSON object is mere text."""
    try:
        value = msgspec.json.decode(stdout)
    except (msgspec.MsgspecError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return Said(), ""
    try:
        said = msgspec.convert(value, Said)
    except msgspec.ValidationError as problem:
        return Said(), f"Hook JSON output validation failed: {problem}"
    if said.hook_specific_output and said.hook_specific_output.hook_event_name != event:
        return Said(), f"Hook returned incorrect event name: expected {event!r}"
    return said, ""


def _refusal(event: str, said: Said) -> str | None:
    specific = said.hook_specific_output
    if event == "PreToolUse" and specific and specific.permission_decision in ("deny", "ask"):
        return specific.permission_decision_reason or "Blocked by hook"
    if said.decision == "block" and event in REFUSABLE:
        return said.reason or "Blocked by hook"
    return None


def _exit_two(event: str, hook: Hook, ran: Ran) -> str | None:
    if ran.exit_code != 2 or event not in REFUSABLE:
        return None
    return f"[{hook.line}]: {ran.stderr or 'No stderr output'}"


def _fail_closed(event: str, hook: Hook, ran: Ran, misread: str) -> str | None:
    if hook.on_failure != "block" or event not in HEEDS_ON_FAILURE or (ran.exit_code == 0 and not misread):
        return None
    if ran.exit_code is None:
        return f'[{hook.line}]: timed out; blocking because onFailure is "block"'
    detail = misread or ran.stderr.strip() or "No stderr output"
    return f'[{hook.line}]: failed; blocking because onFailure is "block"\n{detail}'


def _context(event: str, ran: Ran, said: Said) -> str:
    """What the hook wants the model to know: at the start of things, plain output too."""
    if said.hook_specific_output and said.hook_specific_output.additional_context:
        return said.hook_specific_output.additional_context
    plain = event in ("SessionStart", "UserPromptSubmit") and ran.exit_code == 0 and not ran.stdout.startswith("{")
    return ran.stdout.strip() if plain else ""
