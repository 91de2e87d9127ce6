"""The model of the demo: a Messages API on loopback that plays a script, so that no client needs a key or a network."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self, assert_never

import msgspec

from phasegate.entrypoints.demo.script import (
    ApiError,
    Body,
    Call,
    Request,
    Route,
    Script,
    Step,
    Text,
    Turn,
    read_request,
    say,
)
from phasegate.errors import Failure

LARGEST_REQUEST = 64 * 1024 * 1024
"""Bytes; a conversation that filled a million tokens is an eighth of this."""
COMPACTION = re.compile(
    r"(detailed|concise|thorough)\s+summary of (the|this|our) conversation"
    r"|summar\w+ (of )?the (recent )?portion of the conversation",
    re.IGNORECASE,
)
VARIABLE = re.compile(r"\{\{(\w+)\}\}")


class ScriptStalled(Failure):
    """The client did not come as far in the script as its harness waited for."""

    code: ClassVar[str] = "script-stalled"


# --- playing the script -----------------------------------------------------------------------------------------------


def _fill(schema: Any) -> Any:
    """The least value that fits a JSON schema, for side requests that demand one."""
    if not isinstance(schema, dict):
        return "ok"
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("anyOf"):
        return _fill(schema["anyOf"][0])
    if "properties" in schema:
        properties = schema["properties"]
        return {name: _fill(properties.get(name)) for name in schema.get("required") or properties}
    return {"object": {}, "boolean": True, "integer": 1, "number": 1, "array": []}.get(str(schema.get("type")), "ok")


def _aside(body: Body) -> Turn:
    """The answer to a request without tools: a title, a probe, a prompt hook nobody scripted."""
    form = body.output_config.get("format") or body.output_format
    return say(json.dumps(_fill(form["schema"])) if form.get("schema") else "ok")


def substitute(value: Any, variables: Mapping[str, str]) -> Any:
    """`value` with every `{{NAME}}` in its strings replaced; unknown names stay as they are."""
    match value:
        case str():
            return VARIABLE.sub(lambda name: variables.get(name[1], name[0]), value)
        case list():
            return [substitute(item, variables) for item in value]
        case dict():
            return {key: substitute(item, variables) for key, item in value.items()}
        case _:
            return value


class Position:
    """How far each part of a script has been played; outlives the clients that play it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._main = 0
        self._routes = [0] * len(script.routes)

    def next(self, body: Body, request: Request) -> tuple[str, int, Step]:
        """Kind, turn number and answer for `request`; the caller holds the lock."""
        if COMPACTION.search(request.last_user):
            return ("compaction", -1, say("<summary>\nScripted summary of the conversation.\n</summary>"))
        for number, route in enumerate(self._script.routes):
            if re.search(route.match, request.first_user, re.DOTALL) and (found := self._along(number, route)):
                return found
        if not request.tools:
            return "side", -1, _aside(body)
        if self._main == len(self._script.turns):
            return "main", -1, say(self._script.final)
        self._main += 1
        return "main", self._main - 1, self._script.turns[self._main - 1]

    def _along(self, number: int, route: Route) -> tuple[str, int, Step] | None:
        if self._routes[number] < len(route.turns):
            self._routes[number] += 1
        elif not (route.repeat and route.turns):
            return None
        return "route", self._routes[number] - 1, route.turns[self._routes[number] - 1]


