"""What a verdict states: an in-toto Statement v1 about one commit, with a predicate of our own.

Source: in-toto/attestation, spec/v1/statement.md. The fields that a SLSA Verification Summary has too are named as
there. `docs/reference/verification.md` describes each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from phasegate.foreign import UNREADABLE
from phasegate.gates.interface import Says, Verdict

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:phasegate:verification:v1"
VERIFIER = "urn:phasegate:verify"
REPRODUCED = "PHASEGATE_REPRODUCED"
"""The level of what was run again from a clean checkout."""

Result = Literal["PASSED", "FAILED", "UNKNOWN"]
Digests = Mapping[str, str]


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=False):
    """The shape of everything in a statement."""


class Named(_Said, frozen=True):
    """Something by its name and its digests: a commit, a tree, a file."""

    name: str
    digest: Digests


class Resource(_Said, frozen=True):
    """Something by where it is and its digests: a policy, a ledger."""

    uri: str
    digest: Digests


class File(_Said, frozen=True):
    """A file of the bundle: `size` in bytes."""

    name: str
    digest: Digests
    size: int


class Verifier(_Said, frozen=True):
    """Who judged."""

    id: str
    version: Digests


class Gate(_Said, frozen=True):
    """What one gate said, and why."""

    gate: str
    says: Says
    reasons: tuple[str, ...]
    remedy: str


class LedgerSeen(_Said, frozen=True):
    """An exported ledger: how far it reaches, which file of the bundle holds it, what it was held against."""

    id: str
    position: int
    head: str
    file: str
    anchors: tuple[str, ...]


class ApprovalSeen(_Said, frozen=True):
    """A person's approval in a ledger, and whether it counts here: only a signature that was checked does."""

    id: str
    about: str
    by: str
    strength: Literal["weak", "strong"]
    counts: bool
    why: str


class Verification(_Said, frozen=True):
    """The predicate."""

    verifier: Verifier
    time_verified: str
    resource_uri: str
    policy: Resource
    input_attestations: tuple[Resource, ...]
    verification_result: Result
    verified_levels: tuple[str, ...]
    base: Named
    verdicts: tuple[Gate, ...]
    ledgers: tuple[LedgerSeen, ...]
    approvals: tuple[ApprovalSeen, ...]
    files: tuple[File, ...]
    warnings: tuple[str, ...]


class Statement(_Said, frozen=True):
    """The whole: what it is about, and what is said of it."""

    type: str = msgspec.field(name="_type")
    subject: tuple[Named, ...]
    predicate_type: str
    predicate: Verification


def result(verdicts: tuple[Verdict, ...] | tuple[Gate, ...]) -> Result:
    """What the verdicts come to: one failure outweighs what is unknown, and nothing at all is unknown."""
    says = {verdict.says for verdict in verdicts}
    return "FAILED" if "fail" in says else "UNKNOWN" if "unknown" in says or not says else "PASSED"


def statement(subject: tuple[Named, ...], predicate: Verification) -> Statement:
    """`predicate`, said of `subject`."""
    return Statement(STATEMENT, subject, PREDICATE, predicate)


def encoded(made: Statement) -> bytes:
    """The bytes that are signed."""
    return msgspec.json.encode(made, order="deterministic")


def read(content: bytes) -> Statement:
    """The statement in `content`; ValueError for anything that we would not have written byte for byte."""
    try:
        made = msgspec.json.decode(content, type=Statement)
    except UNREADABLE as problem:
        raise ValueError(f"no statement of a verification: {str(problem)[:200]}") from problem
    if made.type != STATEMENT or made.predicate_type != PREDICATE:
        raise ValueError(f"a statement of another kind: {made.predicate_type[:80]!r}")
    if encoded(made) != content:
        raise ValueError("a statement that is spelled otherwise than phasegate spells it")
    return made
