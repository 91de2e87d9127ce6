"""How phasegate itself is used in a project: what it let through and refused, where runs loop, what people dispute."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from phasegate.ledger.event import Event
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    CallAsked,
    HookFailed,
    RefusalDisputed,
    SessionBegan,
    StepEntered,
    StopAllowed,
    StopRefused,
)
from phasegate.ledger.schema import fact_of
from phasegate.ledger.state import State
from phasegate.plain import line
from phasegate.report.gathering import Gatherer, Seen
from phasegate.report.refusals import Refusals
from phasegate.report.values import Figure, RuleRefused, Window, event, figure

ENDINGS = {
    "own": "a turn of the person's own ended",
    "waiting": "a turn ended: it waits for a person",
    "complete": "a turn ended: the plan is complete",
    "unmet": "a turn ended with the step not done",
}
"""What `StopAllowed.why` stands for."""


class Counted(msgspec.Struct, frozen=True):
    """How often something happened."""

    name: str
    count: Figure


class Disputed(msgspec.Struct, frozen=True):
    """A refusal that a person called wrong."""

    refused: str
    call: str
    why: str
    by: str
    at: int
    ref: str


class Usage(msgspec.Struct, frozen=True):
    """Counts of one ledger; they are shown and nothing is sent anywhere."""

    project: str
    window: Window
    decisions: tuple[Counted, ...]
    refused: tuple[RuleRefused, ...]
    most_refused: tuple[Counted, ...]
    loops: tuple[Counted, ...]
    sessions: tuple[Counted, ...]
    waivers_in_force: Figure
    disputed: tuple[Disputed, ...]
    observed: dict[str, int] = {}


class _Counts:
    """What hooks decided, which steps looped, which clients came."""

    takes: tuple[type[Fact], ...] = (
        CallAsked, StopRefused, StopAllowed, HookFailed, StepEntered, SessionBegan, RefusalDisputed,
    )  # fmt: skip

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, at: int) -> None:
        self.decisions: dict[str, list[str]] = {}
        self.loops: dict[str, list[str]] = {}
        self.sessions: dict[str, list[str]] = {}
        self.disputed: list[Disputed] = []

    def take(self, seen: Seen) -> None:
        ref = event(seen.position)
        match seen.fact:
            case CallAsked():
                self._count("a call that can write was let through", ref)
            case StopRefused():
                self._count("the agent wanted to stop and was told to go on", ref)
            case StopAllowed(why=why):
                self._count(ENDINGS.get(why, f"a turn ended: {line(why, 40)}"), ref)
            case HookFailed():
                self._count("a hook call failed on phasegate's side", ref)
            case StepEntered(loop=True, step=step):
                self.loops.setdefault(step, []).append(ref)
            case SessionBegan(client=client, version=version, source=source):
                self.sessions.setdefault(line(f"{client} {version}, {source}", 80), []).append(ref)
            case RefusalDisputed() as told:
                self.disputed.append(
                    Disputed(event(told.refused), told.call, line(told.why, 400), line(told.by, 60), seen.at, ref)
                )

    def _count(self, what: str, ref: str) -> None:
        self.decisions.setdefault(what, []).append(ref)


def usage(events: Iterable[Event], state: State, *, since_ms: int, now_ms: int, today: str) -> Usage:
    """The usage of the ledger since then, up to where `state` is; `today` is the UTC date."""
    counts, refusals = _Counts(), Refusals()
    parts: tuple[Gatherer, ...] = (counts, refusals)
    wanted = {kind.__name__: part for part in parts for kind in part.takes}
    after, head, head_hash = 0, 0, ""
    for each in events:
        if each.position > state.position:
            break
        head, head_hash = each.position, each.hash
        if each.clock.ms < since_ms:
            after = each.position
        elif (part := wanted.get(each.kind)) is not None and (fact := fact_of(each)) is not None:
            part.take(Seen(each.position, each.clock.ms, fact))
    window = Window(since_ms, now_ms, after, head, head_hash, "asked" if since_ms else "ledger", head - after)
    return _usage(counts, refusals, state, window, today)


def _usage(counts: _Counts, refusals: Refusals, state: State, window: Window, today: str) -> Usage:
    in_force = sum(waiver.holds_on(today) for waiver in state.waivers.values())
    rules, back = refusals.by_rule(), refusals.put_back()[1]
    refused = sum(int(rule.count.value or 0) for rule in rules)
    first = tuple(sorted((ref for rule in rules for ref in rule.count.refs), key=lambda ref: int(ref[1:])))
    decisions = [*_ranked(counts.decisions)]
    decisions += [Counted("a call was refused", figure(refused, first))] if refused else []
    decisions += [Counted("a change was put back", back)] if back.value else []
    return Usage(
        state.project, window, tuple(sorted(decisions, key=lambda each: -(each.count.value or 0))), rules,
        tuple(Counted(what, count) for what, count in refusals.paths()), _ranked(counts.loops),
        _ranked(counts.sessions), figure(in_force, ()), tuple(counts.disputed),
    )  # fmt: skip


def _ranked(found: dict[str, list[str]]) -> tuple[Counted, ...]:
    """What happened most often first."""
    ranked = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(Counted(name, figure(len(refs), refs)) for name, refs in ranked)