class ScriptedModel:
    """Plays `script` on loopback to whoever holds `key`: `with ScriptedModel(script) as model: ... model.url`.

    `requests` is what was asked so far, oldest first; `problems` what went wrong in the story itself.
    """

    def __init__(self, script: Script, *, variables: Mapping[str, str] | None = None) -> None:
        self.key = secrets.token_urlsafe(16)
        self.problems: list[str] = []
        self._variables = dict(variables or {})
        self._position = Position(script)
        self._requests: list[Request] = []
        self._changed = threading.Condition()
        self._gone = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> tuple[Request, ...]:
        with self._changed:
            return tuple(self._requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._gone.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for_turn(self, number: int, *, timeout: float = 60.0) -> Request:
        """Wait until turn `number` of the main script was asked for, so all tools of earlier turns have run."""
        return self.wait_until(lambda request: request.kind == "main" and request.turn >= number, timeout=timeout)

    def wait_until(self, wanted: Callable[[Request], bool], *, timeout: float = 60.0) -> Request:
        """Wait for the first request that is `wanted`, past ones included; seconds."""

        def found() -> Request | None:
            return next((request for request in self._requests if wanted(request)), None)

        with self._changed:
            request = self._changed.wait_for(found, timeout)
        if request is None:
            raise ScriptStalled(
                f"The client did not reach the awaited turn within {timeout:g} s.",
                hint="See the client's output: it may have ended, or wait for a tool that never returns.",
            )
        return request

    def answer(self, body: Body) -> Turn:
        """The turn for one `/v1/messages` body, recorded; a story that fails becomes an error the client shows."""
        seen = read_request(body)
        with self._changed:
            kind, number, step = self._position.next(body, seen)
            request = msgspec.structs.replace(seen, kind=kind, turn=number)
            self._record(request)
        return self._resolve(step, request)

    def pause(self, seconds: float) -> None:
        """Say nothing for so long, or until the model is gone."""
        self._gone.wait(seconds)

    def count(self, body: Body) -> None:
        """Record a request to count tokens."""
        with self._changed:
            self._record(read_request(body, "count"))

    def _record(self, request: Request) -> None:
        self._requests.append(request)
        self._changed.notify_all()

    def _resolve(self, step: Step, request: Request) -> Turn:
        try:
            turn = step if isinstance(step, Turn) else step(request)
        except Exception as problem:
            self.problems.append(f"turn {request.turn}: {type(problem).__name__}: {problem}")
            return Turn(error=ApiError(message=f"the script failed: {problem}"))
        blocks = tuple(self._substituted(block) for block in turn.blocks)
        return msgspec.structs.replace(turn, blocks=blocks)

    def _substituted(self, block: Text | Call) -> Text | Call:
        match block:
            case Text(text):
                return Text(substitute(text, self._variables))
            case Call(tool, input):
                return Call(tool, substitute(input, self._variables))
            case _:
                assert_never(block)


# --- the wire ---------------------------------------------------------------------------------------------------------


def _wire_block(block: Text | Call) -> dict[str, Any]:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    return {"type": "tool_use", "id": f"toolu_{secrets.token_hex(12)}", "name": block.tool, "input": block.input}


def message_for(turn: Turn, *, model: str, size: int) -> dict[str, Any]:
    """`turn` as a message of the Messages API; `size`, the request's bytes, stands in for its tokens."""
    content = [_wire_block(block) for block in turn.blocks]
    usage = {
        "input_tokens": size // 4,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": max(1, len(json.dumps(content)) // 4),
    }
    return {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": turn.stop_reason,
        "stop_sequence": None,
        "usage": usage | turn.usage,
    }


def stream_events(message: dict[str, Any]) -> list[dict[str, Any]]:
    """`message` as the server-sent events of a streamed answer."""
    usage = message["usage"]
    start = message | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(message["content"]):
        if block["type"] == "tool_use":
            shell, delta = (
                block | {"input": {}},
                {"type": "input_json_delta", "partial_json": json.dumps(block["input"])},
            )
        else:
            shell, delta = ({"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]})
        events.append({"type": "content_block_start", "index": index, "content_block": shell})
        events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": end, "usage": usage}, {"type": "message_stop"}]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, model: ScriptedModel) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that dies while it is answered is what the demo is about, not an error."""
        problem = sys.exc_info()[1]
        if not isinstance(problem, (ConnectionError, TimeoutError)):
            self.model.problems.append(f"{type(problem).__name__}: {problem}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on stderr."""

    def do_HEAD(self) -> None:
        self._answer(200, None)

    def do_GET(self) -> None:
        self._refuse(ApiError(404, "not_found_error", "not scripted"))

    def do_POST(self) -> None:
        raw = self._body()
        if raw is None:
            return
        try:
            body = msgspec.json.decode(raw, type=Body)
        except (msgspec.MsgspecError, RecursionError) as problem:
            self._refuse(ApiError(message=f"not a request to the Messages API: {problem}"))
            return
        match self.path.split("?")[0]:
            case "/v1/messages":
                self._play(body, len(raw))
            case "/v1/messages/count_tokens":
                self.server.model.count(body)
                self._answer(200, {"input_tokens": len(raw) // 4})
            case _:
                self._refuse(ApiError(404, "not_found_error", "not scripted"))

    def _body(self) -> bytes | None:
        """The request's body, or None when it was refused: without the key, or too large."""
        key = self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            self._refuse(ApiError(413, "request_too_large", "no length, or too large"))
            return None
        raw = self.rfile.read(int(length))
        if not hmac.compare_digest(key.encode(), self.server.model.key.encode()):
            self._refuse(ApiError(401, "authentication_error", "not the key of this scripted model"))
            return None
        return raw

    def _play(self, body: Body, size: int) -> None:
        turn = self.server.model.answer(body)
        if turn.delay:
            self.server.model.pause(turn.delay)
        if turn.error:
            self._refuse(turn.error)
            return
        message = message_for(turn, model=body.model, size=size)
        if body.stream:
            self._stream(message, turn)
        elif turn.hang_up:
            self.close_connection = True
        else:
            self._answer(200, message)

    def _stream(self, message: dict[str, Any], turn: Turn) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("connection", "close")
        self.end_headers()
        events = stream_events(message)
        half = len(events) // 2
        self._send(events[:half])
        if turn.silence:
            self.server.model.pause(turn.silence)
        if not turn.hang_up:
            self._send(events[half:])

    def _send(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def _refuse(self, error: ApiError) -> None:
        said = {"type": "error", "error": {"type": error.type, "message": error.message}}
        self._answer(error.status, said, error.headers)

    def _answer(self, status: int, value: dict[str, Any] | None, headers: Mapping[str, str] | None = None) -> None:
        content = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)
