"""Looks for secrets beyond the tree: in what is staged, in a history, in files and texts that are named."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from msgspec.structs import replace

from phasegate.errors import Failure
from phasegate.evidence.findings import Finding, FindingsSeen, seen
from phasegate.plain import line
from phasegate.policy.scan import secrets_in, text_of
from phasegate.policy.secrets import LARGEST as MOST_AT_ONCE
from phasegate.policy.secrets import find_secrets
from phasegate.settings import size_in_words
from phasegate.workspace import blobs, files

LARGEST = 20 << 20
"""Bytes of a file that is scanned; what is larger is data, and said not to have been looked at."""

LEFT_OUT = (".gitleaksignore", ".gitleaks.toml")
"""Files by which a tree could tell another program what not to see."""

SILENCER = b"trufflehog:ignore"
"""A comment that trufflehog obeys; nothing can tell it not to."""

STANDARD_INPUT = "-"
SAY_EVERY_SECONDS = 5.0

Say = Callable[[str], None]


def in_staged() -> FindingsSeen:
    """The secrets that the next commit would bring; what stood in the files it changes is none of its doing."""
    brought, replaced = blobs.staged()
    old = blobs.contents([blobs.Blob(id_, "") for id_ in dict.fromkeys(replaced)], LARGEST)
    known = {found.fingerprint for content in old if content.data for found in find_secrets(text_of(content.data))}
    return _seen(blobs.contents(brought, LARGEST), known)


def in_history(range_: str, say: Say) -> FindingsSeen:
    """The secrets in every content and message of the commits of a range, "" for all there are."""
    commits = 0
    found: list[Finding] = []

    def contents() -> Iterator[blobs.Blob]:
        nonlocal commits
        for each in blobs.of_history(range_):
            if isinstance(each, blobs.Blob):
                yield each
            else:
                commits += 1
                found.extend(_brought_by(each[0], secrets_in(blobs.MESSAGE, each[1])))

    def told() -> Iterator[blobs.Content]:
        size, last = 0, time.monotonic()
        for number, content in enumerate(blobs.contents(contents(), LARGEST), 1):
            yield content
            size += content.size
            if time.monotonic() - last > SAY_EVERY_SECONDS:
                last = time.monotonic()
                say(f"{number} contents of {commits} commits ({size_in_words(size)}) were scanned for secrets")

    looked = _seen(told(), ())
    return seen(
        "secrets", looked.files, (*found, *looked.findings), looked.unread, notes=(f"{commits} commits", *looked.notes)
    )


def in_files(paths: Sequence[str]) -> FindingsSeen:
    """The secrets in files by their names, relative to where we are; `-` is standard input."""
    found: list[Finding] = []
    unread: list[str] = []
    for path in paths:
        try:
            content = _standard_input() if path == STANDARD_INPUT else _content(path)
            found += secrets_in(path, content)
        except Failure:
            unread.append(path)
    return seen("secrets", len(paths), tuple(found), tuple(unread))


def _content(path: str) -> bytes:
    folder, name = os.path.split(os.path.abspath(path))
    return files.read_capped(os.path.realpath(folder), name, MOST_AT_ONCE)


def _standard_input() -> bytes:
    content = sys.stdin.buffer.read(MOST_AT_ONCE + 1)
    if len(content) > MOST_AT_ONCE:
        raise files.TooLarge(
            f"Standard input is larger than {size_in_words(MOST_AT_ONCE)}.", hint="Split it, and scan its parts."
        )
    return content


def _seen(contents: Iterable[blobs.Content], known: Container[str]) -> FindingsSeen:
    """The secrets in contents that git holds."""
    found: list[Finding] = []
    unread: list[str] = []
    large: list[str] = []
    looked_at = 0
    for content in contents:
        looked_at += 1
        path = readable(content.blob.path)
        if content.data is not None:
            found += _brought_by(content.blob.commit, secrets_in(path, content.data, known))
        else:
            (large if content.size else unread).append(path)
    return seen("secrets", looked_at, tuple(found), tuple(unread), notes=not_looked_at(large))


def _brought_by(commit: str, found: Iterable[Finding]) -> Iterator[Finding]:
    for each in found:
        yield replace(each, message=f"{each.message}, brought by {commit[:12]}") if commit else each


def readable(path: str) -> str:
    """A path as UTF-8 can hold it; bytes that are no UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def not_looked_at(large: list[str]) -> tuple[str, ...]:
    """What is said of files that are too large to be scanned."""
    if not large:
        return ()
    more = f" and {len(large) - 5} more" if len(large) > 5 else ""
    named = ", ".join(line(path, 200) for path in large[:5])
    return (f"larger than {size_in_words(LARGEST)}, so not looked at: {named}{more}",)


def copied(root: str, paths: Iterable[str], target: str) -> tuple[str, ...]:
    """Lay out the files below `root` in the folder `target` for other programs; those that could not be read.

    Nothing in the copy tells a program what not to see.
    """
    unread = []
    os.makedirs(target)
    for path in paths:
        if os.path.basename(path) in LEFT_OUT:
            continue
        try:
            content = files.read_capped(root, path, LARGEST)
        except files.TooLarge:
            continue  # said not to be looked at
        except Failure:
            unread.append(path)
            continue
        os.makedirs(os.path.dirname(os.path.join(target, path)), exist_ok=True)
        with open(os.path.join(target, path), "wb") as file:
            file.write(content.replace(SILENCER, b"-" * len(SILENCER)))
    return tuple(unread)
