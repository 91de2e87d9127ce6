"""An exported ledger as a git ref: commits that only ever add, made without touching index, branches or work tree."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.workspace import git
from phasegate.workspace.branches import users_environment

PREFIX = "refs/phasegate/ledgers/"
TOP, EVENTS, ARTIFACTS = "ledger.json", "events/", "artifacts/"
LARGEST = 1 << 30
MOST_FILES = 200_000
NOBODY = "0" * 40


class ExportRefUnsound(Failure):
    """What a ref of an exported ledger holds is no exported ledger."""

    code = "export-ref-unsound"
    exit_code = Exit.GATE_FAILED


class PushRefused(Failure):
    """A remote did not take the exported ledger."""

    code = "push-refused"
    exit_code = Exit.CANNOT_TELL


class Parts(msgspec.Struct, frozen=True):
    """What lies in one commit of an exported ledger: its first line, the lines of its events, its artifacts."""

    commit: str
    top: bytes
    events: bytes
    artifacts: Mapping[str, bytes]


class Addition(msgspec.Struct, frozen=True):
    """What a commit adds: a new first line, the events from position `first` on, artifacts; `ms` is when."""

    top: bytes
    first: int
    events: bytes
    artifacts: Mapping[str, bytes]
    ms: int


class LedgerRefs:
    """The exported ledgers in one clone; `scratch` is a private directory."""

    def __init__(self, root: str, scratch: str) -> None:
        self._root = root
        self._scratch = scratch

    def names(self) -> tuple[str, ...]:
        """Every ref of an exported ledger."""
        listing = self._git("for-each-ref", "--format=%(refname)", PREFIX).output.decode("utf-8", "replace")
        return tuple(listing.split())

    def commit(self, ref: str) -> str:
        """The commit that a ref, or any other name, is at; "" when there is none."""
        ran = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", accept=(0, 1, 128))
        return ran.output.decode().split()[-1] if ran.status == 0 and ran.output.strip() else ""

    def read(self, ref: str, *, artifacts: bool = True) -> Parts:
        """What lies in the newest commit of `ref`. Raises ExportRefUnsound."""
        commit = self.commit(ref)
        if not commit:
            raise ExportRefUnsound(
                f"There is no exported ledger at {ref}.", hint=f"Fetch it: `git fetch origin {ref}`."
            )
        wanted = self._listed(commit, ref)
        events = sorted(path for path in wanted if path.startswith(EVENTS))
        blobs = sorted(path for path in wanted if path.startswith(ARTIFACTS)) if artifacts else []
        content = self._contents([wanted[path] for path in (TOP, *events, *blobs)])
        rest = content[1 + len(events) :]
        named = {path.removeprefix(ARTIFACTS): data for path, data in zip(blobs, rest, strict=True)}
        return Parts(commit, content[0], b"".join(content[1 : 1 + len(events)]), named)

    def add(self, ref: str, addition: Addition, before: str) -> str:
        """A commit after `before` ("" = the first) with `addition`; StateMoved-like failure when the ref moved."""
        index = os.path.join(self._scratch, "ledger-index")
        env = _signature(addition.ms) | {"GIT_INDEX_FILE": index}
        self._git("read-tree", *([before] if before else ["--empty"]), env=env)
        files = {TOP: addition.top, f"{EVENTS}{addition.first:012}": addition.events}
        files |= {f"{ARTIFACTS}{name}": data for name, data in addition.artifacts.items()}
        given = "".join(f"100644 {self._stored(data)}\t{path}\n" for path, data in files.items())
        self._git("update-index", "--add", "--index-info", given=given.encode(), env=env)
        tree = self._git("write-tree", env=env).output.decode().strip()
        os.unlink(index)
        parent = ("-p", before) if before else ()
        made = self._git("commit-tree", tree, *parent, given=b"phasegate ledger\n", env=env).output.decode().strip()
        self._git("update-ref", ref, made, before or NOBODY)
        return made

    def push(self, ref: str, remote: str) -> None:
        """Push the ref as it is; a remote that has another history refuses, and nothing is forced."""
        ran = self._git("push", "-q", "--end-of-options", remote, f"{ref}:{ref}", accept=range(256), users=True)
        if ran.status:
            said = ran.errors.strip()[-600:]
            raise PushRefused(
                f"{remote} did not take the ledger: {said}.",
                hint="If it says non-fast-forward, another history lies there: find out whose before anything else.",
            )

    def _listed(self, commit: str, ref: str) -> dict[str, str]:
        """Path to blob of what belongs there; nothing else may be there."""
        listing = self._git("ls-tree", "-r", "-l", "-z", "--full-tree", commit).output.split(b"\0")[:-1]
        found: dict[str, str] = {}
        size = 0
        for entry in listing[: MOST_FILES + 1]:
            about, _, path = entry.decode("utf-8", "replace").partition("\t")
            mode, kind, blob, length = about.split()
            if mode != "100644" or kind != "blob" or not (path == TOP or path.startswith((EVENTS, ARTIFACTS))):
                raise ExportRefUnsound(f"{ref} holds {path!r}, which is no part of a ledger.", hint="Fetch it again.")
            found[path], size = blob, size + int(length)
        if TOP not in found or len(listing) > MOST_FILES or size > LARGEST:
            raise ExportRefUnsound(f"{ref} holds no ledger that can be read.", hint="Fetch it again.")
        return found

    def _contents(self, blobs: Sequence[str]) -> list[bytes]:
        given = "".join(f"{blob}\n" for blob in blobs).encode()
        rest = memoryview(self._git("cat-file", "--batch", given=given).output)
        found = []
        for _ in blobs:
            end = bytes(rest[:200]).index(b"\n")
            size = int(bytes(rest[:end]).split(b" ")[2])
            found.append(bytes(rest[end + 1 : end + 1 + size]))
            rest = rest[end + 2 + size :]
        return found

    def _stored(self, data: bytes) -> str:
        return self._git("hash-object", "-w", "--stdin", given=data).output.decode().strip()

    def _git(
        self, *words: str, given: bytes = b"", env: Mapping[str, str] | None = None, accept: Sequence[int] = (0,),
        users: bool = False,
    ) -> git.Ran:  # fmt: skip
        environment = users_environment() if users else git.clean_environment(env)
        return git.run(
            ("-C", self._root, *words), environment=environment, scratch=self._scratch, given=given, accept=accept,
            seconds=600.0,
        )  # fmt: skip


def _signature(ms: int) -> dict[str, str]:
    """In nobody's name, and at the time of the last event: the same ledger makes the same commit everywhere."""
    when = f"{ms // 1000} +0000"
    by = {"NAME": "phasegate", "EMAIL": "phasegate", "DATE": when}
    return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in by.items()}
