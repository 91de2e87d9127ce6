"""A lock file is read as its tool wrote it; what it leaves open is named, and what is no lock file is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phasegate.dependencies.go_modules import go_mod
from phasegate.dependencies.locks import asks, is_unlocked, reader_of, why_not_read
from phasegate.dependencies.npm_locks import package_lock
from phasegate.dependencies.other_js_locks import bun, pnpm, yaml_table, yarn
from phasegate.dependencies.packages import Locked, NoLock, Package
from phasegate.dependencies.python_locks import pdm, pipfile, poetry, pylock, requirements, uv

DATA = Path(__file__).parent / "data"
"""Written by uv, pipenv, npm 11, yarn 1 and 4, pnpm 7 to 9 and bun 1.3, of two small projects; hosts replaced."""

PYTHON = [("iniconfig", "2.0.0"), ("typing-extensions", "4.12.2")]
JAVASCRIPT = [("@types/ms", "2.1.0"), ("minimist", "1.2.5"), ("ms", "2.0.0")]


def named(read: Locked) -> list[tuple[str, str]]:
    return [(package.name, package.version) for package in read.packages]


@pytest.mark.parametrize("path", sorted(DATA.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_file_of_a_real_tool_gives_just_its_packages(path: Path) -> None:
    reader = reader_of(path.as_posix())
    assert reader is not None
    read = reader(path.read_bytes())
    assert named(read) == (PYTHON if path.parent.name in ("python", "pipenv") else JAVASCRIPT)
    assert not read.left_open and {package.ecosystem for package in read.packages} <= {"PyPI", "npm"}


def test_poetry_and_pdm_leave_out_what_lies_in_the_repository() -> None:
    poetry_lock = b"""
[[package]]
name = "Flask"
version = "3.0.0"
[[package]]
name = "own"
version = "0.1.0"
[package.source]
type = "directory"
url = "libs/own"
[metadata]
lock-version = "2.1"
"""
    pdm_lock = b"""
[metadata]
lock_version = "4.5.0"
[[package]]
name = "flask"
version = "3.0.0"
[[package]]
name = "own"
version = "0.1.0"
path = "./libs/own"
"""
    assert named(poetry(poetry_lock)) == named(pdm(pdm_lock)) == [("flask", "3.0.0")]


def test_requirements_that_are_not_pinned_are_named() -> None:
    read = requirements(
        b"# a comment\nflask==3.0.0 ; python_version > '3'  # why\nRequests[socks] == 2.31.0 \\\n    --hash=sha256:ab\n"
        b"urllib3>=1\nnumpy==1.*\nown @ git+https://example.com/own\n-r more.txt\n--index-url https://example.com\n"
        b"-e .\n./local\n-e git+https://example.com/x\nwhat is this\npinned===1.0\n"
    )
    assert named(read) == [("flask", "3.0.0"), ("pinned", "1.0"), ("requests", "2.31.0")]
    assert read.includes == ("more.txt",) and len(read.left_open) == 5
    for name in ("urllib3", "numpy", "own", "git+https", "what is this"):
        assert any(name in each for each in read.left_open), name


def test_what_is_no_registrys_version_is_named_in_every_format() -> None:
    lock = {"lockfileVersion": 3, "packages": {"": {}, "a": {}, "node_modules/b": {"version": "git+ssh://x#1"}}}
    assert package_lock(json.dumps(lock).encode()).left_open == ("b is git+ssh://x#1",)
    assert yarn(b'# yarn lockfile v1\na@x:\n  version "next"\n').left_open == ("a is next",)
    berry = b'__metadata:\n  version: 8\n"a@git":\n  version: 1.0.0\n  resolution: "a@https://x.git#commit=1"\n'
    assert yarn(berry).left_open and not yarn(berry).packages
    assert pnpm(b"lockfileVersion: '9.0'\npackages:\n  a@https://codeload.x/1: {version: main}\n").left_open
    assert bun(b'{"lockfileVersion": 1, "packages": {"a": ["a@github:x/y#1", {}],},}').left_open
    assert pipfile(b'{"_meta": {}, "default": {"a": {"git": "x", "ref": "1"}}}').left_open == (
        "a has no exact version",
    )


def test_an_entry_of_yarn_without_a_version_is_named() -> None:
    cut = b'# yarn lockfile v1\na@^1:\n  resolved "x"\nb@^1:\n  version "1.0.0"\n'
    cut += b'own@file:./own:\n  version "0.0.0"\nc@^1:\n'
    assert named(yarn(cut)) == [("b", "1.0.0")] and yarn(cut).left_open == ("a has no version", "c has no version")


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("pyproject.toml", b"[project]\ndependencies = []\n[build-system]\nrequires = ['x']\n", False),
        ("pyproject.toml", b"[project]\ndependencies = ['x']\n", True),
        ("pyproject.toml", b"[dependency-groups]\ndev = ['x']\n", True),
        ("pyproject.toml", b"[project]\ndynamic = ['dependencies']\n", True),
        ("pyproject.toml", b"[tool.poetry.dependencies]\npython = '^3'\n", False),
        ("pyproject.toml", b"[tool.poetry.dependencies]\npython = '^3'\nx = '*'\n", True),
        ("pyproject.toml", b"[[", True),
        ("a/package.json", b'{"dependencies": {}}', False),
        ("a/package.json", b'{"devDependencies": {"x": "1"}}', True),
        ("package.json", b"[", True),
        ("setup.py", b"setup(name='x')", False),
        ("setup.py", b"setup(install_requires=['x'])", True),
        ("Pipfile", b"", True),
    ],
)
def test_a_manifest_asks_for_packages_or_not(path: str, content: bytes, says: bool) -> None:
    assert asks(path, content) == says


def test_workspaces_links_and_aliases_are_read_as_meant() -> None:
    berry = b"""__metadata:
  version: 8
