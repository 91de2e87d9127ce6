"""The test infrastructure of JavaScript: settings, what they name, stand-ins, snapshots, and data of tests."""

from __future__ import annotations

from collections.abc import Collection
from posixpath import basename

import msgspec

from phasegate.foreign import NotReadable, from_json
from phasegate.infrastructure.files import Files
from phasegate.infrastructure.javascript import BY_NAME, PACKAGE_KEYS, around_javascript
from phasegate.syntax import JAVASCRIPT


def infrastructure(path: str, *, tests: bool, new: bool) -> bool:
    """Settings and stand-ins always; other files among the tests that are no program, unless they are new."""
    if basename(path) == "package.json" or any(pattern.search(path) for pattern, _ in BY_NAME):
        return True
    return tests and not new and not path.endswith(JAVASCRIPT)


def telling(path: str, content: bytes) -> bytes:
    """Of a package.json the keys that test tools read; what cannot be read tells everything."""
    if basename(path) != "package.json":
        return content
    try:
        whole = from_json(content, dict[str, object])
    except NotReadable:
        return content
    return msgspec.json.encode({key: whole[key] for key in PACKAGE_KEYS & whole.keys()}, order="deterministic")


def around(files: Files) -> Collection[str]:
    """What settings name, and what that imports."""
    return around_javascript(files)


def plugins(path: str, content: bytes) -> tuple[str, ...]:
    """None by its name alone: `around` finds them by the settings of the whole tree."""
    return ()
