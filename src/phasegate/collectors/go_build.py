"""Why a Go test could not be built: the compiler's words, in the words of `evidence.tests`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from phasegate.collectors.go_packages import Package, Packages
from phasegate.evidence.tests import Cause

_PLACE = re.compile(r"^(?:vet: )?([^\s:][^:\n]*\.go):(\d+)(?::(\d+))?: (.*)$", re.MULTILINE)
_ABSENT_PACKAGE = re.compile(
    r"no required module provides package ([^\s;:]+)|package ([^\s;:]+) is not in (?:std|GOROOT)"
    r"|cannot find package \"([^\"]+)\"|module \S+ (?:found|provides)[^\n]*does not contain package ([^\s;:]+)"
)
_ABSENT_MODULE = re.compile(
    r"([^\s:]+)@[^\s:]+: [^\n]*(?:module lookup disabled by GOPROXY=off|reading \S+: 404)"
    r"|missing go\.sum entry for (?:module providing package |go\.mod file of )?([^\s;:]+)"
)
_LOOKUP = "module lookup disabled by GOPROXY=off"
_SYNTAX = re.compile(r"syntax error|^expected |missing condition|^illegal |not terminated|^invalid character")
_UNDEFINED = re.compile(r"undefined: (?:([\w]+)\.)?([\w]+)$")
_NO_MEMBER = re.compile(
    r"\(type \*?(?:([\w]+)\.)?([\w]+)(?:\[.*\])? has no (?:field or )?(?:method|field)"
    r"|unknown field \w+ in struct literal of type \*?(?:([\w]+)\.)?([\w]+)"
)
_OTHER_PARAMETERS = re.compile(
    r"(?:too many|not enough) arguments in call to (?:([\w]+)\.)?([\w]+)"
    r"|assignment mismatch: \d+ variables? but (?:([\w]+)\.)?([\w]+)"
)
_LINE_LIMIT = 20_000


class Fault(Struct, frozen=True):
    """What the compiler says of one place; `file` is absolute."""

    file: str
    line: int
    text: str
    after: str = ""
    """What follows the name in the source, where the name begins the place."""

    @property
    def in_a_test(self) -> bool:
        return self.file.endswith("_test.go")


class Broken(Struct, frozen=True):
    """A package's tests that could not be built: why, and the first thing the compiler says."""

    cause: Cause
    message: str
    file: str = ""
    line: int = 0


def broken(package: Package, packages: Packages, said: str, place: str) -> Broken:
    """What `said`, the output of the build, means for the tests of `package`; paths in it are relative to `place`."""
    absent = [next(filter(None, found.groups())) for found in _ABSENT_PACKAGE.finditer(said)]
    if absent:
        ours = all(_is_ours(path, packages) for path in absent)
        return Broken("missing_name" if ours else "import_of_test", f"there is no package {absent[0]}")
    faults = list(_faults(said, packages, place))
    if not faults:
        lines = [line for line in said.splitlines() if line.strip() and not line.startswith("# ")]
        return Broken("other", lines[0].strip() if lines else "the build failed and go does not say why")
    first = faults[0]
    message = f"{os.path.relpath(first.file, place)}:{first.line}: {first.text}"
    return Broken(_cause(faults, package, packages), message, first.file, first.line)


def absent_module(build: str, said: str) -> str:
    """The module, or the package of it that was to be built, that would have to be fetched; or ""."""
    found = _ABSENT_MODULE.search(said)
    return next(filter(None, found.groups()), "") if found else (build if _LOOKUP in said else "")


def _faults(said: str, packages: Packages, place: str) -> Iterator[Fault]:
    for found in _PLACE.finditer(said):
        path = os.path.normpath(os.path.join(place, found[1]))
        text = found[4].strip()
        if text != "too many errors":
            yield Fault(packages.copies.get(path, path), int(found[2]), text, _after(path, int(found[2]), found[3]))


def _after(path: str, line: int, column: str | None) -> str:
    """What follows the identifier at a place: in the file that was compiled, whose columns the compiler counts."""
    try:
        with open(path, "rb") as file:
            text = next(islice(file, line - 1, line), b"") if line < _LINE_LIMIT else b""
    except OSError:
        return ""
    return re.sub(rb"^\w+", b"", text[int(column or 1) - 1 :]).decode(errors="replace").strip()


def _cause(faults: list[Fault], package: Package, packages: Packages) -> Cause:
    """Only when all that is wrong is what the code under test lacks does it count as that."""
    if any(not fault.in_a_test for fault in faults):
        return "collection"
    if all(_lacks_a_name(fault, package, packages) for fault in faults):
        return "missing_name"
    return "syntax_of_test" if any(_SYNTAX.search(fault.text) for fault in faults) else "other"


def _lacks_a_name(fault: Fault, package: Package, packages: Packages) -> bool:
    undefined = _UNDEFINED.search(fault.text)
    if undefined:
        qualifier, name = undefined.groups()
        if qualifier:
            return _means_ours(qualifier, fault, package, packages)
        # Unqualified it may be a slip in a test: what is called, built or exported is more than a local variable.
        asked = fault.after.startswith(("(", "{", "[")) or name[:1].isupper()
        return asked and name not in package.declared and not _beside_the_package(fault, package)
    for pattern in (_NO_MEMBER, _OTHER_PARAMETERS):
        found = pattern.search(fault.text)
        if found:
            qualifier, name = (found[1], found[2]) if found[2] else (found[3], found[4])
            return _means_ours(qualifier, fault, package, packages) if qualifier else name not in package.declared
    return False


def _means_ours(qualifier: str, fault: Fault, package: Package, packages: Packages) -> bool:
    """Whether `qualifier` names a first-party package: the one under test, or one that the file imports."""
    imported = package.imports.get(os.path.basename(fault.file), {})
    path = imported.get(qualifier) or next(
        (each for each in imported.values() if each in packages.by_path and packages.by_path[each].name == qualifier),
        "",
    )
    return _is_ours(path, packages)


def _is_ours(path: str, packages: Packages) -> bool:
    return any(path == module or path.startswith(f"{module}/") for module in packages.modules)


def _beside_the_package(fault: Fault, package: Package) -> bool:
    """Whether a test file is of the package `x_test`, where code under test has its package's name before it."""
    return os.path.basename(fault.file) in package.beside
