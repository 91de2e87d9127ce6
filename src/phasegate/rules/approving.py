"""Whether enough people, and the right ones, approved: n of m, nobody who drives, and an owner of each changed file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from phasegate.rules.conditions import CannotEvaluate
from phasegate.rules.owners import owners_of
from phasegate.rules.rule import Approvals, Rules, Value

Says = Literal["pass", "fail", "unknown"]
NAMED = 3


def approved(wanted: Approvals, lookup: Callable[[str], Value | None], rules: Rules) -> tuple[Says, tuple[str, ...]]:
    """What the approvals of the tree as it is come to, with reasons."""
    given = _people(lookup("approvals.strong"))
    if wanted.kind == "weak" and given is not None:
        weak = _people(lookup("approvals.weak"))
        given = None if weak is None else (*given, *weak)
    if given is None:
        return "unknown", ("who approved is not known",)
    counted = distinct(given)
    if not wanted.driver_counts:
        drivers = _people(lookup("driver"))
        if not drivers:
            return "unknown", ("who drives is not known, so nobody can be told to be another",)
        counted = [person for person in counted if not any(same_person(person, driver) for driver in drivers)]
    if wanted.of:
        counted = [person for person in counted if _is_one_of(person, wanted.of, rules)]
    if len(counted) < max(wanted.count, 1):
        of = f" of {', '.join(wanted.of)}" if wanted.of else ""
        who = f": {', '.join(counted)}" if counted else ""
        return "fail", (f"{len(counted)} approved{who}; {wanted.count}{of} must{_kind(wanted)}",)
    if wanted.codeowners:
        says, reasons = _by_owners(counted, lookup("changed.paths"), rules)
        if says != "pass":
            return says, reasons
    return "pass", (f"approved by {', '.join(counted)}",)


def distinct(people: Iterable[str]) -> list[str]:
    """Each person once; an account `ann` and a signer `ann@example.org` are taken for one."""
    found: list[str] = []
    for person in sorted(set(people), key=lambda name: ("@" not in name, name.casefold(), name)):
        if not any(same_person(person, known) for known in found):
            found.append(person)
    return found


def same_person(one: str, other: str) -> bool:
    """Whether two names may be of one person: equal, or one is what stands before the `@` of the other.

    In doubt it is one person: two names never make two people of the one who drives.
    """
    one, other = one.strip().casefold(), other.strip().casefold()
    if one == other:
        return True
    if ("@" in one) == ("@" in other):
        return False
    return one.partition("@")[0] == other.partition("@")[0]


def _kind(wanted: Approvals) -> str:
    strength = " by a signature" if wanted.kind == "strong" else ""
    return f"{strength}{'' if wanted.driver_counts else ', none of whom drives'}"


def _people(value: Value | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, tuple | list):
        raise CannotEvaluate("people are no list")
    return tuple(map(str, value))


def _is_one_of(person: str, named: tuple[str, ...], rules: Rules) -> bool:
    meant = [identity for name in named for identity in (name, *rules.people.get(name, ()))]
    return any(person.casefold() == identity.casefold() for identity in meant)


def _by_owners(counted: list[str], paths: Value | None, rules: Rules) -> tuple[Says, tuple[str, ...]]:
    if rules.owners is None:
        return "unknown", ("there is no CODEOWNERS file",)
    changed = _people(paths)
    if changed is None:
        return "unknown", ("which files changed is not known",)
    short: dict[tuple[str, ...], str] = {}
    for path in changed:
        owners = owners_of(path, rules.owners)
        if owners and not any(_is_one_of(person, owners, rules) for person in counted):
            short.setdefault(owners, path)
    if not short:
        return "pass", ()
    told = [f"{path} needs {' or '.join(owners)}" for owners, path in list(short.items())[:NAMED]]
    nameless = [owner for owners in short for owner in owners if owner.startswith("@") and owner not in rules.people]
    if nameless:
        told.append(f"nobody is known as {nameless[0]}: name who that is in [approvals.people]")
    return "fail", tuple(told)
