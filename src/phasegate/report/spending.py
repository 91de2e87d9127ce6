"""Where the time went: how long each run stood in which step, for which phase."""

from __future__ import annotations

from collections.abc import Collection
from math import fsum

import msgspec

from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import RunEnded, RunPaused, RunResumed, StepEntered
from phasegate.report.gathering import Seen
from phasegate.report.values import Figure, Spent, event, figure


class Stay(msgspec.Struct):
    """A run in a step, from one moment on; until the next, a pause, or the last that is known of the run."""

    run: str
    step: str
    phase: str
    since: int
    ref: str
    until: int = 0

    @property
    def seconds(self) -> float:
        return max(0, self.until - self.since) / 1000


class Time:
    """The stays of every run in its steps."""

    takes: tuple[type[Fact], ...] = (StepEntered, RunPaused, RunResumed, RunEnded)

    def __init__(self) -> None:
        self._now: dict[str, Stay] = {}
        self._paused: dict[str, Stay] = {}
        self._alive: dict[str, int] = {}
        self._stays: list[Stay] = []

    def begin(self, at: int) -> None:
        self._stays = list(self._now.values())
        for stay in self._stays:
            stay.since = at

    def alive(self, stream: str, at: int) -> None:
        """Something was recorded in the stream of a run: it was at work until then, at least."""
        self._alive[stream.removeprefix("run/")] = at

    def take(self, seen: Seen) -> None:
        match seen.fact:
            case StepEntered(run=run, step=step, phase=phase):
                self._paused.pop(run, None)
                self._enter(Stay(run, step, phase, seen.at, event(seen.position)), seen.at)
            case RunPaused(run=run) if run in self._now:
                self._paused[run] = self._leave(run, seen.at)
            case RunResumed(run=run) if run in self._paused:
                was = self._paused.pop(run)
                self._enter(Stay(run, was.step, was.phase, seen.at, event(seen.position)), seen.at)
            case RunEnded(run=run) if run in self._now:
                self._leave(run, seen.at)

    def _enter(self, stay: Stay, at: int) -> None:
        if stay.run in self._now:
            self._leave(stay.run, at)
        self._now[stay.run] = stay
        self._stays.append(stay)

    def _leave(self, run: str, at: int) -> Stay:
        stay = self._now.pop(run)
        stay.until = at
        return stay

    def finish(self) -> None:
        """A run that is in a step still was at work until the last that was recorded of it; then nobody knows."""
        for run in list(self._now):
            self._leave(run, self._alive.get(run, 0))

    def steps(self, resting: Collection[str]) -> tuple[Spent, ...]:
        """Time per step, the longest first; steps in which a run only waits for a person are none."""
        return _spent([(stay.step, stay) for stay in self._stays if stay.step not in resting])

    def phases(self, resting: Collection[str]) -> tuple[Spent, ...]:
        """Time per phase, the longest first."""
        return _spent([(stay.phase, stay) for stay in self._stays if stay.phase and stay.step not in resting])

    def worked(self, resting: Collection[str]) -> Figure:
        """Time in all steps."""
        found = [stay for stay in self._stays if stay.step not in resting]
        return figure(fsum(stay.seconds for stay in found), [stay.ref for stay in found])


def _spent(stays: list[tuple[str, Stay]]) -> tuple[Spent, ...]:
    found: dict[str, list[Stay]] = {}
    for name, stay in stays:
        found.setdefault(name, []).append(stay)
    made = [Spent(name, figure(fsum(stay.seconds for stay in same), refs), figure(len(same), refs))
            for name, same in found.items() for refs in [[stay.ref for stay in same]]]  # fmt: skip
    return tuple(sorted(made, key=lambda spent: (-(spent.seconds.value or 0), spent.name)))
