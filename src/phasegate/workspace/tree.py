"""What a work tree holds now, as a git tree and as the digest evidence is bound to; what changed; putting it back.

The tree has every file that git does not ignore, and the ignored ones that HEAD tracks or a runner could load. What
cannot or should not be hashed (a file above the cap, one we may not read, a FIFO where a file was) has a stand-in: a
symbolic link to nowhere, whose target tells size and times. So it still shows in every difference.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.workspace import files, git
from phasegate.workspace.shadow import Shadow, index_info
from phasegate.workspace.subject import (
    Blank,
    Loadables,
    answers,
    described,
    questions,
    sealed,
    tree_less,
)

REGULAR, EXECUTABLE, LINK, GITLINK = "100644", "100755", "120000", "160000"
STAND_IN = "/dev/null/phasegate/"
PLACEHOLDER = ".phasegate-nested"
STATUS = (
    *("status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored=matching"),
    *("--no-renames", "--ignore-submodules=none"),
)
DIFF = ("diff-tree", "-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-abbrev")
READINGS = {
    "large": "the file is too large to read",
    "special": "it is no regular file",
    "unreadable": "the file cannot be read",
}
UNDO = "Undo the change yourself, or restore the file from git or from a backup."
OTHER_ENDS = rb"\r(?!\n)|\xe2\x80[\xa8\xa9]"
"""What ends a line beside LF: CR, and U+2028 and U+2029 in JavaScript."""
PASSES = 16
FEW = 500


class NotRestorable(Failure):
    """What was there before was too large, or unreadable, when it was last seen."""

    code = "not-restorable"


class ChangedSince(Failure):
    """The file is no longer what the difference says."""

    code = "changed-since"
    exit_code = Exit.STATE_MOVED


class NeverStill(Failure):
    """The work tree changed faster than it could be read."""

    code = "tree-never-still"
    exit_code = Exit.CANNOT_TELL


class Limits(msgspec.Struct, frozen=True):
    """Where reading ends: bytes of one file, number of ignored files looked at, seconds for git and for the lock."""

    file: int = 20 << 20
    loadables: int = 5_000
    seconds: float = 60.0
    lock_seconds: float = 30.0


class Tree(msgspec.Struct, frozen=True):
    """A work tree at a moment: `id` is the git tree of all of it, `subject` (SHA-256) what gates compare.

    `held` names what could not be read; while there is any, nobody can say what the tree holds.
    """

    id: str
    subject: str
    held: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """One path that differs between two trees; None where it is absent. Odd bytes in `path` are surrogate-escaped."""

    path: str
    before: str | None
    after: str | None
    mode_before: str | None
    mode_after: str | None


class Kept(msgspec.Struct, frozen=True):
    """What putting back overwrote: the blob it is kept as, and the shell command that brings it back."""

    path: str
    blob: str | None
    restore_command: str


class _Seen(msgspec.Struct, frozen=True):
    """What one `git status` saw: path to the (mode, id) the index had, "" for untracked; and what git ignores."""

    changed: dict[str, tuple[str, str]]
    nested: tuple[str, ...]
    ignored: tuple[str, ...]
    locked: tuple[str, ...]

    def changes_rules(self) -> bool:
        return any(os.path.basename(path) == ".gitignore" for path in self.changed)


class _Work(msgspec.Struct, frozen=True):
    """What the index has to learn, and the stand-ins (path, text) that are in the tree."""

    read: tuple[str, ...]
    write: tuple[tuple[str, str, str], ...]
    stand_ins: tuple[tuple[str, str], ...]


class WorkTree:
    """The work tree at `root`, seen through a shadow git directory at `shadow`."""

    def __init__(self, root: str, shadow: str, *, limits: Limits | None = None) -> None:
        self.place = git.locate(root)
        self.root = self.place.root
        self.limits = limits or Limits()
        self._loaded: frozenset[str] = frozenset()
        self._shadow = Shadow(self.place, shadow, seconds=self.limits.seconds, lock_seconds=self.limits.lock_seconds)

    @classmethod
    def locate(cls, path: str) -> git.Place:
        """Where the work tree that holds `path` is; NotARepository or BareRepository when there is none."""
        return git.locate(path)

    def observe(
        self,
        views: Mapping[str, str] | None = None,
        blanks: Mapping[str, Blank] | None = None,
        roots: Sequence[str] = (),
    ) -> Tree:
        """The whole tree, now.

        `views` maps paths to the SHA-256 of what phasegate rendered there: left out of the subject when equal.
        `blanks` maps paths to what blanks phasegate's own marks. `roots` are the source and test directories.
        """
        with self._shadow.locked():
            try:
                return self._observe(views or {}, blanks or {}, roots)
            except git.GitFailed:  # a torn index or a lost object: all of it can be read again
                self._shadow.forget()
                return self._observe(views or {}, blanks or {}, roots)

    def rehash(self, paths: Iterable[str]) -> dict[str, str | None]:
        """The blob of each path as it is on disk, kept; None for what is no file. Neither scans nor runs git."""
        self._open()
        return {path: self._identity(path)[1] for path in paths}

    def changes(self, before: str, after: str) -> tuple[Change, ...]:
        """Every path that differs between two trees; a rename is a removal and a creation."""
        self._open()
        return tuple(self._changes(before, after, ()))

    def read_blob(self, blob: str) -> bytes:
        """The bytes kept as `blob`."""
        self._open()
        return self._shadow.git("cat-file", "blob", blob).output

    def keep(self, data: bytes) -> str:
        """Store bytes durably in phasegate's own objects; their blob id."""
        self._open()
        return self._shadow.store("blob", data, durable=True)

    def check(self, change: Change) -> None:
        """Raise when `change` is not to be put back: it would lose bytes, or remove what git ignores, or is not so."""
        status = files.state_of(self.root, change.path) if change.after is None else None
        if status is not None and not stat.S_ISDIR(status.st_mode):
            raise ChangedSince("the file is there again", hint="Look again: `phasegate status`.")
        if change.after and change.path in self._loaded:
            raise NotRestorable("git ignores this file, and a test run would load it", hint=UNDO)
        for mode, blob in ((change.mode_before, change.before), (change.mode_after, change.after)):
            text = self.read_blob(blob) if blob and mode in (None, LINK) else b""
            if text.startswith(STAND_IN.encode()):
                kind = os.fsdecode(text[len(STAND_IN) :]).partition("?")[0]
                raise NotRestorable(f"{READINGS.get(kind, kind)}, so phasegate has no copy of it", hint=UNDO)

    def put_back(self, change: Change) -> Kept:
        """Undo one change, atomically and beneath the root, keeping what is overwritten.

        ChangedSince when the file is not what `change` left; NotRestorable when bytes of either side were never read.
        """
        self._open()
        self.check(change)
        mode, found = self._identity(change.path, durable=True)
        if (mode, found) != (change.mode_after, change.after) and (found or change.after):
            raise ChangedSince(
                f"{change.path!r} is no longer what it was when it was looked at.",
                hint="Look again: `phasegate status`.",
            )
        if change.before is None or change.mode_before is None:
            files.remove(self.root, change.path)
        else:
            self._restore(change.path, change.mode_before, self.read_blob(change.before))
        return Kept(path=change.path, blob=found, restore_command=self.restore_command(change.path, mode, found))

    def changed_lines(self, base_tree: str, tree: str, paths: Iterable[str]) -> dict[str, set[int]]:
        """The lines (from 1) of each path in `tree` that `base_tree` did not have there.

        git ends a line at LF only. Python, JavaScript and their coverage tools end it elsewhere too, and number the
        lines otherwise: of an edited file with such an end, all lines count.
        """
        wanted = tuple(dict.fromkeys(paths))
        if not wanted:
            return {}
        self._open()
        found = [change for change in self._changes(base_tree, tree, wanted) if change.after]
        edited = [
            change.path for change in found if change.before and LINK not in (change.mode_before, change.mode_after)
        ]
        lines = {path: set[int]() for path in wanted}
        lines.update(self._edited_lines(base_tree, tree, edited))
        whole = [change for change in found if change.path not in edited or lines[change.path]]
        for change, content in zip(whole, self._blobs([change.after or "" for change in whole]), strict=True):
            if change.path not in edited or re.search(OTHER_ENDS, content):
                lines[change.path] = set(range(1, _count_lines(content) + 1))
        return lines

    def _blobs(self, blobs: Sequence[str]) -> Iterator[bytes]:
        for start in range(0, len(blobs), FEW):
            given = "".join(f"{blob}\n" for blob in blobs[start : start + FEW])
            output, at = self._shadow.git("cat-file", "--batch", given=given.encode()).output, 0
            while at < len(output):
                start = output.index(b"\n", at) + 1
                at = start + int(output[at:start].split(b" ")[2]) + 1
                yield output[start : at - 1]

    def listing(self, tree: str) -> dict[str, tuple[str, str]]:
        """Every file of a tree by its path, with its mode and blob."""
        self._open()
        records = self._shadow.git("ls-tree", "-r", "-z", tree).output.split(b"\0")[:-1]
        parted = (record.partition(b"\t") for record in records)
        return {os.fsdecode(path): (about[:6].decode(), about[12:].decode()) for about, _, path in parted}

    def contents(self, blobs: Sequence[str]) -> Iterator[bytes]:
        """The bytes of many blobs, in order."""
        self._open()
        return self._blobs(blobs)

    def name_of(self, kind: str, data: bytes) -> str:
        """The id git gives `data` here."""
        self._open()
        return self._shadow.name_of(kind, data)

    def difference(self, before: str, after: str) -> bytes:
        """What leads from one tree to the other, as a patch that `git apply` takes."""
        self._open()
        return self._shadow.git(*DIFF, "-p", "--binary", "--full-index", before, after).output

    def checkout(self, tree: str, destination: str) -> None:
        """Lay `tree` out, byte for byte, in the empty directory `destination`."""
        if os.path.exists(destination) and os.listdir(destination):
            raise files.Occupied(f"{destination} is not empty.", hint="Name a new or empty directory.")
        self._open()
        os.makedirs(destination, exist_ok=True)
        index = os.path.join(self._shadow.directory, f"checkout-{os.getpid()}-{time.monotonic_ns()}")
        try:
            self._shadow.git("read-tree", tree, index=index)
            prefix = os.path.realpath(destination) + "/"
            self._shadow.git("checkout-index", "--all", "--quiet", f"--prefix={prefix}", index=index)
        finally:
            if os.path.exists(index):
                os.unlink(index)

    def _open(self) -> None:
        if not self._shadow.remembered.config:
            with self._shadow.locked():
                pass

    def _observe(self, views: Mapping[str, str], blanks: Mapping[str, Blank], roots: Sequence[str]) -> Tree:
        started = time.time()
        loadables = Loadables(self.root, roots, count=self.limits.loadables)
        seen, work = self._settle(loadables)
        loadables.look(seen.ignored)
        entries = self._loaded_entries(loadables)
        self._loaded = frozenset(path for _, _, path in entries)
        tree = self._shadow.tree_with(entries)
        self._shadow.distrust(started)
        unread = [path for path, text in work.stand_ins if not text.startswith(STAND_IN + "large")]
        held = sorted({*unread, *seen.locked, *loadables.held})
        facts = [("stand-in", path, text) for path, text in sorted(work.stand_ins)]
        less = self._less(tree, views, blanks)
        closed = [("held", path, self._described(path)) for path in held]
        subject = sealed([("tree", less), ("rules", self._shadow.excludes().hex()), *facts, *loadables.facts, *closed])
        return Tree(id=tree, subject=subject, held=tuple(held))

    def _loaded_entries(self, loadables: Loadables) -> list[tuple[str, str, str]]:
        """What git ignores and a runner could load, as entries of the tree."""
        entries = []
        for path in sorted(loadables.paths):
            try:
                mode, oid = self._identity(path)
            except Failure:
                loadables.held.append(path)
                continue
            if mode and oid:
                entries.append((mode, oid, path))
        return entries

    def _settle(self, loadables: Loadables) -> tuple[_Seen, _Work]:
        """Bring the index up to the work tree; what git saw last, and what stands in."""
        stamp, head, moved = self._shadow.head()
        excludes = self._shadow.excludes()
        if moved:
            self._seed(head, stamp)
        fresh = moved
        for _ in range(PASSES):
            seen = self._status(loadables)
            rules = sealed([("outside", excludes.hex()), *self._hidden_rules(seen.ignored)])
            outdated = rules != self._shadow.remembered.rules or seen.changes_rules()
            if outdated and not fresh:
                # What is tracked must follow from the files, HEAD and the rules alone, not from what was seen before.
                self._shadow.remember(rules="")
                self._seed(head, stamp)
                fresh = True
                continue
            work = self._sort(seen)
            if self._apply(seen, work):
                if self._shadow.remembered.rules != rules:
                    self._shadow.remember(rules=rules)
                return seen, work
        raise NeverStill(f"{self.root} changes faster than it can be read.", hint="Stop what writes there, and repeat.")

    def _status(self, loadables: Loadables) -> _Seen:
        ran = self._shadow.git(*STATUS)
        changed: dict[str, tuple[str, str]] = {}
        nested, ignored = [], []
        for record in ran.output.split(b"\0"):
            kind, rest = record[:1], os.fsdecode(record[2:])
            if kind == b"!":
                ignored.append(rest)
            elif kind == b"?" and not rest.endswith("/"):
                changed[rest] = "", ""
            elif kind == b"?" and not self._left_out(rest.rstrip("/"), loadables):
                nested.append(rest)
            elif kind == b"1" and record[3:4] != b".":
                _, _, _, _, mode, _, _, oid, path = os.fsdecode(record).split(" ", 8)
                changed[path] = mode, oid
        return _Seen(changed=changed, nested=tuple(nested), ignored=tuple(ignored), locked=_locked(ran.errors))

    def _left_out(self, folder: str, loadables: Loadables) -> bool:
        """Another work tree of this clone is another's work, unless it lies where this one's code is loaded from."""
        return not loadables.covers(folder) and git.is_registered(os.path.join(self.root, folder), self.place.common)

    def _hidden_rules(self, ignored: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Ignore files that git ignores themselves, so that the tree does not tell of them."""
        for path in ignored:
            if os.path.basename(path) == ".gitignore":
                yield "hidden", path, self._described(path)

    def _sort(self, seen: _Seen) -> _Work:
        read, write, stand_ins = [], [], []
        for path, (mode, oid) in seen.changed.items():
            status = files.state_of(self.root, path)
            text = "" if status is None or stat.S_ISDIR(status.st_mode) else self._stand_in(path, status)
            if text:
                stand_ins.append((path, text))
                if (mode, oid) != (LINK, self._shadow.name_of("blob", os.fsencode(text))):
                    write.append((LINK, self._shadow.store("blob", os.fsencode(text)), path))
            elif status is None or stat.S_ISDIR(status.st_mode):
                write.append(("0", "0" * len(self._shadow.name_of("blob", b"")), path))
            else:
                read.append(path)
        return _Work(read=tuple(read), write=tuple(write), stand_ins=tuple(stand_ins))

    def _apply(self, seen: _Seen, work: _Work) -> bool:
        """Tell the index; False when the work tree has to be looked at again."""
        if not (seen.nested or work.read or work.write):
            return True
        if self._shadow.remembered.tree:
            self._shadow.remember(tree="")
        if seen.nested:
            # Once the index has a file in a nested repository, git lists that directory as any other.
            empty = self._shadow.name_of("blob", b"")
            self._write_entries((REGULAR, empty, folder + PLACEHOLDER) for folder in seen.nested)
            return False
        self._write_entries(work.write)
        if work.read:
            given = b"".join(os.fsencode(path) + b"\0" for path in work.read)
            arguments = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
            return self._shadow.git(*arguments, given=given, accept=(0, 128)).status == 0
        return True

    def _write_entries(self, entries: Iterable[tuple[str, str, str]]) -> None:
        given = index_info(entries)
        if given:
            self._shadow.git("update-index", "--add", "--replace", "-z", "--index-info", given=given)

    def _seed(self, head: str, stamp: str) -> None:
        """Start from HEAD's files, keeping what is cached of those that stay; submodules and large files go."""
        shadow = self._shadow
        shadow.remember(tree="", head_stamp="")
        shadow.git(*(("read-tree", "--reset", "-i", head) if head else ("read-tree", "--empty")))
        gone = "0" * len(shadow.name_of("blob", b""))
        self._write_entries(
            ("0", gone, path) for mode, path in self._entries() if mode == GITLINK or self._is_large(path)
        )
        shadow.remember(head=head, head_stamp=stamp)

    def _entries(self) -> Iterator[tuple[str, str]]:
        for record in self._shadow.git("ls-files", "--stage", "-z").output.split(b"\0")[:-1]:
            about, _, path = record.partition(b"\t")
            yield about[:6].decode(), os.fsdecode(path)

    def _is_large(self, path: str) -> bool:
        try:
            status = os.lstat(os.path.join(self.root, path))
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size > self.limits.file

    def stands_for_large(self, change: Change) -> bool:
        """Whether what is there after `change` is a file above the limit, which was neither read nor hashed."""
        link = change.mode_after == LINK and change.after is not None
        return link and self.read_blob(change.after or "").startswith(f"{STAND_IN}large".encode())

    def _stand_in(self, path: str, status: os.stat_result) -> str:
        """What stands for the file in the tree, "" when it is read itself."""
        if stat.S_ISLNK(status.st_mode):
            return ""
        if not stat.S_ISREG(status.st_mode):
            return f"{STAND_IN}special?{stat.filemode(status.st_mode)}"
        if status.st_size > self.limits.file:
            return f"{STAND_IN}large?{described(status)}"
        if not os.access(os.path.join(self.root, path), os.R_OK):
            return f"{STAND_IN}unreadable?{described(status)}"
        return ""

    def _described(self, path: str) -> str:
        status = files.state_of(self.root, path)
        return described(status) if status else ""

    def _identity(self, path: str, *, durable: bool = False) -> tuple[str | None, str | None]:
        """Mode and blob of what is at `path` now, as a tree would have them; the blob is kept."""
        status = files.state_of(self.root, path)
        if status is None or stat.S_ISDIR(status.st_mode):
            return None, None
        text = self._stand_in(path, status)
        if text or stat.S_ISLNK(status.st_mode):
            target = os.fsencode(text) or files.link_target(self.root, path)
            return LINK, self._shadow.store("blob", target, durable=durable)
        data = files.read_exactly(self.root, path, self.limits.file)
        mode = EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR
        return mode, self._shadow.store("blob", data, durable=durable)

    def _less(self, tree: str, views: Mapping[str, str], blanks: Mapping[str, Blank]) -> str:
        special = [path for path in dict.fromkeys([*views, *blanks]) if "\n" not in path]
        if not special:
            return tree
        asked = questions(tree, special)
        output = self._shadow.git("cat-file", "--batch", given=b"\n".join(asked) + b"\n").output
        content = answers(asked, output)
        if b"" not in content:
            raise git.GitFailed(f"The tree {tree} is gone.", hint="Run the command again.")
        return tree_less(content, views, blanks, self._shadow.name_of)

    def _changes(self, before: str, after: str, paths: Sequence[str]) -> Iterator[Change]:
        limited = ("--", *paths) if paths and len(paths) <= FEW else ()
        fields = self._shadow.git(*DIFF, "--raw", "-z", before, after, *limited).output.split(b"\0")
        for about, name in zip(fields[::2], fields[1::2], strict=False):
            path = os.fsdecode(name)
            mode_before, mode_after, old, new, _ = about[1:].decode().split(" ")
            if not paths or path in paths:
                yield Change(path, _present(old), _present(new), _present(mode_before), _present(mode_after))

    def _edited_lines(self, before: str, after: str, paths: list[str]) -> Iterator[tuple[str, set[int]]]:
        for start in range(0, len(paths), FEW):
            some = paths[start : start + FEW]
            patch = self._shadow.git(*DIFF, "-p", "-U0", "--text", before, after, "--", *some).output
            # Headers quote names and every line of content has a prefix, so the order tells whose hunk it is.
            pieces = (b"\n" + patch).split(b"\ndiff --git ")[1:]
            yield from zip(sorted(some, key=os.fsencode), map(_hunk_lines, pieces), strict=True)

    def _restore(self, path: str, mode: str, data: bytes) -> None:
        status = files.state_of(self.root, path)
        if status is not None and stat.S_ISDIR(status.st_mode):
            files.remove_hollow(self.root, path)
        if mode == LINK:
            files.place_link(self.root, path, data)
            return
        executable = mode == EXECUTABLE
        exact = None
        if status is not None and stat.S_ISREG(status.st_mode):
            exact = stat.S_IMODE(status.st_mode) & ~0o111
            exact |= (exact & 0o444) >> 2 if executable else 0
        files.place(self.root, path, data, mode=exact, new_mode=0o777 if executable else 0o666)

    def restore_command(self, path: str, mode: str | None, blob: str | None) -> str:
        """The shell command that makes `path` what `blob` (None = absent) holds."""
        full = _shell_word(os.path.join(self.root, path))
        if blob is None:
            return f"rm -f -- {full}"
        show = f"git --git-dir={_shell_word(self._shadow.directory)} cat-file blob {blob}"
        if mode == LINK:
            return f'ln -sfn -- "$({show})" {full}'
        return f"{show} > {full}" + (f" && chmod +x -- {full}" if mode == EXECUTABLE else "")


def _shell_word(path: str) -> str:
    """`path` as one word of a shell, in text that can be shown and stored: other bytes and controls are escaped."""
    from shlex import quote

    if path.isprintable():
        return quote(path)
    escaped = "".join(chr(b) if 32 <= b < 127 and b not in b"'\\" else f"\\{b:03o}" for b in os.fsencode(path))
    return f"$'{escaped}'"


def _present(field: str) -> str | None:
    return field if field.strip("0") else None


def _locked(errors: str) -> tuple[str, ...]:
    """Directories git could not open, from its warnings."""
    lines = (line for line in errors.splitlines() if line.startswith("warning: could not open directory '"))
    return tuple(line.split("'", 1)[1].rsplit("': ", 1)[0].rstrip("/") for line in lines)


def _count_lines(data: bytes) -> int:
    return data.count(b"\n") + len(re.findall(OTHER_ENDS, data)) + (not data.endswith(b"\n") and bool(data))


def _hunk_lines(piece: bytes) -> set[int]:
    """The new line numbers of the hunks of one file: `@@ -a,b +c,d @@`."""
    lines: set[int] = set()
    for header in (line for line in piece.split(b"\n") if line.startswith(b"@@ ")):
        start, _, count = header.split(b" ")[2][1:].partition(b",")
        lines.update(range(int(start), int(start) + int(count or b"1")))
    return lines
