"""The envelope is DSSE's: by its published vector, and as another implementation reads and signs it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.signer import CryptoSigner, SSlibKey

from phasegate.attestation import envelope, keys
from phasegate.attestation.envelope import PAYLOAD_TYPE, Envelope, Signature, from_base64, pae, sealed, to_base64
from phasegate.attestation.statement import PREDICATE, Verification, encoded
from tests.attestation.sample import KEY, OTHER, PUBLIC, statement

BODY = encoded(statement()[0])
VECTOR = {
    "payload": "aGVsbG8gd29ybGQ=",
    "payloadType": "http://example.com/HelloWorld",
    "sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==",
    "x": 46950820868899156662930047687818585632848591499744589407958293238635476079160,
    "y": 5640078356564379163099075877009565129882514886557779369047442380624545832820,
}
"""Of protocol.md, "Test Vectors": ECDSA on P-256 with SHA-256."""


def signed() -> Envelope:
    return sealed(BODY, (PUBLIC.signature(KEY.sign(pae(PAYLOAD_TYPE, BODY)), pae(PAYLOAD_TYPE, BODY)),))


def theirs(public: keys.PublicKey) -> SSlibKey:
    return SSlibKey(public.id, "ed25519", "ed25519", {"public": public.raw.hex()})


def test_the_published_vector_holds() -> None:
    found = Envelope(VECTOR["payload"], VECTOR["payloadType"], (Signature("", VECTOR["sig"]),))
    assert found.signed_bytes() == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    raw = from_base64(VECTOR["sig"])
    signature = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicNumbers(VECTOR["x"], VECTOR["y"], ec.SECP256R1()).public_key()
    key.verify(signature, found.signed_bytes(), ec.ECDSA(hashes.SHA256()))


def test_another_implementation_confirms_what_we_sign() -> None:
    made = signed()
    read = TheirEnvelope.from_dict({
        "payload": made.payload, "payloadType": made.payload_type,
        "signatures": [{"keyid": each.keyid, "sig": each.sig} for each in made.signatures],
    })  # fmt: skip
    assert read.verify([theirs(PUBLIC)], 1)
    with pytest.raises(Exception):
        read.verify([theirs(OTHER)], 1)


def test_we_confirm_what_another_implementation_signs() -> None:
    made = TheirEnvelope(BODY, PAYLOAD_TYPE, {})
    made.sign(CryptoSigner(KEY, theirs(PUBLIC)))
    [signature] = made.to_dict()["signatures"]
    ours = Envelope(to_base64(BODY), PAYLOAD_TYPE, (Signature(signature["keyid"], signature["sig"]),))
    assert PUBLIC.signed(ours) and not OTHER.signed(ours)


@given(st.text(), st.binary(), st.text(), st.binary())
def test_no_two_contents_are_signed_as_the_same_bytes(kind: str, body: bytes, other: str, another: bytes) -> None:
    def encode(text: str) -> str:
        return text.encode("utf-8", "replace").decode()

    same = (encode(kind), body) == (encode(other), another)
    assert (pae(encode(kind), body) == pae(encode(other), another)) == same


@given(st.binary(max_size=200))
def test_base64_has_one_spelling(data: bytes) -> None:
    text = to_base64(data)
    assert from_base64(text) == data
    for other in (text + "\n", text + "=", text.rstrip("=") + " ", text.replace("A", "-", 1) if "A" in text else "?"):
        if other != text:
            with pytest.raises(ValueError):
                from_base64(other)


def test_a_statement_is_what_in_toto_says() -> None:
    read = json.loads(BODY)
    assert read["_type"] == "https://in-toto.io/Statement/v1"
    assert all(each["digest"] for each in read["subject"]) and read["predicateType"] and read["predicate"]
    verdict = read["predicate"]
    assert {"verifier", "timeVerified", "resourceUri", "policy", "verificationResult", "verifiedLevels"} <= set(verdict)


@pytest.mark.parametrize(
    "pem",
    [b"", b"nonsense", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", b"x" * 100_000,
     b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(bytes(48)) + b"\n-----END PRIVATE KEY-----\n"],
)  # fmt: skip
def test_what_is_no_key_is_refused_with_a_remedy(pem: bytes) -> None:
    for read in (keys.public_key, keys.private_key):
        with pytest.raises(keys.NoKey) as failure:
            read(pem)
        assert failure.value.hint


def test_a_signature_that_the_key_does_not_confirm_is_never_written() -> None:
    for made in (b"", bytes(64), KEY.sign(b"another text")):
        with pytest.raises(keys.BadSignature):
            PUBLIC.signature(made, b"text")
    assert envelope.sealed(b"x").signatures == ()


def test_the_reference_names_every_field_of_the_predicate_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/verification.md").read_text()
    table = page.partition("## The predicate")[2].partition("## The file")[0]
    assert PREDICATE in table
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Verification.__struct_encode_fields__)
