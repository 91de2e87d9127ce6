"""Which file is a lock file, and who reads it: one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from phasegate.dependencies import go_modules, npm_locks, other_js_locks, python_locks
from phasegate.dependencies.packages import Locked

Reader = Callable[[bytes], Locked]

READERS: Mapping[str, Reader] = {
    "uv.lock": python_locks.uv,
    "poetry.lock": python_locks.poetry,
    "pdm.lock": python_locks.pdm,
    "Pipfile.lock": python_locks.pipfile,
    "pylock.toml": python_locks.pylock,
    "package-lock.json": npm_locks.package_lock,
    "npm-shrinkwrap.json": npm_locks.package_lock,
    "yarn.lock": other_js_locks.yarn,
    "pnpm-lock.yaml": other_js_locks.pnpm,
    "bun.lock": other_js_locks.bun,
    "go.mod": go_modules.go_mod,
}
"""By the name of the file; go.mod is read with the go.sum beside it."""

NOT_READ: Mapping[str, str] = {
    "bun.lockb": "it is binary: `bun install --save-text-lockfile` writes bun.lock",
    **dict.fromkeys(
        """
        Cargo.lock Gemfile.lock composer.lock mix.lock pubspec.lock Podfile.lock Package.resolved gradle.lockfile
        packages.lock.json pom.xml build.gradle build.gradle.kts conda-lock.yml environment.yml pixi.lock deno.lock
        Cargo.toml Gemfile composer.json mix.exs pubspec.yaml Podfile Package.swift build.sbt
        """.split(),
        "phasegate reads no files of its kind",
    ),
}
"""What names packages too, and is not read."""

MANIFESTS: Mapping[str, tuple[str, ...]] = {
    "pyproject.toml": ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "requirements.txt"),
    **dict.fromkeys(
        ("setup.py", "setup.cfg"), ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "requirements.txt")
    ),
    "Pipfile": ("Pipfile.lock",),
    "package.json": ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
}
"""What asks for packages without saying which versions, and the files beside it or above it that say so."""

_REQUIREMENTS = re.compile(r"(?:.*[-_.])?requirements(?:[-_.].*)?\.txt|requirements/[^/]*\.txt")
_PYLOCK = re.compile(r"pylock\.[^.]+\.toml")


def reader_of(path: str) -> Reader | None:
    """Who reads the file; None when it is no lock file."""
    name = path.rpartition("/")[2]
    if _PYLOCK.fullmatch(name):
        return python_locks.pylock
    if _REQUIREMENTS.fullmatch(name) or _REQUIREMENTS.fullmatch("/".join(path.split("/")[-2:])):
        return python_locks.requirements
    return READERS.get(name)


def why_not_read(path: str) -> str:
    """Why a file that names packages is not read; "" when it names none, or is read."""
    return NOT_READ.get(path.rpartition("/")[2], "")


def asks(path: str, content: bytes) -> bool:
    """Whether a manifest asks for any package; one that cannot be read may."""
    match path.rpartition("/")[2]:
        case "pyproject.toml":
            return python_locks.asks(content)
        case "package.json":
            return npm_locks.asks(content)
        case "setup.py" | "setup.cfg":
            return b"install_requires" in content
        case _:
            return True


def is_unlocked(path: str, paths: Iterable[str]) -> bool:
    """Whether a manifest has none of its lock files beside it or above it."""
    folder, _, name = path.rpartition("/")
    if name not in MANIFESTS:
        return False
    here = {*paths}
    above = [folder.rsplit("/", up)[0] for up in range(folder.count("/") + 1)] if folder else []
    return not any(f"{place}/{lock}".lstrip("/") in here for place in (*above, "") for lock in MANIFESTS[name])
