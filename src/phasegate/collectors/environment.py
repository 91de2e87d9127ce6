"""The environment a test run gets: the user's, without what could bend a run and leaves no trace in the tree."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from msgspec import Struct

from phasegate.collectors.private.inside import Inside

_BENDING = frozenset(
    """
    PYTEST_ADDOPTS PYTEST_PLUGINS PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONOPTIMIZE PYTHONUSERBASE
    NODE_OPTIONS NODE_PATH NODE_ENV NODE_V8_COVERAGE NODE_TEST_CONTEXT NODE_COMPILE_CACHE NODE_REPL_EXTERNAL_MODULE
    NODE_PRESERVE_SYMLINKS NODE_PRESERVE_SYMLINKS_MAIN BABEL_ENV UPDATE_SNAPSHOT
    GOFLAGS GOCOVERDIR GOWORK GOENV
    """.split()
)
_FAMILIES = (
    "COVERAGE_",
    "COV_CORE_",
    "JEST_",
    "MOCHA_",
    "TS_NODE_",
    "TS_JEST_",
    "TSX_",
    "SWC_",
    "VITEST",
    "NYC_",
    "C8_",
)
"""What an environment can change a run by; only the project's settings may."""


class Environment(Struct, frozen=True):
    """The variables a run gets, and the names of those that were left out."""

    variables: dict[str, str]
    left_out: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell about a run that was not given everything."""
        where = "what the tests need of them belongs under `env` of the tests in phasegate.toml"
        return (f"left out of the environment: {', '.join(self.left_out)}; {where}",) if self.left_out else ()


def clean(env: Mapping[str, str] | None = None) -> Environment:
    """Ours with `env` added, less what bends a run, and less git's: a hook's GIT_DIR misleads tests."""
    bending = {name for name in os.environ if name in _BENDING or name.startswith(_FAMILIES)}
    kept = {name: value for name, value in os.environ.items() if name not in bending and not name.startswith("GIT_")}
    return Environment(kept | dict(env or {}), tuple(sorted(name for name in bending if os.environ[name])))


_EVERY_RUN = frozenset(
    """
    HOME LANG LANGUAGE LOGNAME PATH SHELL SSL_CERT_DIR SSL_CERT_FILE TEMP TERM TMP TMPDIR TZ USER XDG_CACHE_HOME
    XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR XDG_STATE_HOME PYTEST_DISABLE_PLUGIN_AUTOLOAD
    """.split()
)
"""What a private run gets of whoever starts it, beside `LC_*`; what else its tests need the settings name."""


def private(env: Mapping[str, str], inherit: Collection[str] = (), inside: Inside | None = None) -> Environment:
    """The few variables that every private run gets and those named in `inherit`, with `env` added.

    Of the PATH no folder counts that lies in the work tree, where anybody can put a `node`, unless it is provided.
    """
    wanted = {name for name in os.environ if name in _EVERY_RUN or name.startswith("LC_") or name in inherit}
    kept = {name: value for name, value in os.environ.items() if name in wanted}
    if inside is not None and "PATH" in kept:
        folders = kept["PATH"].split(os.pathsep)
        kept["PATH"] = os.pathsep.join(folder for folder in folders if _is_safe(folder, inside))
    bending = [name for name in os.environ if name in _BENDING or name.startswith(_FAMILIES)]
    return Environment(
        kept | dict(env), tuple(sorted(name for name in bending if os.environ[name] and name not in kept))
    )


def _is_safe(folder: str, inside: Inside) -> bool:
    inner = os.path.relpath(folder, inside.top)
    return os.path.isabs(folder) and (
        inner.startswith("..") or any(f"{inner}/".startswith(f"{path}/") for path in inside.provided)
    )
