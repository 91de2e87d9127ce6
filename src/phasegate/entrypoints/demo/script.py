"""What a scripted model is to say: turns, which may look at what the client just told it, and routes for subagents."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

REFUSED = re.compile(r"PreToolUse:\S+ hook error: ")
REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)


class Text(msgspec.Struct, frozen=True):
    """The model speaks."""

    text: str


class Call(msgspec.Struct, frozen=True):
    """The model calls a tool of its client."""

    tool: str
    input: dict[str, Any]


class ApiError(msgspec.Struct, frozen=True):
    """The API refuses: HTTP status, type and message of the error, more headers. Clients try 429 and 5xx again."""

    status: int = 400
    type: str = "invalid_request_error"
    message: str = "scripted error"
    headers: dict[str, str] = {}


class Turn(msgspec.Struct, frozen=True):
    """One answer of the model: blocks, or an error, or the line dropped half way.

    `delay` in seconds comes first; for `silence` seconds in the middle of the stream nothing is said at all.
    """

    blocks: tuple[Text | Call, ...] = ()
    usage: dict[str, int] = {}
    delay: float = 0.0
    silence: float = 0.0
    error: ApiError | None = None
    hang_up: bool = False

    @property
    def stop_reason(self) -> str:
        return "tool_use" if any(isinstance(block, Call) for block in self.blocks) else "end_turn"


class ToolResult(msgspec.Struct, frozen=True):
    """What the client says came of a call."""

    call: str
    text: str
    is_error: bool


class Request(msgspec.Struct, frozen=True):
    """One request as a script may look at it; headers are left out, so a credential is never kept.

    `kind` is `main`, `route`, `side`, `compaction` or `count`; `turn` counts from 0 within the main script or its
    route, and is -1 where no turn of a script was used. `news` is all text since the model last spoke: tool results,
    what hooks said, reminders.
    """

    kind: str
    turn: int
    model: str
    system: str
    first_user: str
    last_user: str
    news: str
    tool_results: tuple[ToolResult, ...]
    tools: tuple[str, ...]
    messages: int

    @property
    def failed(self) -> bool:
        """Whether any call of the last answer came back as an error, by its own fault or a hook's."""
        return any(result.is_error for result in self.tool_results)

    @property
    def refused(self) -> bool:
        """Whether a hook refused any call of the last answer."""
        return any(result.is_error and REFUSED.match(result.text) for result in self.tool_results)


Step = Turn | Callable[[Request], Turn]
"""A turn, or a question to the story: what do you answer to this?"""


class Route(msgspec.Struct, frozen=True):
    """Turns of another conversation, known by its first user text: a subagent, a prompt hook."""

    match: str
    turns: tuple[Step, ...]
    repeat: bool = False


class Script(msgspec.Struct, frozen=True):
    """All the model will say; `final` once the turns are used up."""

    turns: tuple[Step, ...] = ()
    routes: tuple[Route, ...] = ()
    final: str = "Done."


def say(text: str, **options: Any) -> Turn:
    """A turn that only speaks, and so tries to end the client's turn."""
    return Turn(blocks=(Text(text),), **options)


def call(tool: str, /, **input: Any) -> Turn:
    """A turn that calls one tool."""
    return Turn(blocks=(Call(tool, input),))


# --- reading a request ------------------------------------------------------------------------------------------------


class Body(msgspec.Struct, frozen=True):
    """A request to the Messages API, as far as a script cares."""

    model: str = ""
    system: Any = None
    messages: list[dict[str, Any]] = []
    tools: list[dict[str, Any]] = []
    stream: bool = False
    output_config: dict[str, Any] = {}
    output_format: dict[str, Any] = {}


def text_of(content: Any, depth: int = 4) -> str:
    """All text of a `content` or `system` value of the Messages API, one block a line; what nests deeper is dropped."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not depth:
        return ""
    blocks = [block for block in content if isinstance(block, dict)]
    return "\n".join(text_of(block.get("text") or block.get("content"), depth - 1) for block in blocks)


def _since_the_model_spoke(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    spoken = [at for at, message in enumerate(messages) if message.get("role") == "assistant"]
    return messages[spoken[-1] + 1 :] if spoken else messages


def _tool_results(messages: list[dict[str, Any]]) -> tuple[ToolResult, ...]:
    blocks = [block for message in messages if isinstance(message.get("content"), list) for block in message["content"]]
    return tuple(
        ToolResult(str(block.get("tool_use_id")), text_of(block.get("content")), bool(block.get("is_error")))
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "tool_result"
    )


def read_request(body: Body, kind: str = "", turn: int = -1) -> Request:
    """What a script may know of a request body."""
    users = [text_of(message.get("content")) for message in body.messages if message.get("role") == "user"]
    plain = [REMINDER.sub("", text).strip() for text in users] or [""]
    news = _since_the_model_spoke(body.messages)
    return Request(
        kind=kind,
        turn=turn,
        model=body.model,
        system=text_of(body.system),
        first_user=plain[0],
        last_user=plain[-1],
        news="\n".join(text_of(message.get("content")) for message in news),
        tool_results=_tool_results(news),
        tools=tuple(str(tool.get("name")) for tool in body.tools),
        messages=len(body.messages),
    )
