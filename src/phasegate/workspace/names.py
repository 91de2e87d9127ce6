"""How the engine names paths: relative to the project, as text that the ledger can store, whatever bytes they are."""

from __future__ import annotations


class Names:
    """Names of the files of a work tree, for the project that lies at `prefix` in it ("" or `packages/a/`).

    A path of the work tree outside the project goes up: `../b/x.py` is `packages/b/x.py`.
    """

    def __init__(self, prefix: str = "") -> None:
        self._above = prefix.split("/")[:-1]
        self._prefix = prefix

    def name(self, path: str) -> str:
        """The name of a path that is relative to the work tree."""
        if path.startswith(self._prefix):
            return worded(path[len(self._prefix) :])
        parts = path.split("/")
        shared = 0
        while shared < min(len(self._above), len(parts)) and self._above[shared] == parts[shared]:
            shared += 1
        return worded("/".join([".."] * (len(self._above) - shared) + parts[shared:]))

    def path(self, name: str) -> str:
        """The path, relative to the work tree, that a name stands for."""
        parts, above = raw(name).split("/"), list(self._above)
        while above and parts and parts[0] == "..":
            above.pop()
            parts.pop(0)
        return "/".join(above + parts)


def worded(path: str) -> str:
    """A path as the ledger can store it: bytes that are no UTF-8 become characters of plane 16."""
    return "".join(chr(ord(char) + 0x100000) if "\udc80" <= char <= "\udcff" else char for char in path)


def raw(path: str) -> str:
    """The path that `worded` stands for, surrogate-escaped as the system wants it."""
    return "".join(chr(ord(char) - 0x100000) if "\U0010dc80" <= char <= "\U0010dcff" else char for char in path)
