"""A session of the stand-in: a conversation with the model in which hooks are asked, told and obeyed at every step.

Not imitated: calls of one turn side by side, background subagents, hooks other than commands, hook conditions (`if`),
the decision "defer", answers to PermissionRequest, replaced tool output, `additionalContext` at Stop, blanks taken
off the ends of what an Edit puts in.
"""

from __future__ import annotations

import http.client
import os
import re
import secrets
import sys
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any

import msgspec

from phasegate.entrypoints.demo.script import text_of
from phasegate.entrypoints.demo.scripted_hooks import (
    SETTINGS,
    SUBJECTS,
    Answer,
    call_hooks,
    hooks_in,
    matching,
    read_settings,
)
from phasegate.entrypoints.demo.scripted_tools import REQUIRED, Done, Invalid, Unsuccessful, Workbench

Json = dict[str, Any]
MODEL = "claude-opus-5-5"
VERSION = "2.1.330"
"""The client whose conduct is imitated; hooks are told so, and so obey the same rules as under it."""
STOP_CAP = 8
ATTEMPTS = 6
COMPACT_ABOVE = 900_000
"""Input tokens after which the conversation is summarised."""
SUMMARISE = "CRITICAL: Respond with TEXT ONLY. Your task is to create a detailed summary of the conversation so far."
UNTOLD = frozenset({"SessionEnd", "StopFailure", "PreCompact", "PostCompact", "ConfigChange"})
"""Events whose hooks the client runs without a line about it."""
BARE = frozenset({"SessionStart", "SessionEnd", "SubagentStart", "PreCompact", "PostCompact", "ConfigChange"})
"""Events whose payloads tell no permission mode."""


class ModelRefused(Exception):
    """The model answered with an error, again and again."""


def emit(**line: Any) -> None:
    """One line of the story on stdout."""
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def project_folder(project: str) -> str:
    """Where the sessions of `project` are kept."""
    config = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")
    return os.path.join(config, "projects", re.sub(r"[^A-Za-z0-9]", "-", project))


class Came(msgspec.Struct, frozen=True):
    """What came of a call: text for the model, and what hooks had to add to it."""

    text: str
    failed: bool = True
    notes: tuple[str, ...] = ()


class Desk:
    """What all conversations of one session share: its files, its tools, its hooks."""

    def __init__(self, session_id: str) -> None:
        self.project = os.getcwd()
        self.session_id = session_id
        self.folder = project_folder(self.project)
        self.transcript = os.path.join(self.folder, f"{session_id}.jsonl")
        self.shell_files = os.path.join(self.folder, session_id, "session-env")
        self.prompt_id = ""
        os.makedirs(self.shell_files, exist_ok=True)
        self.environment = {
            **os.environ,
            "CLAUDECODE": "1",
            "CLAUDE_CODE_ENTRYPOINT": "sdk-cli",
            "CLAUDE_CODE_SESSION_ID": session_id,
            "CLAUDE_PID": str(os.getpid()),
            "AI_AGENT": f"claude-code_{VERSION.replace('.', '-')}_harness",
        }
        self.tools = Workbench(self.project, environment=self.environment, shell_files=self.shell_files)
        self._settings = read_settings(self.project)
        self._hooks = hooks_in(self._settings)

    def tell(self, **line: Any) -> None:
        emit(**line, session_id=self.session_id)

    def hook(self, event: str, fields: Json, agent: Json | None = None) -> list[Answer]:
        """Call the hooks of `event`; `agent` are the fields that name a subagent."""
        payload = self._payload(event, fields, agent or {})
        hooks = matching(self._hooks, event, payload)
        subject = fields.get("tool_name") or fields.get(SUBJECTS.get(event, ""))
        name = f"{event}:{subject}" if subject else event
        for _ in hooks if event not in UNTOLD else ():
            self.tell(type="system", subtype="hook_started", hook_name=name, hook_event=event)
        answers = call_hooks(hooks, payload, environment=self._hook_environment(event), project=self.project)
        for answer in answers if event not in UNTOLD else ():
            self._tell_answer(name, event, answer)
        return answers

    def settings_changed(self) -> None:
        """Notice settings that a tool changed; a refused change stays on disk, and out of force."""
        found = read_settings(self.project)
        for source in [source for source in SETTINGS if found[source] != self._settings[source]]:
            path = os.path.join(self.project, SETTINGS[source])
            answers = self.hook("ConfigChange", {"source": source, "file_path": path})
            self._settings = self._settings | {source: found[source]}
            if all(answer.refusal is None for answer in answers):
                self._hooks = hooks_in(self._settings)

    def _payload(self, event: str, fields: Json, agent: Json) -> Json:
        payload = {"session_id": self.session_id, "transcript_path": self.transcript, "cwd": self.tools.cwd}
        if self.prompt_id:
            payload["prompt_id"] = self.prompt_id
        moded = {} if event in BARE else {"permission_mode": "acceptEdits"}
        graded = {} if event in BARE or event == "UserPromptSubmit" else {"effort": {"level": "medium"}}
        return payload | moded | agent | graded | {"hook_event_name": event} | fields

    def _hook_environment(self, event: str) -> dict[str, str]:
        own = {"CLAUDE_PROJECT_DIR": self.project}
        if event == "SessionStart":
            own["CLAUDE_ENV_FILE"] = os.path.join(self.shell_files, "sessionstart-hook-0.sh")
        if event not in BARE and event != "UserPromptSubmit":
            own["CLAUDE_EFFORT"] = "medium"
        return self.environment | own

    def _tell_answer(self, name: str, event: str, answer: Answer) -> None:
        ran = answer.ran
        exit_code = 1 if ran.exit_code is None else ran.exit_code
        heard = {"stdout": ran.stdout, "stderr": ran.stderr, "exit_code": exit_code, "outcome": answer.outcome}
        self.tell(type="system", subtype="hook_response", hook_name=name, hook_event=event, **heard)


