"""Which links of the documents of a repository lead nowhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from posixpath import dirname, normpath

from msgspec import Struct

from phasegate.references.markdown import Link, links

DOCUMENTS = (".md", ".markdown")


class Broken(Struct, frozen=True):
    """A link that leads nowhere; its fingerprint stays when lines move."""

    document: str
    line: int
    written: str
    fingerprint: str


def broken(paths: Iterable[str], text: Callable[[str], str]) -> tuple[Broken, ...]:
    """Every link to a file or folder that is not among `paths`; `text` gives a document's content."""
    there = set(paths)
    known = there | {"/".join(path.split("/")[:at]) for path in there for at in range(1, path.count("/") + 1)} | {"."}
    documents = sorted(path for path in there if path.lower().endswith(DOCUMENTS))
    return tuple(
        Broken(document, link.line, link.written, _fingerprint(document, link))
        for document in documents
        for link in links(text(document))
        if _target(document, link) not in known
    )


def _target(document: str, link: Link) -> str:
    """The path relative to the root; one with a leading slash is meant from the root."""
    where = link.path.lstrip("/") if link.path.startswith("/") else f"{dirname(document) or '.'}/{link.path}"
    return normpath(where)


def _fingerprint(document: str, link: Link) -> str:
    return hashlib.sha256(f"{document}\0{link.written}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
