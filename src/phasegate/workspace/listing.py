"""Lists the files of a work tree as git would take them, and reads the small ones: what adoption looks at."""

from __future__ import annotations

import functools
import os
import tempfile

from phasegate.errors import Failure
from phasegate.workspace import files, git

LARGEST = 256 * 1024
"""Bytes above which a file is no manifest."""


def paths(where: git.Place) -> tuple[str, ...]:
    """Every tracked file that is there, and every other that git would not ignore; sorted, without duplicates."""
    return tuple(sorted(name for name in _names(where) if _is_text(name)))


def unnameable(where: git.Place) -> tuple[str, ...]:
    """Those among them whose names are no text, as a text that stands for each."""
    return tuple(sorted(ascii(name) for name in _names(where) if not _is_text(name)))


def _names(where: git.Place) -> set[str]:
    ran = git.run(
        ["-C", where.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        environment=git.clean_environment(), scratch=tempfile.gettempdir(),
    )  # fmt: skip
    names = {os.fsdecode(name) for name in ran.output.split(b"\0") if name}
    return {name for name in names if files.state_of(where.root, name) is not None}


def reader(root: str) -> functools._lru_cache_wrapper[str]:
    """What gives the text of a file below `root`: "" when it is absent, larger than a manifest, or no text."""

    @functools.lru_cache(maxsize=4096)
    def text(path: str) -> str:
        try:
            return files.read_capped(root, path, LARGEST).decode()
        except (Failure, UnicodeDecodeError):
            return ""

    return text


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
