"""The DSSE envelope: bytes, what kind of bytes they are, and signatures over both.

Source: secure-systems-lab/dsse, protocol.md and envelope.md, version 1.0.2.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signature (base64) and the id of the key that made it."""

    keyid: str
    sig: str


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """`payload` is base64. The specification demands a signature; we write none where there is no key, and say so."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]

    def content(self) -> bytes:
        """The payload's bytes; ValueError where `payload` is not exactly what encoding them gives."""
        return from_base64(self.payload)

    def signed_bytes(self) -> bytes:
        """What a signature of this envelope covers."""
        return pae(self.payload_type, self.content())


def pae(kind: str, body: bytes) -> bytes:
    """The pre-authentication encoding: no two pairs of type and body give the same bytes (protocol.md)."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(body), body)


def sealed(body: bytes, signatures: tuple[Signature, ...] = (), kind: str = PAYLOAD_TYPE) -> Envelope:
    """An envelope around `body`."""
    return Envelope(to_base64(body), kind, signatures)


def to_base64(data: bytes) -> str:
    """Base64 with the standard alphabet and padding (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes:
    """The bytes of `text`; ValueError for any other spelling than that of `to_base64`, which would hide a change."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise ValueError(f"no base64: {problem}") from problem
    if to_base64(data) != text:
        raise ValueError("no base64 as it is written here: its last letters say more than they should")
    return data
