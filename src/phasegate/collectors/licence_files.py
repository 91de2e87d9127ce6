"""Finds what installed packages say of their licences: metadata of Python, package.json of npm, texts of Go modules."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from email.parser import HeaderParser
from typing import Any

from phasegate.dependencies.licences import as_spdx, of_classifiers, of_text
from phasegate.dependencies.packages import NoLock, Package, json_table
from phasegate.foreign import NotReadable, from_json

LARGEST = 2 << 20
ENVIRONMENTS = (".venv", "venv", "env")
STANDARD = "BSD-3-Clause"
"""The licence of Go itself, and so of its standard library."""

_TEXT = re.compile(r"(?:UN)?LICEN[CS]E(?:[-.].*)?|COPYING(?:[-.].*)?", re.IGNORECASE)


class Sources:
    """Looks packages up where this machine has them; each answer is an SPDX expression, "" unknown, None not there."""

    def __init__(self, root: str, locks: Mapping[str, bytes], env: Mapping[str, str]) -> None:
        self._root, self._env = root, env
        self._python = dict(_installed(root))
        self._npm = dict(_locked(locks))

    def of(self, package: Package, path: str) -> str | None:
        """What `package`, which the lock file `path` names, says of its licence."""
        folder = os.path.join(self._root, os.path.dirname(path))
        match package.ecosystem:
            case "PyPI":
                return self._python.get((package.name, package.version))
            case "npm":
                known = self._npm.get((package.name, package.version))
                return known or _of_node_modules(folder, self._root, package)
            case "Go":
                return _of_go(folder, package, self._env)


def _installed(root: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Every distribution of the environments in the repository."""
    for name in ENVIRONMENTS:
        for path in glob.glob(
            os.path.join(glob.escape(root), name, "lib", "python*", "site-packages", "*.dist-info", "METADATA")
        ):
            head = HeaderParser().parsestr(_text(path).partition("\n\n")[0])
            called, version = head.get("Name", ""), head.get("Version", "")
            if called and version:
                yield (
                    (re.sub(r"[-_.]+", "-", str(called)).lower(), str(version)),
                    _of_metadata(head, os.path.dirname(path)),
                )


def _of_metadata(head: Any, folder: str) -> str:
    stated = str(head.get("License-Expression") or "")
    if stated:
        return as_spdx(stated)
    written = as_spdx(str(head.get("License") or ""))
    classed = of_classifiers(str(each) for each in head.get_all("Classifier") or ())
    return written or classed or of_text(str(head.get("License") or "")) or _only(_texts(folder, "licenses"))


def _texts(*folder: str) -> Iterator[str]:
    """What each file of a folder that is named like a licence is the text of."""
    place = os.path.join(*folder)
    try:
        names = sorted(os.listdir(place))
    except OSError:
        return
    for name in names[:1000]:
        if _TEXT.fullmatch(name) and os.path.isfile(os.path.join(place, name)):
            yield of_text(_text(os.path.join(place, name)))


def _only(found: Iterable[str]) -> str:
    """All the licences, when each of them is known."""
    each = list(dict.fromkeys(found))
    return " AND ".join(each) if each and all(each) else ""


def _locked(locks: Mapping[str, bytes]) -> Iterator[tuple[tuple[str, str], str]]:
    """What npm copied into package-lock.json."""
    for path, content in locks.items():
        if path.rpartition("/")[2] in ("package-lock.json", "npm-shrinkwrap.json"):
            try:
                packages = json_table(content).get("packages")
            except NoLock:
                continue
            for place, entry in packages.items() if isinstance(packages, dict) else ():
                if isinstance(entry, dict) and isinstance(entry.get("license"), str):
                    name = entry.get("name") or place.rpartition("node_modules/")[2]
                    yield (str(name), str(entry.get("version"))), as_spdx(entry["license"])


def _of_node_modules(folder: str, root: str, package: Package) -> str | None:
    flat = package.name.replace("/", "+")
    places = [os.path.join(each, "node_modules", package.name) for each in dict.fromkeys((folder, root))]
    places += [os.path.join(folder, "node_modules", ".pnpm", f"{flat}@{package.version}", "node_modules", package.name)]
    for place in places:
        try:
            said = from_json(_text(os.path.join(place, "package.json")), dict[str, Any])
        except NotReadable:
            continue
        if said.get("version") == package.version:
            return _of_package_json(said) or _only(_texts(place))
    return None


def _of_package_json(said: Mapping[str, Any]) -> str:
    stated = said.get("license") or said.get("licenses")
    several = stated if isinstance(stated, list) else [stated]
    words = [each.get("type") if isinstance(each, dict) else each for each in several]
    known = [as_spdx(each) if isinstance(each, str) else "" for each in words]
    return " OR ".join(f"({each})" for each in known) if all(known) else ""


def _of_go(folder: str, package: Package, env: Mapping[str, str]) -> str | None:
    if package.name == "stdlib":
        return STANDARD
    vendored = os.path.join(folder, "vendor", package.name)
    place = next((each for each in (vendored, *_cached(package, env)) if os.path.isdir(each)), None)
    return None if place is None else _only(_texts(place))


def _cached(package: Package, env: Mapping[str, str]) -> Iterator[str]:
    home = env.get("HOME") or os.path.expanduser("~")
    cache = env.get("GOMODCACHE") or os.path.join(
        (env.get("GOPATH") or os.path.join(home, "go")).split(":")[0], "pkg", "mod"
    )
    # The module cache writes a capital letter as `!` and the small one.
    escaped = re.sub(r"[A-Z]", lambda found: f"!{found[0].lower()}", f"{package.name}@v{package.version}")
    yield os.path.join(cache, escaped)


def _text(path: str) -> str:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return file.read(LARGEST).decode(errors="replace")
    except OSError:
        return ""
