"""Reads and writes that stay beneath a root: atomic, capped, and never led outside by a link."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from phasegate.errors import Exit, Failure

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

SUFFIX = ".phasegate"
WRITING = "phasegate-writing"
DEEPEST = 200
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_OCCUPIED = frozenset({errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY})
_LED_OUT = frozenset({errno.ELOOP, errno.ENOTDIR})


class OutsideRoot(Failure):
    """A path that would leave the root, or reach into `.git`."""

    code = "outside-root"


class NotWritable(Failure):
    """The file system refused the write."""

    code = "not-writable"


class DiskFull(Failure):
    """No room was left for the write; the old content is still there."""

    code = "disk-full"


class Occupied(Failure):
    """Something other than a file stands where a file should be written."""

    code = "path-occupied"


class TooLarge(Failure):
    """A file above the cap for what was about to be read."""

    code = "file-too-large"
    exit_code = Exit.LIMIT_REACHED


class NotReadable(Failure):
    """A file that exists, or should, and cannot be read."""

    code = "not-readable"


def contained(root: str, path: str) -> str | None:
    """`path`, relative or absolute, beneath `root` once `..` and links are resolved; None when it leads out."""
    if "\0" in path:
        return None
    top = os.path.realpath(root)
    real = os.path.realpath(os.path.join(top, path))
    if real == top:
        return "."
    return real[len(top.rstrip("/")) + 1 :] if real.startswith(top.rstrip("/") + "/") else None


def write_atomic(root: str, relative: str, data: bytes, mode: int | None = None) -> None:
    """Replace the file at `relative` with `data`, whole or not at all; a link that stays inside is written through.

    `mode` is exact permission bits; without it an existing file keeps its own and a new one gets the umask's.
    """
    resolved = contained(root, relative)
    if resolved is None or resolved == ".":
        raise OutsideRoot(f"{relative!r} is not a file beneath {root}.", hint="Name a path inside the repository.")
    place(root, resolved, data, mode=mode)


def place(root: str, relative: str, data: bytes, *, mode: int | None = None, new_mode: int = 0o666) -> None:
    """Replace the entry at exactly `relative`, following no link; `new_mode` is for a new file, before the umask."""
    with _failures(relative), _parent(root, relative, make=True) as (folder, name):
        kept = _kept_mode(folder, name) if mode is None else mode

        def write(temporary: str, aside: int) -> None:
            descriptor = os.open(temporary, CREATING, new_mode, dir_fd=aside)
            try:
                _write_out(descriptor, data, kept)
            finally:
                os.close(descriptor)

        _replace(root, folder, name, write)


def place_link(root: str, relative: str, target: bytes) -> None:
    """Put a symbolic link to `target` at exactly `relative`, replacing a file or link that is there."""
    with _failures(relative), _parent(root, relative, make=True) as (folder, name):
        _replace(root, folder, name, lambda temporary, aside: os.symlink(target, os.fsencode(temporary), dir_fd=aside))


def remove(root: str, relative: str) -> None:
    """Remove the file or link at exactly `relative`; a missing one is fine."""
    with _failures(relative), suppress(FileNotFoundError), _parent(root, relative) as (folder, name):
        os.unlink(name, dir_fd=folder)
        os.fsync(folder)


def remove_empty(root: str, relative: str) -> None:
    """Remove the directory at exactly `relative`; Occupied when it is not empty."""
    with _failures(relative), _parent(root, relative) as (folder, name):
        os.rmdir(name, dir_fd=folder)


def remove_hollow(root: str, relative: str) -> None:
    """Remove the directory at exactly `relative` with the empty ones in it; Occupied when there is anything else."""
    with _failures(relative), _parent(root, f"{relative}/any") as (folder, _):
        inner = [f"{relative}/{name}" for name in os.listdir(folder)]
    for path in inner if relative.count("/") < DEEPEST else ():
        status = state_of(root, path)
        if status is not None and stat.S_ISDIR(status.st_mode):
            remove_hollow(root, path)
    remove_empty(root, relative)


def read_capped(root: str, relative: str, cap: int) -> bytes:
    """The bytes of a regular file beneath `root`, links resolved while they stay inside; above `cap` bytes TooLarge."""
    resolved = contained(root, relative)
    if resolved is None:
        raise OutsideRoot(f"{relative!r} leads out of {root}.", hint="Name a path inside the repository.")
    return read_exactly(root, resolved, cap)


def read_exactly(root: str, relative: str, cap: int) -> bytes:
    """The bytes of the regular file at exactly `relative`, following no link at all."""
    with _failures(relative, reading=True), _parent(root, relative) as (folder, name):
        descriptor = os.open(name, READING, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise NotReadable(f"{relative!r} is not a regular file.", hint="Remove it, or ignore it in git.")
            # What is known to be too large is not read: a file of nothing but holes has any size at no cost.
            data = file.read(cap + 1) if status.st_size <= cap else None
    if data is None or len(data) > cap:
        raise TooLarge(f"{relative!r} is larger than {cap} bytes.", hint="Make it smaller, or raise the limit.")
    return data


def head(root: str, relative: str, most: int) -> tuple[int, bytes] | None:
    """Size and first bytes of a regular file beneath `root`; None when there is none that can be read."""
    resolved = contained(root, relative)
    try:
        if resolved is None:
            return None
        with _failures(relative, reading=True), _parent(root, resolved) as (folder, name):
            descriptor = os.open(name, READING, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                return (status.st_size, file.read(most)) if stat.S_ISREG(status.st_mode) else None
    except (OSError, Failure):
        return None


def state_of(root: str, relative: str) -> os.stat_result | None:
    """The status of the entry at exactly `relative`, following no link; None when nothing is there."""
    try:
        with _parent(root, relative, into_git=True) as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None


def link_target(root: str, relative: str) -> bytes:
    """Where the symbolic link at exactly `relative` points, as raw bytes."""
    with _failures(relative, reading=True), _parent(root, relative) as (folder, name):
        return os.readlink(os.fsencode(name), dir_fd=folder)


@contextmanager
def _parent(root: str, relative: str, *, make: bool = False, into_git: bool = False) -> Iterator[tuple[int, str]]:
    """The open directory that holds `relative`, reached without following a link, and the last name."""
    *folders, name = _components(relative, into_git=into_git)
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(folder, dir_fd=current)
            deeper = os.open(folder, DIRECTORY, dir_fd=current)
            os.close(current)
            current = deeper
        yield current, name
    finally:
        os.close(current)


def _components(relative: str, *, into_git: bool = False) -> list[str]:
    parts = relative.split("/")
    if not all(parts) or "\0" in relative or any(part in (".", "..") for part in parts):
        raise OutsideRoot(
            f"{relative!r} is not a plain path beneath the root.", hint="Name a path inside the repository."
        )
    # A write into `.git` could plant a hook or a filter that git runs; HFS+ ignores the zero-width characters.
    if not into_git and any(part.translate(_INVISIBLE).casefold() == ".git" for part in parts):
        raise OutsideRoot(f"{relative!r} reaches into git's own directory.", hint="phasegate does not write there.")
    return parts


_INVISIBLE = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])


def _replace(root: str, folder: int, name: str, write: Callable[[str, int], None]) -> None:
    """Let `write` make a temporary entry, and rename it to `name`.

    It is made in git's directory, where no digest looks; beside `name` only when a rename from there is impossible.
    """
    with _git_directory(root) as hidden:
        for aside in (folder,) if hidden is None else (hidden, folder):
            temporary = ""
            try:
                temporary = _temporary(aside, name if aside == folder else WRITING)
                write(temporary, aside)
                os.replace(temporary, name, src_dir_fd=aside, dst_dir_fd=folder)
                break
            except OSError:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=aside)
                if aside == folder:
                    raise
    os.fsync(folder)


@contextmanager
def _git_directory(root: str) -> Iterator[int | None]:
    """The open git directory of the work tree at `root`; None when there is none to be found."""
    path = os.path.join(root, ".git")
    try:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                path = os.path.join(root, os.fsdecode(file.read(4096).removeprefix(b"gitdir: ").rstrip(b"\n")))
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):
        yield None
        return
    try:
        yield opened
    finally:
        os.close(opened)


def _temporary(folder: int, name: str) -> str:
    """A new name in `folder` for what becomes `name`, after removing those of writers that were killed."""
    prefix = f".{name[:30]}."
    for left in os.listdir(folder):
        owner = left.removeprefix(prefix).split("-", 1)[0]
        if left.startswith(prefix) and left.endswith(SUFFIX) and owner.isdecimal() and not _lives(int(owner)):
            os.unlink(left, dir_fd=folder)
    return f"{prefix}{os.getpid()}-{time.monotonic_ns()}{SUFFIX}"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _kept_mode(folder: int, name: str) -> int | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else None


def _write_out(descriptor: int, data: bytes, mode: int | None) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    if mode is not None:
        os.fchmod(descriptor, mode)
    os.fsync(descriptor)


@contextmanager
def _failures(relative: str, *, reading: bool = False) -> Iterator[None]:
    """Say what an OSError about `relative` means to a person."""
    try:
        yield
    except OSError as problem:
        raise _meaning(relative, problem, reading) from problem


def _meaning(relative: str, problem: OSError, reading: bool) -> Failure:
    what = problem.strerror or str(problem)
    if problem.errno in _LED_OUT:
        return OutsideRoot(
            f"{relative!r} goes through a link or a file: {what}.", hint="Replace the link by a directory."
        )
    if reading and problem.errno == errno.ENOENT:
        return NotReadable(f"There is no file {relative!r}.", hint="Name one that is there.")
    if reading:
        return NotReadable(f"{relative!r} cannot be read: {what}.", hint="Restore the file or its permissions.")
    if problem.errno in _FULL:
        return DiskFull(f"{relative!r} was not written: {what}.", hint="Free some space; the old content is untouched.")
    if problem.errno in _OCCUPIED:
        return Occupied(f"{relative!r} was not written: {what}.", hint="Move away what stands there, and repeat.")
    if problem.errno in _READ_ONLY:
        return NotWritable(f"{relative!r} was not written: {what}.", hint="Make the directory writable, and repeat.")
    return NotWritable(f"{relative!r} was not written: {what}.", hint="Check the file system, and repeat.")
