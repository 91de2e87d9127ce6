"""A real repository for the tests of this room, and two ways to look at it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from phasegate.workspace.tree import WorkTree

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Repository:
    """A git repository in a directory, driven by the real git."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *options)

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(command, cwd=self.root, env=ENVIRONMENT, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def write(self, path: str, content: str | bytes = "x\n") -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "state")
        return self.git("rev-parse", "HEAD^{tree}")


ROOTS = ("src", "tests")


def fresh(tree: WorkTree, tmp_path: Path, name: str = "another") -> WorkTree:
    """The same work tree seen by somebody who never saw it before."""
    return WorkTree(tree.root, str(tmp_path / "state" / name), limits=tree.limits)


def paths(tree: WorkTree, before: str, after: str) -> list[str]:
    return [change.path for change in tree.changes(before, after)]
