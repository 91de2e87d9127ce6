"""A disk that remembers what it was told to keep and when, and can show what a power cut might have left of it.

The model: what was written since a file's last sync is there, or not, in any combination of 512-byte sectors; a sector
lost on its way holds what it held before, or noise. Names made or taken away since the directory's last sync may have
either state. What was synced is there. Source for the directory rule: os_unix.c of SQLite syncs the directory with the
first sync of a new journal or WAL (UNIXFILE_DIRSYNC), and in xDelete when asked.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

SECTOR: Final = 512


@dataclass(frozen=True)
class Created:
    name: str


@dataclass(frozen=True)
class Wrote:
    name: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncated:
    name: str
    size: int


@dataclass(frozen=True)
class Synced:
    name: str


@dataclass(frozen=True)
class Deleted:
    name: str
    durably: bool


@dataclass(frozen=True)
class Acknowledged:
    """Not the disk's business: the ledger promised these events, as position and hash."""

    events: tuple[tuple[int, str], ...]


Operation = Created | Wrote | Truncated | Synced | Deleted | Acknowledged


class Tape(apsw.VFS):
    """The usual SQLite file layer, which also writes down what passes through it. The -shm file is not seen here.

    Syncs of the files in `deaf_to` are not written down: a disk that lies about them.
    """

    def __init__(self, name: str, *, deaf_to: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.deaf_to = deaf_to
        self.operations: list[Operation] = []
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        if name is None:
            return apsw.VFSFile("", name, flags)
        path = name if isinstance(name, str) else name.filename()
        if not os.path.exists(path):
            self.operations.append(Created(os.path.basename(path)))
        return _TapedFile(self, path, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.operations.append(Deleted(os.path.basename(filename), syncdir))


class _TapedFile(apsw.VFSFile):
    def __init__(self, tape: Tape, path: str, name: Any, flags: list[int]) -> None:
        self._tape = tape
        self._name = os.path.basename(path)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._tape.operations.append(Wrote(self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._tape.operations.append(Truncated(self._name, newsize))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        if self._name not in self._tape.deaf_to:
            self._tape.operations.append(Synced(self._name))


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Wrote | Truncated] = field(default_factory=list)
    name_durable: bool = True


@dataclass
class Disk:
    """What is durable and what is on its way, after some operations."""

    files: dict[str, _File]
    deleted: dict[str, _File] = field(default_factory=dict)

    @classmethod
    def of(cls, directory: str) -> Disk:
        """All that `directory` holds now, durable."""
        names = [name for name in os.listdir(directory) if not name.endswith(("-shm", ".queue"))]
        return cls({name: _File(bytearray(_read(os.path.join(directory, name)))) for name in names})

    def apply(self, operation: Operation) -> None:
        match operation:
            case Created(name):
                self.files[name] = _File(name_durable=False)
            case Wrote(name) | Truncated(name):
                self.files[name].pending.append(operation)
            case Synced(name):
                self._sync(self.files[name])
            case Deleted(name, durably):
                self.deleted[name] = self.files.pop(name)
                if durably:
                    self._sync_directory()
            case Acknowledged():
                pass

    def lose_power(self, directory: str, chance: random.Random) -> None:
        """Write into the empty `directory` one of the states that a power cut now could leave."""
        survives = _survival(chance)
        files = {name: file for name, file in self.deleted.items() if chance.random() < 0.5}
        files |= {name: file for name, file in self.files.items() if file.name_durable or chance.random() < 0.5}
        for name, file in files.items():
            content = bytearray(file.durable)
            for operation in survives(file.pending):
                _perform(content, operation)
            _write(os.path.join(directory, name), content)

    def _sync(self, file: _File) -> None:
        for operation in file.pending:
            _perform(file.durable, operation)
        file.pending.clear()
        if not file.name_durable:
            self._sync_directory()

    def _sync_directory(self) -> None:
        self.deleted.clear()
        for file in self.files.values():
            file.name_durable = True


Survival = Callable[[Sequence[Wrote | Truncated]], Iterator[Wrote | Truncated]]


def _survival(chance: random.Random) -> Survival:
    """One way in which operations that were not synced can come through."""
    share = chance.choice([0.1, 0.5, 0.9])
    noisy = chance.choice([0.0, 0.0, 0.3])

    def nothing(pending: Sequence[Wrote | Truncated]) -> Iterator[Wrote | Truncated]:
        return iter(())

    def everything(pending: Sequence[Wrote | Truncated]) -> Iterator[Wrote | Truncated]:
        return iter(pending)

    def some(pending: Sequence[Wrote | Truncated]) -> Iterator[Wrote | Truncated]:
        return (operation for operation in pending if chance.random() < share)

    def beginning(pending: Sequence[Wrote | Truncated]) -> Iterator[Wrote | Truncated]:
        end = chance.randint(0, len(pending))
        yield from pending[:end]
        yield from torn(pending[end : end + 1])

    def torn(pending: Sequence[Wrote | Truncated]) -> Iterator[Wrote | Truncated]:
        for operation in pending:
            for part in _sectors(operation):
                if chance.random() < share:
                    yield part
                elif isinstance(part, Wrote) and chance.random() < noisy:
                    yield Wrote(part.name, part.offset, chance.randbytes(len(part.data)))

    return chance.choice([nothing, everything, some, beginning, torn])


def _sectors(operation: Wrote | Truncated) -> Iterator[Wrote | Truncated]:
    if isinstance(operation, Truncated):
        yield operation
        return
    start, end = operation.offset, operation.offset + len(operation.data)
    while start < end:
        stop = min(end, start - start % SECTOR + SECTOR)
        yield Wrote(operation.name, start, operation.data[start - operation.offset : stop - operation.offset])
        start = stop


def _perform(content: bytearray, operation: Wrote | Truncated) -> None:
    if isinstance(operation, Truncated):
        del content[operation.size :]
        content.extend(bytes(operation.size - len(content)))
        return
    if len(content) < operation.offset:
        content.extend(bytes(operation.offset - len(content)))
    content[operation.offset : operation.offset + len(operation.data)] = operation.data


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write(path: str, content: bytes | bytearray) -> None:
    with open(path, "wb") as file:
        file.write(content)
