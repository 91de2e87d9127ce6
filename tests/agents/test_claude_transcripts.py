"""Transcripts of the real client are read in our words; any bytes are, and what was not read is counted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.agents.claude_transcripts import LAST, Caps, cost_of, find, read, slug, transcripts_home
from phasegate.agents.claude_transcripts import given as named
from phasegate.policy.secrets import find_secrets
from phasegate.report.lookback.claims import unproved
from phasegate.report.lookback.look import edited_tests
from phasegate.report.lookback.seen import Claim, Edit, Prompt, Ran, Secret, Session, Unread

SAMPLE = Path(__file__).parent / "transcripts"
ROOT = "/home/user/shop"


def scan(text: str) -> tuple[Secret, ...]:
    return tuple(Secret(found.rule, found.line, found.fingerprint) for found in find_secrets(text))


def reading(path: Path, caps: Caps = Caps()) -> tuple[Session, list[Unread]]:
    unread: list[Unread] = []
    (transcript,) = named(str(path), 0, caps, unread)
    return read(transcript, [ROOT], scan, caps, unread), unread


def line(**fields: Any) -> str:
    return json.dumps({"cwd": ROOT, "timestamp": "2026-11-01T10:00:00.000Z", **fields}) + "\n"


@pytest.fixture
def sample() -> Session:
    session, unread = reading(next(SAMPLE.glob("*.jsonl")))
    assert unread == []
    return session


def test_a_real_transcript_is_read_with_its_subagent(sample: Session) -> None:
    edits = [(event.path, event.whole) for event in sample.events if isinstance(event, Edit)]
    assert edits == [
        ("src/shop/__init__.py", True),
        ("src/shop/new.py", True),
        ("tests/test_price.py", True),
        ("sub.py", False),
    ]
    assert all(event.inside for event in sample.events if isinstance(event, Edit))
    commands = [(event.command, event.ended) for event in sample.events if isinstance(event, Ran)]
    assert commands == [("python -m pytest -q", "ok"), ("false # first", "failed"), ("cat nothing-here", "failed"),
                        ("sleep 0.1; echo hi", "ok"), ("ls", "ok")]  # fmt: skip
    assert [event.text for event in sample.events if isinstance(event, Claim)] == [
        "All tests pass. The work is done.",
        "Done.",
    ]
    assert [event.own for event in sample.events if isinstance(event, Prompt)].count(True) == 1
    assert sample.complete


def test_an_edit_has_the_file_before_and_after(sample: Session) -> None:
    edit = next(event for event in sample.events if isinstance(event, Edit) and event.path == "tests/test_price.py")
    assert "price(3) == 3" in edit.before and edit.after == edit.before.replace("== 3", ">= 0")


def test_its_cost_is_what_the_client_said(sample: Session) -> None:
    assert sample.cost.usd == pytest.approx(0.677952) and sample.cost.tokens_in > 160_000
    assert 0 < sample.cost.active < 60


def test_the_rules_find_what_was_planted_in_the_real_session(sample: Session) -> None:
    assert "All tests pass." in next(unproved(sample)).what
    (finding, item) = next(edited_tests(sample))
    assert item.kind == "weaker" and finding.at.file.endswith(".jsonl")


def test_a_place_names_a_line_that_holds_what_it_is_about(sample: Session) -> None:
    for event in sample.events:
        text = (SAMPLE / event.at.file).read_text().splitlines()[event.at.line - 1]
        shown = {Edit: lambda e: e.path, Ran: lambda e: json.dumps(e.command)[1:-1], Claim: lambda e: e.text}
        assert type(event) is Prompt or shown[type(event)](event) in text


def test_a_folder_is_named_as_the_client_names_it() -> None:
    assert slug("/tmp/w/lb_real/p/shop") == "-tmp-w-lb-real-p-shop"
    assert slug("/a b/ü.x") == "-a-b---x" and slug("/\U0001f600") == "---"


def test_the_directory_inside_decides_where_two_names_are_one(tmp_path: Path) -> None:
    folder = tmp_path / "-a-b"
    folder.mkdir()
    for name, where in (("one", "/a/b"), ("two", "/a-b"), ("three", "/a/b/sub")):
        (folder / f"{name}.jsonl").write_text(json.dumps({"type": "user", "cwd": where}) + "\n")
    found = find(str(tmp_path), ["/a/b"], 0, Caps(), [])
    assert sorted(os.path.basename(t.path) for t in found) == ["one.jsonl", "three.jsonl"]


def test_long_names_are_found_by_what_they_begin_with(tmp_path: Path) -> None:
    root = "/" + "x" * 300
    folder = tmp_path / (slug(root)[:200] + "-1a2b3c")
    folder.mkdir()
    (folder / "s.jsonl").write_text(json.dumps({"type": "user", "cwd": root}) + "\n")
    assert len(find(str(tmp_path), [root], 0, Caps(), [])) == 1


def test_no_transcripts_at_all_is_no_failure(tmp_path: Path) -> None:
    assert find(str(tmp_path / "none"), ["/a"], 0, Caps(), []) == []
    assert transcripts_home({"CLAUDE_CONFIG_DIR": "/c", "HOME": "/h"}) == "/c/projects"
    assert transcripts_home({"HOME": "/h"}) == "/h/.claude/projects"


def test_damaged_and_overlong_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    asked = line(type="user", message={"content": "hello"})
    path.write_text("{broken\n" + asked + '"a text"\n' + "x" * 5000 + "\n" + asked + "[[[[\n" + asked[:40])
    session, unread = reading(path, Caps(line=1000))
    assert len(session.events) == 2 and not session.complete
    assert [(item.count, item.why) for item in unread] == [(5, "damaged or too long")]
    assert session.events[1].at.line == 5


def test_what_is_too_long_is_cut_and_said(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(line(type="user", message={"content": "hello"}) * 20)
    session, unread = reading(path, Caps(lines=5))
    assert len(session.events) == 5 and not session.complete and "longer than 5 lines" in unread[0].why


def test_a_key_is_kept_by_rule_and_fingerprint_only(tmp_path: Path) -> None:
    secret = "AKIA" + "QWERTYUIOPASDFGH"[:16]
    path = tmp_path / "s.jsonl"
    path.write_text(line(type="user", message={"content": f"use {secret} please"}))
    session, _ = reading(path)
    assert [key.rule for key in session.keys] == ["aws-access-key-id"] and secret not in repr(session.keys)


def test_a_pause_and_the_time_until_a_prompt_are_idle(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    times = ("10:00:00", "10:00:20", "10:10:20", "10:10:30", "10:12:30")
    roles = ("user", "assistant", "assistant", "assistant", "user")
    path.write_text("".join(
        line(type=role, timestamp=f"2026-11-01T{time}Z", message={"content": [{"type": "text", "text": "x"}]})
        for time, role in zip(times, roles, strict=True)
    ))  # fmt: skip
    session, _ = reading(path)
    assert (session.cost.active, session.cost.idle) == (30.0, 720.0)


SESSION = "2527da7a-06e4-45ee-b63a-4adeb1694688"


def left(home: Path, *lines: str) -> float:
    """What a session cost whose transcript ends so."""
    (home / "-w-shop").mkdir()
    (home / "-w-shop" / f"{SESSION}.jsonl").write_text("".join(lines))
    return cost_of(str(home), SESSION)


def test_what_a_session_cost_is_what_its_transcript_says_last(tmp_path: Path) -> None:
    first, last = (line(type="cost-state", totalCostUSD=usd) for usd in (0.02, 0.5))
    assert left(tmp_path, first, line(type="user"), last, line(type="last-prompt")) == 0.5


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (line(type="assistant"),),
        ('{"type":"cost-state","totalCostUSD":NaN}\n',),
        (line(type="cost-state", totalCostUSD="much"),),
        (line(type="cost-state", totalCostUSD=-1),),
        (line(type="cost-state", totalCostUSD=2), line(type="user", text="x" * LAST)),
    ],
)
def test_a_transcript_that_names_no_cost_near_its_end_names_none(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert left(tmp_path, *lines) == 0.0


@pytest.mark.parametrize("session", ["", "*", f"../{SESSION}", f"{SESSION}/../x", SESSION.replace("a", "0")])
def test_a_session_without_a_transcript_names_no_cost(tmp_path: Path, session: str) -> None:
    assert left(tmp_path, line(type="cost-state", totalCostUSD=0.5)) == 0.5
    assert cost_of(str(tmp_path), session) == 0.0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3), max_leaves=8,
)  # fmt: skip
KINDS = st.sampled_from(["user", "assistant", "attachment", "cost-state", "x"])
BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "tool_result", "x"])},
    optional={name: json_values | st.sampled_from(["Edit", "Write", "Bash", "t1", "pytest"])
              for name in ("text", "name", "id", "input", "tool_use_id", "content", "is_error")},
)  # fmt: skip
MESSAGE = st.fixed_dictionaries(
    {}, optional={"content": st.lists(BLOCK, max_size=4) | json_values, "usage": json_values, "id": json_values}
)
RECORD = st.fixed_dictionaries(
    {"type": KINDS},
    optional={"message": MESSAGE,
              "timestamp": json_values | st.just("2026-11-01T10:00:00Z"), "toolUseResult": json_values,
              "origin": json_values,
              "totalCostUSD": json_values, "attachment": json_values},
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORD.map(lambda r: json.dumps(r).encode()) | st.binary(max_size=80), max_size=12))
def test_any_lines_are_read(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("any") / "s.jsonl"
    path.write_bytes(b"\n".join(lines))
    session, _ = reading(path)
    list(unproved(session)), list(edited_tests(session))
