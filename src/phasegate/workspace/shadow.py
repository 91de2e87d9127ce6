"""A private git directory for one work tree: git looks at the user's files through it and writes nothing of the user's.

It has its own configuration, index and objects; the user's objects are read through `alternates`. Its attributes, which
outrank all others, switch every conversion off, so that what is hashed is the bytes on disk and no filter program runs.
"""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import fcntl
import hashlib
import os
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from struct import unpack_from

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.workspace.git import (
    GitFailed,
    Place,
    Ran,
    clean_environment,
    run,
    shadow_environment,
)

ATTRIBUTES = b"* -filter -text -eol -ident -working-tree-encoding !diff !merge\n"

CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tbare = false
\tfilemode = true
\tsymlinks = true
\ttrustctime = true
\tcheckStat = default
\tignorecase = {ignore_case}
\tprecomposeunicode = {precompose}
\tautocrlf = false
\tquotePath = false
\tfsmonitor = false
\tuntrackedCache = false
\tpreloadIndex = true
\tsplitIndex = false
\tsparseCheckout = false
\thooksPath = /dev/null
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\tprotectNTFS = false
\tprotectHFS = {mac}
\tlogAllRefUpdates = false
[index]
\tversion = 2
\tskipHash = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[status]
\tshowStash = false
"""
SHA256 = "[extensions]\n\tobjectFormat = sha256\n"


class StateUnavailable(Failure):
    """phasegate's own directory cannot be written."""

    code = "state-unavailable"
    exit_code = Exit.CANNOT_TELL


class WorkTreeBusy(Failure):
    """Somebody else has been observing this work tree for longer than we wait."""

    code = "work-tree-busy"
    exit_code = Exit.LIMIT_REACHED


class Remembered(msgspec.Struct, frozen=True):
    """What the last observation learnt; losing it costs time, never truth."""

    config: tuple[tuple[str, str], ...] = ()
    excludes_file: str = ""
    ignore_case: bool = False
    precompose: bool = False
    object_format: str = "sha1"
    head_stamp: str = ""
    head: str = ""
    rules: str = ""
    tree: str = ""
    whole: tuple[str, str] = ("", "")


