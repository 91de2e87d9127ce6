"""The real JavaScript tools at pinned versions, installed once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

VERSIONS = {
    "jest": "30.5.2",
    "vitest": "5.1.1",
    "@vitest/coverage-istanbul": "5.1.1",
    "@vitest/coverage-v8": "5.1.1",
    "mocha": "12.0.3",
    "c8": "12.0.0",
    "nyc": "18.0.0",
    "@swc/core": "1.15.3",
    "@swc/jest": "0.2.39",
}
BIN = os.path.dirname(sys.executable)
"""Where node and npm of the dependency group `toolchains` are."""


def node_modules(versions: dict[str, str] | None = None) -> Path:
    """A folder `node_modules` with these versions, made by the first who asks."""
    wanted = VERSIONS if versions is None else versions
    package = json.dumps({"name": "toolbox", "private": True, "devDependencies": wanted}, sort_keys=True)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    folder = cache / "phasegate-tests" / f"node-{hashlib.sha256(package.encode()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "installing.lock", timeout=600):
        if not (folder / "installed").exists():
            (folder / "package.json").write_text(package)
            _install(folder)
            (folder / "installed").touch()
    return folder / "node_modules"


def _install(folder: Path) -> None:
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"npm could not install the tools under test: {done.stderr}"


def with_tools(root: Path, versions: dict[str, str] | None = None) -> None:
    """Let a project find the tools, as if they had been installed in it."""
    (root / "node_modules").symlink_to(node_modules(versions))
