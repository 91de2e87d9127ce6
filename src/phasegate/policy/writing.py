"""Writes rules as the TOML that reads as them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from phasegate.rules.rule import Rule


def written(rules: Iterable[Rule]) -> str:
    """The tables `[[rules]]` of `rules`."""
    return "\n".join(_table(rule) for rule in rules)


def _table(rule: Rule) -> str:
    said = msgspec.to_builtins(msgspec.structs.replace(rule, layer=""))
    rows = [f"{key} = {value(item)}" for key, item in said.items()]
    return "\n".join(["[[rules]]", *rows, ""])


def value(said: Any) -> str:
    """A value as TOML has it."""
    if isinstance(said, bool):
        return "true" if said else "false"
    if isinstance(said, int | float):
        return repr(said)
    if isinstance(said, str):
        return _string(said)
    if isinstance(said, dict):
        return f"{{ {', '.join(f'{key} = {value(item)}' for key, item in said.items())} }}"
    return f"[{', '.join(map(value, said))}]"


def _string(text: str) -> str:
    """A basic string (TOML 1.0, "String"), every character beyond ASCII escaped."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if " " <= char <= "~" else f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"
