"""A bundle: one file of lines that holds a statement in its envelope and every file that the statement names.

The first line names the format and the digest of all that follows; the second is the envelope; each further line is a
file. There is exactly one way to write a bundle, and whatever is written otherwise is refused: so nothing hides in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from phasegate.attestation.envelope import PAYLOAD_TYPE, Envelope, from_base64, to_base64
from phasegate.attestation.statement import Statement
from phasegate.attestation.statement import read as read_statement
from phasegate.errors import Exit, Failure
from phasegate.foreign import UNREADABLE
from phasegate.ledger.event import digest

FORMAT = "phasegate-bundle-1"
LARGEST = 64 << 20
MOST_FILES = 2000
HINT = "Get the bundle again from where it was written; what it says does not count."
_Line = TypeVar("_Line", bound=msgspec.Struct)


class BundleUnsound(Failure):
    """A bundle is not as it was written; `where` it is not."""

    code = "bundle-unsound"
    exit_code = Exit.GATE_FAILED

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"The bundle is not as it was written. {where}: {why}.", hint=HINT)
        self.where = where


class BundleTooNew(Failure):
    """A bundle was written by a newer phasegate."""

    code = "bundle-too-new"
    exit_code = Exit.CANNOT_TELL


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,119})*")
KEY_ID = re.compile(r"[0-9a-f]{64}")


class Top(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: which format, and the SHA-256 (hex) of every byte after this line."""

    format: str
    digest: str


class FileLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file, its content in base64."""

    name: str
    sha256: str
    data: str


class Bundle(msgspec.Struct, frozen=True):
    """A bundle as read: everything in it agrees with everything else; who signed it is another question."""

    statement: Statement
    envelope: Envelope
    files: Mapping[str, bytes]
    digest: str

    @property
    def signed_by(self) -> tuple[str, ...]:
        """The ids of the keys that are said to have signed."""
        return tuple(signature.keyid for signature in self.envelope.signatures)


def write(envelope: Envelope, files: Mapping[str, bytes]) -> bytes:
    """The bytes of a bundle."""
    lines = [_line(envelope), *(_line(FileLine(name, digest(data), to_base64(data))) for name, data in files.items())]
    body = b"".join(lines)
    return _line(Top(FORMAT, digest(body))) + body


def read(content: bytes) -> Bundle:
    """The bundle in `content`. Raises BundleUnsound and where it is, or BundleTooNew."""
    if len(content) > LARGEST:
        raise BundleUnsound("The file", f"it is larger than {LARGEST} bytes")
    first, _, body = content.partition(b"\n")
    if body.count(b"\n") > MOST_FILES or body.count(b"\r") > MOST_FILES:
        raise BundleUnsound("The file", f"it has more than {MOST_FILES} lines")
    top = _decoded(first + b"\n", Top, "Line 1")
    _refuse_foreign(top.format)
    if digest(body) != top.digest:
        where = _first_fault(body)
        raise BundleUnsound(where, "what follows line 1 has another digest than line 1 says")
    lines = body.splitlines(keepends=True)
    if not lines:
        raise BundleUnsound("The file", "it has one line")
    envelope, statement = _statement(lines[0])
    return Bundle(statement, envelope, _files(statement, lines[1:]), digest(content))


def _refuse_foreign(format: str) -> None:
    if format == FORMAT:
        return
    if format.startswith("phasegate-bundle-") and format.removeprefix("phasegate-bundle-").isdecimal():
        raise BundleTooNew(f"This bundle is written as {format[:40]!r}.", hint="Update phasegate to read it.")
    raise BundleUnsound("Line 1", f"the format {format[:40]!r} is none of phasegate's")


def _statement(line: bytes) -> tuple[Envelope, Statement]:
    envelope = _decoded(line, Envelope, "Line 2")
    if envelope.payload_type != PAYLOAD_TYPE:
        raise BundleUnsound("Line 2", f"its payload is of type {envelope.payload_type[:60]!r}")
    if not all(KEY_ID.fullmatch(signature.keyid) for signature in envelope.signatures):
        raise BundleUnsound("Line 2", "a signature is by no key of ours")
    try:
        for signature in envelope.signatures:
            from_base64(signature.sig)
        return envelope, read_statement(envelope.content())
    except ValueError as problem:
        raise BundleUnsound("Line 2", str(problem)) from problem


def _files(statement: Statement, lines: Iterable[bytes]) -> dict[str, bytes]:
    """The files, each of which the statement names with this digest, in its order; none more and none fewer."""
    named = statement.predicate.files
    found: dict[str, bytes] = {}
    for number, line in enumerate(lines, 3):
        where = f"Line {number}"
        file = _decoded(line, FileLine, where)
        try:
            data = from_base64(file.data)
        except ValueError as problem:
            raise BundleUnsound(where, str(problem)) from problem
        if not NAME.fullmatch(file.name):
            raise BundleUnsound(where, f"{file.name[:80]!r} is no name of a file here")
        if digest(data) != file.sha256:
            raise BundleUnsound(where, f"{file.name[:80]!r} has another digest than is written beside it")
        due = named[len(found)] if len(found) < len(named) else None
        if due is None or (due.name, due.digest, due.size) != (file.name, {"sha256": file.sha256}, len(data)):
            raise BundleUnsound(where, f"the statement does not name {file.name[:80]!r} here, as it is")
        if file.name in found:
            raise BundleUnsound(where, f"{file.name[:80]!r} is there twice")
        found[file.name] = data
    if len(found) != len(named):
        raise BundleUnsound("The end", f"{named[len(found)].name[:80]!r} is missing")
    return found


def _first_fault(body: bytes) -> str:
    """The first line that by itself is not as it was written, where one shows it."""
    for number, line in enumerate(body.splitlines(keepends=True)[:MOST_FILES], 2):
        try:
            if number == 2:
                _statement(line)
            else:
                file = _decoded(line, FileLine, f"Line {number}")
                if digest(from_base64(file.data)) != file.sha256:
                    return f"Line {number}"
        except (BundleUnsound, ValueError):
            return f"Line {number}"
    return "After line 1"


def _line(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value, order="deterministic") + b"\n"


def _decoded(line: bytes, type: type[_Line], where: str) -> _Line:
    try:
        value = msgspec.json.decode(line, type=type)
    except UNREADABLE as problem:
        raise BundleUnsound(where, f"it cannot be read: {str(problem)[:120]}") from problem
    if _line(value) != line:
        raise BundleUnsound(where, "it is spelled otherwise than phasegate spells it")
    return value
