"""How the parts of a report are gathered: each takes the facts it is about, in order, in one pass over the events."""

from __future__ import annotations

from typing import Protocol

import msgspec

from phasegate.ledger.fact import Fact


class Seen(msgspec.Struct, frozen=True):
    """A fact, where it stands in the ledger, and when it was recorded (UTC milliseconds)."""

    position: int
    at: int
    fact: Fact


class Gatherer(Protocol):
    """Gathers one part of a report; what came before the report's beginning it knows only as *before*."""

    @property
    def takes(self) -> tuple[type[Fact], ...]:
        """The kinds of facts it is about."""
        ...

    def begin(self, at: int) -> None:
        """The report begins here: what was gathered so far came before."""
        ...

    def take(self, seen: Seen) -> None:
        """One fact of the kinds it takes."""
        ...
