"""Types and defaults of fields in words, the same on every Python."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

PLAIN = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false", bytes: "bytes", type(None): "nothing",
}  # fmt: skip
MANY = {str: "texts", int: "whole numbers", float: "numbers", bool: "flags"}


def type_words(shape: Any) -> str:
    """A field's type for people."""
    origin, inner = get_origin(shape), get_args(shape)
    if shape in PLAIN:
        return PLAIN[shape]
    if origin is Literal:
        return " or ".join(f"`{value}`" if value else "empty" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(map(type_words, inner))
    if origin in (tuple, list):
        return f"list of {MANY.get(inner[0]) or type_words(inner[0])}"
    if origin is dict:
        return f"{type_words(inner[1])} by {type_words(inner[0])}"
    return f"`{shape.__name__}`"


def structs_in(shape: Any) -> Iterator[type[msgspec.Struct]]:
    """Every struct that a type mentions, outermost first, those inside them after it."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        yield shape
        for field in msgspec.structs.fields(shape):
            yield from structs_in(field.type)
    for inner in get_args(shape):
        yield from structs_in(inner)


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """A field's default; msgspec.NODEFAULT when it must be given."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def value_words(value: Any) -> str:
    """A default as it is written in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(value_words, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{value_words(key)} = {value_words(each)}" for key, each in value.items()) + "}"
    return str(value)
