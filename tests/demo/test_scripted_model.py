"""The scripted model plays its script in order, to whoever holds its key, whoever asks and however often they die."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.entrypoints.demo.script import (
    ApiError,
    Body,
    Call,
    Request,
    Route,
    Script,
    Text,
    Turn,
    call,
    read_request,
    say,
    text_of,
)
from phasegate.entrypoints.demo.scripted_model import ScriptedModel, ScriptStalled, substitute

Json = dict[str, Any]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["text", "content", "type", "role", "name", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


def post(
    model: ScriptedModel, body: Json | bytes, *, key: str | None = None, path: str = "/v1/messages"
) -> tuple[int, bytes]:
    """Status and raw answer of one request."""
    host, port = model.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", path, raw, {"x-api-key": model.key if key is None else key})
    answer = connection.getresponse()
    return answer.status, answer.read()


def asking(text: str = "go", **fields: Any) -> Json:
    """A request of a main conversation, which is one with tools."""
    body = {"model": "m", "tools": [{"name": "Bash"}], "messages": [{"role": "user", "content": text}]}
    return body | fields


def told(model: ScriptedModel, body: Json) -> str:
    """The text that the model answers with."""
    status, raw = post(model, body)
    assert status == 200, raw
    return text_of(json.loads(raw)["content"])


def events_in(stream: bytes) -> list[Json]:
    return [json.loads(line[6:]) for line in stream.decode().splitlines() if line.startswith("data: ")]


def test_turns_are_played_in_order_and_then_the_final_words_for_ever() -> None:
    with ScriptedModel(Script(turns=(say("one"), say("two")), final="over")) as model:
        assert [told(model, asking()) for _ in range(4)] == ["one", "two", "over", "over"]
        assert [(request.kind, request.turn) for request in model.requests] == [
            ("main", 0),
            ("main", 1),
            ("main", -1),
            ("main", -1),
        ]


def test_many_clients_at_once_never_get_the_same_turn() -> None:
    turns = tuple(say(str(number)) for number in range(200))
    with ScriptedModel(Script(turns=turns)) as model, ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(lambda _: told(model, asking()), range(200)))
    assert answers == Counter(str(number) for number in range(200))


def test_a_streamed_answer_says_what_a_plain_one_says() -> None:
    turn = Turn(blocks=(Text("héllo"), Call("Write", {"file_path": "a", "content": 'x"\n'})), usage={"input_tokens": 7})
    with ScriptedModel(Script(turns=(turn, turn))) as model:
        plain = json.loads(post(model, asking())[1])
        events = events_in(post(model, asking(stream=True))[1])
    assert [event["type"] for event in events][:2] == ["message_start", "content_block_start"]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert deltas[0]["text"] == plain["content"][0]["text"] == "héllo"
    assert json.loads(deltas[1]["partial_json"]) == plain["content"][1]["input"]
    assert events[-2]["delta"]["stop_reason"] == plain["stop_reason"] == "tool_use"
    assert events[0]["message"]["usage"]["input_tokens"] == plain["usage"]["input_tokens"] == 7
    assert events[-1] == {"type": "message_stop"}


def test_a_story_may_answer_to_what_it_was_told() -> None:
    def reacts(request: Request) -> Turn:
        return say(f"refused={request.refused} failed={request.failed} said={request.tool_results[0].text}")

    result = {"type": "tool_result", "tool_use_id": "t", "is_error": True}
    refused = [{"role": "user", "content": [result | {"content": "PreToolUse:Write hook error: not now"}]}]
    failed = [{"role": "user", "content": [result | {"content": [{"type": "text", "text": "Exit code 1"}]}]}]
    with ScriptedModel(Script(turns=(reacts, reacts))) as model:
        first = told(model, asking(messages=[{"role": "assistant", "content": "x"}, *refused]))
        second = told(model, asking(messages=[*refused, {"role": "assistant", "content": "x"}, *failed]))
    assert first == "refused=True failed=True said=PreToolUse:Write hook error: not now"
    assert second == "refused=False failed=True said=Exit code 1"


def test_a_story_that_fails_is_an_error_to_the_client_and_a_problem_to_its_harness() -> None:
    def fails(request: Request) -> Turn:
        raise LookupError("lost the thread")

    with ScriptedModel(Script(turns=(fails, say("on")))) as model:
        status, raw = post(model, asking())
        assert (status, told(model, asking())) == (400, "on")
    assert "lost the thread" in json.loads(raw)["error"]["message"]
    assert model.problems == ["turn 0: LookupError: lost the thread"]


def test_a_route_answers_the_conversation_that_began_with_its_words() -> None:
    """The first user text decides, without what the client puts before it; used up, the main script goes on."""
    reminder = "<system-reminder>\nproject notes that say SUBTASK\n</system-reminder>\n"
    script = Script(turns=(say("main"), say("main again")), routes=(Route("SUBTASK", (say("sub"),)),))
    with ScriptedModel(script) as model:
        assert told(model, asking(reminder + "do it")) == "main"
        assert told(model, asking(reminder + "SUBTASK now")) == "sub"
        assert told(model, asking("SUBTASK now")) == "main again"
        assert [request.kind for request in model.requests] == ["main", "route", "main"]


def test_a_repeating_route_says_its_last_turn_for_ever() -> None:
    with ScriptedModel(Script(routes=(Route("ask", (say("1"), say("2")), repeat=True),))) as model:
        assert [told(model, asking("ask")) for _ in range(4)] == ["1", "2", "2", "2"]


def test_requests_beside_the_conversation_use_no_turn() -> None:
    """A title, a question with a schema, a compaction, a count."""
    schema = {
        "type": "object",
        "required": ["ok", "kind", "why"],
        "properties": {"ok": {"type": "boolean"}, "kind": {"enum": ["a", "b"]}, "why": {"type": "string"}},
    }
    with ScriptedModel(Script(turns=(say("first"),))) as model:
        assert told(model, asking(tools=[])) == "ok"
        answer = told(model, asking(tools=[], output_config={"format": {"type": "json_schema", "schema": schema}}))
        assert json.loads(answer) == {"ok": True, "kind": "a", "why": "ok"}
        assert "<summary>" in told(model, asking("Create a detailed summary of the conversation so far."))
        assert json.loads(post(model, asking(), path="/v1/messages/count_tokens")[1])["input_tokens"] > 0
        assert told(model, asking()) == "first"
        assert [request.kind for request in model.requests] == ["side", "side", "compaction", "count", "main"]


def test_variables_are_put_in_everywhere_and_unknown_ones_left_alone() -> None:
    turns = (call("Write", file_path="{{DIR}}/a", tags=["{{DIR}}", 1]), lambda request: say("{{DIR}} {{OTHER}}"))
    with ScriptedModel(Script(turns=turns), variables={"DIR": "/p"}) as model:
        wrote = json.loads(post(model, asking())[1])["content"][0]["input"]
        assert wrote == {"file_path": "/p/a", "tags": ["/p", 1]}
        assert told(model, asking()) == "/p {{OTHER}}"


@given(JSON_VALUES)
def test_substituting_nothing_changes_nothing(value: Any) -> None:
    assert substitute(value, {}) == value


def test_an_error_turn_is_the_error_the_api_would_send() -> None:
    with ScriptedModel(Script(turns=(Turn(error=ApiError(529, "overloaded_error", "busy")),))) as model:
        status, raw = post(model, asking(stream=True))
    assert status == 529
    assert json.loads(raw) == {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}


def test_a_turn_that_hangs_up_stops_in_the_middle() -> None:
    with ScriptedModel(Script(turns=(Turn(blocks=(Text("half"),), hang_up=True), say("next")))) as model:
        events = events_in(post(model, asking(stream=True))[1])
        assert events[0]["type"] == "message_start"
        assert events[-1]["type"] != "message_stop"
        assert told(model, asking()) == "next"


def test_a_client_that_dies_while_it_waits_is_no_problem() -> None:
    """Its turn is spent; whoever comes next gets the next one."""
    with ScriptedModel(Script(turns=(Turn(blocks=(Text("x" * 1_000_000),), delay=0.2), say("next")))) as model:
        host, port = model.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port))
        connection.request("POST", "/v1/messages", json.dumps(asking(stream=True)), {"x-api-key": model.key})
        model.wait_for_turn(0, timeout=10)
        connection.close()
        assert told(model, asking()) == "next"
    assert model.problems == []


@pytest.mark.parametrize("key", ["", "wrong", "ключ".encode().decode("latin-1")])
def test_without_its_key_the_model_says_and_records_nothing(key: str) -> None:
    with ScriptedModel(Script(turns=(say("secret"),))) as model:
        status, raw = post(model, asking(), key=key)
        assert (status, model.requests) == (401, ())
        assert b"secret" not in raw


def test_what_is_recorded_holds_no_credential() -> None:
    with ScriptedModel(Script()) as model:
        told(model, asking())
        assert model.key.encode() not in msgspec.json.encode(model.requests)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"messages": 1}', b'{"tools": ["x"]}', b"[" * 100_000, b'{"system":' + b"[" * 90_000],
)
def test_a_body_that_is_no_request_is_refused_and_uses_no_turn(body: bytes) -> None:
    with ScriptedModel(Script(turns=(say("first"),))) as model:
        assert post(model, body)[0] == 400
        assert told(model, asking()) == "first"
    assert model.problems == []


@pytest.mark.parametrize("length", ["-1", "many", str(10**15)])
def test_a_length_that_cannot_be_is_refused_unread(length: str) -> None:
    with ScriptedModel(Script()) as model:
        host, port = model.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        connection.putrequest("POST", "/v1/messages")
        connection.putheader("x-api-key", model.key)
        connection.putheader("content-length", length)
        connection.endheaders()
        assert connection.getresponse().status == 413


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "system": JSON_VALUES,
            "messages": st.lists(st.dictionaries(st.sampled_from(["role", "content"]), JSON_VALUES)),
        },
    )
)
def test_any_body_that_is_a_request_can_be_read(body: Json) -> None:
    read = read_request(msgspec.convert(body, Body))
    assert read.messages == len(body.get("messages", []))


def test_a_turn_can_be_waited_for() -> None:
    with ScriptedModel(Script(turns=(say("0"), say("1")))) as model:
        asker = threading.Thread(target=lambda: [told(model, asking(f"ask {number}")) for number in range(2)])
        asker.start()
        assert model.wait_for_turn(1, timeout=30).last_user == "ask 1"
        asker.join()


def test_a_turn_that_never_comes_is_a_failure_that_says_what_to_do() -> None:
    with ScriptedModel(Script()) as model, pytest.raises(ScriptStalled) as stalled:
        model.wait_for_turn(0, timeout=0.05)
    assert stalled.value.hint