class Conversation:
    """One exchange with the model: the session's own, or a subagent's, which `agent` names."""

    def __init__(self, desk: Desk, *, agent: Json | None = None, transcript: str = "") -> None:
        self.desk = desk
        self.agent = agent
        self.transcript = transcript or desk.transcript
        self.messages: list[Json] = []
        self.over = ""
        self._blocks = 0
        self._tokens = 0
        self._held = False
        self._capped = False

    def add(self, role: str, content: Any) -> None:
        """Say something to the model, or note what it said; kept on disk for whoever resumes."""
        message = {"role": role, "content": content}
        self.messages.append(message)
        self._keep({"type": role, "message": message})
        if role != "system":
            self.desk.tell(type=role, message=message)

    def load(self) -> None:
        """Take up the conversation on disk, less a call that was under way when its client died."""
        with open(self.transcript, "rb") as file:
            lines = [msgspec.json.decode(line, type=Json) for line in file if line.endswith(b"\n")]
        for line in lines:
            compacted = line["type"] == "compaction"
            self.messages = line["messages"] if compacted else [*self.messages, line["message"]]
        while self.messages and _has_calls(self.messages[-1]):
            self.messages.pop()

    def inform(self, label: str, answers: Sequence[Answer]) -> None:
        """Pass on what hooks want the model to know."""
        for answer in answers:
            if answer.context and answer.refusal is None:
                self.add("system", f"{label} hook additional context: {answer.context}")

    def converse(self) -> str:
        """Let the model speak and act until it may stop; its last words."""
        while not self.over:
            said = self._ask(self.messages)
            self.add("assistant", said["content"])
            self._tokens = said["usage"]["input_tokens"]
            calls = [block for block in said["content"] if block["type"] == "tool_use"]
            if calls:
                self._blocks = 0
                self._act(calls)
            elif self._may_stop(text_of(said["content"])):
                return "" if self._capped else text_of(said["content"])
        return ""

    # --- acting -------------------------------------------------------------------------------------------------------

    def _act(self, calls: Sequence[Json]) -> None:
        calls = [_with_defaults(call) for call in calls]
        came = [self._call(call) for call in calls]
        results = [_result(call, one) for call, one in zip(calls, came, strict=True)]
        self.add("user", results)
        for note in (note for one in came for note in one.notes):
            self.add("system", note)
        batch = [_batched(call, result) for call, result in zip(calls, results, strict=True)]
        self._end_if([answer for answer in self._hook("PostToolBatch", {"tool_calls": batch}) if answer.refusal])
        if self._tokens > COMPACT_ABOVE and not self.agent:
            self._compact()

    def _call(self, call: Json) -> Came:
        """One call, past the hooks before it, and what became of the settings after it."""
        tool = call["name"]
        try:
            given = self.desk.tools.prepare(tool, call["input"])
        except Invalid as problem:
            return Came(f"<tool_use_error>{problem}</tool_use_error>")
        before = self._hook("PreToolUse", {"tool_name": tool, "tool_input": given, "tool_use_id": call["id"]})
        given = next((answer.updated_input for answer in before if answer.updated_input), given)
        refusal = _refused(tool, before) or self._not_permitted(tool, given)
        if refusal is not None:
            return Came(refusal)
        came = self._carry_out(tool, given, call["id"])
        self._end_if([answer for answer in before if answer.ends_turn])
        self.desk.settings_changed()
        return msgspec.structs.replace(came, notes=(*_notes(f"PreToolUse:{tool}", before), *came.notes))

    def _not_permitted(self, tool: str, given: Json) -> str | None:
        """What the model is told when a person would have been asked, but is not there."""
        if not self.desk.tools.needs_permission(tool, given):
            return None
        self._hook("PermissionRequest", {"tool_name": tool, "tool_input": given, "permission_suggestions": []})
        return f"Claude requested permissions to write to {given['file_path']}, but you haven't granted it yet."

    def _carry_out(self, tool: str, given: Json, call_id: str) -> Came:
        call: Json = {"tool_name": tool, "tool_input": given}
        began = time.monotonic()
        try:
            done = self._do(tool, given)
            event, came = "PostToolUse", Came(done.text, failed=False)
            fields = call | {"tool_response": done.response, "tool_use_id": call_id}
        except Unsuccessful as failure:
            event, came = "PostToolUseFailure", Came(str(failure))
            fields = call | {"tool_use_id": call_id, "error": str(failure), "is_interrupt": False}
        answers = self._hook(event, fields | {"duration_ms": int((time.monotonic() - began) * 1000)})
        self._end_if([answer for answer in answers if answer.ends_turn])
        return msgspec.structs.replace(came, notes=_notes(f"{event}:{tool}", answers))

    def _end_if(self, answers: Sequence[Answer]) -> None:
        if answers:
            self.over = "hook_stopped"

    def _do(self, tool: str, given: Json) -> Done:
        return self._delegate(given) if tool == "Agent" else self.desk.tools.carry_out(tool, given)

    def _delegate(self, given: Json) -> Done:
        """A subagent, from its start to a stop that its hooks agree to."""
        agent_id = f"a{secrets.token_hex(8)}"
        kind = str(given.get("subagent_type") or "general-purpose")
        agent = {"agent_id": agent_id, "agent_type": kind}
        self.desk.hook("SubagentStart", {}, agent)
        sub = Conversation(self.desk, agent=agent, transcript=self._subagent_transcript(agent_id))
        sub.add("user", given["prompt"])
        report = sub.converse()
        told = {"status": "completed", "prompt": given["prompt"], "agentId": agent_id, "agentType": kind}
        content = [{"type": "text", "text": report}]
        return Done(f"[Subagent hand-back] {report}", {**told, "content": content})

    # --- stopping and compacting --------------------------------------------------------------------------------------

    def _may_stop(self, last_words: str) -> bool:
        event = "SubagentStop" if self.agent else "Stop"
        answers = self._hook(event, self._stop_fields(last_words, active=self._held, transcript=self.transcript))
        refused = [answer for answer in answers if answer.refusal is not None]
        if any(answer.ends_turn for answer in answers):
            self.over = "stop_hook_prevented"
            return True
        if not refused:
            return True
        self._held = True
        self._blocks += 1
        cap = int(os.environ.get("CLAUDE_CODE_STOP_HOOK_BLOCK_CAP", STOP_CAP))
        if cap and self._blocks > cap:
            self._capped = True
            return True
        for answer in refused:
            self.add("user", [{"type": "text", "text": f"Stop hook feedback:\n{answer.refusal}"}])
            if answer.worded:
                self.add("system", _blocking(event, answer))
        return False

    def _stop_fields(self, last_words: str, *, active: bool, transcript: str) -> Json:
        sub = {"agent_transcript_path": transcript} if self.agent or transcript != self.transcript else {}
        rest = {"last_assistant_message": last_words, "background_tasks": [], "session_crons": []}
        return {"stop_hook_active": active, **sub, **rest}

    def _compact(self) -> None:
        """Put a summary in the place of the conversation; the client's order of events, odd as it is."""
        self.desk.hook("PreCompact", {"trigger": "auto", "custom_instructions": None})
        summary = text_of(self._ask([*self.messages, {"role": "user", "content": SUMMARISE}])["content"])
        summariser = {"agent_id": f"a{secrets.token_hex(8)}", "agent_type": ""}
        fields = self._stop_fields(summary, active=False, transcript=self._subagent_transcript(summariser["agent_id"]))
        self.desk.hook("SubagentStop", fields, summariser)
        continued = f"This session is being continued from a previous conversation that ran out of context.\n{summary}"
        spoken = max(at for at, message in enumerate(self.messages) if message["role"] == "assistant")
        self.messages = [{"role": "user", "content": continued}, *self.messages[spoken:]]
        self._keep({"type": "compaction", "messages": self.messages})
        self.inform("SessionStart:compact", self.desk.hook("SessionStart", {"source": "compact", "model": MODEL}))
        self.desk.hook("PostCompact", {"trigger": "auto", "compact_summary": summary})

    # --- outside ------------------------------------------------------------------------------------------------------

    def _hook(self, event: str, fields: Json) -> list[Answer]:
        return self.desk.hook(event, fields, self.agent)

    def _subagent_transcript(self, agent_id: str) -> str:
        return os.path.join(self.desk.folder, self.desk.session_id, "subagents", f"agent-{agent_id}.jsonl")

    def _keep(self, line: Json) -> None:
        os.makedirs(os.path.dirname(self.transcript), exist_ok=True)
        with open(self.transcript, "ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")

    def _ask(self, messages: Sequence[Json]) -> Json:
        """The model's answer; every refusal is tried again, as the client does."""
        body = {"model": MODEL, "max_tokens": 32_000, "messages": messages, "tools": [{"name": n} for n in REQUIRED]}
        problem = ""
        for attempt in range(ATTEMPTS):
            time.sleep(0.1 * attempt)
            try:
                status, answer = _post(body)
            except (OSError, http.client.HTTPException, msgspec.MsgspecError) as broken:
                problem = f"API Error: {broken}"
                continue
            if status == 200:
                return answer
            problem = f"API Error: {status} {answer.get('error', {}).get('message', '')}"
        raise ModelRefused(problem)


