"""`facts.md`: every kind of event a ledger can hold, with its fields."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import msgspec

from phasegate.entrypoints.reference.markdown import doc, page
from phasegate.entrypoints.reference.shapes import structs_in, type_words
from phasegate.ledger.event import Event
from phasegate.ledger.fact import Fact

INTRODUCTION = """What `phasegate log show --json` prints as `body`, by `kind`. A field may be added later with a
default; anything else gets a higher `schema`, and older events are read as if they had been written today."""


def facts_page(kinds: Mapping[str, type[Fact]], schemas: Mapping[str, int]) -> str:
    """The envelope of an event, then every kind in the order of the code."""
    about = f"## The event around it\n\n{_told(Event)}\n\n{_fields(Event)}"
    entries = (_entry(name, kind, schemas.get(name, 1)) for name, kind in kinds.items())
    named = dict.fromkeys(part for kind in (Event, *kinds.values()) for part in structs_in(kind))
    parts = (_entry(part.__name__, part, 1) for part in named if part not in (Event, *kinds.values()))
    return page("Events", INTRODUCTION, about, "## Kinds", *entries, "## What fields are made of", *parts)


def _entry(name: str, kind: type[msgspec.Struct], schema: int) -> str:
    return f"### {name}\n\n{_told(kind)}" + (f" Schema {schema}." if schema > 1 else "") + f"\n\n{_fields(kind)}"


def _told(kind: type[msgspec.Struct]) -> str:
    return " ".join(inspect.cleandoc(doc(kind)).split())


def _fields(kind: type[msgspec.Struct]) -> str:
    tag = kind.__struct_config__.tag
    told = [f"`{kind.__struct_config__.tag_field}` `{tag}`"] if tag and not issubclass(kind, Fact) else []
    told += [f"`{field.encode_name}` {type_words(field.type)}" for field in msgspec.structs.fields(kind)]
    return "Fields: " + "; ".join(told) + "."
