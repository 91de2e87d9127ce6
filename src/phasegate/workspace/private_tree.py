"""A directory of phasegate's own that holds exactly the files of one observed tree, for a test run to use.

The files are written as the raw bytes of their blobs: no git checkout, so no filter, hook or attribute has a say. From
one run to the next only what differs is written again, and what a run left behind is taken away.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.workspace.shadow import replace_file
from phasegate.workspace.subject import described

REGULAR, EXECUTABLE, LINK = "100644", "100755", "120000"
LARGE = "large"
"""The mode of a file above the limit of hashing: in the place of its blob is what describes it in the work tree."""
TICK_SECONDS = 0.1
"""Kernels stamp files by a coarse clock: a time this close to the layout does not show that nothing was written."""

Blob = tuple[str, str]
"""Mode and blob id, as a git tree has them."""


class NotPrivate(Failure):
    """The tree cannot be laid out in a directory of its own."""

    code = "not-private"
    exit_code = Exit.CANNOT_TELL


class _Laid(msgspec.Struct, frozen=True):
    """A file as it was written: what it is, and the stamp by which any later write shows."""

    mode: str
    blob: str
    stamp: tuple[int, ...]


class _Memory(msgspec.Struct, frozen=True):
    laid: dict[str, _Laid] = {}
    at: float = 0.0


class PrivateTree:
    """The private directory below `home` (made with mode 0700); `contents` gives the bytes of blobs, in order.

    `name_of` is how the repository names its blobs; `provided` are paths that somebody else fills. Files too large
    to be blobs are copied from `source`, the work tree.
    """

    def __init__(
        self,
        home: str,
        contents: Callable[[Sequence[str]], Iterable[bytes]],
        name_of: Callable[[str, bytes], str],
        provided: Iterable[str] = (),
        source: str = "",
    ) -> None:
        self._source = source
        self.home = os.path.realpath(home)
        self.root = os.path.join(self.home, "tree")
        self._contents, self._name_of = contents, name_of
        self._provided = frozenset(path.rstrip("/") for path in provided)
        self._memory = _Memory()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the directory: a second run on it waits."""
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        os.chmod(self.home, 0o700)
        descriptor = os.open(os.path.join(self.home, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def lay_out(self, wanted: Mapping[str, Blob]) -> int:
        """Make the directory hold exactly `wanted` (path to mode and blob); how many files had to be written.

        Raises NotPrivate for a link that leads out, or a path that no directory can hold.
        """
        self._memory = self._recalled()
        kept = dict(self._sound(wanted))
        self._clear(kept)
        missing = [path for path in sorted(wanted) if path not in kept]
        for path in [path for path in missing if wanted[path][0] == LARGE]:
            kept[path] = self._copy(path, wanted[path])
        written = len(missing)
        missing = [path for path in missing if path not in kept]
        for path, content in zip(missing, self._contents([wanted[path][1] for path in missing]), strict=True):
            kept[path] = self._write(path, wanted[path], content)
        self._memory = _Memory(kept, time.time())
        replace_file(os.path.join(self.home, "laid.json"), msgspec.json.encode(self._memory))
        return written

    def path(self, name: str) -> str:
        """Where a file of the tree lies."""
        return os.path.join(self.root, name)

    def rewrite(self, path: str, content: bytes) -> None:
        """Give a file another content (by its whole path), which counts as laid out until the next layout."""
        name = os.path.relpath(path, self.root)
        known = self._memory.laid.get(name)
        mode = known.mode if known is not None else REGULAR
        os.unlink(self.path(name))
        laid = self._write(name, (mode, self._name_of("blob", content)), content)
        self._memory = _Memory({**self._memory.laid, name: laid}, time.time())

    def changed(self) -> tuple[str, ...]:
        """The files that are no longer as they were laid out: written to, replaced or gone."""
        return tuple(path for path, laid in self._memory.laid.items() if not self._unchanged(path, laid))

    def added(self) -> tuple[str, ...]:
        """The files that are there and were not laid out, less what others provide."""
        found = (path for path, entry in self._walk() if not entry.is_dir(follow_symlinks=False))
        return tuple(sorted(path for path in found if path not in self._memory.laid))

    def _unchanged(self, path: str, laid: _Laid) -> bool:
        """By its stamp; one from about the time of the layout shows nothing, so the bytes are read."""
        try:
            status = os.lstat(self.path(path))
        except OSError:
            return False
        if _stamp(status) != laid.stamp:
            return False
        return status.st_ctime < self._memory.at - TICK_SECONDS or self._holds(path, laid)

    def _holds(self, path: str, laid: _Laid) -> bool:
        at = self.path(path)
        if laid.mode == LARGE:
            return True
        try:
            if laid.mode == LINK:
                return self._name_of("blob", os.fsencode(os.readlink(at))) == laid.blob
            with open(at, "rb") as file:
                return self._name_of("blob", file.read()) == laid.blob
        except OSError:
            return False

    def _recalled(self) -> _Memory:
        try:
            with open(os.path.join(self.home, "laid.json"), "rb") as file:
                return msgspec.json.decode(file.read(), type=_Memory)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return _Memory()

    def _sound(self, wanted: Mapping[str, Blob]) -> Iterator[tuple[str, _Laid]]:
        """What lies there already, untouched since it was written, and is wanted as it is."""
        for path, laid in self._memory.laid.items():
            if wanted.get(path) == (laid.mode, laid.blob) and self._unchanged(path, laid):
                yield path, laid

    def _clear(self, kept: Mapping[str, _Laid]) -> None:
        """Take away everything but the files `kept` and the folders above them."""
        folders = {folder for path in kept for folder in _above(path)}
        for path, entry in list(self._walk(into=folders)):
            if path in kept or path in folders:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)

    def _walk(self, into: Iterable[str] | None = None) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Every entry by its path, less what others provide; `into` names the folders to look into, None all."""
        inside = None if into is None else frozenset(into)
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            with os.scandir(os.path.join(self.root, folder)) as entries:
                for entry in list(entries):
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if path in self._provided:
                        continue
                    yield path, entry
                    if entry.is_dir(follow_symlinks=False) and (inside is None or path in inside):
                        waiting.append(path)

    def _write(self, path: str, blob: Blob, content: bytes) -> _Laid:
        at, mode = self.path(path), blob[0]
        self._check(path)
        os.makedirs(os.path.dirname(at), mode=0o700, exist_ok=True)
        if mode == LINK:
            self._check_link(path, content)
            os.symlink(content, os.fsencode(at))
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(at, flags, 0o755 if mode == EXECUTABLE else 0o644), "wb") as file:
                file.write(content)
            # Python trusts a cached compilation by the time and size of its source: other bytes, another time.
            os.utime(at, ns=(_time_of(blob[1]), _time_of(blob[1])))
        return _Laid(mode, blob[1], _stamp(os.lstat(at)))

    def _copy(self, path: str, blob: Blob) -> _Laid:
        """A file that nobody hashes, if it still is what described it."""
        there, at = os.path.join(self._source, path), self.path(path)
        self._check(path)
        os.makedirs(os.path.dirname(at), mode=0o700, exist_ok=True)
        before = os.lstat(there)
        if not stat.S_ISREG(before.st_mode) or described(before) != blob[1]:
            raise NotPrivate(f"{path} changed while it was copied.", hint="Repeat.")
        shutil.copyfile(there, at, follow_symlinks=False)
        os.chmod(at, 0o755 if before.st_mode & stat.S_IXUSR else 0o644)
        if described(os.lstat(there)) != blob[1]:
            raise NotPrivate(f"{path} changed while it was copied.", hint="Repeat.")
        return _Laid(LARGE, blob[1], _stamp(os.lstat(at)))

    def _check(self, path: str) -> None:
        parts = path.split("/")
        if path.startswith("/") or any(part in ("", ".", "..") for part in parts) or parts[0] == ".git":
            raise NotPrivate(f"{path!r} is no path that a private tree can hold.", hint="Rename the file.")

    def _check_link(self, path: str, target: bytes) -> None:
        """A link may lead anywhere inside the tree; what lies outside is not what was observed."""
        leads = os.path.normpath(os.path.join("/tree", os.path.dirname(path), os.fsdecode(target)))
        if target.startswith(b"/") or not (leads == "/tree" or leads.startswith("/tree/")):
            raise NotPrivate(
                f"{path} is a link that leads out of the project, to {os.fsdecode(target)!r}.",
                hint="Let it lead to a file of the project, or put a copy in its place.",
            )


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    kind = stat.S_IFMT(status.st_mode) | (status.st_mode & 0o777)
    return kind, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _time_of(blob: str) -> int:
    """A modification time, in nanoseconds, that follows from the content alone."""
    return (500_000_000 + int.from_bytes(hashlib.sha256(blob.encode()).digest()[:4]) % 1_000_000_000) * 1_000_000_000
