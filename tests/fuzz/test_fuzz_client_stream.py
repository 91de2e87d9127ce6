"""Whatever a client prints, its reader comes to an ending that the ledger can hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.agents import claude_run
from phasegate.ledger.driving import ClientEnded, ClientEnding
from phasegate.ledger.schema import draft

EXAMPLES = 20_000 if os.environ.get("PHASEGATE_TIER") == "release" else 300
STREAMS = sorted((Path(__file__).parents[1] / "agents/data/stream").glob("*.jsonl"))
CORPUS = tuple(line for path in STREAMS for line in path.read_bytes().splitlines())

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KEYS = (
    "type", "subtype", "session_id", "message", "event", "rate_limit_info", "modelUsage", "total_cost_usd", "result",
    "errors", "is_error", "api_error", "api_error_status", "api_error_type", "error", "error_status", "usage",
)  # fmt: skip
TYPES = ("assistant", "result", "system", "stream_event", "rate_limit_event", "user")


def target(lines: list[bytes], exit_code: int) -> None:
    """Read `lines` as a client's; raises for anything but an ending within its bounds."""
    reader = claude_run.Reader()
    for line in lines:
        reader.hear(line)
    found = reader.ending(exit_code, errors="x")
    assert found.how in get_args(ClientEnding) and len(found.said) <= claude_run.LARGEST_SAID
    assert 0 <= found.cost_usd <= 1e9 and found.tokens.total >= 0 and found.until_ms >= 0
    draft(ClientEnded("d", "l", found.how, found.said, found.session, found.turns, found.cost_usd, found.tokens))


@settings(max_examples=EXAMPLES)
@given(st.lists(st.binary(max_size=200) | st.sampled_from(CORPUS), max_size=8), st.integers(-64, 255))
def test_any_bytes_come_to_an_ending(lines: list[bytes], exit_code: int) -> None:
    target(lines, exit_code)


@settings(max_examples=EXAMPLES if EXAMPLES > 300 else 60)  # to draw them takes longer than to read them
@given(
    st.lists(
        st.builds(
            lambda fields, kind: fields | {"type": kind},
            st.dictionaries(st.sampled_from(KEYS), json),
            st.sampled_from(TYPES),
        ),
        max_size=8,
    )
)
def test_any_fields_come_to_an_ending(lines: list[dict[str, object]]) -> None:
    import json as encoder

    target([encoder.dumps(line).encode() for line in lines], 1)


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(CORPUS), st.integers(0, 5000), st.binary(max_size=3))
def test_a_line_that_was_cut_or_bent_comes_to_an_ending(line: bytes, at: int, put: bytes) -> None:
    target([line[:at] + put + line[at + len(put) :], line], 0)
