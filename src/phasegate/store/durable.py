"""The few calls that make files private and make them outlast a power cut."""

from __future__ import annotations

import fcntl
import os

# On macOS fsync leaves the bytes in the drive's cache; only this call empties it.
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def sync(descriptor: int) -> None:
    """Return once what was written to `descriptor` would survive a power cut."""
    if _FULL_SYNC is not None:
        fcntl.fcntl(descriptor, _FULL_SYNC)
    else:
        os.fsync(descriptor)


def sync_directory(path: str) -> None:
    """Make the names inside `path` durable: a synced file whose name is not would be lost all the same."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def make_private_directory(path: str) -> None:
    """Make `path` and what is missing above it, readable by its owner only, durably."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path) or "."
    make_private_directory(parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return
    sync_directory(parent)
