"""A package as a lock file names it, and what a lock file leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar

from msgspec import Struct

from phasegate.foreign import NotReadable, from_json

Ecosystem = Literal["PyPI", "npm", "Go"]
ECOSYSTEMS: tuple[Ecosystem, ...] = ("PyPI", "npm", "Go")

LARGEST = 64 << 20
"""Bytes of a lock file."""
MOST = 200_000
"""Packages of one."""

_T = TypeVar("_T")


class Package(Struct, frozen=True, order=True):
    """One version of one package, named as its registry names it."""

    ecosystem: Ecosystem
    name: str
    version: str


class Locked(Struct, frozen=True):
    """What one file says: the packages, and in words what it names without saying which version that is.

    `includes` are other files it refers to, relative to its folder. `notes` are worth knowing.
    """

    packages: tuple[Package, ...]
    left_open: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class NoLock(ValueError):
    """The content is not what its name says, or is above a limit."""


def locked(
    packages: Iterable[Package], left_open: Iterable[str] = (), includes: Iterable[str] = (), notes: Iterable[str] = ()
) -> Locked:
    """What a reader found, each package once, in order."""
    each = tuple(sorted({*packages}))
    if len(each) > MOST:
        raise NoLock(f"it names more than {MOST} packages")
    return Locked(each, tuple(sorted({*left_open})), tuple(dict.fromkeys(includes)), tuple(dict.fromkeys(notes)))


def json_table(content: bytes | str) -> dict[str, Any]:
    """The object that is the content. Raises NoLock."""
    return as_type(content, dict[str, Any])


def as_type(content: bytes | str, type: type[_T]) -> _T:
    """The content, JSON, as a `type`. Raises NoLock."""
    try:
        return from_json(content.removeprefix(b"\xef\xbb\xbf") if isinstance(content, bytes) else content, type)
    except NotReadable as problem:
        raise NoLock(f"it is not the JSON it should be: {problem}") from problem


def text_of(content: bytes) -> str:
    """The content as text. Raises NoLock."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise NoLock("it is no UTF-8 text") from problem


def table(value: Any, what: str) -> Mapping[str, Any]:
    """`value` when it is a table, {} when it is absent. Raises NoLock."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NoLock(f"{what} is no table")
    return value


def word(value: Any, what: str) -> str:
    """`value` when it is a text, "" when it is absent. Raises NoLock."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NoLock(f"{what} is no text")
    return value
