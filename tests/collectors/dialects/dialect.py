"""One small project in the words of one test runner: what every runner must say about it is claimed in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from phasegate.settings import Runner

Files = Mapping[str, str]
Kind = str

KINDS: Mapping[Kind, tuple[tuple[str, str], ...]] = {
    "passes": (("passed", ""),),
    "claims what is not so": (("failed", "assertion"),),
    "asks for a name that is not there": (("failed", "missing_name"), ("error", "missing_name")),
    "lets the code crash": (("failed", "raised_by_code"), ("error", "raised_by_code")),
    "is broken itself": (("failed", "other"), ("error", "other")),
    "is skipped": (("skipped", ""),),
    "is expected to fail": (("xfailed", ""),),
    "has a broken fixture": (("error", "fixture"), ("failed", "fixture")),
}
"""What a test can do, and the pairs (outcome, cause) that may be said about it."""


def _nothing_to_install(root: Path) -> None:
    """All that the runner needs is there already."""


class Dialect(Struct, frozen=True, kw_only=True):
    """How `runner` has it. Each run gets `base` and one of the others; paths are relative to the root.

    `kinds` names, for each of KINDS, the id of the test in `every_kind` that does so; `lacks` says of the other kinds
    why this runner does not have them. `unreadable` has one file that cannot be loaded, beside tests that pass; its id
    begins with `unreadable_id`. In `exits` a test ends the whole process with 0 before others have run; in `hangs` one
    never ends; `empty` has no test at all. `covered` is what `green` must show: path to (executed, missing) lines, a
    file that no test loads among them.
    """

    runner: Runner
    base: Files
    green: Files
    every_kind: Files
    kinds: Mapping[Kind, str]
    unreadable: Files
    unreadable_id: str
    exits: Files
    hangs: Files
    covered: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    empty: Files = {}
    lacks: Mapping[Kind, str] = {}
    source_roots: tuple[str, ...] = ("src",)
    reports: tuple[str, ...] = ()
    coverage_reports: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    install: Callable[[Path], None] = _nothing_to_install
    variant: str = ""
    """Set where one runner has several dialects (`ts`, `esm`)."""

    @property
    def name(self) -> str:
        return f"{self.runner}-{self.variant}" if self.variant else self.runner
