"""The only place that chooses implementations: it opens a project and puts the edges into the engine's hands."""

from __future__ import annotations

import hashlib
import os
import stat
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from phasegate import __version__
from phasegate.agents import claude_code
from phasegate.agents.interface import Client
from phasegate.engine import redaction
from phasegate.engine.desk import Change, Glance, Observation, Undo
from phasegate.errors import Failure
from phasegate.evidence.items import Artifact
from phasegate.ledger.event import Actor, Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import LedgerBorn, LedgerMoved
from phasegate.ledger.fold import fold
from phasegate.ledger.log import Blobs, Head, Log, Snapshot
from phasegate.ledger.schema import draft
from phasegate.ledger.state import CODE, State, freeze, thaw
from phasegate.settings import Settings, Tests, size_in_words
from phasegate.store.blobs import DirectoryBlobs
from phasegate.store.sqlite import SqliteLog
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.definition import Workflow
from phasegate.workflow.plan import blanked as blanked_plan
from phasegate.workspace import files, git, place
from phasegate.workspace.names import Names, raw

if TYPE_CHECKING:
    from phasegate.collectors.interface import SuiteRun
    from phasegate.collectors.suites import Way
    from phasegate.workspace.tree import Change as Difference
    from phasegate.workspace.tree import WorkTree

VERSION = __version__
"""Of phasegate."""

CLIENTS: Mapping[str, Client] = {"claude": claude_code}
"""Every client by the word after `phasegate hook`."""

SNAPSHOT_EVERY = 64
"""Events after which a reader leaves a snapshot for the next."""

READ_CAP = 16 * 1024 * 1024


class Trusted(msgspec.Struct, frozen=True):
    """What was in force when a person last trusted the settings: compiled, so that hooks discover nothing.

    `beside` are the SHA-256 (hex) of the files that `phasegate.toml` names, by path; "" for one that was not there.
    """

    settings: Settings
    workflow: Workflow
    digest: str
    beside: dict[str, str] = {}


class Project:
    """An opened project: where it lies, what is trusted, its ledger and artifacts."""

    def __init__(
        self, where: git.Place, pointer: place.Pointer, directory: str, trusted: Trusted, log: Log, blobs: Blobs
    ) -> None:
        self.where = where
        self.pointer = pointer
        self.directory = directory
        self.trusted = trusted
        self.log = log
        self.blobs = blobs

    @property
    def shadow(self) -> str:
        """The shadow git directory of this work tree."""
        return os.path.join(self.directory, "shadow", self._mark)

    @property
    def private(self) -> str:
        """Where the private trees of this work tree lie."""
        return os.path.join(self.directory, "private", self._mark)

    @property
    def _mark(self) -> str:
        return hashlib.sha256(self.where.root.encode()).hexdigest()[:16]

    def close(self) -> None:
        """Release the ledger."""
        self.log.close()


def open_project(path: str, env: Mapping[str, str]) -> Project:
    """Open the project that holds `path`. Raises `NotInitialised`, `NotARepository`, or what the ledger raises."""
    where = place.locate(path)
    pointer = _pointer(where)
    known = place.registered(where, env)
    if known is not None and known.ledger != pointer.ledger:
        raise place.PointerUnreadable(
            f"{place.pointer_path(where.common, where.prefix)} names another ledger than this clone has had.",
            hint=f"Put it back: its ledger is {known.ledger} of project {known.project}.",
        )
    if pointer.home != where.common:
        pointer = _adopt(where, pointer, env)
    return _opened(where, pointer, env)


def project_at(root: str, env: Mapping[str, str]) -> Project:
    """Open the project that lies in exactly this folder of a work tree. Raises `NotInitialised`."""
    where = place.at(git.locate(root), root)
    return _opened(where, _pointer(where), env)


def _pointer(where: git.Place) -> place.Pointer:
    pointer = place.read_pointer(where)
    if pointer is None:
        raise place.NotInitialised(f"{where.root} has no ledger yet.", hint="Run `phasegate init` there.")
    return pointer


