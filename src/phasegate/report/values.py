"""What a report says, as data: every figure with what shows it, and what is not known as None, never as 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from phasegate.ledger.driving import ClientEnding
from phasegate.ledger.waivers import Waivable

REFS_SHOWN = 8
"""How many references a figure carries; how many more there are is said."""


class Figure(msgspec.Struct, frozen=True):
    """A number that the ledger shows; None is unknown, and `why` says why.

    `refs` name what shows it: `@21` is an event, anything else an observation; `more` counts those left out.
    `least` when the true number may be greater.
    """

    value: float | None
    refs: tuple[str, ...] = ()
    more: int = 0
    why: str = ""
    least: bool = False


def event(position: int) -> str:
    """The reference of an event."""
    return f"@{position}"


def position_of(ref: str) -> int:
    """The position a reference of an event names; 0 for that of an observation."""
    number = ref[1:] if ref.startswith("@") else ""
    return int(number) if number.isascii() and number.isdecimal() else 0


def figure(value: float, refs: Sequence[str], *, least: bool = False) -> Figure:
    """A figure with the first of its references."""
    return Figure(value, tuple(refs[:REFS_SHOWN]), max(0, len(refs) - REFS_SHOWN), least=least)


def unknown(why: str, refs: Sequence[str] = ()) -> Figure:
    """A figure nobody knows, and why."""
    return msgspec.structs.replace(figure(0, refs), value=None, why=why)


Because = Literal["asked", "drive", "run", "ledger"]
"""Why a report begins where it does: a person said so, the newest drive or run began, or the ledger did."""


class Window(msgspec.Struct, frozen=True):
    """What the report covers: events after position `after` up to `head`, and why it begins there.

    Fields that end in `at` are instants in UTC milliseconds here and in every value below.
    """

    since_at: int
    until_at: int
    after: int
    head: int
    head_hash: str
    because: Because
    events: int


class File(msgspec.Struct, frozen=True):
    """A file relative to the work tree it was written in."""

    worktree: str
    path: str


class Closed(msgspec.Struct, frozen=True):
    """A phase that closed: its evidence, what its tests and coverage were then, and what it took."""

    phase: str
    title: str
    kind: str
    at: int
    ref: str
    manifest: File
    tests: Figure
    red: Figure
    changed_coverage: Figure
    changed_lines: Figure
    unmeasured: tuple[str, ...]
    files: Figure
    loops: Figure
    seconds: Figure
    doubts: tuple[str, ...] = ()
    commit: str = ""
    branch: str = ""
    commit_ref: str = ""


class Deferred(msgspec.Struct, frozen=True):
    """A phase that waits for a person, why, and the report of what was tried."""

    phase: str
    title: str
    at: int
    ref: str
    why: str
    report: File
    loops: Figure
    seconds: Figure


class Asked(msgspec.Struct, frozen=True):
    """A question that is open now; `about` is the note it was asked about, `default` what a yes means."""

    question: str
    text: str
    phase: str
    title: str
    step: str
    about: str
    asked_at: int
    ref: str
    report: File | None = None
    default: str = ""


class HeldChange(msgspec.Struct, frozen=True):
    """A change that stands although nobody was allowed to make it; no gate opens until it is settled."""

    path: str
    rule: str
    why: str
    worktree: str
    ref: str


class Refusal(msgspec.Struct, frozen=True):
    """What a rule refused, on what (paths or a command), in the words the agent was told."""

    rule: str
    tool: str
    target: str
    reason: str
    count: Figure


class RuleRefused(msgspec.Struct, frozen=True):
    """How often a rule refused, and its most telling case: what was tried most often."""

    rule: str
    count: Figure
    telling: Refusal


class PutBack(msgspec.Struct, frozen=True):
    """A change that was undone; `command` brings back what it overwrote."""

    path: str
    rule: str
    command: str
    ref: str


class TestsThen(msgspec.Struct, frozen=True):
    """The tests at one moment."""

    __test__ = False

    at: int
    passed: Figure
    red: Figure
    skipped: Figure
    collected: Figure
    complete: bool
    why_incomplete: str


class Tests(msgspec.Struct, frozen=True):
    """The tests before and after. The ids compare both, and are unknown (None) unless both ran to their end."""

    __test__ = False

    before: TestsThen | None
    after: TestsThen | None
    newly_green: tuple[str, ...] | None
    still_red: tuple[str, ...] | None
    newly_red: tuple[str, ...] | None


class CoverageThen(msgspec.Struct, frozen=True):
    """Coverage of all statements, in per cent, at one moment."""

    at: int
    percent: Figure
    covered: Figure
    total: Figure


class Ending(msgspec.Struct, frozen=True):
    """How client processes came to their end, how often, and what the last of them said."""

    how: ClientEnding
    count: Figure
    said: str


class Wait(msgspec.Struct, frozen=True):
    """Waits before the client was asked again, by what was waited out."""

    what: str
    count: Figure
    seconds: Figure


class Use(msgspec.Struct, frozen=True):
    """What clients used under `drive`; `silent` counts those that ended without saying what it cost."""

    cost_usd: Figure
    tokens: Figure
    output_tokens: Figure
    cached_tokens: Figure
    turns: Figure
    launches: Figure
    silent: Figure


Outcome = Literal["", "complete", "waiting", "limit", "stopped", "failed"]


class Drive(msgspec.Struct, frozen=True):
    """A supervisor's work: `outcome` is "" while nothing says that it ended."""

    drive: str
    branch: str
    worktree: str
    outcome: Outcome
    said: str
    attempt_of: str
    began_at: int
    refs: tuple[str, ...]


