"""The digest of a whole work tree, against `git status` on the same repository in the same run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import generated
from figures import Figure, Goal, Report, compared
from measure import Action, call, interleaved, spent

from phasegate.workspace.tree import WorkTree

STATUS = "git status"
STATUS_EDITED = "git status after one edit"
WARM = Goal(1.5, "1.5 x")
ROOTS = ("src", "tests")


class Subject:
    """One generated repository, digested and asked for its status."""

    def __init__(self, base: Path, files: int) -> None:
        self._root = generated.repository(base / f"tree-{files}", files)
        self._shadow = base / f"shadow-{files}"
        self._edits = iter(range(1_000_000))

    def observe(self) -> object:
        """Digest, as a hook process does: with nothing remembered but what lies on disk."""
        return WorkTree(str(self._root), str(self._shadow)).observe({}, {}, ROOTS)

    def status(self) -> object:
        """What a person would type."""
        return generated.run_git(self._root, "status", "--porcelain")

    def edit(self) -> None:
        """Change one file."""
        number = next(self._edits)
        (self._root / "src/part00/area0/module00001.py").write_text(f"VALUE = {number}\n")

    def forget(self) -> None:
        """Leave the next digest nothing to build on."""
        shutil.rmtree(self._shadow, ignore_errors=True)

    def actions(self) -> Iterator[tuple[str, Action]]:
        """Status and digest with nothing changed, then each after an edit of its own."""
        yield STATUS, lambda: call(self.status)
        yield "digest, warm", lambda: call(self.observe)
        yield STATUS_EDITED, lambda: (self.edit(), call(self.status))[1]
        yield "digest after one edit", lambda: (self.edit(), call(self.observe))[1]


def run(base: Path, *, rounds: int, sizes: tuple[int, ...]) -> list[Report]:
    """Measure each size."""
    return [_report(Subject(base, files), files, rounds) for files in sizes]


def _report(subject: Subject, files: int, rounds: int) -> Report:
    cold = [(subject.forget(), call(subject.observe))[1] for _ in range(max(1, rounds // 5))]
    found = {**interleaved(dict(subject.actions()), rounds=rounds, warm=2), "digest, cold": spent(cold)}
    figures: list[Figure] = []
    for wall in (False, True):
        figures += [
            compared("digest, warm", found, STATUS, goal=WARM, wall=wall),
            compared("digest after one edit", found, STATUS_EDITED, goal=WARM, wall=wall),
            compared("digest, cold", found, STATUS, wall=wall),
        ]
    title = f"Digest of {files:,} files (git status: {found[STATUS].cpu:.1f} ms CPU, {found[STATUS].wall:.1f} ms wall)"
    return Report(f"digest-{files}", title, tuple(figures))
