"""Whatever a test file says or a reporter seems to have written, its readers come to an end, and never to a pass."""

from __future__ import annotations

import os
from typing import get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.collectors import js_frames
from phasegate.collectors.js_frames import LANGUAGE, Thrown
from phasegate.collectors.js_outcomes import as_test_run
from phasegate.collectors.js_project import Package, call_of
from phasegate.collectors.js_seen import Seen
from phasegate.collectors.js_source import Source
from phasegate.collectors.js_why_red import Ours, Red, cause_of
from phasegate.collectors.process import Ended
from phasegate.evidence.tests import Cause

EXAMPLES = 20_000 if os.environ.get("PHASEGATE_TIER") == "release" else 300
NONCE = "5f"
OURS = Ours("/nowhere", ("/nowhere/src",), frozenset({"shop"}))
WORDS = st.sampled_from(
    "import from require const { } , ( ) ' \" ./a ../src/shop = new it.only beforeEach( \n is not a function TS2305: "
    "Cannot find module Snapshot mismatched $ \\ [ ] /x:1:2 \ud800 \x00".split(" ")
)
TEXT = st.text(max_size=40) | st.lists(WORDS, max_size=20).map(" ".join)
THROWN = st.builds(
    Thrown,
    name=TEXT,
    message=TEXT,
    code=TEXT,
    asserted=st.booleans(),
    frames=st.lists(st.tuples(TEXT, st.integers()), max_size=3).map(tuple),
)
KINDS = ("start", "plan", "load", "inventory", "enter", "result", "finish", "trouble", "end")
NAMES = "tool version node root count file tests project key titles outcome errors ok passed failed".split()
LISTED = st.fixed_dictionaries({"key": st.sampled_from(["a", "b"]), "titles": st.lists(st.just("t"))})
VALUES = st.sampled_from([None, True, -1, 0, 1, 3, "passed", "failed", "unrun", "a", "b.test.js", "\x00"])
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES | st.lists(LISTED, max_size=2))


@settings(max_examples=EXAMPLES)
@given(TEXT, st.integers(-1, 50), TEXT)
def test_any_text_is_read_as_a_test_file(text: str, line: int, name: str) -> None:
    source = Source(text)
    assert isinstance(source.focuses, bool) and isinstance(source.in_hook(line), bool)
    assert all(each.specifier for each in source.imports)
    source.made_by(name)
    call_of(Package(scripts={"test": text}), name)


@settings(max_examples=EXAMPLES)
@given(THROWN, TEXT, st.booleans())
def test_whatever_was_thrown_has_one_cause(thrown: Thrown, text: str, loading: bool) -> None:
    assert cause_of(Red(thrown, "a.test.js", lambda file: Source(text), loading=loading), OURS) in get_args(Cause)


@settings(max_examples=EXAMPLES)
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), FIELDS), max_size=12),
    st.binary(max_size=30),
    st.sampled_from([0, 1, -9]),
)
def test_frames_that_do_not_add_up_are_no_pass(frames: list[tuple[str, object]], rest: bytes, code: int) -> None:
    lines = [
        msgspec.json.encode({**dict(fields), "kind": kind, "nonce": NONCE, "seq": at})  # type: ignore[call-overload]
        for at, (kind, fields) in enumerate(frames)
    ]
    read = LANGUAGE.read(b"\n".join([*lines, rest]), NONCE)
    run = as_test_run(Seen("jest", ("jest",), "/nowhere", read, Ended(code, b"", False), 1.0), OURS)
    ends = [frame for frame in read.frames if isinstance(frame, js_frames.End)]
    assert not run.all_green or (code == 0 and not read.problem and ends and ends[-1].ok is not None)
    assert len({result.id for result in run.results}) == len(run.results)


def test_a_text_of_one_word_is_read_quickly() -> None:
    for word in ("import ", "const a:", "const {", "from 'a' ", "x = ", " from '"):
        source = Source(word * ((1 << 20) // len(word)))
        assert source.in_hook(1) is False
        assert len(source.imports) >= 0 and source.made_by("x") == () and not source.focuses
