"""Writes test files of JavaScript anew, so that each test tells by itself that it began, claimed something, and ended.

Nothing but calls is added, none of them on a line of its own: lines, types and what a test does stay as they were. A
test that throws does not come to its end, whatever a reporter makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from phasegate.collectors.js_sites import Site, Sites, sites
from phasegate.syntax import JAVASCRIPT, CannotBeRead

NAME = "phasegate$"
_HEAD = f'const {NAME} = Reflect.get(Reflect.get(globalThis, "process"), "phasegate"); '
_TEST_FILE = re.compile(
    r"(?:^|/)(?:[^/]*[._-](?:test|spec)|test)\.[cm]?[jt]sx?$|(?:^|/)(?:__tests__|tests?|specs?)/(?:[^/]+/)*[^/]+$"
)
_FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?(?:#![^\n]*\n)?")
_Edit = tuple[int, int, str]
_LAST = 1 << 30


class Placed(Struct, frozen=True):
    """A test in a file, under the key by which it tells of itself; `claims`: there are claims of ours in it."""

    key: str
    file: str
    site: Site
    claims: bool = False


class Witnesses(Struct, frozen=True):
    """The files as they are to be run, by path; the tests in them; and of which files nothing can be told, and why."""

    files: dict[str, bytes]
    placed: tuple[Placed, ...]
    unread: dict[str, str]


def is_test_file(path: str) -> bool:
    """Whether a file, by its path alone, holds tests or what they call."""
    return path.endswith(JAVASCRIPT) and "node_modules/" not in path and _TEST_FILE.search(path) is not None


def witnessed(files: Mapping[str, bytes]) -> Witnesses:
    """The test files among `files` (path to text), written anew."""
    anew: dict[str, bytes] = {}
    placed: list[Placed] = []
    unread: dict[str, str] = {}
    for number, path in enumerate(sorted(filter(is_test_file, files))):
        try:
            found = sites(path, files[path])
        except CannotBeRead as why:
            unread[path] = why.message
            continue
        here = [Placed(f"{number}.{at}", path, site, _has_claims(site, found)) for at, site in enumerate(found.tests)]
        placed += here
        if here or found.claims:
            anew[path] = rewritten(files[path], here, found)
    return Witnesses(anew, tuple(placed), unread)


def _has_claims(site: Site, found: Sites) -> bool:
    whole = site.body.whole if site.body is not None else None
    return whole is not None and any(whole.at <= claim.first.at < whole.end for claim in found.claims)


def rewritten(text: bytes, here: list[Placed], found: Sites) -> bytes:
    """`text` with a call of ours where each test begins and ends, and in each claim."""
    begin = _first(text)
    edits = [(begin, 1, _HEAD)]
    for placed in here:
        edits += _of_test(placed)
    for claim in found.claims:
        of = "expect" if claim.expects else ""
        edits += _around(f"({NAME}.claim({of}), ", claim.first.at, claim.first.end, ")")
    return _edited(text, edits)


def _of_test(placed: Placed) -> Iterator[_Edit]:
    key, body, argument = placed.key, placed.site.body, placed.site.argument
    if body is None:
        if argument is not None:
            yield from _around(f'{NAME}.around("{key}", ', argument.at, argument.end, ")")
    elif not body.block:
        waits = "async " if body.waits else ""
        yield from _around(f'{NAME}.run("{key}", {waits}() => (', body.whole.at, body.whole.end, "))")
    else:
        yield body.whole.at + 1, 0, f' {NAME}.begin("{key}"); try {{'
        end = f';{NAME}.end("{key}");' if body.falls else ""
        close = f'{end} }} catch ({NAME}e) {{ throw {NAME}.lose("{key}", {NAME}e); }} '
        yield body.whole.end - 1, -_LAST, close
        for whole, value in body.returns:
            if value is None:
                yield from _around(f'{{ {NAME}.end("{key}"); ', whole.at, whole.end, " }")
            else:
                yield from _around(f'{NAME}.end("{key}", (', value.at, value.end, "))")


def _around(before: str, at: int, end: int, after: str) -> Iterator[_Edit]:
    """Text before and after a span; what lies deeper has its own between them."""
    yield at, end - at + 2, before
    yield end, -(end - at) - 2, after


def _edited(text: bytes, edits: list[_Edit]) -> bytes:
    """At one place what closes comes first, the innermost before the outer, then what opens, the outermost first."""
    order = sorted(edits, key=lambda edit: (edit[0], edit[1] > 0, -edit[1]))
    pieces, at = [], 0
    for place, _, added in order:
        pieces += [text[at:place], added.encode()]
        at = place
    return b"".join([*pieces, text[at:]])


def _first(text: bytes) -> int:
    """Where the first statement may stand: after a byte order mark, a line for the shell, comments and directives."""
    start = _FIRST_LINE.match(text)
    at = start.end() if start else 0
    while True:
        match = re.compile(rb"\s*(?:/\*.*?\*/|//[^\n]*(?:\n|$)|(['\"])use \w+\1\s*;?)", re.DOTALL).match(text, at)
        if match is None:
            return at
        at = match.end()
