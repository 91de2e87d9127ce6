"""Finds the lines that a JavaScript source tells its coverage tool not to count, which no report of theirs names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from msgspec.structs import replace

from phasegate.evidence.coverage import Coverage, FileCoverage

_HINT = re.compile(
    rb"(?:/\*+|//)\s*(?:istanbul|c8|v8|node:coverage)[ \t]+"
    rb"(?:ignore[ \t]+(next|if|else|start|stop|file|end)\b[ \t]*(\d{0,4})|(disable|enable)\b)"
)
_BEGINS, _ENDS = (b"start", b"disable"), (b"stop", b"end", b"enable")
_SOURCE_BYTES = 4 << 20


def with_ignored(coverage: Coverage, root: str) -> Coverage:
    """`coverage` with those lines as excluded, so that they count as not run when they are changed."""
    return replace(coverage, files=tuple(_with_ignored(file, root) for file in coverage.files))


def _with_ignored(file: FileCoverage, root: str) -> FileCoverage:
    counted = {*file.executed, *file.missing}
    found = tuple(sorted({*ignored(_source(os.path.join(root, file.path)))} - counted))
    return replace(file, excluded=found) if found else file


def ignored(source: bytes) -> Iterator[int]:
    """Each hint's own line, the code line that follows it, as many as it says, or all up to the hint that ends it.

    How far a statement reaches that begins on the following line is not known here.
    """
    within, left = False, 0
    for number, text in enumerate(source.split(b"\n"), 1):
        hint = _HINT.search(text)
        if hint:
            word = hint[1] or hint[3]
            within = word in _BEGINS or (within and word not in _ENDS)
            if word in (b"next", b"if", b"else"):
                left = max(1, int(hint[2] or 1)) - bool(text[hint.end() :].partition(b"*/")[2].strip())
            yield number
        elif within:
            yield number
        elif left and text.strip():
            left -= 1
            yield number


def _source(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_SOURCE_BYTES)
    except OSError:
        return b""
