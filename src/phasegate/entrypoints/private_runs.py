"""Lays the observed tree out for a private run of the tests, and says afterwards whether it stayed as it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from phasegate.collectors.catalog import PRIVATE
from phasegate.collectors.private.inside import Inside, inside
from phasegate.collectors.suites import Way, command_of
from phasegate.errors import Failure
from phasegate.settings import Tests
from phasegate.wiring import RealDesk
from phasegate.workspace.names import Names
from phasegate.workspace.private_tree import Blob, NotPrivate, PrivateTree
from phasegate.workspace.tree import STAND_IN

Say = Callable[[str], None]


class Private(Struct, frozen=True):
    """A private tree with an observed tree in it, ready to run suites in."""

    tree: PrivateTree
    inside: Inside


@contextmanager
def private(desk: RealDesk, tree: str, suites: Mapping[str, Tests]) -> Iterator[tuple[Private | None, Way]]:
    """The observed `tree` in a private place and the way into it; or None, and the way without one, which says why.

    Nobody else runs in the same place meanwhile.
    """
    if not any(suite.runner in PRIVATE for suite in suites.values()):
        yield None, Way()
        return
    place = _place(desk, suites)
    with place.tree.locked():
        try:
            place = _laid_out(desk, place, tree)
        except (NotPrivate, OSError) as problem:
            why = problem.message if isinstance(problem, Failure) else str(problem)
            yield None, Way(None, f"the tree cannot be laid out privately: {why}")
            return
        yield place, Way(place.inside)


def _place(desk: RealDesk, suites: Mapping[str, Tests]) -> Private:
    home, where = desk.project.private, desk.project.where
    provided = _provided(desk, suites)
    whole = desk.tree.whole
    tree = PrivateTree(home, whole.contents, whole.name_of, provided)
    os.makedirs(tree.root, mode=0o700, exist_ok=True)
    way = inside(where.top, tree.root, provided, (desk.project.directory,), os.path.join(home, "bytecode"))
    return Private(tree, way)


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


def _laid_out(desk: RealDesk, place: Private, tree: str) -> Private:
    files, names = dict(_files(desk, tree, place.inside.provided)), Names(desk.project.where.prefix)
    place.tree.lay_out(files)
    tests = [path for path in files if path.endswith(".py") and desk.settings.class_of(names.name(path)) == "tests"]
    return replace(place, inside=replace(place.inside, files=frozenset(files), tests=tuple(tests)))


def _files(desk: RealDesk, tree: str, provided: tuple[str, ...]) -> Iterator[tuple[str, Blob]]:
    """The files of a tree, less those that are provided as they are."""
    whole = desk.tree.whole
    listed = whole.listing(tree)
    links = [path for path, (mode, _) in listed.items() if mode == "120000"]
    for path, target in zip(links, whole.contents([listed[path][1] for path in links]), strict=True):
        if target.startswith(STAND_IN.encode()):
            raise NotPrivate(
                f"{path} was not read: it is too large, no regular file, or closed to us.",
                hint="Raise `limits.hashing`, or let git ignore it and name it under `drive.provide`.",
            )
    for path, blob in listed.items():
        if not any(path == other or path.startswith(f"{other}/") for other in provided):
            yield path, blob


def why_changed(place: Private | None) -> str:
    """What a run wrote into the files that it was to test; empty when nothing."""
    changed = place.tree.changed() if place is not None else ()
    return f"the tests changed the tree they ran on ({', '.join(changed[:5])})" if changed else ""
