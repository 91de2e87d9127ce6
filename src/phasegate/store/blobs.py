"""Bytes kept by their SHA-256 beside a ledger: in a directory, or in memory."""

from __future__ import annotations

import errno
import os

from phasegate.ledger.event import digest as sha256
from phasegate.ledger.log import LedgerUnreadable, LedgerUnwritable
from phasegate.store.durable import make_private_directory, sync, sync_directory


class MemoryBlobs:
    """`Blobs` in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        name = sha256(data)
        self._kept[name] = data
        return name

    def get(self, digest: str) -> bytes:
        if digest not in self._kept:
            raise _absent(digest)
        return self._kept[digest]


class DirectoryBlobs:
    """`Blobs` as files `<root>/ab/cdef...`; a file is there whole or not at all."""

    def __init__(self, root: str) -> None:
        self._root = root

    def put(self, data: bytes) -> str:
        name = sha256(data)
        path = self._path(name)
        try:
            if _size(path) != len(data) or _read(path) != data:
                _write(path, data)
            # Whoever else put the same bytes may have been cut off between the rename and these.
            sync_directory(os.path.dirname(path))
            sync_directory(self._root)
        except OSError as problem:
            raise LedgerUnwritable(
                f"Cannot keep {len(data)} bytes in {self._root}: {problem.strerror}.", hint=_remedy(problem)
            ) from problem
        return name

    def get(self, digest: str) -> bytes:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise _absent(digest)
        try:
            data = _read(self._path(digest))
        except FileNotFoundError as problem:
            raise _absent(digest) from problem
        except OSError as problem:
            raise LedgerUnreadable(
                f"Cannot read artifact {digest}: {problem.strerror}.", hint=f"Look at the rights of {self._root}."
            ) from problem
        if sha256(data) != digest:
            raise LedgerUnreadable(
                f"Artifact {digest} is damaged: its bytes are not those that were kept.",
                hint="Restore it from a backup; what rests on it does not count until then.",
            )
        return data

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name[:2], name[2:])


def _write(path: str, data: bytes) -> None:
    """Write under a temporary name, sync, rename: a crash leaves the old state or the new one."""
    make_private_directory(os.path.dirname(path))
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            sync(descriptor)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return -1


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _absent(digest: str) -> LedgerUnreadable:
    return LedgerUnreadable(
        f"There is no artifact {digest[:80]!r} beside this ledger.",
        hint="Restore it from a backup, or record it again.",
    )


def _remedy(problem: OSError) -> str:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Make room on the disk and try again."
    return "Make the directory writable for you and try again."