class Shadow:
    """The shadow of one work tree, in `directory` (made, with mode 0700, when missing)."""

    def __init__(self, place: Place, directory: str, *, seconds: float, lock_seconds: float) -> None:
        self.place = place
        self.directory = os.path.realpath(directory)
        self.index = os.path.join(self.directory, "index")
        self.environment = shadow_environment(self.directory, place.root)
        self._seconds = seconds
        self._lock_seconds = lock_seconds
        self._lock: int | None = None
        self.remembered = Remembered()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the shadow, made ready and up to date with the user's configuration."""
        with _own_files(self.directory):
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            descriptor = os.open(os.path.join(self.directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._acquire(descriptor)
                # git inherits this descriptor, and with it the lock: were we killed, an orphaned git would still hold
                # it, so nobody takes its index.lock for a stale one.
                self._lock = descriptor
                self._make_ready()
                yield
            finally:
                self._lock = None
                os.close(descriptor)

    def git(self, *arguments: str, given: bytes = b"", accept: Sequence[int] = (0,), index: str | None = None) -> Ran:
        """Run git on the shadow, at the root of the work tree; `index` names another index file for this once."""
        environment = self.environment if index is None else {**self.environment, "GIT_INDEX_FILE": index}
        return run(
            ["-C", self.place.root, "--literal-pathspecs", *arguments],
            environment=environment,
            scratch=self.directory,
            given=given,
            seconds=self._seconds,
            holding=self._lock,
            accept=accept,
        )

    def remember(self, **changes: object) -> None:
        """Keep what was learnt for the next process."""
        self.remembered = msgspec.structs.replace(self.remembered, **changes)
        replace_file(os.path.join(self.directory, "remembered"), msgspec.json.encode(self.remembered))

    def new_hash(self, data: bytes) -> "hashlib._Hash":
        """The hash this repository names its objects by."""
        return hashlib.sha256(data) if self.remembered.object_format == "sha256" else hashlib.sha1(data)

    def name_of(self, kind: str, data: bytes) -> str:
        """The id git gives `data` as an object of this kind."""
        return self.new_hash(b"%s %d\0%s" % (kind.encode(), len(data), data)).hexdigest()

    def store(self, kind: str, data: bytes, *, durable: bool = False) -> str:
        """Keep an object in the shadow's own store, past a loss of power when `durable`; its id."""
        name = self.name_of(kind, data)
        folder = os.path.join(self.directory, "objects", name[:2])
        path = os.path.join(folder, name[2:])
        with _own_files(self.directory):
            if not os.path.exists(path):
                os.makedirs(folder, mode=0o700, exist_ok=True)
                replace_file(path, zlib.compress(b"%s %d\0%s" % (kind.encode(), len(data), data), 1), durable=durable)
        return name

    def head(self) -> tuple[str, str, bool]:
        """A stamp of the user's HEAD, its commit ("" when unborn), and whether the index must start from that."""
        stamp = _head_stamp(self.place)
        seeded = os.path.exists(self.index) and bool(self.remembered.head_stamp)
        if seeded and stamp == self.remembered.head_stamp:
            return stamp, self.remembered.head, False
        asked = self._users("rev-parse", "--quiet", "--verify", "HEAD^{commit}", accept=(0, 1, 128))
        head = asked.output.decode().strip() if asked.status == 0 else ""
        if seeded and head == self.remembered.head:
            self.remember(head_stamp=stamp)
            return stamp, head, False
        return stamp, head, True

    def excludes(self) -> bytes:
        """The ignore rules from outside the tree, in git's order of precedence; the shadow follows them from now on."""
        own = _content(os.path.join(self.place.common, "info", "exclude"))
        rules = _content(self.remembered.excludes_file) + b"\n" + own + b"\n"
        self._put("info/exclude", rules + self._itself())
        return rules

    def _itself(self) -> bytes:
        """The rule that hides the shadow, should it lie in the work tree."""
        inside = self.directory.removeprefix(self.place.root.rstrip("/") + "/")
        if inside == self.directory:
            return b""
        return b"/%s/\n" % b"".join(
            b"\\%c" % byte if byte in b"\\*?[ !#" else b"%c" % byte for byte in os.fsencode(inside)
        )

    def tree(self) -> str:
        """The tree of the index as it stands, which `HEAD` of the shadow then names, so that `git status` is brief."""
        if self.remembered.tree:
            return self.remembered.tree
        tree = self.git("write-tree", "--missing-ok").output.decode().strip()
        who = b"phasegate <> 0 +0000"
        commit = self.store("commit", b"tree %s\nauthor %s\ncommitter %s\n\n" % (tree.encode(), who, who))
        self._put("HEAD", commit.encode() + b"\n")
        self.remember(tree=tree)
        return tree

    def tree_with(self, entries: Sequence[tuple[str, str, str]]) -> str:
        """The tree with further files (mode, blob, path), which the index itself never learns of."""
        tree = self.tree()
        if not entries:
            return tree
        given = index_info(entries)
        asked = self.name_of("blob", tree.encode() + b"\0" + given)
        if self.remembered.whole[0] != asked:
            index = os.path.join(self.directory, "whole")
            self.git("read-tree", tree, index=index)
            self.git("update-index", "--add", "--replace", "-z", "--index-info", given=given, index=index)
            whole = self.git("write-tree", "--missing-ok", index=index).output.decode().strip()
            os.unlink(index)
            self.remember(whole=(asked, whole))
        return self.remembered.whole[1]

    def distrust(self, since: float) -> None:
        """Forget the cached status of entries changed in this very second.

        git compares times by the second unless built otherwise, and trusts ctime to show an edit whose mtime was put
        back. An edit in the second of our reading would keep the ctime second we cached: such entries are read again.
        """
        data = bytearray(_content(self.index))
        # Kernels stamp files by a coarse clock that runs behind by one tick.
        seconds = [stamp.to_bytes(4, "big") for stamp in range(int(since - 0.1), int(time.time()) + 1)]
        places = {place for second in seconds for place in _found(data, second)}
        width = 32 if self.remembered.object_format == "sha256" else 20
        doubtful = _entries_at(data, places, width)
        if doubtful:
            for offset in doubtful:
                data[offset : offset + 16] = bytes(16)
            data[-width:] = self.new_hash(bytes(memoryview(data)[:-width])).digest()
            replace_file(self.index, bytes(data))

    def forget(self) -> None:
        """Start the index over; empty objects, which a loss of power may leave, go too."""
        self.remember(head_stamp="", head="", rules="", tree="", whole=("", ""))
        with suppress(FileNotFoundError):
            os.unlink(self.index)
        self._put("HEAD", b"ref: refs/heads/none\n")
        for folder, _, names in os.walk(os.path.join(self.directory, "objects")):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.getsize(path) == 0:
                    os.unlink(path)

    def _acquire(self, descriptor: int) -> None:
        deadline, pause = time.monotonic() + self._lock_seconds, 0.002
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise WorkTreeBusy(
                        f"Another phasegate process has been reading {self.place.root} for {self._lock_seconds:.0f} s.",
                        hint="Wait for it, or end it, and repeat.",
                    ) from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    def _make_ready(self) -> None:
        # Whoever left one of these is gone: we hold the lock.
        for name in ("index.lock", "whole", "whole.lock", "HEAD.lock", "config.lock"):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.directory, name))
        for folder in ("objects/info", "refs/heads", "info"):
            os.makedirs(os.path.join(self.directory, folder), mode=0o700, exist_ok=True)
        if not os.path.exists(os.path.join(self.directory, "HEAD")):
            self._put("HEAD", b"ref: refs/heads/none\n")
        self.remembered = self._recall()
        self._read_users_configuration()
        self._put("config", self._config())
        self._put("info/attributes", ATTRIBUTES)
        self._put("objects/info/alternates", quoted(os.path.join(self.place.common, "objects")) + b"\n")

    def _recall(self) -> Remembered:
        try:
            return msgspec.json.decode(_content(os.path.join(self.directory, "remembered")), type=Remembered)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Remembered()

    def _read_users_configuration(self) -> None:
        """Ask git for the four settings that matter here, only when a file that may hold them has changed."""
        if self.remembered.config and all(_stamp(path) == stamp for path, stamp in self.remembered.config):
            return
        fields = self._users("config", "--list", "--show-origin", "-z", "--includes").output.split(b"\0")
        origins, settings = _configuration(fields, self.place)
        excludes = settings.get("core.excludesfile", _default_excludes())
        excludes_file = os.path.join(self.place.root, os.path.expanduser(excludes)) if excludes else ""
        watched = dict.fromkeys([*origins, *_configuration_files(self.place)])
        known = self.remembered.object_format
        object_format = "sha256" if settings.get("extensions.objectformat", "").lower() == "sha256" else "sha1"
        self.remember(
            config=tuple((path, _stamp(path)) for path in watched if _encodable(path)),
            excludes_file=excludes_file if _encodable(excludes_file) else "",
            ignore_case=_true(settings.get("core.ignorecase", "")),
            precompose=_true(settings.get("core.precomposeunicode", "")),
            object_format=object_format,
        )
        if known != object_format:
            self.forget()

    def _users(self, *arguments: str, accept: Sequence[int] = (0,)) -> Ran:
        """Ask the user's repository; only commands that neither write nor run anything of its configuration."""
        environment = clean_environment({"GIT_DIR": self.place.directory, "GIT_WORK_TREE": self.place.root})
        return run(
            ["-C", self.place.root, *arguments],
            environment=environment,
            scratch=self.directory,
            seconds=self._seconds,
            holding=self._lock,
            accept=accept,
        )

    def _config(self) -> bytes:
        wide = self.remembered.object_format == "sha256"
        text = CONFIG.format(
            version=1 if wide else 0,
            ignore_case=str(self.remembered.ignore_case).lower(),
            precompose=str(self.remembered.precompose).lower(),
            mac=str(sys.platform == "darwin").lower(),
        )
        return (text + (SHA256 if wide else "")).encode()

    def _put(self, relative: str, content: bytes) -> bool:
        path = os.path.join(self.directory, relative)
        if _content(path) == content:
            return False
        replace_file(path, content)
        return True


