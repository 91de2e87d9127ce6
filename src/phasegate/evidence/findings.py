"""What a scanner found: one model for secrets, references and whatever else looks at files."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import msgspec

KEPT = 2000
"""Findings an observation lists at most; it counts them all."""


class Finding(msgspec.Struct, frozen=True):
    """One place: rule, path, line (from 1), words, and a fingerprint that survives moved lines and tells no secret."""

    rule: str
    path: str
    line: int
    message: str
    fingerprint: str


class FindingsSeen(msgspec.Struct, frozen=True, tag="findings"):
    """What `scanner` found in `files` files: `total` findings, the first of them listed; `unread` it could not read."""

    scanner: str
    files: int
    total: int
    findings: tuple[Finding, ...] = ()
    unread: tuple[str, ...] = ()


def seen(scanner: str, files: int, found: tuple[Finding, ...], unread: tuple[str, ...] = ()) -> FindingsSeen:
    """An observation of `found`, capped."""
    return FindingsSeen(scanner, files, len(found), found[:KEPT], unread[:KEPT])