def begin_ledger(
    where: git.Place, project: str, trusted: Trusted, env: Mapping[str, str], *, copied_from: str = ""
) -> Project:
    """Give this clone a ledger of its own and record its birth."""
    pointer = place.Pointer(project, str(uuid.uuid4()), where.common)
    directory = place.ledger_directory(pointer, env)
    log = SqliteLog(os.path.join(directory, "ledger.db"), pointer.ledger)
    born = LedgerBorn(project, where.common, copied_from)
    log.append([draft(born)], actor=Actor("phasegate", VERSION), expected={}, now_ms=time.time_ns() // 1_000_000)
    log.close()
    trust(directory, trusted)
    place.write_pointer(where, pointer)
    place.register(where, pointer, env)
    return _opened(where, pointer, env)


def trust(directory: str, trusted: Trusted) -> None:
    """Compile settings and workflow into the file that hooks read."""
    files.write_atomic(directory, place.TRUSTED, msgspec.json.encode(trusted))


def _opened(where: git.Place, pointer: place.Pointer, env: Mapping[str, str]) -> Project:
    directory = place.ledger_directory(pointer, env)
    trusted = read_trusted(directory)
    log = SqliteLog(os.path.join(directory, "ledger.db"))
    return Project(where, pointer, directory, trusted, log, DirectoryBlobs(os.path.join(directory, "blobs")))


def _adopt(where: git.Place, pointer: place.Pointer, env: Mapping[str, str]) -> place.Pointer:
    """A clone that was moved keeps its ledger; a copy of one that is still there begins its own."""
    original = place.pointer_at(pointer.home, where.prefix)
    if original is not None and original.ledger == pointer.ledger:
        trusted = read_trusted(place.ledger_directory(pointer, env))
        project = begin_ledger(where, pointer.project, trusted, env, copied_from=pointer.ledger)
        project.close()
        return project.pointer
    moved = place.Pointer(pointer.project, pointer.ledger, where.common)
    project = _opened(where, moved, env)
    actor = Actor("phasegate", VERSION)
    project.log.append([draft(LedgerMoved(where.common))], actor=actor, expected={}, now_ms=time.time_ns() // 1_000_000)
    project.close()
    place.write_pointer(where, moved)
    place.register(where, moved, env)
    return moved


def read_trusted(directory: str) -> Trusted:
    """The compiled settings of a ledger; the built-in defaults when they are gone."""
    try:
        with open(os.path.join(directory, place.TRUSTED), "rb") as file:
            return msgspec.json.decode(file.read(READ_CAP), type=Trusted)
    except (OSError, msgspec.DecodeError):
        return Trusted(Settings(), DEFAULT, "")


def changed_settings(project: Project) -> list[str]:
    """Which files are not as a person last trusted them: `phasegate.toml`, and those that it named then."""
    trusted = {place.SETTINGS: project.trusted.digest, **project.trusted.beside}
    now = settings_digests(project.where.root, trusted)
    return [name for name, digest in trusted.items() if now[name] != digest]


def settings_digests(root: str, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 (hex) of files that say what is in force, by their paths; "" for one that is not there."""
    return {name: settings_digest(root, name) for name in names}


def settings_digest(root: str, name: str = place.SETTINGS) -> str:
    """SHA-256 (hex) of a file that says what is in force; "" when there is none."""
    path = os.path.join(root, name)
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return hashlib.sha256(file.read(READ_CAP)).hexdigest()
    except OSError:
        return ""


class RealTree:
    """The engine's `Tree` on a work tree of git."""

    def __init__(self, project: Project) -> None:
        from phasegate.workspace.tree import Limits, WorkTree

        self._project = project
        limits = Limits(file=project.trusted.settings.limits.hashing)
        self._names = Names(project.where.prefix)
        self._work = WorkTree(project.where.top, project.shadow, limits=limits)

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        """Where ignored files that a runner could load are looked for; hashing one path needs none."""
        return tuple(map(self._names.path, (*source_roots(self._project), "tests", "test")))

    @cached_property
    def _blanks(self) -> dict[str, Callable[[bytes], bytes]]:
        """What takes phasegate's own marks out of a file before it is digested; hashing one path needs none."""
        from phasegate.context import block

        top, path = self._project.where.top, self._names.path
        shown = (files.contained(top, path(name)) or path(name) for name in block.FILES.values())
        return {path(self._project.trusted.settings.plan): blanked_plan} | dict.fromkeys(shown, block.blanked)

    def observe(self, views: Mapping[str, str]) -> Observation:
        known = {self._names.path(name): digest for name, digest in views.items() if digest}
        shown = {path: digest for path, digest in known.items() if path not in self._blanks}
        seen = self._work.observe(shown, self._blanks, self._roots)
        unread = tuple(map(self._names.name, seen.held))
        return Observation(seen.id, "" if unread else seen.subject, unread)

    def changes(self, before: str, after: str) -> tuple[Change, ...]:
        return tuple(
            Change(
                self._names.name(c.path), c.before or "", c.after or "", c.mode_before or "", c.mode_after or "",
                self._work.stands_for_large(c),
            )
            for c in self._work.changes(before, after)
        )  # fmt: skip

    def rehash(self, paths: Iterable[str]) -> dict[str, str]:
        found = {name: self._names.path(name) for name in paths}
        return {name: self._work.rehash([path])[path] or "" for name, path in found.items()}

    def blob(self, blob: str) -> bytes:
        return self._work.read_blob(blob)

    def undo(self, change: Change) -> Undo:
        self._work.check(self._difference(change))
        path = self._names.path(change.path)
        return Undo(change.after, self._work.restore_command(path, change.mode_after or None, change.after or None))

    def put_back(self, change: Change) -> None:
        from phasegate.workspace.tree import ChangedSince

        with suppress(ChangedSince):  # somebody was faster: the next observation judges what they left
            self._work.put_back(self._difference(change))

    def _difference(self, change: Change) -> Difference:
        from phasegate.workspace.tree import Change as Difference

        after = change.mode_after or (self._mode(change.path) if change.after else "")
        before = change.mode_before or (after or "100644" if change.before else "")
        path = self._names.path(change.path)
        return Difference(path, change.before or None, change.after or None, before or None, after or None)

    def _mode(self, path: str) -> str:
        """The mode git gives a path as it is, for a change that was noticed by its content alone."""
        status = files.state_of(self._work.root, self._names.path(path))
        if status is None:
            return ""
        return "120000" if stat.S_ISLNK(status.st_mode) else "100755" if status.st_mode & 0o100 else "100644"

    @property
    def whole(self) -> WorkTree:
        """The work tree itself, whose paths are relative to its own root."""
        return self._work

    def difference(self, before: str, after: str) -> bytes:
        return self._work.difference(before, after)

    def changed_lines(self, before: str, after: str, paths: Iterable[str]) -> dict[str, set[int]]:
        """The lines (from 1) of each path in `after` that `before` did not have."""
        found = self._work.changed_lines(before, after, map(self._names.path, paths))
        return {self._names.name(path): lines for path, lines in found.items()}


class RealFiles:
    """The engine's `Files` beneath the root of a work tree, by their names in the project."""

    def __init__(self, where: git.Place) -> None:
        self._root, self._names = where.top, Names(where.prefix)

    def relative(self, path: str) -> str | None:
        inside = path if os.path.isabs(path) else self._names.path(path)
        found = files.contained(self._root, raw(inside))
        return None if found is None else self._names.name(found)

    def glance(self, path: str, most: int) -> Glance | None:
        found = files.head(self._root, self._names.path(path), most)
        return None if found is None else Glance(*found)

    def read(self, path: str) -> bytes | None:
        if files.state_of(self._root, self._names.path(path)) is None:
            return None
        return files.read_capped(self._root, self._names.path(path), READ_CAP)

    def write(self, path: str, content: bytes | None) -> None:
        if content is None:
            files.remove(self._root, self._names.path(path))
        else:
            files.write_atomic(self._root, self._names.path(path), content)


class RealCustody:
    """The engine's `Custody`: what git, the client and interpreters read beside the tree, and our own pointer."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._folder = os.path.join(project.directory, "watched")

    def _places(self) -> dict[str, str]:
        from phasegate.agents.claude_places import settings_files
        from phasegate.workspace import watched

        where, env = self._project.where, os.environ
        pointer = place.pointer_path(where.common, where.prefix)
        trusted = os.path.join(self._project.directory, place.TRUSTED)  # by a name that no other HOME changes
        own = {f".git/{os.path.relpath(pointer, where.common)}": pointer, trusted: trusted}
        return watched.places(where, env) | settings_files(where.root, env) | own

    def digests(self) -> dict[str, str]:
        from phasegate.workspace import watched

        return watched.digests(self._places(), self._project.where)

    def content(self, name: str) -> bytes | None:
        from phasegate.workspace import watched

        if name == watched.REPLACED:
            return watched.replacements(self._project.where) or None
        path = self._places().get(name)
        return None if path is None else watched.read(path)

    def path(self, name: str) -> str:
        return self._places()[name]

    def keep(self, digest: str, content: bytes) -> str:
        from phasegate.workspace import watched

        return watched.keep(self._folder, content, digest)

    def kept(self, digest: str) -> bytes | None:
        from phasegate.workspace import watched

        return watched.kept(self._folder, digest)

    def put_back(self, name: str, digest: str) -> None:
        from phasegate.workspace import watched

        content = watched.kept(self._folder, digest) if digest else None
        if content is None or hashlib.sha256(content).hexdigest() == digest:
            watched.put_back(self._places()[name], content)

    def is_there(self, name: str) -> bool:
        return name.startswith(("/", "~")) and os.path.exists(os.path.expanduser(name))

    def is_of_a_package(self, name: str, content: bytes) -> bool:
        from phasegate.workspace import watched

        return watched.is_of_a_package(self._places()[name], content)


class RealDesk:
    """The engine's `Desk` on a real project, on behalf of one actor."""

    def __init__(self, project: Project, actor: Actor, *, hooks: str = "") -> None:
        self.project = project
        self.settings = project.trusted.settings
        self.workflow = project.trusted.workflow
        self.worktree = project.where.root
        self.actor = actor
        self.files = RealFiles(project.where)
        self._hooks = hooks
        self._state: State | None = None
        self.recorded: list[int] = []

    @cached_property
    def tree(self) -> RealTree:
        """Made when first needed: most calls look at no tree."""
        return RealTree(self.project)

    @cached_property
    def custody(self) -> RealCustody:
        """Looked at when a run is active."""
        return RealCustody(self.project)

    def state(self) -> State:
        """A state that was given out is never changed: what was recorded since goes into a copy."""
        if self._state is None:
            self._state = _read(self.project.log)
            return self._state
        newer = self.project.log.read(self._state.position)
        first = next(newer, None)
        if first is not None:
            self._state = fold(chain([first], newer), thaw(freeze(self._state)))
        return self._state

    def record(self, facts: Iterable[Fact], *, relying_on: State | None) -> State:
        self.append(facts, relying_on=relying_on)
        return self.state()

    def append(self, facts: Iterable[Fact], *, relying_on: State | None) -> None:
        drafts = redaction.drafts(facts)
        expected = {draft.stream: relying_on.versions.get(draft.stream, 0) for draft in drafts} if relying_on else {}
        if drafts:
            events = self.project.log.append(drafts, actor=self.actor, expected=expected, now_ms=self.now_ms())
            self.recorded += [event.position for event in events]

    def new_id(self, prefix: str) -> str:
        return f"{prefix}-{os.urandom(5).hex()}"

    def keep(self, name: str, content: bytes) -> Artifact:
        from phasegate.policy.secrets import redact_bytes

        most = self.settings.limits.artifact
        if len(content) > most:
            content = f"[the first bytes are left out: above {size_in_words(most)}]\n".encode() + content[-most:]
        clean, _ = redact_bytes(content)
        return Artifact(name, self.project.blobs.put(clean), len(clean))

    def kept(self, artifact: Artifact) -> bytes:
        return self.project.blobs.get(artifact.sha256)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def today(self) -> str:
        return time.strftime("%Y-%m-%d", time.gmtime())

    def born(self, pid: int) -> str:
        from phasegate.workspace import processes

        return processes.born(pid)

    def ancestry(self, pid: int) -> tuple[int, ...]:
        from phasegate.workspace import processes

        return processes.ancestry(pid)

    def programs_above(self) -> tuple[str, ...]:
        from phasegate.workspace import processes

        return tuple(f"{processes.name(pid) or '?'} ({pid})" for pid in processes.ancestry(os.getppid())[:12])

    def left_at_work(self, known: Collection[int], sessions: Collection[str]) -> tuple[str, ...]:
        from phasegate.workspace import processes

        return processes.left_at_work({*known, os.getpid()}, self.project.where.top, sessions)

    def others_at_work(self) -> tuple[str, ...]:
        return tuple(folder for folder in self.settings.elsewhere if self._at_work(folder))

    def _at_work(self, folder: str) -> bool:
        from phasegate.engine.drivers import driven

        root = os.path.normpath(os.path.join(self.worktree, folder))
        try:
            project = project_at(root, os.environ)
        except Failure:
            return False
        try:
            run = _read(project.log).run_in(root)
            return run is not None and run.drives and driven(self, run)
        finally:
            project.close()

    def hooks_missing(self) -> str:
        from phasegate.agents.claude_health import missing_hooks

        return missing_hooks(self.worktree)


def _read(log: Log) -> State:
    """The fold of the whole log, from its snapshot on where there is one that this code wrote and the chain holds."""
    snapshot = log.snapshot()
    state = _thawed(snapshot)
    if snapshot is not None and state is not None:
        events = log.read(snapshot.head.position - 1)
        head = next(events, None)
        if head is not None and head.hash == snapshot.head.hash and state.position == head.position:
            return _with_snapshot(log, events, state)
    return _with_snapshot(log, log.read(), State())


def _thawed(snapshot: Snapshot | None) -> State | None:
    try:
        return thaw(snapshot.state) if snapshot is not None and snapshot.code == CODE else None
    except msgspec.DecodeError:
        return None


def _with_snapshot(log: Log, events: Iterator[Event], state: State) -> State:
    """Fold `events` into `state`; when they are many, the next reader finds a snapshot."""
    start, last = state.position, None
    for last in events:
        fold((last,), state)
    if last is not None and last.position - start >= SNAPSHOT_EVERY:
        log.keep_snapshot(Snapshot(Head(last.position, last.hash), CODE, freeze(state)))
    return state


def source_roots(project: Project) -> tuple[str, ...]:
    """The folders, relative to the root, that first-party code of any suite is imported from."""
    from phasegate.collectors import roots

    root, suites = project.where.root, project.trusted.settings.all_suites().values()
    below = [(tests.directory, path) for tests in suites for path in roots.source_roots(root, tests)]
    return tuple(dict.fromkeys(os.path.normpath(os.path.join(directory, path)) for directory, path in below))


def run_tests(
    project: Project, scratch: str, say: Callable[[str], None], others: Mapping[str, Tests] | None, way: Way
) -> SuiteRun:
    """Run the project's suites, and `others`, by the collectors for them, and say how far they are.

    They write below `scratch`; `way` says where they run.

    Raises `NoTestCommand` where no command is set and none is found.
    """
    from phasegate.collectors import suites

    named = project.trusted.settings.all_suites() | dict(others or {})
    return suites.run_suites(project.where.root, named, scratch, say, way)
