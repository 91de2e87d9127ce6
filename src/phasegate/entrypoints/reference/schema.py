"""`evidence.schema.json`: the schema as the manifest states it, with its descriptions the same on every Python."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec


def evidence_schema(stated: bytes) -> bytes:
    """`stated` with each description freed of the indentation that Python before 3.13 leaves in docstrings."""
    cleaned = _cleaned(msgspec.json.decode(stated))
    return msgspec.json.format(msgspec.json.encode(cleaned, order="sorted"), indent=2) + b"\n"


def _cleaned(value: Any) -> Any:
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inspect.cleandoc(item) if key == "description" and isinstance(item, str) else _cleaned(item)
        for key, item in value.items()
    }
