"""Which transitions of a step can apply together, and when none does: reasoning about conditions, not running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod

from phasegate.workflow.definition import FACTS, Step, Transition

VERDICTS = ("fail", "unknown", "pass")

Needs = Mapping[str, frozenset[str]]
"""For each gate or fact that matters, the values under which a transition applies."""


def possible(name: str) -> tuple[str, ...]:
    """All values that the gate or fact `name` can have."""
    return FACTS.get(name, VERDICTS)


def needs(transition: Transition) -> Needs:
    """What `transition` needs: each condition narrows the values of one gate or fact."""
    needed: dict[str, frozenset[str]] = {}
    for condition in transition.when:
        values = needed.get(condition.gate, frozenset(possible(condition.gate)))
        needed[condition.gate] = frozenset(value for value in values if condition.holds({condition.gate: value}))
    return needed


def contradiction(needed: Needs) -> str | None:
    """The gate or fact that no value satisfies, so that the transition can never apply; None when it can."""
    return next((name for name, values in needed.items() if not values), None)


def both_apply(one: Needs, other: Needs) -> bool:
    """Whether some situation lets both apply, of two without a contradiction.

    Gates and facts vary freely, so each can be looked at alone.
    """
    return all(one[name] & other[name] for name in one.keys() & other.keys())


def gap(needed: Sequence[Needs]) -> dict[str, str] | None:
    """A situation in which none of the transitions applies; None when they cover all (exact when no two overlap)."""
    names = list(dict.fromkeys(chain.from_iterable(needed)))
    if _cover(needed, names):
        return None
    situation = {}
    for position, name in enumerate(names, start=1):
        for value in possible(name):
            left = [each for each in needed if value in _narrowed(each, name)]
            if not _cover(left, names[position:]):
                situation[name], needed = value, left
                break
    return situation


def targets(step: Step, given: Mapping[str, str]) -> frozenset[str]:
    """The steps that `step` can go to while the facts in `given` have these values."""
    applying = [
        (each.to, needed)
        for each, needed in ((each, needs(each)) for each in step.then if not each.otherwise)
        if all(value in _narrowed(needed, name) for name, value in given.items())
    ]
    undecided = [{name: values for name, values in needed.items() if name not in given} for _, needed in applying]
    fallback = [each.to for each in step.then if each.otherwise] if gap(undecided) is not None else []
    return frozenset([*(to for to, _ in applying), *fallback])


def _cover(needed: Sequence[Needs], names: Sequence[str]) -> bool:
    """Whether so many situations are answered that none is left; counting suffices, for no two overlap."""
    answered = sum(prod(len(_narrowed(each, name)) for name in names) for each in needed)
    return answered >= prod(len(possible(name)) for name in names)


def _narrowed(needed: Needs, name: str) -> frozenset[str]:
    return needed[name] if name in needed else frozenset(possible(name))
