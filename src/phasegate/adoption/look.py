"""The repository as adoption sees it: the paths that git knows or would add, and the text of any of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from posixpath import basename, dirname

from msgspec import Struct

ASIDE = frozenset(
    "node_modules vendor third_party testdata fixtures __fixtures__ examples example samples site-packages".split()
)
"""Folders whose manifests are not the project's own."""


class Look(Struct, frozen=True):
    """`paths` are relative with `/`, sorted; `text` gives a file's content, "" when it is absent, huge or not UTF-8."""

    paths: tuple[str, ...]
    text: Callable[[str], str]

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        at = bisect_left(self.paths, path)
        return at < len(self.paths) and self.paths[at] == path

    def named(self, *names: str) -> Iterator[str]:
        """The files with one of these names, outside folders that are not the project's own."""
        for path in self.paths:
            if basename(path) in names and not ASIDE.intersection(path.split("/")[:-1]):
                yield path

    def within(self, directory: str) -> Look:
        """The part below `directory` ("" is everything), with paths relative to it."""
        if not directory:
            return self
        prefix = f"{directory}/"
        below = tuple(path[len(prefix) :] for path in self.paths if path.startswith(prefix))
        return Look(below, lambda path: self.text(prefix + path))

    def without(self, directories: tuple[str, ...]) -> Look:
        """The same less what lies below `directories`."""
        prefixes = tuple(f"{directory}/" for directory in directories)
        return (
            Look(tuple(path for path in self.paths if not path.startswith(prefixes)), self.text) if prefixes else self
        )


def folder(path: str) -> str:
    """The directory of a path, "" for the root."""
    return dirname(path)
