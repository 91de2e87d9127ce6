"""What `init --ci` puts into a repository: a script for any CI, and a workflow that calls it."""

from __future__ import annotations

from importlib.resources import files

from phasegate.settings import CI


def shipped() -> dict[str, bytes]:
    """The files by where they belong."""
    return {path: files(__name__).joinpath(path.rpartition("/")[2]).read_bytes() for path in CI}
