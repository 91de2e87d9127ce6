"""The files of a tree as they are asked for what runs around its tests: their names, and a way to read one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from msgspec import Struct


class Files(Struct, frozen=True):
    """Paths relative to one root, with `/` between their parts. `read` gives the bytes of one, b"" when it cannot.

    `sources` are folders of the code under test (`.`: it lies everywhere).
    """

    paths: Collection[str]
    read: Callable[[str], bytes]
    sources: tuple[str, ...] = (".",)

    def is_source(self, path: str) -> bool:
        """Whether a file is under test, as far as folders tell."""
        return any(root == "." or path.startswith(f"{root}/") for root in self.sources)

    def below(self, folder: str) -> Iterator[str]:
        """The files in a folder ("": all of them)."""
        return (path for path in self.paths if not folder or path.startswith(f"{folder}/"))


def joined(folder: str, path: str) -> str:
    """`path` as it is meant in `folder`, from the root; "" when it leads out."""
    parts = folder.split("/") if folder and not path.startswith("/") else []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def folder_of(path: str) -> str:
    """The folder a file lies in, "" for the root."""
    return path.rpartition("/")[0]
