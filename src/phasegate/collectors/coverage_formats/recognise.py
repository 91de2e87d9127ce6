"""Which format a coverage report has, by what it says and not by its name, and reading it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import cast

import msgspec

from phasegate.collectors.coverage_formats.reading import LIMIT, Reader, UnreadableReport
from phasegate.evidence.coverage import Coverage
from phasegate.foreign import UNREADABLE

FORMATS: Mapping[str, str] = {
    "coverage.py JSON": "coverage_json",
    "istanbul": "istanbul",
    "istanbul summary": "istanbul_summary",
    "Go cover profile": "go_profile",
    "lcov": "lcov",
    "Cobertura": "cobertura",
    "JaCoCo": "jacoco",
}
"""Format -> the module that reads it; coverage.py's XML is Cobertura."""

_HEAD = 64 << 10
_TRACEFILE = re.compile(rb"(?:#[^\n]*\n|\s)*(?:TN|SF|VER):")
_ELEMENT = re.compile(rb"<([A-Za-z_][^\s/>]*)([^>]*)>")
_KNOWN = "coverage.py JSON or XML, istanbul JSON, a Go cover profile, lcov, Cobertura, JaCoCo XML"


def read(content: bytes, *, root: str, within: str = "") -> Coverage:
    """What a report in any known format says. Raises UnreadableReport."""
    if not content.strip():
        raise UnreadableReport("the report is empty", hint="Let the tests import the code, and measure again.")
    if len(content) > LIMIT:
        raise UnreadableReport(f"the report is above {LIMIT >> 20} MiB", hint="Let the tool report on less at once.")
    module = importlib.import_module(f"phasegate.collectors.coverage_formats.{FORMATS[recognise(content)]}")
    return cast(Reader, module.read)(content, root=root, within=within)


def recognise(content: bytes) -> str:
    """The format of a report: a key of FORMATS. Raises UnreadableReport when it is none of them."""
    head = content[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"mode:"):
        return "Go cover profile"
    if head.startswith(b"{"):
        return _json(content)
    if head.startswith(b"<"):
        return _xml(head)
    if _TRACEFILE.match(head):
        return "lcov"
    raise UnreadableReport("the report has no format that is known", hint=f"Known are {_KNOWN}.")


def _json(content: bytes) -> str:
    try:
        parsed = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"), type=dict[str, msgspec.Raw])
    except UNREADABLE as problem:
        raise UnreadableReport(f"the report is no JSON: {str(problem)[:300]}") from problem
    if {"meta", "files"} <= parsed.keys():
        return "coverage.py JSON"
    if "total" in parsed and b'"statementMap"' not in bytes(parsed["total"]):
        return "istanbul summary"
    if not parsed or any(b'"statementMap"' in bytes(value) for value in parsed.values()):
        return "istanbul"
    raise UnreadableReport("the report is JSON of a kind that is not known", hint=f"Known are {_KNOWN}.")


def _xml(head: bytes) -> str:
    element = next((found for found in _ELEMENT.finditer(re.sub(rb"<!--.*?-->", b"", head, flags=re.DOTALL))), None)
    name, attributes = (element[1], element[2]) if element else (b"", b"")
    if name == b"coverage" and b"clover" not in attributes and b"line-rate" in attributes:
        return "Cobertura"
    if name == b"report":
        return "JaCoCo"
    hint = "Let the tool write Cobertura instead of Clover." if name == b"coverage" else f"Known are {_KNOWN}."
    raise UnreadableReport(f"the report is XML of a kind that is not known: <{name[:40].decode(errors='replace')}>",
                           hint=hint)  # fmt: skip
