"""What a work tree means to a gate: its tree less phasegate's views, and which ignored files a runner loads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

LOADED = (".py", ".pyc", ".pth", ".egg-link", ".so", ".pyd", ".dylib")
CONFIGURES = frozenset(
    {
        "pytest.ini",
        ".pytest.ini",
        "pytest.toml",
        ".pytest.toml",
        "tox.ini",
        "setup.cfg",
        "pyproject.toml",
        ".coveragerc",
    }
)
CONFIGURES_SCRIPTS = (
    "jest.config.", "jest.setup.", "vitest.config.", "vitest.setup.", "vitest.workspace.", "vite.config.", ".mocharc.",
    "babel.config.", ".babelrc", ".swcrc", ".nycrc", ".c8rc", "tsconfig.", "setupTests.",
)  # fmt: skip
"""How the names begin of what JavaScript's test tools load by themselves."""
SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".node", ".wasm")
"""Loaded by them only from a source or test root that was named: elsewhere they are what a build or a report leaves."""
REGULAR = frozenset({b"100644", b"100755"})

Namer = Callable[[str, bytes], str]
Blank = Callable[[bytes], bytes]


class Entry:
    """One line of a git tree."""

    __slots__ = ("mode", "name", "oid")

    def __init__(self, mode: bytes, name: bytes, oid: bytes) -> None:
        self.mode = mode
        self.name = name
        self.oid = oid


def questions(tree: str, paths: Iterable[str]) -> list[bytes]:
    """What to ask `git cat-file --batch` for: every special file, and every directory above one."""
    folders = {b""}
    names = [os.fsencode(path) for path in paths]
    for name in names:
        parts = name.split(b"/")
        folders.update(b"/".join(parts[:depth]) for depth in range(1, len(parts)))
    return [tree.encode() + b":" + name for name in [*sorted(folders), *names]]


def answers(asked: Sequence[bytes], output: bytes) -> dict[bytes, bytes]:
    """Path to content, from what `git cat-file --batch` said; what is missing is left out."""
    found: dict[bytes, bytes] = {}
    offset = 0
    for question in asked:
        end = output.index(b"\n", offset)
        header = output[offset:end].split(b" ")
        offset = end + 1
        if len(header) == 3 and header[2].isdigit():
            size = int(header[2])
            found[question.split(b":", 1)[1]] = output[offset : offset + size]
            offset += size + 1
    return found


def tree_less(
    content: Mapping[bytes, bytes], views: Mapping[str, str], blanks: Mapping[str, Blank], name_of: Namer
) -> str:
    """The id of the tree without the views that are exactly as rendered, and with the blanked files blanked."""
    dropped = {
        name
        for name, rendered in ((os.fsencode(path), digest) for path, digest in views.items())
        if name in content and hashlib.sha256(content[name]).hexdigest() == rendered
    }
    width = len(name_of("blob", b"")) // 2
    blanked = {os.fsencode(path): blank for path, blank in blanks.items()}

    def digest(folder: bytes) -> bytes | None:
        kept = []
        for entry in _parse(content[folder], width):
            path = folder + b"/" + entry.name if folder else entry.name
            oid: bytes | None = entry.oid
            if entry.mode == b"40000" and path in content:
                oid = digest(path)
            elif entry.mode in REGULAR and path in dropped:
                oid = None
            elif entry.mode in REGULAR and path in blanked and path in content:
                oid = bytes.fromhex(name_of("blob", blanked[path](content[path])))
            if oid is not None:
                kept.append(b"%s %s\0%s" % (entry.mode, entry.name, oid))
        return bytes.fromhex(name_of("tree", b"".join(kept))) if kept or not folder else None

    return (digest(b"") or b"").hex()