def replace_file(path: str, content: bytes, *, durable: bool = False) -> None:
    """Write one of our own files, whole or not at all."""
    temporary = f"{path}.{os.getpid()}.{time.monotonic_ns()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(descriptor)
    os.rename(temporary, path)


def index_info(entries: Iterable[tuple[str, str, str]]) -> bytes:
    """Entries (mode, blob, path) as `git update-index --index-info -z` reads them."""
    return b"".join(b"%s %s\t%s\0" % (mode.encode(), oid.encode(), os.fsencode(path)) for mode, oid, path in entries)


def quoted(path: str) -> bytes:
    """`path` as git quotes one in a list of lines: any byte may follow."""
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % escaped


@contextmanager
def _own_files(directory: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise StateUnavailable(
            f"phasegate cannot write its own directory {directory}: {problem.strerror or problem}.",
            hint="Make it writable and give it space, or set XDG_STATE_HOME.",
        ) from problem


def _found(data: bytearray, wanted: bytes) -> Iterator[int]:
    place = data.find(wanted)
    while place >= 0:
        yield place
        place = data.find(wanted, place + 1)


def _entries_at(data: bytearray, places: set[int], width: int) -> list[int]:
    """Which of `places` start an entry of an index of version 2 or 3 (git's index-format, "Index entry")."""
    if not places:
        return []
    signature, version, count = unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in (2, 3):
        raise GitFailed("The shadow index is of an unknown version.", hint="Run `phasegate doctor`.")
    found, offset, last = [], 12, max(places)
    for _ in range(count):  # as few steps as can be: there may be 40,000 entries
        if offset > last:
            break
        if offset in places:
            found.append(offset)
        high = data[offset + 40 + width]
        name = offset + (44 if high & 0x40 else 42) + width
        length = (high & 0xF) << 8 | data[offset + 41 + width]
        end = name + length if length < 0xFFF else data.index(0, name)
        offset += (end - offset + 8) & ~7
    return found


def _head_stamp(place: Place) -> str:
    """Changes whenever HEAD may have come to name another commit."""
    head = _content(os.path.join(place.directory, "HEAD"))
    reference = os.fsdecode(head[5:].strip()) if head.startswith(b"ref: ") else ""
    loose = [_content(os.path.join(folder, reference)) for folder in (place.common, place.directory) if reference]
    packed = (_stamp(os.path.join(place.common, name)) for name in ("packed-refs", "reftable/tables.list"))
    return hashlib.sha256(repr((head, loose, *packed)).encode()).hexdigest()


def _configuration_files(place: Place) -> list[str]:
    home, own = os.path.expanduser("~"), os.environ.get("XDG_CONFIG_HOME")
    return [
        os.path.join(place.common, "config"),
        os.path.join(place.directory, "config.worktree"),
        os.path.join(home, ".gitconfig"),
        os.path.join(own or os.path.join(home, ".config"), "git", "config"),
        "/etc/gitconfig",
    ]


def _default_excludes() -> str:
    own = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(own, "git", "ignore")


def _configuration(fields: list[bytes], place: Place) -> tuple[list[str], dict[str, str]]:
    """The files `git config --list --show-origin -z` read, and the settings; the last of a name wins."""
    origins, settings = [], {}
    for origin, setting in zip(fields[::2], fields[1::2], strict=False):
        if origin.startswith(b"file:"):
            origins.append(os.path.join(place.root, os.fsdecode(origin[5:])))
        name, _, value = os.fsdecode(setting).partition("\n")
        settings[name] = value if "\n" in os.fsdecode(setting) else "true"
    return origins, settings


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"


def _content(path: str) -> bytes:
    """The bytes of a small file of git's or ours; nothing when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _true(value: str) -> bool:
    return value.lower() in ("true", "yes", "on", "1")


def _encodable(path: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in path)
