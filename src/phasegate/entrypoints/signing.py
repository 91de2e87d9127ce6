"""Who signs what leaves: a private key in a file or a variable, or a command that has the key elsewhere (KMS, HSM)."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Callable, MutableMapping

import msgspec

from phasegate.attestation.envelope import Signature, from_base64, pae
from phasegate.attestation.keys import LARGEST_KEY, SIGNATURE_SIZE, NoKey, PublicKey, private_key, public_key
from phasegate.entrypoints.cli.session import only_people
from phasegate.errors import Exit, Failure
from phasegate.workspace import files

KEY, COMMAND = "PHASEGATE_SIGNING_KEY", "PHASEGATE_SIGNER"
SECONDS = 120.0
MOST_SAID = 4096


class SignerFailed(Failure):
    """The command that was to sign did not."""

    code = "signer-failed"
    exit_code = Exit.CANNOT_TELL


class Signer(msgspec.Struct, frozen=True):
    """Signs as the private half of `public`; `warnings` say who else could."""

    public: PublicKey
    sign: Callable[[bytes], bytes]
    warnings: tuple[str, ...] = ()

    def signature(self, kind: str, body: bytes) -> Signature:
        """The signature of an envelope, checked before anybody relies on it."""
        text = pae(kind, body)
        return self.public.signature(self.sign(text), text)


def take_variables(env: MutableMapping[str, str]) -> tuple[str, str]:
    """The key and the command that the environment names, which are taken out of it: what is run later sees neither."""
    return env.pop(KEY, ""), env.pop(COMMAND, "")


def signer(key: str, command: str, variables: tuple[str, str], *, driven: bool) -> Signer | None:
    """Who signs, by the options or else the environment; None when nobody is named.

    `key` is a PEM file (or, in the environment, its text): the private key, or the public one beside a `command`.
    `driven` when an agent is at work here under the same user. Below an agent nothing is signed.
    """
    key, command = key or variables[0], command or variables[1]
    if not key and not command:
        return None
    only_people("Signing")
    if not key:
        raise NoKey("Nobody knows which key the command signs with.", hint="Name its public key with --key FILE.")
    inline = key.startswith("-----BEGIN")
    pem = key.encode() if inline else read_named(key, LARGEST_KEY)
    if command:
        return Signer(public_key(pem), lambda text: _by_command(command, text))
    private = private_key(pem)
    warnings = () if inline else _exposed(key, driven)
    return Signer(PublicKey(private.public_key()), private.sign, warnings)


def read_named(path: str, most: int) -> bytes:
    """The bytes of a file that a person named, be it by a link; a failure for what is no file or above `most` bytes."""
    folder, name = os.path.split(os.path.realpath(path))
    return files.read_capped(folder, name, most)


def _exposed(path: str, driven: bool) -> tuple[str, ...]:
    """Whoever works as this user can read the file, too."""
    mode = os.stat(path).st_mode
    warnings = []
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        warnings.append(f"other users can read the key {path}")
    if driven:
        warnings.append(f"an agent works here as the user that can read the key {path}, so it could sign as well")
    return tuple(warnings)


def _by_command(command: str, text: bytes) -> bytes:
    """The signature that a command prints, raw or in base64, of the bytes it is given on stdin."""
    try:
        ran = subprocess.run(shlex.split(command), input=text, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired) as problem:
        raise _failed(command, str(problem)) from problem
    if ran.returncode:
        raise _failed(command, ran.stderr.decode("utf-8", "replace").strip()[-400:] or f"exit code {ran.returncode}")
    if len(ran.stdout) == SIGNATURE_SIZE:
        return ran.stdout
    try:
        return from_base64(ran.stdout[:MOST_SAID].decode().strip())
    except ValueError as problem:
        raise _failed(command, "it printed neither 64 bytes nor their base64") from problem


def _failed(command: str, why: str) -> SignerFailed:
    return SignerFailed(
        f"`{command}` did not sign: {why}.",
        hint="It gets the bytes on stdin and prints their Ed25519 signature; try it by hand.",
    )
