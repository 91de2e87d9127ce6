"""Whatever bytes a coverage report holds, it is read or refused with a reason, and what is read adds up."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.collectors.coverage_formats.reading import UnreadableReport
from phasegate.collectors.coverage_formats.recognise import FORMATS, read
from phasegate.evidence.coverage import merge
from phasegate.evidence.metrics import NAMES

sys.path.insert(0, str(Path(__file__).parents[1] / "collectors"))

from coverage_samples import SAMPLES, SOURCE

EXAMPLES = 10_000 if os.environ.get("PHASEGATE_TIER") == "release" else 60
INTRUDERS = (
    b"\xff\xfe", b"\x00", b"\xed\xa0\x80", b'"\\ud800"', b"1e999", b"-1", b"9" * 5000, b"NaN", b"null", b"[" * 5000,
    b'{"a":' * 5000, b"<x>" * 5000, b"&lt;", b"&x;", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"<![CDATA[", b"<!--", b"\n",
    b"SF:../../etc/passwd\n", b"end_of_record\n", b"mode: set\n", b"src/a.ts", b"..", b"0", b"99999999999", b"\xc2\x85",
    b'<class filename="/"/>', b'<line number="1" hits="1"/>', b"DA:1,1\n", b"FN:1,\n", b'"statementMap"', b'"total"',
)  # fmt: skip
Change = tuple[int, int, bytes]
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for path in ("src/a.ts", "a.go", "one/src/shop/A.java"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(SOURCE)
    (root / "go.mod").write_text("module example.com/x\n")
    return root


def target(data: bytes, root: Path) -> None:
    """Read a report; raises for anything but what we promise."""
    try:
        seen = read(data, root=str(root))
    except UnreadableReport as failure:
        assert failure.message and failure.hint
        f"{failure.message}{failure.hint}".encode()
        return
    assert seen.files and all(not file.path.startswith(("/", "..")) for file in seen.files)
    for name in NAMES:
        total = seen.total(name)
        assert (total.counts is None) == bool(total.why)
        assert total.counts is None or 0 <= total.counts.covered <= total.counts.total
    assert merge([seen, seen]) == merge([seen])


def spoilt(data: bytes, changes: list[Change]) -> bytes:
    """`data` with pieces taken out and others put in."""
    for at, length, piece in changes:
        start = at % (len(data) + 1)
        data = data[:start] + piece + data[start + length :]
    return data


CHANGES = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 40), st.sampled_from(INTRUDERS) | st.binary(max_size=6)), max_size=4
)


@pytest.mark.parametrize("format", FORMATS)
def test_a_spoilt_report_is_read_or_refused(format: str, root: Path) -> None:
    @settings(max_examples=EXAMPLES)
    @given(CHANGES)
    def spoil(changes: list[Change]) -> None:
        target(spoilt(SAMPLES[format].encode(), changes), root)

    spoil()


@settings(max_examples=EXAMPLES)
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(data: bytes, root: Path) -> None:
    target(data, root)
