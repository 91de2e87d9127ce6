"""The test infrastructure of JavaScript: settings, what they name, stand-ins, snapshots, data and modules of tests."""

from __future__ import annotations

import re
from collections.abc import Collection
from posixpath import basename

import msgspec

from phasegate.collectors.js_sites import sites
from phasegate.foreign import NotReadable, from_json
from phasegate.infrastructure.files import Files
from phasegate.infrastructure.javascript import BY_NAME, PACKAGE_KEYS, around_javascript
from phasegate.syntax import JAVASCRIPT, CannotBeRead

_NAMED_TEST = re.compile(r"[._-](?:test|spec)\.[cm]?[jt]sx?$|(?:^|/)__tests__/")
_GIVES = re.compile(rb"\bexports?\b")


def infrastructure(path: str, *, tests: bool, new: bool) -> bool:
    """Settings and stand-ins always; other files among the tests, unless they are new."""
    return basename(path) == "package.json" or _by_name(path) or (tests and not new)


def telling(path: str, content: bytes) -> bytes:
    """Of a package.json the keys that test tools read; all of a module that tests import, and nothing of the tests.

    What cannot be read tells everything.
    """
    if _is_program(path) and not _is_module(path, content):
        return b""
    if basename(path) != "package.json":
        return content
    try:
        whole = from_json(content, dict[str, object])
    except NotReadable:
        return content
    return msgspec.json.encode({key: whole[key] for key in PACKAGE_KEYS & whole.keys()}, order="deterministic")


def mixed(path: str, content: bytes) -> bool:
    """Whether a program that no tool reads by its name registers tests."""
    try:
        return _is_program(path) and bool(sites(path, content).tests)
    except CannotBeRead:
        return False


def _is_program(path: str) -> bool:
    return path.endswith(JAVASCRIPT) and not _by_name(path)


def _is_module(path: str, content: bytes) -> bool:
    """Whether others import what stands there, and no test does: it gives something away, and registers none."""
    return not _NAMED_TEST.search(path) and _GIVES.search(content) is not None and not mixed(path, content)


def _by_name(path: str) -> bool:
    return any(pattern.search(path) for pattern, _ in BY_NAME)


def around(files: Files) -> Collection[str]:
    """What settings name, and what that imports."""
    return around_javascript(files)


def plugins(path: str, content: bytes) -> tuple[str, ...]:
    """None by its name alone: `around` finds them by the settings of the whole tree."""
    return ()
