"""What has a say in every test of JavaScript and Go: the interpreter or toolchain, and test tools with all they need.

Files are read and nothing is run, so that a changed `node_modules/expect` shows as something that was not there before.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping

from phasegate.collectors.js_project import Package, installed, package_in
from phasegate.collectors.private.digests import digest_of, digest_of_files

_TOOLS = re.compile(
    r"(?:^|[/@-])(?:jest|vitest|mocha|chai|expect|sinon|testing-library|ts-node|tsx|swc|babel|esbuild|vite|c8|nyc)(?:$|[/-])"
)
_NO_CODE = (".md", ".map", ".d.ts", ".d.mts", ".d.cts", ".flow", ".txt", "LICENSE")
_MOST_PACKAGES = 3000


def of_javascript(folder: str, program: str, tool: str, env: Mapping[str, str]) -> dict[str, str]:
    """Name to SHA-256 (hex) for the suite in a folder of the work tree, run by `program`."""
    found = _program(program, env)
    package = package_in(folder) or Package()
    named = {*package.devDependencies, *package.dependencies}
    for name in sorted({tool} | {each for each in named if _TOOLS.search(each)}):
        place = installed(folder, name)
        if place:
            packages = sorted(_closure(place))
            found[f"the package {name}, and what it needs"] = digest_of_files(
                [path for each in packages for path in _files(each)]
            )
    return found


def of_go(program: str, root: str, env: Mapping[str, str]) -> dict[str, str]:
    """The same for a toolchain whose GOROOT is `root`."""
    tools = os.path.join(root, "pkg", "tool")
    testing = os.path.join(root, "src", "testing")
    return _program(program, env) | {
        "the tools of Go": digest_of_files(sorted(_files(tools))),
        "the package testing": digest_of_files(sorted(_files(testing))),
    }


def _program(name: str, env: Mapping[str, str]) -> dict[str, str]:
    at = shutil.which(name, path=env.get("PATH"))
    return {f"the program {os.path.basename(name)}": digest_of(os.path.realpath(at))} if at else {}


def _closure(place: str) -> set[str]:
    """The folder of a package, and those of all packages that it needs, as node finds them."""
    found: set[str] = set()
    waiting = [os.path.realpath(place)]
    while waiting and len(found) < _MOST_PACKAGES:
        folder = waiting.pop()
        if folder in found:
            continue
        found.add(folder)
        package = package_in(folder) or Package()
        needs = {**package.dependencies, **package.peerDependencies}
        waiting += [os.path.realpath(other) for name in needs if (other := installed(folder, name))]
    return found


def _files(folder: str) -> Iterator[str]:
    """The files of one package or tool that may run, less packages within it and what tools cache there."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ("node_modules", ".cache"))
        yield from (os.path.join(parent, name) for name in sorted(names) if not name.endswith(_NO_CODE))
