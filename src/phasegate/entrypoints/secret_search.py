"""Looks for secrets beyond the tree: in what is staged, in a history, in files and texts that are named."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from msgspec.structs import replace

from phasegate import __version__
from phasegate.errors import Failure
from phasegate.evidence.findings import Finding, FindingsSeen, seen
from phasegate.plain import line
from phasegate.policy.scan import secrets_in, text_of
from phasegate.policy.secrets import LARGEST as MOST_AT_ONCE
from phasegate.policy.secrets import find_secrets
from phasegate.settings import size_in_words
from phasegate.store.scanned import Scanned, folder
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


def in_history(range_: str, say: Say, *, anew: bool = False) -> FindingsSeen:
    """The secrets in every content and message of the commits of a range, "" for all there are.

    A content in which an earlier scan by the same rules found nothing is not read again, unless `anew`.
    """
    commits = passed_by = 0
    found: list[Finding] = []
    scanned = Scanned(folder(os.environ), rules_digest())

    def contents() -> Iterator[blobs.Blob]:
        nonlocal commits, passed_by
        for each in blobs.of_history(range_):
            if not isinstance(each, blobs.Blob):
                commits += 1
                found.extend(_brought_by(each[0], secrets_in(blobs.MESSAGE, each[1])))
            elif each.id in scanned and not anew:
                passed_by += 1
            else:
                yield each

    def told() -> Iterator[blobs.Content]:
        size, last = 0, time.monotonic()
        for number, content in enumerate(blobs.contents(contents(), LARGEST), 1):
            yield content
            size += content.size
            if time.monotonic() - last > SAY_EVERY_SECONDS:
                last = time.monotonic()
                say(f"{number} contents of {commits} commits ({size_in_words(size)}) were scanned for secrets")

    try:
        looked = _seen(told(), (), scanned.add)
    finally:
        scanned.write()
    earlier = f"{passed_by} contents were clean in an earlier scan; `--again` reads them too"
    notes = (f"{commits} commits", *([earlier] if passed_by else ()), *looked.notes)
    return seen("secrets", looked.files + passed_by, (*found, *looked.findings), looked.unread, notes=notes)


def rules_digest() -> str:
    """The digest of everything that decides what a secret is (hex)."""
    room = importlib.resources.files("phasegate.policy")
    sources = {each.name: each.read_bytes() for each in room.iterdir() if each.name.startswith(("secret", "scan"))}
    whole = b"".join(hashlib.sha256(sources[name]).digest() for name in sorted(sources) if name.endswith(".py"))
    return hashlib.sha256(__version__.encode() + whole).hexdigest()


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


def _seen(
    contents: Iterable[blobs.Content], known: Container[str], clean: Callable[[str], None] = lambda id: None
) -> FindingsSeen:
    """The secrets in contents that git holds; `clean` is told the ids of those that have none."""
    found: list[Finding] = []
    unread: list[str] = []
    large: list[str] = []
    looked_at = 0
    for content in contents:
        looked_at += 1
        path = readable(content.blob.path)
        if content.data is not None:
            held = [*secrets_in(path, content.data, known)]
            found += _brought_by(content.blob.commit, held)
            if not held:
                clean(content.blob.id)
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
