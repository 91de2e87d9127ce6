"""What the engine needs handed in: the ledger, the work tree, the files; named here, carried out by the edges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

import msgspec

from phasegate.evidence.items import Artifact
from phasegate.ledger.fact import Fact
from phasegate.ledger.state import State
from phasegate.settings import Settings
from phasegate.workflow.definition import Workflow


class Observation(msgspec.Struct, frozen=True):
    """The whole tree as it is: its git tree id, and the subject digest that gates compare.

    `unread` are paths that could not be read; while there is one, the subject is unknown ("").
    """

    tree: str
    subject: str
    unread: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """A path that differs between two trees: blob ids and git modes before and after ("" = absent)."""

    path: str
    before: str
    after: str
    mode_before: str = ""
    mode_after: str = ""
    too_large: bool = False
    """Whether what is there now is above the limit of hashing, so that size and times stand for it."""


class Undo(msgspec.Struct, frozen=True):
    """A put-back about to happen: the blob that keeps the overwritten bytes, and the command that restores them."""

    overwritten: str
    command: str


class Glance(msgspec.Struct, frozen=True):
    """A file looked at without reading it whole: its size, and its first bytes."""

    size: int
    head: bytes


class Tree(Protocol):
    """The work tree, its digests and differences."""

    def observe(self, views: Mapping[str, str]) -> Observation:
        """Digest the whole tree; `views` (path -> SHA-256) are left out of the subject where they are as rendered."""
        ...

    def changes(self, before: str, after: str) -> tuple[Change, ...]:
        """What differs between two tree ids, without rename detection."""
        ...

    def rehash(self, paths: Iterable[str]) -> dict[str, str]:
        """The blob id of each path as it is now ("" when it is gone)."""
        ...

    def blob(self, blob: str) -> bytes:
        """The content of a blob that an observation saw."""
        ...

    def undo(self, change: Change) -> Undo:
        """What putting `change` back would keep; nothing is written yet. A `Failure` says why it must not be done."""
        ...

    def put_back(self, change: Change) -> None:
        """Make the path what it was before `change`."""
        ...

    def changed_lines(self, before: str, after: str, paths: Iterable[str]) -> Mapping[str, Collection[int]]:
        """The lines (from 1) of each path in `after` that `before` did not have."""
        ...

    def difference(self, before: str, after: str) -> bytes:
        """The difference of two trees as a patch with binary content."""
        ...


class Files(Protocol):
    """Files beneath the root; nothing is ever followed out of it."""

    def relative(self, path: str) -> str | None:
        """`path` (as a client gave it) relative to the root, with links resolved; None when it lies outside."""
        ...

    def glance(self, path: str, most: int) -> Glance | None:
        """The size of a file and at most `most` of its first bytes; None when there is no regular file."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content, or None when there is no such file."""
        ...

    def write(self, path: str, content: bytes | None) -> None:
        """Write atomically, or remove with None; missing folders are made and empty ones removed."""
        ...


class Custody(Protocol):
    """The files beside the tree that bend how work is judged, each by the name that people are told."""

    def digests(self) -> dict[str, str]:
        """SHA-256 of each that is there."""
        ...

    def content(self, name: str) -> bytes | None:
        """What it holds now; None when it is gone."""
        ...

    def path(self, name: str) -> str:
        """Where it lies."""
        ...

    def keep(self, digest: str, content: bytes) -> str:
        """Keep `content` under a digest; where."""
        ...

    def kept(self, digest: str) -> bytes | None:
        """What was kept under it."""
        ...

    def put_back(self, name: str, digest: str) -> None:
        """Make it hold what was kept under `digest`, or nothing with ""."""
        ...

    def is_there(self, name: str) -> bool:
        """Whether the file is there, also when it is watched no more because the environment names another."""
        ...

    def is_of_a_package(self, name: str, content: bytes) -> bool:
        """Whether an installed distribution lists it with this content."""
        ...


class Desk(Protocol):
    """Everything the engine works with in one work tree of one project."""

    @property
    def settings(self) -> Settings:
        """The settings a person trusted."""
        ...

    @property
    def workflow(self) -> Workflow:
        """The definition in force."""
        ...

    @property
    def worktree(self) -> str:
        """The root of the work tree, which names it."""
        ...

    @property
    def tree(self) -> Tree:
        """The work tree as git sees it."""
        ...

    @property
    def files(self) -> Files:
        """Its files."""
        ...

    @property
    def custody(self) -> Custody:
        """What is watched beside the tree."""
        ...

    def state(self) -> State:
        """The fold of everything recorded so far."""
        ...

    def record(self, facts: Iterable[Fact], *, relying_on: State | None) -> State:
        """Append `facts` and return the state after them.

        With `relying_on`, the streams of the facts must be as that state saw them, else `StateMoved` and nothing is
        recorded. None is for facts that hold whatever happened meanwhile.
        """
        ...

    def append(self, facts: Iterable[Fact], *, relying_on: State | None) -> None:
        """The same where nobody asks for the state after them: a long ledger makes that dear."""
        ...

    def new_id(self, prefix: str) -> str:
        """A short id that no other of this ledger has."""
        ...

    def keep(self, name: str, content: bytes) -> Artifact:
        """Keep bytes beside the ledger, redacted."""
        ...

    def kept(self, artifact: Artifact) -> bytes:
        """The bytes of an artifact, checked against its digest."""
        ...

    def now_ms(self) -> int:
        """UTC milliseconds."""
        ...

    def today(self) -> str:
        """The UTC date as YYYY-MM-DD."""
        ...

    def born(self, pid: int) -> str:
        """When the process started, as a text that names it together with its pid; "" when it does not run."""
        ...

    def ancestry(self, pid: int) -> tuple[int, ...]:
        """`pid` and the processes above it, nearest first."""
        ...

    def programs_above(self) -> tuple[str, ...]:
        """The programs above this very process, nearest first, with their ids."""
        ...

    def left_at_work(self, known: Collection[int], sessions: Collection[str]) -> tuple[str, ...]:
        """The programs that agents of `sessions`, or in this work tree, started and that still run.

        Less those at or below `known` processes.
        """
        ...

    def others_at_work(self) -> tuple[str, ...]:
        """Where other projects of this work tree lie, as in `Settings.elsewhere`, that a client drives a run of now."""
        ...

    def hooks_missing(self) -> str:
        """What is wrong with phasegate's hooks in the client's settings; "" when they are in force."""
        ...
