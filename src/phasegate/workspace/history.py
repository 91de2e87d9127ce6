"""Reads the commits of a period, oldest first, with the texts they changed; writes nothing."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator

import msgspec

from phasegate.report.lookback.seen import Change, Commit
from phasegate.workspace import git


class Caps(msgspec.Struct, frozen=True):
    """What is read at most."""

    commits: int = 2000
    blob: int = 1 << 20
    total: int = 512 << 20
    batch: int = 16 << 20
    files: int = 2000
    """Files of one commit; one that changes more is an import, not work."""


class Skipped(msgspec.Struct):
    """What was not read, counted while reading."""

    commits: int = 0
    files: int = 0
    bulky: int = 0
    over_budget: int = 0


class _Entry(msgspec.Struct, frozen=True):
    path: str
    before_path: str
    before: str
    after: str
    status: str


class _Listed(msgspec.Struct, frozen=True):
    id: str
    time: float
    message: str
    entries: tuple[_Entry, ...]


_HEAD = re.compile(rb"\n?\x01([0-9a-f]{40,64})$")
_RAW = re.compile(rb"\n?:(\d{6}) (\d{6}) ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ([A-Z])\d*$")
_NOT_TEXT = re.compile(
    r"(?:^|/)(?:node_modules|vendor|third_party|dist)/|\.min\.(?:js|css)$|\.(?:map|lock|svg|png|jpe?g|gif|ico|pdf|zip|gz|woff2?"
    r"|ttf|mp[34]|wasm|so|dylib|jar|class|pyc|bin|parquet|sqlite3?|db)$|(?:^|/)(?:package-lock\.json|pnpm-lock\.yaml|go\.sum)$",
    re.IGNORECASE,
)
_GIT = ("-c", "i18n.logOutputEncoding=UTF-8", "-c", "core.quotePath=false")


def commits(
    place: git.Place, since: float, caps: Caps, skipped: Skipped, progress: Callable[[int, int], None]
) -> Iterator[Commit]:
    """The commits after `since` (seconds) on HEAD and all branches, merges left out. Counts in `skipped`."""
    listed = _listed(place, since, caps, skipped)
    left = caps.total
    for done, group in _groups(place, listed, caps, skipped):
        left -= group.bytes
        if left < 0:
            skipped.over_budget += len(listed) - done + len(group.commits)
            return
        texts = _contents(place, group.blobs)
        for commit in group.commits:
            yield _commit(commit, texts)
        progress(done, len(listed))


class _Group(msgspec.Struct):
    commits: list[_Listed]
    blobs: dict[str, None]
    bytes: int = 0


def _groups(place: git.Place, listed: list[_Listed], caps: Caps, skipped: Skipped) -> Iterator[tuple[int, _Group]]:
    """Commits in groups whose texts fit into one batch, with how many commits are dealt with after each."""
    sizes = _sizes(
        place, {blob for commit in listed for entry in commit.entries for blob in (entry.before, entry.after)}
    )
    group = _Group([], {})
    for number, commit in enumerate(listed, 1):
        for entry in commit.entries:
            for blob in (entry.before, entry.after):
                size = sizes.get(blob, -1)
                if 0 <= size <= caps.blob and blob not in group.blobs:
                    group.blobs[blob] = None
                    group.bytes += size
                elif size > caps.blob:
                    skipped.files += 1
        group.commits.append(commit)
        if group.bytes > caps.batch:
            yield number, group
            group = _Group([], {})
    if group.commits:
        yield len(listed), group


def _listed(place: git.Place, since: float, caps: Caps, skipped: Skipped) -> list[_Listed]:
    if _git(place, ["rev-parse", "-q", "--verify", "HEAD"], accept=(0, 1, 128)).status:
        return []
    asked = [
        "log", "--no-merges", "--date-order",
        "--reverse", f"--max-count={caps.commits}", f"--max-age={max(0, int(since))}", "--raw",
        "-z", "--no-abbrev", "-l1000", "--no-ext-diff", "--no-textconv", "--no-show-signature", "--no-color",
        "--format=%x01%H%x00%ct%x00%B",
    ]  # fmt: skip
    try:
        found = _git(place, [*asked, "-M", "HEAD", "--branches"])
    except git.GitFailed:  # a partial clone lacks the texts by which renames are recognised
        found = _git(place, [*asked, "-M100%", "HEAD", "--branches"])
    listed = list(_parsed(found.output))
    counted = _git(
        place, ["rev-list", "--no-merges", "--count", f"--max-age={max(0, int(since))}", "HEAD", "--branches"]
    )
    skipped.commits += max(0, int(counted.output or b"0") - len(listed))
    bulky = [commit for commit in listed if len(commit.entries) > caps.files]
    skipped.bulky += len(bulky)
    return [commit for commit in listed if len(commit.entries) <= caps.files]


def _parsed(output: bytes) -> Iterator[_Listed]:
    """What `git log --raw -z` printed: commits, each with its entries; paths stand where their number says."""
    tokens = output.split(b"\0")
    at = 0
    while at + 2 < len(tokens):
        head = _HEAD.match(tokens[at])
        if head is None:
            at += 1
            continue
        when, message = tokens[at + 1], tokens[at + 2].decode("utf-8", "replace")
        at += 3
        entries: list[_Entry] = []
        while at < len(tokens) and (raw := _RAW.match(tokens[at])):
            names = tokens[at + 1 : at + (3 if raw[5] in b"RC" else 2)]
            at += 1 + len(names)
            paths = [os.fsdecode(name) for name in names]
            if (
                paths
                and raw[1][:2] in (b"10", b"00")
                and raw[2][:2] in (b"10", b"00")
                and not _NOT_TEXT.search(paths[-1])
            ):
                entries.append(_Entry(paths[-1], paths[0], _blob(raw[3]), _blob(raw[4]), raw[5].decode()))
        yield _Listed(head[1].decode(), float(int(when or b"0")), message, tuple(entries))


def _blob(name: bytes) -> str:
    return "" if not name.strip(b"0") else name.decode()


def _sizes(place: git.Place, blobs: set[str]) -> dict[str, int]:
    blobs.discard("")
    asked = "".join(f"{blob}\n" for blob in sorted(blobs)).encode()
    found = _git(place, ["cat-file", "--batch-check"], given=asked).output.split(b"\n")
    rows = [line.split() for line in found]
    return {row[0].decode(): int(row[2]) for row in rows if len(row) == 3 and row[1] == b"blob"}


def _contents(place: git.Place, blobs: dict[str, None]) -> dict[str, str | None]:
    """The texts of `blobs`; None for what is no text."""
    output = _git(place, ["cat-file", "--batch"], given="".join(f"{blob}\n" for blob in blobs).encode()).output
    texts: dict[str, str | None] = {}
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        row = output[at:end].split()
        at = end + 1
        if len(row) == 3 and row[1] == b"blob":
            size = int(row[2])
            texts[row[0].decode()] = _text(output[at : at + size])
            at += size + 1
    return texts


def _text(data: bytes) -> str | None:
    return None if b"\0" in data[:8192] else data.decode("utf-8", "replace")


def _commit(listed: _Listed, texts: dict[str, str | None]) -> Commit:
    changes = []
    complete = True
    for entry in listed.entries:
        before = texts.get(entry.before) if entry.before else None
        after = texts.get(entry.after) if entry.after else None
        read = (before is not None or not entry.before) and (after is not None or not entry.after)
        complete = complete and read
        kind = "added" if not entry.before else "deleted" if not entry.after else "modified"
        changes.append(Change(entry.path, entry.before_path, before, after, kind))  # type: ignore[arg-type]
    return Commit(listed.id, listed.time, listed.message, tuple(changes), complete)


def _git(place: git.Place, arguments: list[str], *, given: bytes = b"", accept: tuple[int, ...] = (0,)) -> git.Ran:
    return git.run(
        ["-C", place.root, *_GIT, *arguments],
        environment=git.clean_environment(),
        scratch=tempfile.gettempdir(),
        given=given,
        seconds=300.0,
        accept=accept,
    )
