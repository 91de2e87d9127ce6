"""Finds the lines that a source tells its coverage tool not to count, which few reports name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from phasegate.evidence.coverage import Coverage, FileCoverage

_SOURCE_BYTES = 4 << 20
MOST_HINTS = 2000
"""Of more in one file, all of it is taken to be left out."""
_GAP = rb"\s{1,99}"
_JS = (
    rb"(?:/\*+\s{0,99}|//[ \t]*|^[ \t]*)(?:istanbul|(?P<by_line>[cv]8|node:coverage))" + _GAP,
    rb"ignore" + _GAP,
)
_HINT = re.compile(
    rb"|".join((
        _JS[0] + rb"(?:" + _JS[1] + rb"(?:(?P<next>(?:next|if|else)\b)[ \t]*(?P<many>\d{0,4})"
        rb"|(?P<file>file\b)|(?P<start>start\b)|(?P<stop>(?:stop|end)\b))|(?P<off>disable\b)|(?P<on>enable\b))",
        rb"(?P<c_start>(?:LCOV|GCOVR?)_EXCL_START|@codeCoverageIgnoreStart|coverage:ignore-start|\$COVERAGE-OFF\$)",
        rb"(?P<c_stop>(?:LCOV|GCOVR?)_EXCL_(?:STOP|END)|@codeCoverageIgnoreEnd|coverage:ignore-end|\$COVERAGE-ON\$)",
        rb"(?P<here>(?:LCOV|GCOVR?)_EXCL_LINE|LCOV_UNREACHABLE_LINE|coverage:ignore-line)",
        rb"(?P<from>\#[ \t]*pragma:[ \t]*no[ \t]*cover)",
        rb"(?P<below>@codeCoverageIgnore\b|\[[^\]\n]{0,99}\bExcludeFromCodeCoverage|@[\w.]{0,99}Generated\b"
        rb"|\#\[coverage\(off\)\])",
        rb"(?P<turn>:nocov:)",
    )),
    re.MULTILINE,
)  # fmt: skip
_ODD_END = re.compile(rb"\r(?!\n)|\xe2\x80[\xa8\xa9]")
_NO_CODE = re.compile(
    rb"""/\*(?s:.*?)(?:\*/|\Z)|//[^\n]*|\#[ ][^\n]*|"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?"""
    rb"""|`(?s:[^`\\]|\\.)*+`?|(?<=[=(,:n])[ ]?/(?:[^/\\\n]|\\.)++/?"""
)
"""Comments, strings and regular expressions, in which brackets mean nothing; one that does not end takes the rest."""
_DECORATES = re.compile(rb"\s*(?:@|\[|\#\[|\*|/[*/]|$)")
_OPENING, _CLOSING = (b"(", b"[", b"{"), (b")", b"]", b"}")
_GOES_ON = re.compile(rb"\s*(?:[{})\].?:&|+=,]|(?:else|catch|finally|elif|except)\b)")


class LeftOut(Struct, frozen=True):
    """Lines that hints leave out; of `by_line` even a report that says they ran is not believed."""

    lines: frozenset[int]
    by_line: frozenset[int]


def with_left_out(coverage: Coverage, root: str) -> Coverage:
    """`coverage` with those lines as excluded, so that they count as not run when they are changed."""
    return replace(coverage, files=tuple(_with_left_out(file, root) for file in coverage.files))


def _with_left_out(file: FileCoverage, root: str) -> FileCoverage:
    source = _source(os.path.join(root, file.path))
    found = left_out(source)
    if not found.lines:
        return file
    counted = {*file.executed, *file.missing}
    # c8 counts every line, comments too, and says of those it left out that they ran.
    untrue = found.by_line if counted.issuperset(range(1, source.count(b"\n") + 1)) else frozenset[int]()
    excluded = {*file.excluded, *(found.lines - counted), *(untrue - {*file.missing})}
    return replace(
        file, executed=tuple(line for line in file.executed if line not in untrue), excluded=tuple(sorted(excluded))
    )


