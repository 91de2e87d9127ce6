"""Ed25519 keys: read from PEM, named by a digest, asked to sign and to check."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from phasegate.attestation.envelope import Envelope, Signature, from_base64, to_base64
from phasegate.errors import Failure

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LARGEST_KEY = 16 * 1024
"""Bytes of a file that may be a key."""

SIGNATURE_SIZE = 64


class NoKey(Failure):
    """What was named as a key is none that can be used here."""

    code = "no-key"


class BadSignature(Failure):
    """A signature was made that the public key does not confirm."""

    code = "bad-signature"


class PublicKey:
    """A key that checks signatures; `id` is the SHA-256 (hex) of its SubjectPublicKeyInfo, `pem` the file it is in."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        from cryptography.hazmat.primitives import serialization as s

        self._key = key
        self.raw = key.public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)
        self.pem = key.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode()
        self.id = hashlib.sha256(key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    def confirms(self, signature: bytes, text: bytes) -> bool:
        """Whether the private half of this key signed exactly `text`."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, text)
        except InvalidSignature:
            return False
        return True

    def signed(self, envelope: Envelope) -> bool:
        """Whether a signature of the envelope is by this key; what other keys signed does not matter."""
        for signature in envelope.signatures:
            try:
                if signature.keyid == self.id and self.confirms(from_base64(signature.sig), envelope.signed_bytes()):
                    return True
            except ValueError:
                continue
        return False

    def signature(self, made: bytes, text: bytes) -> Signature:
        """`made` as a signature of `text` by this key; BadSignature when it is none."""
        if len(made) != SIGNATURE_SIZE or not self.confirms(made, text):
            raise BadSignature(
                f"What was returned is no signature by the key {self.id[:16]}.",
                hint="Let the command sign exactly the bytes it is given, with the private half of that key.",
            )
        return Signature(self.id, to_base64(made))


def public_key(pem: bytes) -> PublicKey:
    """The public key in a PEM file, be it the file of a private one; NoKey for anything else."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if b"PRIVATE KEY" in pem:
        return PublicKey(private_key(pem).public_key())
    key = _loaded(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key("It is no Ed25519 key.")
    return PublicKey(key)


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """The private key in a PEM file without a passphrase; NoKey for anything else."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = _loaded(pem)
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key("It holds no private Ed25519 key.")
    return key


def _loaded(pem: bytes) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    if len(pem) > LARGEST_KEY:
        raise _no_key("It is too large for a key.")
    try:
        if b"PRIVATE KEY" in pem:
            return serialization.load_pem_private_key(pem, password=None)
        return serialization.load_pem_public_key(pem)
    except TypeError as problem:
        raise _no_key("It is locked by a passphrase.") from problem
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise _no_key("It is no key in PEM.") from problem


def _no_key(why: str) -> NoKey:
    return NoKey(f"The key cannot be used. {why}", hint="Make one: `phasegate log key new FILE`.")