def _post(body: Json) -> tuple[int, Json]:
    address = urllib.parse.urlsplit(os.environ["ANTHROPIC_BASE_URL"])
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=600)
    headers = {"content-type": "application/json", "x-api-key": os.environ.get("ANTHROPIC_API_KEY", "")}
    try:
        connection.request("POST", "/v1/messages?beta=true", msgspec.json.encode(body), headers)
        answer = connection.getresponse()
        return answer.status, msgspec.json.decode(answer.read(), type=Json)
    finally:
        connection.close()


def _has_calls(message: Json) -> bool:
    return message["role"] == "assistant" and any(block["type"] == "tool_use" for block in message["content"])


def _with_defaults(call: Json) -> Json:
    """The call as the client reads it, with what the model may leave out."""
    return call | {"input": {"replace_all": False} | call["input"]} if call["name"] == "Edit" else call


def _result(call: Json, came: Came) -> Json:
    of_agent = call["name"] == "Agent" and not came.failed
    content = [{"type": "text", "text": came.text}] if of_agent else came.text
    return {"type": "tool_result", "tool_use_id": call["id"], "content": content, "is_error": came.failed}


def _refused(tool: str, answers: Sequence[Answer]) -> str | None:
    for answer in answers:
        if answer.refusal is not None:
            return answer.refusal if answer.asks else f"PreToolUse:{tool} hook error: {answer.refusal}"
    return None


def _batched(call: Json, result: Json) -> Json:
    response = {"tool_use_id": call["id"], "tool_response": result["content"]}
    return {"tool_name": call["name"], "tool_input": call["input"], **response}


def _blocking(label: str, answer: Answer) -> str:
    line = answer.hook.line.replace("\n", "␤")
    return f'{label} hook blocking error from command: "{line}": {answer.refusal}'


def _notes(label: str, answers: Sequence[Answer]) -> tuple[str, ...]:
    """What the model reads beside a tool's result."""
    refused = [_blocking(label, answer) for answer in answers if answer.refusal is not None]
    told = [f"{label} hook additional context: {answer.context}" for answer in answers if answer.context]
    return (*refused, *told)
