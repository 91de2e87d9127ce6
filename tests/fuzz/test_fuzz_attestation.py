"""Whatever a bundle, an exported ledger or a key holds is refused with a reason; only what we wrote passes."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.attestation import anchors, bundle, checking, export, keys
from phasegate.errors import Failure
from tests.attestation.sample import LEDGER, PUBLIC, ledger, made

EXAMPLES = 10_000 if os.environ.get("PHASEGATE_TIER") == "release" else 80
SAMPLES = (made(), made(signed=False), ledger(), PUBLIC.pem.encode())
INTRUDERS = (
    b"\xff\xfe", b"\x00", b'"\\ud800"', b"1e999", b"-1", b"9" * 5000, b"NaN", b"null", b"[" * 5000, b'{"a":' * 5000,
    b"\n", b"\r\n", b"</script>", b'"signatures":[]', b'"position":0', b'"artifacts":99999999999', b"=" * 9, b"{}",
    b'{"format":"phasegate-bundle-1","digest":""}\n', b'{"format":"phasegate-ledger-1"}', b"-----BEGIN PUBLIC KEY-----",
)  # fmt: skip
Change = tuple[int, int, bytes]
pytestmark = pytest.mark.timeout(1800)


def target(data: bytes) -> None:
    """Read it as everything; raises for anything but a failure of ours, and for a pass of what we did not write."""
    for read in (_bundle, _export, keys.public_key):
        try:
            read(data)
        except Failure as failure:
            assert failure.message and failure.hint
            f"{failure.message}{failure.hint}".encode()
        else:
            assert data in SAMPLES or read is keys.public_key


def _bundle(data: bytes) -> None:
    verdicts = checking.check(bundle.read(data), PUBLIC)
    assert data in SAMPLES or not all(verdict.passes for verdict in verdicts)


def _export(data: bytes) -> None:
    verdict = anchors.judged(export.read(data), [], ledger=LEDGER)
    assert data in SAMPLES or not verdict.passes


def spoilt(data: bytes, changes: list[Change]) -> bytes:
    """`data` with pieces taken out and others put in."""
    for at, length, put in changes:
        place = at % (len(data) + 1)
        data = data[:place] + put + data[place + length :]
    return data


CHANGES = st.lists(
    st.tuples(st.integers(0, 20_000), st.integers(0, 60), st.sampled_from(INTRUDERS) | st.binary(max_size=20)),
    max_size=4,
)


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(SAMPLES), CHANGES)
def test_a_spoilt_one_is_refused(sample: bytes, changes: list[Change]) -> None:
    target(spoilt(sample, changes))


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=2000) | st.sampled_from(INTRUDERS))
def test_any_bytes_are_refused(data: bytes) -> None:
    target(data)


@pytest.mark.parametrize("deep", [b"[", b'{"a":', b'"'])
def test_nesting_without_end_is_refused(deep: bytes) -> None:
    target(deep * 200_000)
