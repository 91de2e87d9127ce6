"""What a finder says of one place: a suite that can be run, or why there is none that can."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from phasegate.settings import Tests


class Found(Struct, frozen=True):
    """A suite, its language, what shows that it is there, and what must be installed before it runs ("" = nothing)."""

    suite: Tests
    language: str
    why: str
    needs: str = ""

    def at(self, directory: str) -> Found:
        """The same in another directory."""
        return replace(self, suite=replace(self.suite, directory=directory))


class Unread(Struct, frozen=True):
    """Tests that were seen in `directory` and cannot be run as they are: what, why, and what would make it work."""

    directory: str
    what: str
    why: str
    remedy: str

    def at(self, directory: str) -> Unread:
        """The same in another directory."""
        return replace(self, directory=directory)
