"""Where a SARIF report says something lies, as a path in the repository: URIs, base ids, indices (section 3.4)."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from phasegate.plain import line

LONGEST = 1000
DEEPEST = 10
"""Base ids that stand on one another."""


class Artifact(Struct, frozen=True, rename="camel"):
    """Where a file lies: a URI, below the place that `uri_base_id` names, or the number of an artifact of the run."""

    uri: str = ""
    uri_base_id: str = ""
    index: int = -1


class Base(Struct, frozen=True, rename="camel"):
    """What a base id stands for, itself below another."""

    uri: str = ""
    uri_base_id: str = ""


class Places:
    """Turns what one run calls a file into its path relative to the root, with `/` between its parts."""

    def __init__(self, root: str, bases: Mapping[str, Base], artifacts: Sequence[Artifact]) -> None:
        self._root = os.path.realpath(root)
        self._given = os.path.abspath(root)
        self._bases, self._artifacts = bases, artifacts

    def path(self, place: Artifact) -> str:
        """The path of a file in the repository; of one elsewhere the URI as text; "" when nothing is said."""
        if not place.uri and 0 <= place.index < len(self._artifacts):
            place = self._artifacts[place.index]
        if not place.uri:
            return ""
        whole = self._resolved(place.uri, place.uri_base_id)
        inside = self._inside(whole)
        # A base may be where another machine had the checkout: what lies below it lies below ours.
        return inside if inside is not None else self._inside(place.uri) or line(whole, LONGEST)

    def _resolved(self, uri: str, base_id: str) -> str:
        for _ in range(DEEPEST):
            base = self._bases.get(base_id)
            if base is None or not base.uri or _is_absolute(uri):
                break
            uri = f"{base.uri[:LONGEST].rstrip('/')}/{uri[: 4 * LONGEST]}"
            base_id = base.uri_base_id
        return uri[: 4 * LONGEST]

    def _inside(self, uri: str) -> str | None:
        path = _file(uri)
        if path is None or "\0" in path:
            return None
        if path.startswith("/"):
            for root in (self._given, self._root):
                if path.startswith(f"{root.rstrip('/')}/"):
                    path = path[len(root.rstrip("/")) + 1 :]
                    break
            else:
                return None
        plain = posixpath.normpath(path)
        return None if plain in (".", "..") or plain.startswith(("../", "/")) else plain[:LONGEST]


def _is_absolute(uri: str) -> bool:
    return uri.startswith("/") or "://" in uri[:40] or uri.startswith("file:")


def _file(uri: str) -> str | None:
    """The path that a `file:` URI or a relative reference names, its escapes read; None for any other scheme."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme == "file":
        return unquote(parts.path, errors="surrogateescape") if parts.netloc in ("", "localhost") else None
    if parts.scheme and len(parts.scheme) > 1 and "://" in uri[:40]:
        return None
    # Many tools write a plain path where a URI belongs; what looks like a query is then a part of the name.
    return unquote(uri, errors="surrogateescape").replace("\\", "/")
