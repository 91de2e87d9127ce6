"""What `init` puts where CI runs: a script for any CI and a workflow that calls it; a hook for a git server."""

from __future__ import annotations

from importlib.resources import files

from phasegate.settings import CI


def shipped() -> dict[str, bytes]:
    """The files of a repository by where they belong."""
    return {path: files(__name__).joinpath(path.rpartition("/")[2]).read_bytes() for path in CI}


def pre_receive() -> bytes:
    """The hook of a git server."""
    return files(__name__).joinpath("pre-receive.sh").read_bytes()