class Chosen(msgspec.Struct, frozen=True):
    """Of several attempts at a phase the gates chose `winner` ("" when none passed); `kept` are the others' work."""

    phase: str
    winner: str
    why: str
    kept: tuple[str, ...]
    ref: str


class Spent(msgspec.Struct, frozen=True):
    """Time in a step or a phase, and how often it was entered."""

    name: str
    seconds: Figure
    times: Figure
    title: str = ""


class Trouble(msgspec.Struct, frozen=True):
    """An error that is open now."""

    note: str
    severity: str
    phase: str
    place: str
    text: str
    ref: str


class Ends(msgspec.Struct, frozen=True):
    """An exception that ends soon: on the UTC date `until`, `days` from now."""

    waiver: str
    what: Waivable
    subject: str
    owner: str
    until: str
    days: int
    ref: str


LookKind = Literal[
    "drive_failed", "questions", "held", "deferred", "red", "unproven", "incomplete", "no_coverage", "errors",
    "failed_hooks", "retried", "large", "waivers",
]  # fmt: skip


class Look(msgspec.Struct, frozen=True):
    """Something to look at, the most pressing first: what kind of thing, how many, and which."""

    what: LookKind
    count: Figure
    which: tuple[str, ...]


class Report(msgspec.Struct, frozen=True):
    """Everything that one page says of a stretch of the ledger."""

    project: str
    window: Window
    planned: Figure
    closed_before: Figure
    still_open: tuple[str, ...]
    first: tuple[Look, ...]
    closed: tuple[Closed, ...]
    deferred: tuple[Deferred, ...]
    questions: tuple[Asked, ...]
    held: tuple[HeldChange, ...]
    refused: tuple[RuleRefused, ...]
    retried: tuple[Refusal, ...]
    put_back: tuple[PutBack, ...]
    put_back_count: Figure
    boxes_put_back: Figure
    secrets: Figure
    tests: Tests
    coverage_before: CoverageThen | None
    coverage_after: CoverageThen | None
    no_coverage: str
    no_coverage_refs: tuple[str, ...]
    attempts: tuple[Chosen, ...]
    drives: tuple[Drive, ...]
    use: Use
    endings: tuple[Ending, ...]
    waits: tuple[Wait, ...]
    recoveries: Figure
    steps: tuple[Spent, ...]
    phases: tuple[Spent, ...]
    worked: Figure
    errors: tuple[Trouble, ...]
    failed_hooks: Figure
    ending_waivers: tuple[Ends, ...]
    observed: dict[str, int] = {}
    """The position at which each observation that is referred to was recorded."""


def references(value: Any) -> set[str]:
    """Every reference that a value of a report, or anything in it, carries."""
    if isinstance(value, tuple):
        return {ref for item in value for ref in references(item)}
    if not isinstance(value, msgspec.Struct):
        return set()
    names = {name: getattr(value, name) for name in value.__struct_fields__}
    own = {*names.get("refs", ()), names.get("ref", ""), *names.get("no_coverage_refs", ())} - {""}
    return own.union(*(references(field) for field in names.values()))