def sealed(parts: Iterable[tuple[str, ...]]) -> str:
    """One SHA-256 over facts, each field with its length before it, so that no two lists look alike."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(b"(%d" % len(part))
        for field in part:
            raw = field.encode("utf-8", "surrogateescape")
            whole.update(b"%d:%s" % (len(raw), raw))
    return whole.hexdigest()


class Loadables:
    """The ignored files a runner could load: `paths`; `facts` say what was not looked into, `held` what cannot be."""

    def __init__(self, root: str, roots: Sequence[str], *, count: int) -> None:
        self.paths: list[str] = []
        self.facts: list[tuple[str, ...]] = []
        self.held: list[str] = []
        self._root = root
        self._roots = tuple(name.strip("/").removeprefix("./") for name in roots)
        self._everywhere = any(name in ("", ".") for name in self._roots)
        self._count = count

    def look(self, ignored: Sequence[str]) -> None:
        """Find the loadable ones among the paths git ignores; a directory ends with a slash."""
        environments = {os.path.dirname(path) for path in ignored if os.path.basename(path) == "pyvenv.cfg"}
        for path in ignored:
            if path.endswith("__pycache__/"):
                self._cached(path)
            elif path.endswith("/"):
                if self._concerns(path) and not _is_environment(os.path.join(self._root, path), path, environments):
                    self._descend(path)
            elif self._loadable(path) and not _within(path, environments):
                self.paths.append(path)
        self.facts.extend(("environment", path) for path in sorted(environments))
        self.paths.extend(f"{path}/pyvenv.cfg" for path in environments if self.covers(path))

    def covers(self, path: str) -> bool:
        """Is `path` beneath a source or test root that was named?"""
        return any(name not in ("", ".") and (path + "/").startswith(name + "/") for name in self._roots)

    def _concerns(self, folder: str) -> bool:
        """May this ignored directory hold something under a root, or hold a root?"""
        if self.covers(folder.rstrip("/")) or any(name.startswith(folder) for name in self._roots):
            return True
        return self._everywhere and not _hidden(folder)

    def _loadable(self, path: str) -> bool:
        folder, name = os.path.split(path)
        if folder and not self.covers(path) and not (self._everywhere and not _hidden(folder)):
            return False
        if "/__pycache__/" in f"/{folder}/":
            return name.endswith(LOADED) and not name.endswith(".pyc")
        if name.endswith(LOADED) or name in CONFIGURES or name.startswith(CONFIGURES_SCRIPTS):
            return True
        if (name.endswith(SCRIPTS) or name == ".gitignore") and self.covers(path):
            return True
        return os.path.islink(os.path.join(self._root, path))

    def _cached(self, folder: str) -> None:
        """Caches are many and hold `.pyc` only; whatever else is there can be imported as from any directory."""
        try:
            names = os.listdir(os.path.join(self._root, folder))
        except NotADirectoryError:
            return
        except OSError as problem:
            self._closed(problem)
            return
        self.paths.extend(
            folder + name for name in names if not name.endswith(".pyc") and self._loadable(folder + name)
        )

    def _descend(self, folder: str) -> None:
        if len(self.paths) > self._count:
            return
        for parent, folders, names in os.walk(os.path.join(self._root, folder), onerror=self._closed):
            folders[:] = sorted(name for name in folders if name not in (".git", "node_modules"))
            relative = os.path.relpath(parent, self._root)
            linked = (name for name in folders if os.path.islink(os.path.join(parent, name)))
            for name in (*names, *linked):
                path = os.path.join(relative, name)
                if self._loadable(path):
                    self.paths.append(path)
            if len(self.paths) > self._count:
                self.held.append(folder)
                return

    def _closed(self, problem: OSError) -> None:
        self.held.append(os.path.relpath(os.fsdecode(problem.filename), self._root))


def described(status: os.stat_result) -> str:
    """What stands for bytes we do not read. Nobody but the superuser can set a ctime, so no edit goes unseen."""
    return f"size={status.st_size} mtime={status.st_mtime_ns} ctime={status.st_ctime_ns} inode={status.st_ino}"


def _is_environment(folder: str, path: str, environments: set[str]) -> bool:
    """Installed packages are declared to runs, not digested here; that they are there is a fact of the subject."""
    if os.path.exists(os.path.join(folder, "pyvenv.cfg")):
        environments.add(path.rstrip("/"))
        return True
    return os.path.basename(path.rstrip("/")) in ("node_modules", "__pycache__")


def _within(path: str, folders: set[str]) -> bool:
    return any(path.startswith(folder + "/") for folder in folders) or "/node_modules/" in f"/{path}"


def _hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _parse(tree: bytes, width: int) -> Iterator[Entry]:
    offset = 0
    while offset < len(tree):
        space = tree.index(b" ", offset)
        end = tree.index(b"\0", space)
        yield Entry(tree[offset:space], tree[space + 1 : end], tree[end + 1 : end + 1 + width])
        offset = end + 1 + width
