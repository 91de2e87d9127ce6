"""Published packages that bring their tests along, each laid out as a repository of its own at a pinned version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

BIN = Path(sys.executable).parent
"""Where node, npm and go of the dependency group `toolchains` are."""


def of_pypi(base: Path, requirement: str) -> Path:
    """A source distribution."""
    _call(base, sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", requirement)
    return _repository(_unpacked(base), "__pycache__/\n")


def of_npm(base: Path, package: str, tools: Sequence[str] = ()) -> Path:
    """A package of npm with what it depends on, and the `tools` that its tests need."""
    _call(base, str(BIN / "npm"), "pack", "--silent", package)
    root = _unpacked(base)
    options = ("--no-audit", "--no-fund", "--no-save", "--no-package-lock", "--ignore-scripts", "--omit=dev")
    _call(root, str(BIN / "npm"), "install", "--silent", *options, *tools)
    return _repository(root, "node_modules/\n")


def of_go(base: Path, packages: Sequence[str]) -> Path:
    """Packages of Go's own library as a module."""
    root, library = base / "module", Path(_asked(base, str(BIN / "go"), "env", "GOROOT")) / "src"
    for package in packages:
        shutil.copytree(library / package, root / package, ignore=_folders)
    (root / "go.mod").write_text("module example.com/published\n\ngo 1.21\n")
    return _repository(root, "")


def keep(root: Path, tests: str, names: Sequence[str]) -> None:
    """Take out all test files (a pattern) but those whose path ends with one of `names` and any endings."""
    for path in list(root.glob(tests)):
        plain = path.with_name(path.name.partition(".")[0]).as_posix()
        if not plain.endswith(tuple(f"/{name}" for name in names)):
            path.unlink()


def node(base: Path) -> str:
    """The program itself, where `node` is a script around it."""
    return str(json.loads(_asked(base, str(BIN / "node"), "-p", "JSON.stringify(process.execPath)")))


def go_version(base: Path) -> str:
    """Which Go it is, as `1.27.3`."""
    return _asked(base, str(BIN / "go"), "env", "GOVERSION").removeprefix("go")


def _folders(place: str, names: list[str]) -> list[str]:
    """What lies below a package and is another one."""
    return [name for name in names if name != "testdata" and os.path.isdir(os.path.join(place, name))]


def _unpacked(base: Path) -> Path:
    [archive] = [*base.glob("*.tar.gz"), *base.glob("*.tgz")]
    with tarfile.open(archive) as opened:
        opened.extractall(base / "unpacked", filter="data")
    [root] = (base / "unpacked").iterdir()
    return root


def _repository(root: Path, ignored: str) -> Path:
    (root / ".gitignore").write_text(ignored)
    _call(root, "git", "init", "-q")
    return root


def _call(place: Path, *words: str) -> None:
    subprocess.run(words, cwd=place, env=_environment(), check=True, capture_output=True)


def _asked(place: Path, *words: str) -> str:
    return subprocess.run(
        words, cwd=place, env=_environment(), check=True, capture_output=True, text=True
    ).stdout.strip()


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
