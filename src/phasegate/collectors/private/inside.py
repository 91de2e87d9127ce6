"""Where a private run happens: a tree of phasegate's own, shown at the project's own path where the system allows."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable

from msgspec import Struct

_ENTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "enter.py")
_PROBE_SECONDS = 20.0


def _unable(path: str, content: bytes) -> None:
    raise NotImplementedError(f"nobody can give {path} another content")


def _nothing() -> tuple[str, ...]:
    return ()


class Inside(Struct, frozen=True):
    """A private tree for the suites of the work tree at `top`: `tree` is the directory that holds its files.

    `provided` are paths (relative to `top`) of environments and the like, shown as they are; `start` are the words
    before a command that runs in it, none where nothing can be mounted; `bytecode` is for compiled Python. `files` are
    those of the tree, and `tests` those among them that hold tests. `rewrite` gives a file of the tree (by its path in
    `tree`) another content until it is laid out anew, which `restore` does. `changed` are the files that somebody else
    wrote to.
    """

    top: str
    tree: str
    provided: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    bytecode: str = ""
    files: frozenset[str] = frozenset()
    tests: tuple[str, ...] = ()
    rewrite: Callable[[str, bytes], None] = _unable
    changed: Callable[[], tuple[str, ...]] = _nothing
    restore: Callable[[], object] = _nothing

    @property
    def mounted(self) -> bool:
        """Whether the suite sees the tree at the project's own path."""
        return bool(self.start)

    def seen(self, path: str) -> str:
        """The path that a file or folder of the work tree has for the suite."""
        inner = os.path.relpath(path, self.top)
        return path if self.mounted else os.path.normpath(os.path.join(self.tree, inner))

    def on_disk(self, path: str) -> str:
        """Where we read what lies at `path` (of the work tree): in the private tree."""
        if not self.mounted and os.path.commonpath((path, self.tree)) == self.tree:
            return path
        return os.path.normpath(os.path.join(self.tree, os.path.relpath(path, self.top)))


def inside(top: str, tree: str, provided: tuple[str, ...], outside: tuple[str, ...], bytecode: str) -> Inside:
    """The way into a private tree that is laid out at `tree`.

    `outside` are folders that a run has to reach; when one of them lies below `top`, nothing is mounted over it.
    """
    hidden = any(os.path.realpath(folder).startswith(top.rstrip("/") + "/") for folder in outside)
    if hidden or not can_mount():
        for path in provided:
            _link(os.path.join(top, path), os.path.join(tree, path))
        return Inside(top, tree, provided, (), bytecode)
    binds = [(os.path.join(top, path), _mount_point(top, tree, path), True) for path in provided]
    return Inside(top, tree, provided, entering([*binds, (tree, top, False)]), bytecode)


def entering(binds: list[tuple[str, str, bool]]) -> tuple[str, ...]:
    """The words before a command that is to see each source at its target."""
    return (sys.executable, "-I", "-S", _ENTER, json.dumps({"binds": binds}))


@functools.cache
def can_mount() -> bool:
    """Whether this user may mount on this system, found out by trying."""
    if not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory(prefix="phasegate-") as folder:
        words = (*entering([(folder, folder, True)]), sys.executable, "-I", "-S", "-c", "")
        try:
            tried = subprocess.run(words, capture_output=True, timeout=_PROBE_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return tried.returncode == 0


def _mount_point(top: str, tree: str, path: str) -> str:
    there, here = os.path.join(top, path), os.path.join(tree, path)
    os.makedirs(os.path.dirname(here), exist_ok=True)
    if os.path.islink(here):
        os.unlink(here)
    if os.path.isdir(there):
        os.makedirs(here, exist_ok=True)
    elif not os.path.exists(here):
        with open(here, "x"):
            pass
    return here


def _link(there: str, here: str) -> None:
    os.makedirs(os.path.dirname(here), exist_ok=True)
    if os.path.islink(here) or os.path.isfile(here):
        os.unlink(here)
    elif os.path.isdir(here):
        os.rmdir(here)
    os.symlink(there, here)
