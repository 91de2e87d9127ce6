"""Whatever bytes reach a hook, it answers in a form the client obeys, and fails closed where a tool call was asked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.agents import claude_code
from phasegate.agents.interface import Reply, UnreadableCall
from phasegate.policy.calls import Inform, KeepGoing, Refuse, Silent, ToolAsked

EXAMPLES = 20_000 if os.environ.get("PHASEGATE_TIER") == "release" else 300
ENVIRONMENTS = ({"AI_AGENT": "claude-code_2-1-330_x"}, {})
ANSWERS = (Silent(), Inform("w"), Refuse("w", "rule"), KeepGoing("w"))
CORPUS = tuple(path.read_bytes() for path in sorted((Path(__file__).parents[1] / "agents/payloads").glob("*/*.json")))


def target(data: bytes) -> None:
    """Read `data` as a hook would and answer it in every way; raises for anything but what we promise."""
    for env in ENVIRONMENTS:
        try:
            call = claude_code.read(data, env)
        except UnreadableCall as failure:
            for first in (True, False):
                reply = claude_code.crashed(failure.moment, failure, env=env, first=first)
                well_formed(reply)
                assert reply.exit or failure.moment not in (None, "PreToolUse", "ConfigChange")
            continue
        for answer in ANSWERS if call else ():
            reply = claude_code.write(call, answer)
            well_formed(reply)
            assert not (isinstance(call, ToolAsked) and isinstance(answer, Refuse)) or reply.exit


def well_formed(reply: Reply) -> None:
    assert reply.exit in (0, 1, 2)
    assert not reply.stdout or isinstance(json.loads(reply.stdout), dict)
    assert reply.exit != 2 or (reply.stderr and not reply.stdout)
    assert reply.exit != 1 or reply.stdout
    reply.stderr.decode()


# --- ways to spoil a payload ------------------------------------------------------------------------------------------

Spoil = Callable[[bytes], bytes]

INTRUDERS = (
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\x00",
    b'"\\ud800"',
    b"1e999",
    b"-0",
    b"9" * 5000,
    b"NaN",
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b'"hook_event_name":"Stop",',
    b'"tool_input":null,',
    b'"tool_name":"Write",',
    b"\xef\xbb\xbf",
    b"// a comment\n",
)


def cut(at: int) -> Spoil:
    return lambda data: data[: at % (len(data) + 1)]


def flip(at: int, bit: int) -> Spoil:
    def spoil(data: bytes) -> bytes:
        changed = bytearray(data or b" ")
        changed[at % len(changed)] ^= 1 << bit
        return bytes(changed)

    return spoil


def intrude(at: int, intruder: bytes) -> Spoil:
    return lambda data: data[: at % (len(data) + 1)] + intruder + data[at % (len(data) + 1) :]


def retype(at: int, value: bytes) -> Spoil:
    """Put `value` in the place of the text of one member, from its colon to the end of its line."""

    def spoil(data: bytes) -> bytes:
        lines = data.split(b"\n")
        key, colon, old = lines[at % len(lines)].partition(b": ")
        lines[at % len(lines)] = key + colon + (value + b"," * old.endswith(b",") if colon else old)
        return b"\n".join(lines)

    return spoil


def repeat(at: int) -> Spoil:
    """Say one line, and so mostly one key, twice."""

    def spoil(data: bytes) -> bytes:
        lines = data.split(b"\n")
        return b"\n".join([*lines[: at % len(lines)], *lines[at % len(lines) :][:1] * 2, *lines[at % len(lines) + 1 :]])

    return spoil


places = st.integers(0, 5000)
other_values = st.sampled_from([b"null", b"5", b"[]", b"{}", b'""', b"true", b"9" * 400, b'"PreToolUse"', b'"\\u0000"'])
spoils: st.SearchStrategy[Spoil] = st.one_of(
    st.builds(cut, places),
    st.builds(flip, places, st.integers(0, 7)),
    st.builds(intrude, places, st.sampled_from(INTRUDERS)),
    st.builds(intrude, places, st.binary(max_size=8)),
    st.builds(retype, places, other_values),
    st.builds(repeat, places),
)


@given(st.sampled_from(CORPUS), st.lists(spoils, min_size=1, max_size=4))
@settings(max_examples=EXAMPLES, deadline=None)
def test_spoiled_payloads_are_answered(payload: bytes, ways: list[Spoil]) -> None:
    for spoil in ways:
        payload = spoil(payload)
    target(payload)


@given(st.binary(max_size=200))
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_bytes_are_answered(data: bytes) -> None:
    target(data)


@pytest.mark.parametrize("payload", CORPUS)
def test_payloads_cut_at_every_byte_are_answered(payload: bytes) -> None:
    step = 1 if EXAMPLES > 300 else 29
    for at in range(0, len(payload), step):
        target(payload[:at])
