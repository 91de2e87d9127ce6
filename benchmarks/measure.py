"""Measures processes and calls in CPU and wall time, interleaved with what they are compared to."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import msgspec


class Cost(msgspec.Struct, frozen=True):
    """What one call took, in milliseconds; `cpu` is user and system time, children that were waited for included."""

    cpu: float
    wall: float


class Spent(msgspec.Struct, frozen=True):
    """Middle and 90th percentile of many costs, in milliseconds."""

    cpu: float
    cpu_p90: float
    wall: float
    wall_p90: float
    calls: int


class Unexpected(Exception):
    """A measured process did not do what the measurement is about."""


Action = Callable[[], Cost]


def process(
    argv: Sequence[str], *, environment: Mapping[str, str], given: str = os.devnull, status: int | None = 0
) -> Cost:
    """Run a process with the file `given` as input; raises `Unexpected` unless it exits with `status` (None: any)."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, given, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    began = time.perf_counter()
    child = os.posix_spawnp(argv[0], list(argv), dict(environment), file_actions=actions)
    _, ended, used = os.wait4(child, 0)
    wall = time.perf_counter() - began
    if status is not None and os.waitstatus_to_exitcode(ended) != status:
        raise Unexpected(f"{' '.join(argv)} < {given} ended with {os.waitstatus_to_exitcode(ended)}, not {status}")
    return Cost((used.ru_utime + used.ru_stime) * 1000, wall * 1000)


def call(action: Callable[[], object]) -> Cost:
    """Run `action` in this process."""
    before, began = _used(), time.perf_counter()
    action()
    return Cost((_used() - before) * 1000, (time.perf_counter() - began) * 1000)


def _used() -> float:
    """CPU seconds of this process and of the children it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def interleaved(actions: Mapping[str, Action], *, rounds: int, warm: int = 1) -> dict[str, Spent]:
    """Every action once a round, so that whatever else the machine does falls on all of them alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in actions}
    for number in range(warm + rounds):
        for name, action in actions.items():
            cost = action()
            if number >= warm:
                costs[name].append(cost)
    return {name: spent(found) for name, found in costs.items()}


def spent(costs: Sequence[Cost]) -> Spent:
    """The middle and the 90th percentile of `costs`."""
    cpu, wall = sorted(cost.cpu for cost in costs), sorted(cost.wall for cost in costs)
    return Spent(median(cpu), _p90(cpu), median(wall), _p90(wall), len(costs))


def _p90(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))]
