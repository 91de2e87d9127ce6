"""Lays the observed tree out for a private run of the tests, and says afterwards whether it stayed as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from phasegate.collectors.private.inside import Inside, inside
from phasegate.collectors.private.language import LANGUAGES
from phasegate.collectors.suites import Way, command_of
from phasegate.errors import Failure
from phasegate.settings import Tests
from phasegate.wiring import RealDesk
from phasegate.workspace.names import Names
from phasegate.workspace.private_tree import LARGE, Blob, NotPrivate, PrivateTree
from phasegate.workspace.tree import STAND_IN


class Private(Struct, frozen=True):
    """A private place of one work tree: where the files lie, and the way in."""

    tree: PrivateTree
    inside: Inside

    def hold(self, desk: RealDesk, tree: str, instead: Mapping[str, Blob | None]) -> Way:
        """Lay `tree` out, with other files in the place of some (None = none), and give the way in.

        Where that cannot be done the way leads nowhere and says why.
        """
        try:
            files = dict(_files(desk, tree, self.inside.provided))
            files.update({path: blob for path, blob in instead.items() if blob is not None})
            files = {path: blob for path, blob in files.items() if instead.get(path, blob) is not None}
            self.tree.lay_out(files)
        except (NotPrivate, OSError) as problem:
            why = problem.message if isinstance(problem, Failure) else str(problem)
            return Way(None, f"the tree cannot be laid out privately: {why}")
        names = Names(desk.project.where.prefix)
        tests = [path for path in files if path.endswith(".py") and desk.settings.class_of(names.name(path)) == "tests"]
        inside = replace(
            self.inside, files=frozenset(files), tests=tuple(tests), changed=self.tree.changed,
            restore=lambda: self.tree.lay_out(files),
        )  # fmt: skip
        return Way(inside, challenge_seconds=desk.settings.evidence.challenge_seconds)

    def why_changed(self) -> str:
        """What a run wrote into the files that it was to test; empty when nothing."""
        changed = self.tree.changed()
        return f"the tests changed the tree they ran on ({', '.join(changed[:5])})" if changed else ""


@contextmanager
def private(desk: RealDesk, suites: Mapping[str, Tests]) -> Iterator[Private | None]:
    """The private place of this work tree, with nobody else in it; None where no suite can run privately."""
    if not any(suite.runner in LANGUAGES for suite in suites.values()):
        yield None
        return
    place = _place(desk, suites)
    with place.tree.locked():
        yield place


def _place(desk: RealDesk, suites: Mapping[str, Tests]) -> Private:
    home, where = desk.project.private, desk.project.where
    provided = _provided(desk, suites)
    whole = desk.tree.whole
    tree = PrivateTree(home, whole.contents, whole.name_of, provided, where.top)
    os.makedirs(tree.root, mode=0o700, exist_ok=True)
    way = inside(where.top, tree.root, provided, (desk.project.directory,), os.path.join(home, "bytecode"))
    return Private(tree, replace(way, rewrite=tree.rewrite))


def _provided(desk: RealDesk, suites: Mapping[str, Tests]) -> tuple[str, ...]:
    """What the suites need and no tree holds: the declared environments, those of the commands, and git's directory."""
    where = desk.project.where
    declared = [f"{where.prefix}{path}" for path in desk.settings.drive.provide]
    named = [*declared, *_environments(desk, suites), ".git"]
    found = [path for path in dict.fromkeys(named) if os.path.lexists(os.path.join(where.top, path))]
    return tuple(path for path in found if not any(path.startswith(f"{other}/") for other in found))


def _environments(desk: RealDesk, suites: Mapping[str, Tests]) -> Iterator[str]:
    """The virtual environments below the work tree that a suite's command is started from."""
    where = desk.project.where
    for suite in suites.values():
        try:
            program = os.path.join(where.root, command_of(where.root, suite)[0])
        except Failure:
            continue
        folder = os.path.dirname(os.path.dirname(program))
        if os.path.isfile(os.path.join(folder, "pyvenv.cfg")) and folder.startswith(f"{where.top}/"):
            yield os.path.relpath(folder, where.top)


def _files(desk: RealDesk, tree: str, provided: tuple[str, ...]) -> Iterator[tuple[str, Blob]]:
    """The files of a tree, less those that are provided as they are."""
    whole = desk.tree.whole
    listed = whole.listing(tree)
    links = [path for path, (mode, _) in listed.items() if mode == "120000"]
    for path, target in zip(links, whole.contents([listed[path][1] for path in links]), strict=True):
        if target.startswith(f"{STAND_IN}{LARGE}?".encode()):
            listed[path] = LARGE, os.fsdecode(target).partition("?")[2]
        elif target.startswith(STAND_IN.encode()):
            raise NotPrivate(
                f"{path} was not read: it is no regular file, or closed to us.",
                hint="Let git ignore it, and name it under `drive.provide`.",
            )
    for path, blob in listed.items():
        if not any(path == other or path.startswith(f"{other}/") for other in provided):
            yield path, blob