"a@workspace:packages/a":
  version: 0.0.0-use.local
  resolution: "a@workspace:packages/a"
"b@patch:b@npm%3A1.0.0#x":
  version: 1.0.0
  resolution: "b@patch:b@npm%3A1.0.0#x::hash=1"
"""
    assert named(yarn(berry)) == [("b", "1.0.0")]
    old = {
        "lockfileVersion": 1,
        "dependencies": {"a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0"}}}},
    }
    assert named(package_lock(json.dumps(old).encode())) == [("a", "1.0.0"), ("b", "2.0.0")]
    nested = {"packages": {"node_modules/a/node_modules/@s/b": {"version": "1.0.0"}, "node_modules/w": {"link": True}}}
    assert named(package_lock(json.dumps(nested).encode())) == [("@s/b", "1.0.0")]
    peers = b"lockfileVersion: '6.0'\npackages:\n  /a@1.0.0(b@2.0.0): {}\n  /@s/c/1.0.0_d@1.0.0: {}\n"
    assert named(pnpm(peers)) == [("@s/c", "1.0.0"), ("a", "1.0.0")]


GO = b"""module example.com/shop

go 1.22

toolchain go1.22.3

require (
	golang.org/x/net v0.7.0
	example.com/old v1.0.0 // indirect
	example.com/here v0.0.0
)
require golang.org/x/text v0.3.7+incompatible
replace example.com/old v1.0.0 => example.com/new v2.0.0
replace example.com/here => ./here
exclude example.com/never v1.0.0
retract v0.1.0
"""


def test_a_go_module_takes_what_it_requires_after_its_replacements() -> None:
    assert named(go_mod(GO)) == [
        ("example.com/new", "2.0.0"), ("golang.org/x/net", "0.7.0"), ("golang.org/x/text", "0.3.7+incompatible"),
        ("stdlib", "1.22.3"),
    ]  # fmt: skip
    quiet = go_mod(GO.replace(b"toolchain go1.22.3\n", b""))
    assert quiet.notes and "stdlib" not in dict(named(quiet))


def test_before_go_1_17_the_newest_of_each_module_in_go_sum_is_built() -> None:
    mod = b"module m\ngo 1.16\nrequire a.b/c v1.0.0\n"
    sums = b"a.b/c v1.0.0 h1:x=\na.b/c v1.0.0/go.mod h1:x=\nd.e/f v1.2.0 h1:x=\n"
    sums += b"d.e/f v1.10.0 h1:x=\nd.e/f v2.0.0/go.mod h1:x=\n"
    assert named(go_mod(mod, sums)) == [("a.b/c", "1.0.0"), ("d.e/f", "1.10.0")]
    assert go_mod(mod).left_open, "nobody knows what its modules require"


@pytest.mark.parametrize(
    "content", [b"", b"[", b"\xff\xfe", b"[]", b"3", b"{}", b"a", b"a: b\n", b"a = 1\n", b"[[package]]\n"]
)
@pytest.mark.parametrize("read", [uv, poetry, pdm, pipfile, pylock, package_lock, yarn, pnpm, bun, go_mod])
def test_what_is_no_lock_file_is_refused(read: object, content: bytes) -> None:
    with pytest.raises(NoLock) as refused:
        read(content)  # type: ignore[operator]
    assert str(refused.value)


BOMBS = {
    "anchors": (pnpm, b"a: &a [1]\nlockfileVersion: *a\n"),
    "laughs": (pnpm, b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\nlockfileVersion: 9\n"),
    "yaml depth": (pnpm, b"lockfileVersion: 9\na: " + b"[" * 100_000),
    "yaml keys": (pnpm, b"lockfileVersion: 9\na: " + b"{a: " * 10_000),
    "berry depth": (yarn, b"__metadata:\n  a: " + b"[" * 100_000),
    "json depth": (package_lock, b'{"packages":' + b'{"a":' * 100_000),
    "npm depth": (package_lock, b'{"dependencies":' + b'{"a":{"dependencies":' * 150 + b"{}" + b"}}" * 150 + b"}"),
    "toml depth": (uv, b"a = " + b"[" * 100_000),
    "toml keys": (uv, b"a" + b".a" * 100_000 + b" = 1"),
    "toml headers": (poetry, b"[a" + b".a" * 100_000 + b"]"),
    "comments": (bun, b"/*" * 500_000),
    "commas": (bun, b'{"lockfileVersion": 1' + b"," * 500_000),
    "quotes": (bun, b'"' * 500_001),
    "spaces": (requirements, b" " * 1_000_000 + b"x y"),
    "a long line": (requirements, b"a" * 5_000_000 + b" b"),
    "brackets": (requirements, b"a[" + b"b," * 100_000),
    "a block": (go_mod, b"module m\nrequire (\n" + b"(\n" * 100_000),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_left_open(name: str) -> None:
    read, content = BOMBS[name]
    try:
        assert read(content).left_open
    except NoLock as refused:
        assert len(str(refused)) < 500


def test_a_key_that_is_there_twice_is_refused() -> None:
    with pytest.raises(NoLock):
        yaml_table("a: 1\na: 2\n")


def test_the_files_that_name_packages_are_known() -> None:
    for path in ("uv.lock", "a/package-lock.json", "go.mod", "requirements-dev.txt", "requirements/base.txt",
                 "dev-requirements.txt", "pylock.dev.toml"):  # fmt: skip
        assert reader_of(path) is not None, path
    for path in ("requirements.md", "src/lock.py", "my.txt"):
        assert reader_of(path) is None and not why_not_read(path), path
    assert why_not_read("web/Cargo.lock") and why_not_read("bun.lockb")
    paths = ("pyproject.toml", "uv.lock", "libs/a/pyproject.toml", "web/package.json", "web/x/package.json")
    assert not is_unlocked("libs/a/pyproject.toml", paths) and is_unlocked("web/x/package.json", paths)


def test_packages_are_named_as_their_registry_names_them() -> None:
    assert Package("PyPI", "typing-extensions", "1") in requirements(b"Typing.Extensions==1").packages