def left_out(source: bytes) -> LeftOut:
    """The line of each hint, and with it the lines it says, all up to the hint that ends it, or the next statement."""
    hints = list(islice(_HINT.finditer(source), MOST_HINTS + 1))
    if not hints:
        return LeftOut(frozenset(), frozenset())
    lines = source.split(b"\n")
    whole = [hint for hint in hints if hint["file"]]
    # Where other ends than LF are met, what numbers the lines differs from tool to tool.
    unclear = len(hints) > MOST_HINTS or _ODD_END.search(source)
    if whole or unclear:
        every = frozenset(range(1, len(lines) + len(_ODD_END.findall(source)) + 1))
        return LeftOut(every, every if unclear or any(hint["by_line"] for hint in whole) else frozenset())
    numbers = list(_numbers(source, hints))
    said = [(hint, {*_said(hint, number, lines)}) for hint, number in zip(hints, numbers, strict=True)]
    said += _between(hints, numbers, len(lines))
    by_line = {number for hint, some in said if hint["by_line"] for number in some}
    found = {*by_line, *(number for _, some in said for number in some), *_statements(hints, numbers, lines)}
    code = frozenset(number for number in found if re.search(rb"\w", lines[number - 1]))
    return LeftOut(code, code & by_line)


def _between(
    hints: Sequence[re.Match[bytes]], numbers: Sequence[int], last: int
) -> Iterator[tuple[re.Match[bytes], set[int]]]:
    """Each hint that opens a part, with the lines up to the hint that ends it, or to the last."""
    opened: tuple[re.Match[bytes], int] | None = None
    for hint, number in zip(hints, numbers, strict=True):
        if opened and (hint["stop"] or hint["on"] or hint["c_stop"] or hint["turn"]):
            yield opened[0], {*range(opened[1], number + 1)}
            opened = None
        elif not opened and (hint["start"] or hint["off"] or hint["c_start"] or hint["turn"]):
            opened = hint, number
    if opened:
        yield opened[0], {*range(opened[1], last + 1)}


def _numbers(source: bytes, hints: Sequence[re.Match[bytes]]) -> Iterator[int]:
    """The line on which each hint ends: its words may stand on several."""
    number, seen = 1, 0
    for hint in hints:
        number += source.count(b"\n", seen, hint.end())
        seen = hint.end()
        yield number


def _said(hint: re.Match[bytes], number: int, lines: Sequence[bytes]) -> Iterator[int]:
    """The line of a hint, and as many lines of code after it as it counts."""
    yield number
    if hint["next"]:
        many = max(1, int(hint["many"] or 1)) - bool(_after(hint))
        yield from islice((n for n in range(number + 1, len(lines) + 1) if lines[n - 1].strip()), many)


def _after(hint: re.Match[bytes]) -> bytes:
    """What stands behind the comment of a hint, on its line."""
    end = hint.string.find(b"\n", hint.end())
    return hint.string[hint.end() : end if end >= 0 else None].partition(b"*/")[2].strip()


def _statements(hints: Sequence[re.Match[bytes]], numbers: Sequence[int], lines: Sequence[bytes]) -> set[int]:
    """The lines of the statements that hints leave out."""
    found = set[int]()
    code = _NO_CODE.sub(lambda some: b"\n" * some[0].count(b"\n"), b"\n".join(lines)).split(b"\n")
    for hint, number in zip(hints, numbers, strict=True):
        if number not in found and (hint["next"] or hint["below"] or hint["from"]):
            begun = bool(hint["from"] or (hint["next"] and _after(hint)))
            found.update(_statement(lines, code, number if begun or hint["below"] else number + 1, begun=begun))
    return found


def _statement(lines: Sequence[bytes], code: Sequence[bytes], first: int, *, begun: bool) -> Iterator[int]:
    """Every line of the statement at `first`, with what decorates it, as far as brackets and indentation tell."""
    depth, indent = 0, _indent(lines[first - 1]) if begun else -1
    for number in range(first, len(lines) + 1):
        text, brackets = lines[number - 1], code[number - 1]
        ends = text.strip() and depth <= 0 and _indent(text) <= indent and not _GOES_ON.match(text)
        if ends and number > first:
            return
        depth += sum(map(brackets.count, _OPENING)) - sum(map(brackets.count, _CLOSING))
        if indent < 0 and (depth > 0 or not _DECORATES.match(text)):
            indent = _indent(text)
        yield number


def _indent(text: bytes) -> int:
    return len(text) - len(text.lstrip())


def _source(path: str) -> bytes:
    if not os.path.isfile(path):  # a report may name a pipe, which would never end
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(_SOURCE_BYTES)
    except OSError:
        return b""
