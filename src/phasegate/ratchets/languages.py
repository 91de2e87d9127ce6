"""Which files hold tests, and who reads them: a language is a row here, its reader, and the cases of its test."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from phasegate.ratchets.go_tests import go_errors, go_suite
from phasegate.ratchets.javascript_tests import javascript_errors, javascript_suite, typescript_errors, typescript_suite
from phasegate.ratchets.python_tests import python_suite
from phasegate.ratchets.suites import Suite, Unreadable

LARGEST = 1 << 20
"""Bytes of a file that is read; a larger one that could hold tests is told as not read."""


class Language(msgspec.Struct, frozen=True):
    """Whose tests `reads` finds: `endings` of its files; `tests` matches those a runner collects by itself."""

    name: str
    endings: tuple[str, ...]
    tests: re.Pattern[str]
    reads: Callable[[str | bytes, tuple[str, ...]], Suite]
    errors: Callable[[bytes], tuple[str, ...]] | None = None


_SCRIPT_TESTS = re.compile(
    r"[.\-_](?:test|spec|cy|e2e)(?:-d)?\.[cm]?[jt]sx?$|(?:^|/)(?:__tests__|tests?|specs?|e2e|cypress)/(?:.*/)?[^/]+\.[cm]?[jt]sx?$"
    r"|(?:^|/)test\.[cm]?[jt]sx?$"
)

LANGUAGES: tuple[Language, ...] = (
    Language("Python", (".py",), re.compile(r"(?:^|/)(?:test[^/]*|[^/]*_tests?|tests)\.py$"), python_suite),
    Language("Go", (".go",), re.compile(r"_test\.go$"), go_suite, go_errors),
    Language("TypeScript", (".ts", ".mts", ".cts"), _SCRIPT_TESTS, typescript_suite, typescript_errors),
    Language("JavaScript", (".js", ".mjs", ".cjs", ".jsx", ".tsx"), _SCRIPT_TESTS, javascript_suite, javascript_errors),
)

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


def suite_of(path: str, content: bytes | str, known: tuple[str, ...] = ()) -> Suite:
    """The tests of a file, in which `known` is not understood. Raises `Unreadable`."""
    language = language_of(path)
    if language is None:
        raise Unreadable("it is in no language that is read")
    if len(content) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST >> 20} MiB")
    return language.reads(content, known)


def errors_of(path: str, content: bytes) -> tuple[str, ...]:
    """What is not understood in a file, when it is little: a grammar may lag behind its language."""
    language = language_of(path)
    if language is None or language.errors is None:
        return ()
    try:
        return language.errors(content)
    except Unreadable:
        return ()
