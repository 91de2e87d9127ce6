"""Any text and any listing of git's is read without a crash and without a hang."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.policy import secret_contexts, secret_tokens
from phasegate.policy.scan import secrets_in
from phasegate.policy.secrets import find_secrets, redact, redact_bytes
from phasegate.workspace import blobs
from tests.policy.secret_samples import SAMPLES, sample

EXAMPLES = 20_000 if os.environ.get("PHASEGATE_TIER") == "release" else 150
KEYWORDS = sorted({word for rule in (*secret_tokens.TOKENS, *secret_contexts.CONTEXTS) for word in rule.keywords})
SECRETS = st.builds(lambda n, seed: sample(n, seed)[1], st.integers(0, len(SAMPLES) - 1), st.integers(0, 9))
SHARDS = st.one_of(
    st.sampled_from(KEYWORDS), SECRETS, st.text(max_size=12), st.text("aB3/+=-_.:\"'` \n\0@", max_size=60),
    st.sampled_from(["[redacted:", "\u202e", "\ud800"]),
    st.sampled_from(["-----BEGIN ", "-----END ", " = ", "://a:", "\x00", "é", "\u0130"]),
)  # fmt: skip
TEXTS = st.lists(SHARDS, max_size=14).map("".join)


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS, st.integers(1, 200))
@pytest.mark.timeout(3600 if EXAMPLES > 1000 else 60)
def test_any_text_is_read_and_settles(text: str, times: int) -> None:
    long = text * times
    clean, found = redact(long)
    assert find_secrets(clean) == () and bool(found) == bool(find_secrets(long))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_and_told_without_control_characters(data: bytes) -> None:
    redact_bytes(data)
    for found in secrets_in("a", data):
        assert found.line > 0 and found.column > 0


TOKENS = st.one_of(
    st.binary(max_size=30).filter(lambda token: b"\0" not in token),
    st.just(b":100644 100644 " + b"a" * 40 + b" " + b"b" * 40 + b" M"),
    st.just(b"::100644 100644 100644 " + b"a" * 40 + b" " + b"b" * 40 + b" " + b"c" * 40 + b" MM"),
    st.just(b":000000 160000 " + b"0" * 40 + b" " + b"b" * 40 + b" A"),
    st.just(b":" * 40 + b"100644 " * 50),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(TOKENS, max_size=12))
def test_any_listing_is_split_as_git_meant_it(tokens: list[bytes]) -> None:
    whole = b"\0".join([*tokens, b""])
    assert list(blobs._tokens(io.BytesIO(whole))) == tokens
    for token in tokens:
        entry = blobs._ENTRY.match(token)
        blob = blobs._blob(entry, b"path", "") if entry else None
        assert blob is None or (len(blob.id) == 40 and blob.path == "path")
