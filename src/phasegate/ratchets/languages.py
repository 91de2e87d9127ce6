"""Which files hold tests, and who reads them: a language is a row here, its reader, and the cases of its test."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from phasegate.ratchets.python_tests import python_suite
from phasegate.ratchets.suites import Suite, Unreadable

LARGEST = 1 << 20
"""Bytes of a file that is read; a larger one that could hold tests is told as not read."""


class Language(msgspec.Struct, frozen=True):
    """Whose tests `reads` finds: `endings` of its files; `tests` matches those a runner collects by itself."""

    name: str
    endings: tuple[str, ...]
    tests: re.Pattern[str]
    reads: Callable[[str | bytes], Suite]


LANGUAGES: tuple[Language, ...] = (
    Language(
        "Python", (".py",), re.compile(r"(?:^|/)(?:test[^/]*|[^/]*_tests?|tests|conftest)\.py$"), python_suite
    ),
)  # fmt: skip

BESIDE = re.compile(r"(?:^|/)(?:tests?|spec|specs|__tests__|testing|e2e|integration|functional)/")
"""Folders in which whatever is a program may hold tests or what they call."""

ELSEWHERE = re.compile(r"(?:^|/)(?:vendor|third_party|node_modules|\.venv|venv|site-packages)/")


def language_of(path: str) -> Language | None:
    """The language of a file, by its ending."""
    return next((language for language in LANGUAGES if path.endswith(language.endings)), None)


def could_hold_tests(path: str) -> bool:
    """Whether a file may hold tests or functions that they call."""
    language = language_of(path)
    return language is not None and not ELSEWHERE.search(path) and bool(
        language.tests.search(path) or BESIDE.search(path)
    )  # fmt: skip


def is_collected(path: str) -> bool:
    """Whether a runner looks for tests in this file by itself."""
    language = language_of(path)
    return language is not None and bool(language.tests.search(path))


def suite_of(path: str, content: bytes | str) -> Suite:
    """The tests of a file. Raises `Unreadable`."""
    language = language_of(path)
    if language is None:
        raise Unreadable("it is in no language that is read")
    if len(content) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST >> 20} MiB")
    try:
        return language.reads(content)
    except RecursionError as problem:
        raise Unreadable("it is nested too deep") from problem
