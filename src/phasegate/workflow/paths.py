"""Where the arrows of a workflow lead: what is reachable, what leads somewhere, what runs in circles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

Graph = Mapping[str, Iterable[str]]
"""From each step to the steps it can go to; every target is a key, and the order of keys is that of the table."""


def reachable(graph: Graph, entries: Iterable[str]) -> set[str]:
    """The steps that can be reached from `entries`, with these."""
    seen = set(entries)
    todo = list(seen)
    while todo:
        fresh = set(graph[todo.pop()]) - seen
        seen |= fresh
        todo.extend(fresh)
    return seen


def backwards(graph: Graph) -> dict[str, list[str]]:
    """The same arrows, turned round."""
    turned: dict[str, list[str]] = {name: [] for name in graph}
    for name, targets in graph.items():
        for target in targets:
            turned[target].append(name)
    return turned


def without(graph: Graph, names: Iterable[str]) -> dict[str, list[str]]:
    """The graph less the steps called `names`."""
    gone = set(names)
    return {
        name: [target for target in targets if target not in gone]
        for name, targets in graph.items()
        if name not in gone
    }


def cycles(graph: Graph) -> Iterator[list[str]]:
    """A shortest cycle of each knot of steps that can all reach each other, as `[a, b, a]`, in the table's order."""
    turned = backwards(graph)
    knotted: set[str] = set()
    for name in graph:
        if name not in knotted and (found := _way_back(graph, name)):
            knotted |= reachable(graph, [name]) & reachable(turned, [name])
            yield found


def _way_back(graph: Graph, name: str) -> list[str]:
    """A shortest way from `name` to itself, breadth first; empty when there is none."""
    ways = [[name]]
    seen: set[str] = set()
    for way in ways:
        for target in sorted(graph[way[-1]]):
            if target == name:
                return [*way, name]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return []
