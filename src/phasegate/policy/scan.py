"""Looks for secrets in whole files, as edits are looked at one by one."""

from __future__ import annotations

from collections.abc import Iterator

from phasegate.evidence.findings import Finding
from phasegate.policy.secrets import find_secrets


def secrets_in(path: str, content: bytes) -> Iterator[Finding]:
    """A finding for every secret in a file; the value itself is in none of them."""
    for found in find_secrets(content.decode("utf-8", "replace")):
        yield Finding(found.rule, path, found.line, f"looks like {found.rule} ({found.shown})", found.fingerprint)
