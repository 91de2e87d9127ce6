"""Only an Ed25519 key without a passphrase, of the size of a key, is one; everything else is told apart by why not."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from phasegate.attestation.keys import LARGEST_KEY, NoKey, private_key, public_key

KEY, CURVE = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())


def private(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, word: bytes = b"") -> bytes:
    locked = form.BestAvailableEncryption(word) if word else form.NoEncryption()
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked)


def public(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)


def test_both_halves_of_a_key_name_the_same_public_one() -> None:
    assert public_key(public(KEY)).id == public_key(private(KEY)).id
    assert private_key(private(KEY)).private_bytes_raw() == KEY.private_bytes_raw()


def test_anything_else_is_no_public_key() -> None:
    for pem, why in (
        (public(CURVE), "no Ed25519 key"), (private(CURVE), "no private Ed25519 key"), (b"", "no key in PEM"),
        (private(KEY, b"word"), "locked by a passphrase"), (public(KEY)[:60], "no key in PEM"),
        (b"PRIVATE KEY", "no key in PEM"),
    ):  # fmt: skip
        with pytest.raises(NoKey, match=why):
            public_key(pem)


def test_anything_else_is_no_private_key() -> None:
    for pem, why in (
        (public(KEY), "no private Ed25519 key"), (private(CURVE), "no private Ed25519 key"), (b"x", "no key in PEM"),
        (private(KEY, b"word"), "locked by a passphrase"),
    ):  # fmt: skip
        with pytest.raises(NoKey, match=why):
            private_key(pem)


def test_a_file_may_be_as_large_as_the_limit_and_no_larger() -> None:
    padded = public(KEY) + b"\n" * (LARGEST_KEY - len(public(KEY)))
    assert public_key(padded).id == public_key(public(KEY)).id
    with pytest.raises(NoKey, match="too large"):
        public_key(padded + b"\n")
