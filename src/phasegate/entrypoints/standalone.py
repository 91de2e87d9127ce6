"""A checkout judged with no set-up: a ledger in a temporary folder that is gone afterwards, nothing in the tree."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator

from phasegate.adoption.survey import named
from phasegate.entrypoints import surveying
from phasegate.ledger.event import Actor
from phasegate.settings import Settings
from phasegate.store.blobs import DirectoryBlobs
from phasegate.store.sqlite import SqliteLog
from phasegate.wiring import Project, RealDesk, Trusted
from phasegate.workflow.default import DEFAULT
from phasegate.workspace import files, git, neighbours, place, policy_files


@contextlib.contextmanager
def standalone(path: str, actor: Actor, settings: Settings | None = None) -> Iterator[RealDesk]:
    """The desk of the checkout that holds `path`, with its own settings, else with what a survey finds."""
    where = neighbours.nearest(path)
    with tempfile.TemporaryDirectory(prefix="phasegate-") as folder, contextlib.ExitStack() as open_things:
        project = opened(where, folder, settings or settings_of(where))
        open_things.callback(project.close)
        yield RealDesk(project, actor)


def opened(where: git.Place, folder: str, settings: Settings) -> Project:
    """A project whose ledger begins in `folder`, shared by every tree that is opened with it."""
    pointer = place.Pointer(settings.project, str(uuid.uuid4()), where.common)
    log = SqliteLog(os.path.join(folder, "ledger.db"), pointer.ledger)
    blobs = DirectoryBlobs(os.path.join(folder, "blobs"))
    return Project(where, pointer, folder, Trusted(settings, DEFAULT, ""), log, blobs)


def beside(project: Project, where: git.Place) -> Project:
    """The same ledger for another checkout of the same repository."""
    return Project(where, project.pointer, project.directory, project.trusted, project.log, project.blobs)


def settings_of(where: git.Place) -> Settings:
    """The settings in the checkout; without any, the suites that are found there."""
    if files.state_of(where.root, place.SETTINGS) is not None:
        content = files.read_capped(where.root, place.SETTINGS, 1 << 20)
        return policy_files.in_force(where.root, content, os.environ)[0]
    suites = named(surveying.surveyed(where).suites)
    id = str(uuid.uuid4())
    return Settings(project=id, tests=suites[""]) if "" in suites else Settings(project=id, suites=suites)
