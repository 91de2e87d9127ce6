"""Runs a suite on a private tree, as `phasegate check tests` does, without a ledger around it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from phasegate.collectors import catalog
from phasegate.collectors.interface import Ask, SuiteRun
from phasegate.collectors.private.inside import inside
from phasegate.collectors.suites import Way
from phasegate.settings import Tests
from phasegate.workspace.private_tree import PrivateTree

PROVIDED = ("node_modules",)


def name_of(kind: str, data: bytes) -> str:
    """As git names a blob."""
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).hexdigest()


def files_in(root: Path) -> Mapping[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    named = {path.relative_to(root).as_posix(): path for path in found}
    return {name: path.read_bytes() for name, path in named.items() if not name.startswith(PROVIDED)}


class Private:
    """The private tree of one project."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.blobs = root, dict[str, bytes]()
        self.tree = PrivateTree(str(home), self._contents, name_of, PROVIDED)

    def _contents(self, blobs: Sequence[str]) -> list[bytes]:
        return [self.blobs[blob] for blob in blobs]

    def lay_out(self) -> Way:
        names = {path: (name_of("blob", content), content) for path, content in files_in(self.root).items()}
        self.blobs |= dict(names.values())
        with self.tree.locked():
            self.tree.lay_out({path: ("100644", blob) for path, (blob, _) in names.items()})
        provided = tuple(path for path in PROVIDED if (self.root / path).exists())
        way = inside(str(self.root), self.tree.root, provided, (), os.path.join(self.tree.home, "bytecode"))
        return Way(replace(way, rewrite=self.tree.rewrite, files=frozenset(names)))

    def run(self, tests: Tests) -> SuiteRun:
        """Lay the project out as it is now, and run its tests there, unmeasured."""
        inside, runner, root = self.lay_out().inside, catalog.runner(tests.runner), str(self.root)
        assert inside is not None
        command = tests.command or runner.detect(root, inside.on_disk(root))
        return runner.run(
            Ask(
                root=inside.seen(root), command=command, scratch=str(Path(self.tree.home) / "scratch"), inside=inside,
                source_roots=tests.source_roots, timeout_seconds=tests.timeout_seconds, measure=False,
            )
        )  # fmt: skip
