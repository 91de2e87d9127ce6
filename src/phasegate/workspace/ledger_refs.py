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
LARGEST = 96 << 20
"""Bytes of all events of an exported ledger that are read."""
LARGEST_TREE = 16 << 20
NOBODY = "0" * 40


class ExportRefUnsound(Failure):
    """What a ref of an exported ledger holds is no exported ledger."""

    code = "export-ref-unsound"
    exit_code = Exit.GATE_FAILED


class ExportTooLarge(Failure):
    """An exported ledger is larger than what is read."""

    code = "export-too-large"
    exit_code = Exit.LIMIT_REACHED


class PushRefused(Failure):
    """A remote did not take the exported ledger."""

    code = "push-refused"
    exit_code = Exit.CANNOT_TELL


class Parts(msgspec.Struct, frozen=True):
    """What lies in one commit of an exported ledger: its first line, its events' lines, the names of artifacts."""

    commit: str
    top: bytes
    events: bytes
    artifacts: frozenset[str]


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

    def read(self, ref: str) -> Parts:
        """What the newest commit of `ref` holds, of artifacts the names. Raises ExportRefUnsound or ExportTooLarge."""
        commit = self.commit(ref)
        if not commit:
            raise ExportRefUnsound(
                f"There is no exported ledger at {ref}.", hint=f"Fetch it: `git fetch origin {ref}:{ref}`."
            )
        folders = {"events": "040000 tree", "artifacts": "040000 tree", TOP: "100644 blob"}
        top = self._listed(f"{commit}^{{tree}}", ref)
        if TOP not in top or any(folders.get(name) != kind for name, (kind, _) in top.items()):
            raise _unsound(ref)
        inner = {name: self._listed(f"{commit}:{name}", ref) for name in ("events", "artifacts") if name in top}
        if any(kind != "100644 blob" for listed in inner.values() for kind, _ in listed.values()):
            raise _unsound(ref)
        events = [blob for _, (_, blob) in sorted(inner.get("events", {}).items())]
        content = self._contents([top[TOP][1], *events], ref)
        return Parts(commit, content[0], b"".join(content[1:]), frozenset(inner.get("artifacts", ())))

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

    def _listed(self, tree: str, ref: str) -> dict[str, tuple[str, str]]:
        """The entries of one tree: mode and kind, and the object. Never those below: trees can nest without end."""
        if int(self._git("cat-file", "-s", tree).output) > LARGEST_TREE:
            raise _too_large(ref)
        listing = self._git("ls-tree", "-z", "--full-tree", tree).output.split(b"\0")[:-1]
        rows = (entry.decode("utf-8", "replace").partition("\t") for entry in listing)
        return {name: (about.rpartition(" ")[0], about.rpartition(" ")[2]) for about, _, name in rows}

    def _contents(self, blobs: Sequence[str], ref: str) -> list[bytes]:
        given = "".join(f"{blob}\n" for blob in blobs).encode()
        sizes = self._git("cat-file", "--batch-check=%(objectsize)", given=given).output.split()
        if sum(map(int, sizes)) > LARGEST:
            raise _too_large(ref)
        rest = memoryview(self._git("cat-file", "--batch", given=given).output)
        found = []
        for size in map(int, sizes):
            start = bytes(rest[:200]).index(b"\n") + 1
            found.append(bytes(rest[start : start + size]))
            rest = rest[start + size + 1 :]
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


def _unsound(ref: str) -> ExportRefUnsound:
    return ExportRefUnsound(f"{ref} holds no exported ledger.", hint="Fetch it again, or ask who pushed it.")


def _too_large(ref: str) -> ExportTooLarge:
    return ExportTooLarge(f"{ref} is larger than the {LARGEST} bytes that are read.", hint="Look at who pushed it.")


def _signature(ms: int) -> dict[str, str]:
    """In nobody's name, and at the time of the last event: the same ledger makes the same commit everywhere."""
    when = f"{ms // 1000} +0000"
    by = {"NAME": "phasegate", "EMAIL": "phasegate", "DATE": when}
    return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in by.items()}
