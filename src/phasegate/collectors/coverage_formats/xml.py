"""XML as a stream of elements: no entities, no definitions, nothing fetched, and not deeper than a report is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NoReturn
from xml.parsers import expat

from msgspec import Struct

from phasegate.collectors.coverage_formats.reading import UnreadableReport

_PIECE = 1 << 16
_DEEPEST = 64
_LONGEST_TEXT = 1 << 16
_LONGEST_TOKEN = 1 << 20
"""Bytes of one tag or comment: expat reads it from its beginning again with each piece until it is whole."""


class Begin(Struct, frozen=True):
    """An element begins."""

    name: str
    attributes: Mapping[str, str]


class End(Struct, frozen=True):
    """An element ends; `text` is what stood in it, outside of its children."""

    name: str
    text: str


def stream(content: bytes) -> Iterator[Begin | End]:
    """The elements of a document in order. Raises UnreadableReport, maybe after some elements."""
    reader = _Reader()
    try:
        for start in range(0, len(content), _PIECE):
            reader.parser.Parse(content[start : start + _PIECE], False)
            if start - reader.parser.CurrentByteIndex > _LONGEST_TOKEN:
                raise UnreadableReport(f"the report has a tag or a comment of more than {_LONGEST_TOKEN >> 20} MiB")
            yield from reader.taken()
        reader.parser.Parse(b"", True)
    except (expat.ExpatError, UnicodeError, ValueError, LookupError) as problem:
        raise UnreadableReport(f"the report is no XML, or was cut: {str(problem)[:200]}") from problem
    yield from reader.taken()


class _Reader:
    """Collects what expat tells; a document type may be named, as Cobertura and JaCoCo do, and is never looked at."""

    def __init__(self) -> None:
        self.events: list[Begin | End] = []
        self.texts: list[list[str]] = []
        self.parser = expat.ParserCreate()
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._refuse
        self.parser.SkippedEntityHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse

    def taken(self) -> list[Begin | End]:
        events, self.events = self.events, []
        return events

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.texts) >= _DEEPEST:
            raise UnreadableReport(f"the report's elements lie in each other more than {_DEEPEST} deep")
        self.texts.append([])
        self.events.append(Begin(name, attributes))

    def _end(self, name: str) -> None:
        self.events.append(End(name, "".join(self.texts.pop())))

    def _text(self, text: str) -> None:
        if self.texts and sum(map(len, self.texts[-1])) < _LONGEST_TEXT:
            self.texts[-1].append(text)

    def _doctype(self, name: str, system: str | None, public: str | None, has_definitions: int) -> None:
        if has_definitions:
            self._refuse()

    def _refuse(self, *_: object) -> NoReturn:
        raise UnreadableReport("the report defines or uses entities, which no tool needs to")
