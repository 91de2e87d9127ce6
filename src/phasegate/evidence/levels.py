"""How sure a run of tests is: the level it reached, suite by suite, and which of its layers looked at what."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from collections.abc import Iterable
from typing import Literal

import msgspec

Assurance = Literal["claimed", "recorded", "private", "reproduced"]
LEVELS: tuple[Assurance, ...] = ("claimed", "recorded", "private", "reproduced")


class Layer(msgspec.Struct, frozen=True):
    """One way in which a run was looked at: what it came to, or why it did not run. "not run" is never "passed"."""

    name: str
    ran: bool
    said: str = ""


class SuiteLevel(msgspec.Struct, frozen=True):
    """The level one suite ran at; `why` it is no higher, `possible` when its runner has private runs at all."""

    suite: str
    runner: str
    level: Assurance
    why: str = ""
    possible: bool = False
    layers: tuple[Layer, ...] = ()


class Hollow(msgspec.Struct, frozen=True):
    """A test that passed and shows nothing, and why."""

    id: str
    why: str


class Infrastructure(msgspec.Struct, frozen=True):
    """A file that decides how tests run and differs from the phase's start: its blobs before and now ("" = none)."""

    path: str
    before: str
    now: str

    @property
    def subject(self) -> str:
        """What an approval of it names: nothing but these very bytes."""
        return f"{self.path}@{self.now or 'removed'}"


def lowest(levels: Iterable[SuiteLevel]) -> Assurance:
    """The level of a run of several suites: that of the one we are least sure of."""
    return min((each.level for each in levels), key=LEVELS.index, default="recorded")


def short_of(levels: Iterable[SuiteLevel], wanted: Assurance) -> list[str]:
    """Which suites ran below the level wanted and why, of those whose runners can do better."""
    return [
        f"{f'the suite {each.suite}' if each.suite else 'the suite'} ran at the level {each.level}, "
        f"{wanted} is demanded: {each.why or 'it was not asked to do better'}"
        for each in levels
        if each.possible and LEVELS.index(each.level) < LEVELS.index(wanted)
    ]
