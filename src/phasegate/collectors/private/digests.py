"""Digests of files that lie outside of any tree: of one, and of many as a whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence


def digest_of(path: str) -> str:
    """SHA-256 (hex) of a file, or why there is none."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        return f"unreadable: {problem.strerror}"


def digest_of_files(paths: Sequence[str]) -> str:
    """One digest of many files, in their order, each under its path from what they have in common."""
    above = os.path.commonpath(paths) if len(paths) > 1 else ""
    whole = hashlib.sha256()
    for path in paths:
        name = os.path.relpath(path, above) if above else os.path.basename(path)
        whole.update(os.fsencode(name) + b"\0" + digest_of(path).encode() + b"\n")
    return whole.hexdigest()
