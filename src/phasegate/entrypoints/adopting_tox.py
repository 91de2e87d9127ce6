"""Takes the environment of tox or nox for a Python suite that has none of its own."""

from __future__ import annotations

import os
import shutil

from msgspec.structs import replace

from phasegate.adoption.finding import Found, Unread
from phasegate.collectors import tox_nox
from phasegate.collectors.python_session import has, interpreters

PYTHON = ("pytest", "unittest")


def provided(root: str, found: Found) -> tuple[Found, Unread | None]:
    """`found`, in the environment that tox or nox provides where nothing else does; else why theirs does not serve."""
    place = os.path.join(root, found.suite.directory)
    if found.suite.runner not in PYTHON or _has_environment(place, found.suite.runner):
        return found, None
    readings = tox_nox.read(place)
    for read in readings:
        if isinstance(read, tox_nox.Proposed):
            return _within(found, read), None
    return found, next((_refused(found, read) for read in readings if isinstance(read, tox_nox.Unread)), None)


def _within(found: Found, read: tox_nox.Proposed) -> Found:
    suite = replace(read.tests, directory=found.suite.directory, source_roots=found.suite.source_roots)
    without = "; ".join((f"{read.tool} provides the environment {read.env}", *_left_out(read)))
    needs = "" if shutil.which(suite.prepare[0]) else f"uv tool install {read.tool}"
    return replace(found, suite=suite, why=f"{found.why}; {without}", needs=needs)


def _refused(found: Found, read: tox_nox.Unread) -> Unread:
    return Unread(
        found.suite.directory, f"{found.suite.runner} in the environment of {read.tool}", read.why,
        f"Install {found.suite.runner} and the project in an environment (`python -m venv .venv`), or name the command"
        " under [tests] in phasegate.toml.",
    )  # fmt: skip


def _has_environment(place: str, runner: str) -> bool:
    """Whether some Python runs the tests already: for unittest the project's own, as any Python would seem to."""
    if runner == "unittest":
        own = next(interpreters(place), "")
        return own.startswith(place) or bool(os.environ.get("VIRTUAL_ENV"))
    return any(has(python, runner) for python in interpreters(place))


def _left_out(read: tox_nox.Proposed) -> tuple[str, ...]:
    return (f"not taken over: {', '.join(read.unread[:4])}",) if read.unread else ()
