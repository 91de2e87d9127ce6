"""Which packages and tests a Go suite has, and the copies of its test files that say when a test begins and ends."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from phasegate.collectors import one_run
from phasegate.collectors.interface import Ask
from phasegate.foreign import NotReadable, from_json

_WITNESS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go_witness", "witness.go")
_LISTING_SECONDS = 300.0
_LIMIT = 64 << 20
_FIELDS = "Dir,ImportPath,Name,TestGoFiles,XTestGoFiles,Module,Error,DepsErrors"
_FOR_LISTING = ("-tags", "-mod", "-modfile", "-race", "-msan", "-asan")
_TAKE_A_VALUE = frozenset(
    """
    tags mod modfile overlay run skip timeout count cpu parallel coverpkg covermode coverprofile shuffle vet bench
    benchtime list exec p o outputdir ldflags gcflags asmflags gccgoflags pkgdir toolexec fuzz fuzztime C json
    blockprofile cpuprofile memprofile mutexprofile trace fuzzminimizetime memprofilerate blockprofilerate
    """.split()
) - {"json"}


class Test(Struct, frozen=True):
    """A top-level test; `file` is the name within its package's directory."""

    __test__ = False

    name: str
    file: str
    line: int


class Package(Struct, frozen=True):
    """One package; `declared` are the names its test files give, `imports` what each of these imports, by name.

    `beside` are its test files that are of a package of their own, `x_test`.
    """

    path: str
    directory: str
    name: str
    tests: tuple[Test, ...] = ()
    declared: frozenset[str] = frozenset()
    imports: Mapping[str, Mapping[str, str]] = {}
    beside: tuple[str, ...] = ()


class Packages(Struct, frozen=True):
    """All packages by import path, the module's path, and `copies`: the copy of a file -> the file."""

    by_path: dict[str, Package] = {}
    modules: frozenset[str] = frozenset()
    copies: dict[str, str] = {}
    overlay: str = ""
    why_not: str = ""


class _Module(Struct, frozen=True, rename="pascal"):
    path: str = ""


class _Listed(Struct, frozen=True, rename="pascal"):
    dir: str
    import_path: str
    name: str = ""
    module: _Module = _Module()
    x_test_go_files: tuple[str, ...] = msgspec.field(default=(), name="XTestGoFiles")


class _Inventory(Struct, frozen=True):
    package: str
    tests: tuple[Test, ...]
    declared: tuple[str, ...]
    imports: dict[str, dict[str, str]]


class _Overlay(Struct, frozen=True, rename="pascal"):
    replace: dict[str, str]


class Words(Struct, frozen=True):
    """The words after `go test`, sorted: packages, flags that `go list` needs too, and all flags."""

    packages: tuple[str, ...]
    for_listing: tuple[str, ...]
    flags: tuple[str, ...]

    def has(self, *names: str) -> bool:
        """Whether one of these flags is among them, as `-run`, `--run`, `-test.run` or `-run=x`."""
        return any(_name(flag) in names for flag in self.flags if flag.startswith("-"))


def words_of(given: Sequence[str]) -> Words:
    """What the words after `go test` mean; what follows `-args` is the test binaries' own."""
    packages: list[str] = []
    listing: list[str] = []
    flags: list[str] = []
    rest = list(given)
    while rest:
        word = rest.pop(0)
        if _name(word) == "args" and word.startswith("-"):
            flags += [word, *rest]
            break
        if not word.startswith("-"):
            packages.append(word)
            continue
        whole = [word]
        if "=" not in word and _name(word) in _TAKE_A_VALUE and rest:
            whole.append(rest.pop(0))
        flags += whole
        if f"-{_name(word)}" in _FOR_LISTING:
            listing += whole
    return Words(tuple(packages) or (".",), tuple(listing), tuple(flags))


def look(go: Sequence[str], words: Words, ask: Ask, env: Mapping[str, str], folder: str) -> Packages:
    """List the packages that `words` name and copy their test files below `folder`; no code of theirs is run."""
    listing = os.path.join(folder, "packages.json")
    command = (*go, "list", "-e", f"-json={_FIELDS}", *words.for_listing, *words.packages)
    with open(listing, "w+b") as file:
        ended = one_run.start(command, ask, env, seconds=_LISTING_SECONDS, stdout=file.fileno())
    if ended.exit_code:
        return Packages(why_not=f"`go list` failed: {ended.last_line}")
    elsewhere = {**env, "GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    outside = msgspec.structs.replace(ask, directory=folder)
    ended = one_run.start((*go, "run", _WITNESS, listing, folder), outside, elsewhere, seconds=_LISTING_SECONDS)
    if ended.exit_code:
        return Packages(why_not=f"the test files could not be read: {ended.last_line}")
    return _read(folder, listing)


def _read(folder: str, listing: str) -> Packages:
    overlay = os.path.join(folder, "overlay.json")
    try:
        listed = {each.import_path: each for each in _stream(_content(listing))}
        found = [from_json(line, _Inventory) for line in _lines(os.path.join(folder, "inventory.jsonl"))]
        replaced = from_json(_content(overlay), _Overlay).replace
    except (OSError, NotReadable) as bad:
        return Packages(why_not=f"the list of tests cannot be read: {bad}")
    packages = {
        each.package: Package(
            each.package, listed[each.package].dir, listed[each.package].name, each.tests, frozenset(each.declared),
            each.imports, listed[each.package].x_test_go_files,
        )
        for each in found if each.package in listed
    }  # fmt: skip
    modules = frozenset(each.module.path for each in listed.values() if each.module.path)
    return Packages(packages, modules, {copy: original for original, copy in replaced.items()}, overlay)


def _stream(content: bytes) -> list[_Listed]:
    """The objects that `go list -json` prints one after the other, each closing with a brace in the first column."""
    pieces = content.split(b"\n}\n")
    return [from_json(piece + b"}", _Listed) for piece in pieces if piece.strip()]


def _lines(path: str) -> list[bytes]:
    return [line for line in _content(path).split(b"\n") if line]


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(_LIMIT)


def _name(flag: str) -> str:
    return flag.lstrip("-").partition("=")[0].removeprefix("test.")
