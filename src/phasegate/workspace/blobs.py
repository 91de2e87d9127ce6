"""Reads the contents that git holds: what is staged, and every content and message of a history, each once."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

import msgspec

from phasegate.workspace import git

MESSAGE = "(message of the commit)"
"""The path of a commit's message among the contents of a history."""

BATCH_BYTES = 24 << 20
BATCH_BLOBS = 2000
PIECE = 1 << 20
PATIENCE = 600.0

_FROM_GIT = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
)  # fmt: skip
"""What git tells its hooks about where they run: `git commit FILE` has an index of its own."""

_ENTRY = re.compile(rb"\n?:{1,20}([0-7]{6} ){2,21}((?:[0-9a-f]{40,64} ){1,20})([0-9a-f]{40,64}) ([A-Z]{1,20})[0-9]*$")
_HEAD = re.compile(rb"\n?\x01([0-9a-f]{40,64})$")
_NO_CONTENT = b"160000"


class Blob(msgspec.Struct, frozen=True):
    """A content by its id, the path it has, and the commit that brought it."""

    id: str
    path: str
    commit: str = ""


class Content(msgspec.Struct, frozen=True):
    """What a blob holds; None when it is larger than was asked for, or not there."""

    blob: Blob
    data: bytes | None
    size: int = 0


def staged() -> tuple[list[Blob], list[str]]:
    """What the next commit from the current directory would bring, and the ids of what it takes away."""
    output = _run(["diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--ignore-submodules"])
    tokens = iter(output.split(b"\0"))
    entries = [(entry, next(tokens, b"")) for token in tokens if (entry := _ENTRY.match(token))]
    brought = [blob for entry, path in entries if (blob := _blob(entry, path, "")) is not None]
    return brought, [entry[2].split()[0].decode() for entry, _ in entries if entry[2].strip(b"0 ")]


def of_history(range_: str) -> Iterator[Blob | tuple[str, bytes]]:
    """Every content that a commit of `range_` brought, each once, newest first; and each commit with its message.

    A merge brings only what none of its parents has.
    """
    asked = [
        "log", "--raw", "-c", "--root", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv",
        "--no-show-signature", "--no-color", "--no-notes", "--format=%x01%H%x00%B", range_, "--",
    ]  # fmt: skip
    met: set[bytes] = set()
    with tempfile.TemporaryFile() as listed:
        _into(listed, asked)
        tokens = _tokens(listed)
        commit = ""
        for token in tokens:
            if head := _HEAD.match(token):
                commit = head[1].decode()
                yield commit, next(tokens, b"")
            elif entry := _ENTRY.match(token):
                blob = _blob(entry, next(tokens, b""), commit)
                key = bytes.fromhex(blob.id) if blob is not None else b""
                if blob is not None and key not in met:
                    met.add(key)
                    yield blob


def contents(blobs: Iterable[Blob], largest: int) -> Iterator[Content]:
    """What each of `blobs` holds, as far as it is not larger than `largest`, in their order."""
    group: list[Blob] = []
    for blob in blobs:
        group.append(blob)
        if len(group) == BATCH_BLOBS:
            yield from _of_group(group, largest)
            group = []
    yield from _of_group(group, largest)


def _of_group(group: list[Blob], largest: int) -> Iterator[Content]:
    sizes = _sizes([blob.id for blob in group])
    batch: list[tuple[Blob, int]] = []
    waiting = 0
    for blob in group:
        size = sizes.get(blob.id, -1)
        batch.append((blob, size))
        waiting += size if size <= largest else 0
        if waiting > BATCH_BYTES:
            yield from _read(batch, largest)
            batch, waiting = [], 0
    yield from _read(batch, largest)


def _read(batch: list[tuple[Blob, int]], largest: int) -> Iterator[Content]:
    wanted = dict.fromkeys(blob.id for blob, size in batch if 0 <= size <= largest)
    held = _held(list(wanted)) if wanted else {}
    for blob, size in batch:
        yield Content(blob, held.get(blob.id), max(size, 0))


def _sizes(ids: list[str]) -> dict[str, int]:
    rows = [row.split() for row in _run(["cat-file", "--batch-check"], given=_lines(ids)).split(b"\n")]
    return {row[0].decode(): int(row[2]) for row in rows if len(row) == 3 and row[1] == b"blob"}


def _held(ids: list[str]) -> dict[str, bytes]:
    output, at, found = _run(["cat-file", "--batch", "--buffer"], given=_lines(ids)), 0, {}
    while at < len(output):
        end = output.index(b"\n", at)
        row = output[at:end].split()
        at = end + 1
        if len(row) == 3:
            size = int(row[2])
            found[row[0].decode()] = output[at : at + size]
            at += size + 1
    return found


def _lines(ids: list[str]) -> bytes:
    return "".join(f"{id_}\n" for id_ in ids).encode()


def _blob(entry: re.Match[bytes], path: bytes, commit: str) -> Blob | None:
    """The content that an entry of a raw difference brings; none when it takes one away or is a submodule."""
    after = entry[3].decode()
    if not after.strip("0") or entry[1].strip() == _NO_CONTENT:
        return None
    return Blob(after, os.fsdecode(path), commit)


def _tokens(listed: IO[bytes]) -> Iterator[bytes]:
    """What lies between NULs, read piece by piece: a history can be longer than memory."""
    listed.seek(0)
    rest = b""
    while piece := listed.read(PIECE):
        *whole, rest = (rest + piece).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _run(arguments: list[str], given: bytes = b"") -> bytes:
    scratch = tempfile.gettempdir()
    return git.run(arguments, environment=_environment(), scratch=scratch, given=given, seconds=PATIENCE).output


def _into(file: IO[bytes], arguments: list[str]) -> None:
    """Run git with `file` as its output, which may be larger than memory."""
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    done = subprocess.run(
        command, env=_environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, check=False
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[:500]
        raise git.GitFailed(
            f"git log failed: {said}", hint="Name a branch, a commit or a range, as in `main..HEAD`.",
            status=done.returncode,
        )  # fmt: skip


def _environment() -> dict[str, str]:
    return git.clean_environment({name: os.environ[name] for name in _FROM_GIT if os.environ.get(name)})
