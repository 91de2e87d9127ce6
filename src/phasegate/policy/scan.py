"""Looks for secrets in whole files, as edits are looked at one by one."""

from __future__ import annotations

from collections.abc import Container, Iterator

from phasegate.evidence.findings import Finding
from phasegate.policy.secrets import find_secrets


def secrets_in(path: str, content: bytes, known: Container[str] = ()) -> Iterator[Finding]:
    """A finding for every secret in a file but those whose fingerprints are `known`; the value is in none of them."""
    for found in find_secrets(text_of(content)):
        if found.fingerprint not in known:
            said = f"looks like {found.rule} ({found.shown}, fingerprint {found.fingerprint})"
            yield Finding(found.rule, path, found.line, said, found.fingerprint, column=found.column)


def text_of(content: bytes) -> str:
    """A file as it is scanned, and as an edit of it would be: the same secret has the same fingerprint."""
    return content.decode("utf-8", "replace")
