"""The reader of the reporter's frames notices whatever is missing, doubled, moved or not ours."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from phasegate.collectors.pytest_frames import read_frames

NONCE = "5f"


def line(seq: int, kind: str, nonce: str = NONCE, **fields: object) -> bytes:
    return msgspec.json.encode({"kind": kind, "nonce": nonce, "seq": seq, **fields}) + b"\n"


LINES = [
    line(0, "start", pytest="9", python="3.11", rootdir="/"),
    line(1, "inventory", ids=["a"]),
    line(2, "enter", id="a"),
    line(3, "report", id="a", when="call", outcome="passed"),
    line(4, "report", id="a", when="teardown", outcome="passed"),
    line(5, "end", exit_code=0, deselected=0),
]


def test_an_untouched_report_is_read_whole() -> None:
    read = read_frames(b"".join(LINES), NONCE)
    assert (read.problem, len(read.frames), read.inventory, read.entered) == ("", 6, ("a",), ("a",))
    assert read.start is not None and read.end is not None


@given(st.integers(0, 4))
def test_a_missing_line_is_noticed(at: int) -> None:
    assert read_frames(b"".join(LINES[:at] + LINES[at + 1 :]), NONCE).problem


@given(st.integers(0, 5), st.integers(0, 6))
def test_a_doubled_line_is_noticed(which: int, to: int) -> None:
    assert read_frames(b"".join([*LINES[:to], LINES[which], *LINES[to:]]), NONCE).problem


@given(st.permutations(LINES).filter(lambda lines: lines != LINES))
def test_any_other_order_is_noticed(lines: list[bytes]) -> None:
    assert read_frames(b"".join(lines), NONCE).problem


def test_a_line_with_another_nonce_is_noticed() -> None:
    forged = line(5, "report", nonce="00", id="a", when="call", outcome="passed")
    read = read_frames(b"".join(LINES[:5]) + forged, NONCE)
    assert read.problem == "line 6 of the report was not written by our reporter" and read.end is None


def test_nothing_comes_after_the_end() -> None:
    late = line(6, "report", id="a", when="call", outcome="passed")
    assert read_frames(b"".join(LINES) + late, NONCE).problem == "line 7 of the report comes after the end"


def test_a_line_cut_short_is_no_frame() -> None:
    read = read_frames(b"".join(LINES)[:-3], NONCE)
    assert read.problem == "" and read.end is None


@given(st.binary(max_size=200))
def test_other_bytes_are_never_a_traceback(content: bytes) -> None:
    read = read_frames(content, NONCE)
    assert read.problem or not read.frames


@given(st.integers(0, 5), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_fields_of_another_type_are_noticed(at: int, value: object) -> None:
    wrong = msgspec.json.encode({**msgspec.json.decode(LINES[at]), "seq": [value]}) + b"\n"
    assert read_frames(b"".join([*LINES[:at], wrong, *LINES[at + 1 :]]), NONCE).problem


def test_deep_nesting_is_never_a_traceback() -> None:
    assert read_frames(b"[" * 100_000 + b"\n", NONCE).problem
    assert read_frames(LINES[0][:-2] + b',"x":' + b"[" * 100_000 + b"\n", NONCE).problem
