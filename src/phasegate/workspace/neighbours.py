"""The projects of one work tree: each folder with a `phasegate.toml` is one, with settings of its own."""

from __future__ import annotations

import os

from phasegate.settings import Settings
from phasegate.workspace import files, git, listing, place
from phasegate.workspace.names import Names
from phasegate.workspace.settings_file import MOST_BYTES, read_settings

MOST = 500
"""Projects of one work tree that are read at most."""


def nearest(path: str) -> git.Place:
    """The project that holds `path`, set up or not: the nearest folder with settings, else the whole work tree."""
    whole = git.locate(path)
    folder = os.path.realpath(path)
    while folder != whole.root and not os.path.isfile(os.path.join(folder, place.SETTINGS)):
        folder = os.path.dirname(folder)
    return place.at(whole, folder)


def elsewhere(where: git.Place) -> dict[str, Settings]:
    """The settings of the other projects of the work tree, by where they lie from `where`; the deepest first.

    Raises SettingsInvalid for any that cannot be read: what another project protects must be known here.
    """
    whole, names = git.locate(where.top), Names(where.prefix)
    found = [path for path in listing.paths(whole) if path.rpartition("/")[2] == place.SETTINGS]
    others = sorted(
        (path for path in found[:MOST] if path != f"{where.prefix}{place.SETTINGS}"), key=lambda p: -p.count("/")
    )
    return {
        names.name(path).removesuffix(place.SETTINGS): read_settings(
            files.read_capped(whole.root, path, MOST_BYTES), path=path
        )
        for path in others
    }
