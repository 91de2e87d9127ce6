"""What an environment runs before any test, or has a say in every test: its interpreter, start-up files and plugins.

Files are read and nothing is run, so that a fake of pytest, or a file that Python executes as it starts, shows as
something that was not there before.
"""

from __future__ import annotations

import configparser
import glob
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping

_ALWAYS = ("pytest", "_pytest", "pluggy", "coverage", "iniconfig", "sitecustomize", "usercustomize")
"""Modules that run in every test, wherever they come from."""
_IMPORTED = re.compile(rb"^import[ \t]+([A-Za-z_][\w.]*)", re.MULTILINE)
_ENDINGS = (".py", ".so", ".pyd", "")
_SECONDS = 20.0
_MOST_FILES = 20_000
_ASK = "import sys, sysconfig; print(sysconfig.get_path('purelib')); print(sysconfig.get_path('platlib'))"


def inventory(program: str, env: Mapping[str, str]) -> dict[str, str]:
    """What a Python has a say by, name to SHA-256 (hex); nothing when there is no such program."""
    python = shutil.which(program, path=env.get("PATH"))
    if python is None:
        return {}
    found = {"the interpreter": _file(os.path.realpath(python))}
    for folder in _packages(python, env):
        found.update(_of(folder))
    return found


def hidden_suite(folder: str) -> dict[str, str]:
    """A suite outside the repository, which no digest of the tree covers."""
    return {"the hidden tests": _tree(folder)}


def _packages(python: str, env: Mapping[str, str]) -> list[str]:
    """The folders that this Python imports installed packages from."""
    prefix = os.path.dirname(os.path.dirname(python))
    if os.path.isfile(os.path.join(prefix, "pyvenv.cfg")):
        return sorted(glob.glob(os.path.join(glob.escape(prefix), "lib*", "python*", "site-packages")))
    try:
        words = (python, "-I", "-S", "-c", _ASK)
        asked = subprocess.run(words, env=dict(env), capture_output=True, timeout=_SECONDS, check=False, cwd=os.sep)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return sorted({os.path.realpath(line) for line in os.fsdecode(asked.stdout).splitlines() if os.path.isdir(line)})


def _of(folder: str) -> Iterator[tuple[str, str]]:
    names = sorted(os.listdir(folder))
    modules = set(_ALWAYS)
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith(".pth"):
            yield name, _file(path)
            modules.update(found.decode().partition(".")[0] for found in _IMPORTED.findall(_content(path)))
        elif name.endswith((".dist-info", ".egg-info")):
            modules.update(_plugins(os.path.join(path, "entry_points.txt")))
    for module in sorted(modules):
        for ending in _ENDINGS:
            if module + ending in names:
                yield f"the module {module}", _tree(os.path.join(folder, module + ending))


def _plugins(path: str) -> Iterator[str]:
    """The top-level modules of pytest's plugins that a package declares."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    try:
        parser.read_string(_content(path).decode(errors="replace"))
    except configparser.Error:
        return
    if parser.has_section("pytest11"):
        yield from (re.split(r"[.:]", value)[0].strip() for _, value in parser.items("pytest11"))


def _tree(path: str) -> str:
    """One digest of a file, or of all files below a folder but compiled ones, which are not used."""
    if not os.path.isdir(path):
        return _file(path)
    whole, count = hashlib.sha256(), 0
    for parent, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            count += 1
            at = os.path.join(parent, name)
            whole.update(os.fsencode(os.path.relpath(at, path)) + b"\0" + _file(at).encode())
        if count > _MOST_FILES:
            return "too many files to read"
    return whole.hexdigest()


def _file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        return f"unreadable: {problem.strerror}"


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""
