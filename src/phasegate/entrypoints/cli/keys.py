"""`phasegate log key`: make a key that signs what leaves, and say which key a file holds."""

from __future__ import annotations

import os

import rich_click as click

from phasegate.attestation.keys import LARGEST_KEY, PublicKey, public_key
from phasegate.entrypoints import signing
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.session import json_option, only_people
from phasegate.errors import Exit, Failure


class KeyExists(Failure):
    """A file is where a new key was to be written."""

    code = "key-exists"


class KeyNotWritten(Failure):
    """The files of a new key could not be written."""

    code = "key-not-written"


@click.group()
def key() -> None:
    """Make and show the Ed25519 keys that sign bundles.

    Example: phasegate log key new ~/keys/phasegate.pem
    """


@key.command()
@click.argument("file", type=click.Path(dir_okay=False))
@json_option
def new(file: str, as_json: bool) -> int:
    """Make a key: the private half in FILE, for you alone to read, the public half beside it in FILE.pub.

    Keep FILE where no agent can read it: in a secret of your CI, or as another user. Give FILE.pub to whoever checks.

    Example: phasegate log key new ~/keys/phasegate.pem
    """
    only_people("Making a key")
    made, pem = _made()
    for path, content, mode in ((file, pem, 0o600), (f"{file}.pub", made.pem.encode(), 0o644)):
        _write_new(path, content, mode)
    if as_json:
        output.give({"private": file, "public": f"{file}.pub", "id": made.id})
    else:
        output.say(f"phasegate: the key {made.id} is in {file}, its public half in {file}.pub.")
        output.say("  Keep the private half where no agent can read it; give the public half to whoever checks.")
    return Exit.OK


@key.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@json_option
def show(file: str, as_json: bool) -> int:
    """Print the id of the key in FILE, which bundles name, and its public half.

    Example: phasegate log key show phasegate.pem.pub
    """
    found = public_key(signing.read_named(file, LARGEST_KEY))
    output.give({"id": found.id, "public": found.pem}) if as_json else output.say(f"{found.id}\n{found.pem}".rstrip())
    return Exit.OK


def _made() -> tuple[PublicKey, bytes]:
    """A new key, and the PEM of its private half."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    return PublicKey(private.public_key()), pem


def _write_new(path: str, content: bytes, mode: int) -> None:
    """Write a file that is not there yet, with these rights from its first byte on."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fsync(descriptor)
    except FileExistsError as problem:
        raise KeyExists(f"{path} is there already.", hint="Name another file; no key is overwritten.") from problem
    except OSError as problem:
        raise KeyNotWritten(f"{path} cannot be written: {problem.strerror}.", hint="Name another folder.") from problem
