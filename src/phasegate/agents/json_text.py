"""Where the parts of a JSON text lie, so that a person's file can be edited without rewriting the rest of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import msgspec

from phasegate.errors import Failure

LARGEST_TEXT = 4 * 1024 * 1024
"""Characters."""

DEEPEST = 100
"""Brackets within brackets."""

SPACE = re.compile(r"[ \t\r\n]*")
BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


class UnreadableJson(Failure):
    """A settings file is not JSON as its client reads it."""

    code: ClassVar[str] = "unreadable-json"


class Part(msgspec.Struct, frozen=True):
    """A member of an object or an item of an array: the text from `start` to `end`, its value from `value` on.

    `key` is "" for an item.
    """

    start: int
    value: int
    end: int
    key: str = ""


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


# Numbers are never used as numbers, and an integer of five thousand digits would raise.
_decoder = json.JSONDecoder(parse_int=float, parse_constant=_refuse_constant)


def parse(text: str) -> Any:
    """The value of a whole text. Raises `UnreadableJson`, which names the line."""
    if len(text) > LARGEST_TEXT:
        raise UnreadableJson(f"The file is larger than {LARGEST_TEXT} characters.", hint="Is it a settings file?")
    if _depth(text) > DEEPEST:
        raise UnreadableJson(f"The file is nested deeper than {DEEPEST} brackets.", hint="Is it a settings file?")
    try:
        return _decoder.decode(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as problem:
        raise UnreadableJson(
            f"Line {problem.lineno}, column {problem.colno} is not JSON: {problem.msg}.",
            hint="Put that line right (JSON has no comments and no trailing commas), then run the command again.",
        ) from problem
    except ValueError as problem:
        raise UnreadableJson(
            f"The file is not JSON: {problem}.", hint="Put it right, then run the command again."
        ) from problem


def _depth(text: str) -> int:
    deepest = depth = 0
    for match in BRACKET_OR_STRING.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        deepest = max(deepest, depth)
    return deepest


def skip_space(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    return match.end() if match else at


def opening_of(text: str) -> int:
    """Where the whole value begins, behind a byte order mark and space."""
    return skip_space(text, 1 if text.startswith("\ufeff") else 0)


def parts(text: str, opening: int) -> tuple[Part, ...]:
    """The members or items of the object or array whose bracket is at `opening`, of a text that `parse` accepted."""
    return tuple(_parts(text, opening))


def _parts(text: str, opening: int) -> Iterator[Part]:
    keyed, at = text[opening] == "{", skip_space(text, opening + 1)
    while text[at] not in "}]":
        key, value = _key(text, at) if keyed else ("", at)
        _, end = _decoder.raw_decode(text, value)
        yield Part(at, value, end, key)
        at = skip_space(text, end)
        at = skip_space(text, at + 1) if text[at] == "," else at


def _key(text: str, at: int) -> tuple[str, int]:
    key, end = _decoder.raw_decode(text, at)
    return str(key), skip_space(text, skip_space(text, end) + 1)
