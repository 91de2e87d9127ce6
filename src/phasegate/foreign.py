"""Reads JSON that others wrote: whatever is wrong with it, nesting without end included, is one kind of failure."""

from __future__ import annotations

from typing import TypeVar

import msgspec

_T = TypeVar("_T")

UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeError)
"""What a decoder of msgspec raises for text that is not as it should be."""


class NotReadable(ValueError):
    """The text is no JSON, or not of the shape asked for."""


def from_json(content: bytes | str, type: type[_T]) -> _T:
    """`content` as a `type`; raises NotReadable."""
    try:
        return msgspec.json.decode(content, type=type)
    except UNREADABLE as problem:
        raise NotReadable(str(problem)[:300]) from problem
