"""Approvals: enough people, the right ones, none of whom drives, and an owner of each changed file among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.rules.approving import approved, distinct, same_person
from phasegate.rules.conditions import CannotEvaluate
from phasegate.rules.rule import Approvals, Owned, Rules, Value

ROWS = (Owned("*", ("@all",)), Owned("/src/", ("@ann", "@core")), Owned("/free/", ()))
RULES = Rules(owners=ROWS, people={"@ann": ("ann@example.org",), "@core": ("cyn@example.org",), "@all": ("dan@a.org",)})


def says(
    wanted: Approvals, strong: tuple[str, ...] | None = (), weak: tuple[str, ...] | None = (),
    driver: tuple[str, ...] | None = ("zoe",), changed: tuple[str, ...] | None = (), rules: Rules = RULES,
) -> str:  # fmt: skip
    facts: dict[str, Value | None] = {
        "approvals.strong": strong, "approvals.weak": weak, "driver": driver, "changed.paths": changed
    }  # fmt: skip
    return approved(wanted, facts.get, rules)[0]


def test_as_many_as_are_wanted_must_approve() -> None:
    assert says(Approvals(2), ("a@x.org", "b@x.org")) == "pass"
    assert says(Approvals(2), ("a@x.org",)) == "fail" and says(Approvals(), ()) == "fail"


def test_a_count_of_nobody_is_somebody() -> None:
    assert says(Approvals(0), ()) == "fail"


def test_weak_counts_where_weak_is_enough_alone() -> None:
    assert says(Approvals(), weak=("a",)) == "fail" and says(Approvals(kind="weak"), weak=("a",)) == "pass"
    assert says(Approvals(2, kind="weak"), ("b@x.org",), ("a",)) == "pass"


def test_whoever_drives_does_not_count_under_any_name() -> None:
    for name in ("ann@example.org", "ANN@example.org"):
        assert says(Approvals(), (name,), driver=("ann", "ann@example.org")) == "fail"
    assert says(Approvals(), ("ann@example.org",), driver=("ann",)) == "fail"
    assert says(Approvals(kind="weak"), weak=("ann",), driver=("ann@example.org",)) == "fail"
    assert says(Approvals(driver_counts=True), ("ann@example.org",), driver=("ann",)) == "pass"


@pytest.mark.parametrize("driver", [None, ()])
def test_where_nobody_knows_who_drives_nobody_is_another(driver: tuple[str, ...] | None) -> None:
    assert says(Approvals(), ("a@x.org",), driver=driver) == "unknown"
    assert says(Approvals(driver_counts=True), ("a@x.org",), driver=driver) == "pass"


def test_approvals_that_are_not_known_are_no_approvals() -> None:
    assert says(Approvals(), None) == "unknown" and says(Approvals(kind="weak"), ("a@x.org",), None) == "unknown"


def test_two_addresses_are_two_people_and_an_account_that_may_be_either_is_no_third() -> None:
    assert distinct(["ann", "ann@a.org", "ann@b.org"]) == ["ann@a.org", "ann@b.org"]
    assert distinct(["ben", "ann@a.org"]) == ["ann@a.org", "ben"]


def test_one_person_under_two_names_is_one() -> None:
    assert says(Approvals(2, kind="weak"), ("ann@x.org",), ("ann",)) == "fail"
    assert says(Approvals(2), ("ann@x.org", "Ann@X.org")) == "fail"
    assert says(Approvals(2), ("ann@x.org", "ann@y.org")) == "pass"


def test_n_of_m_counts_those_named_and_those_behind_a_handle() -> None:
    wanted = Approvals(2, of=("a@x.org", "@ann", "@core"))
    assert says(wanted, ("a@x.org", "ann@example.org")) == "pass"
    assert says(wanted, ("a@x.org", "b@x.org")) == "fail" and says(wanted, ("ann@example.org",)) == "fail"


def test_each_changed_file_needs_one_of_its_owners() -> None:
    wanted = Approvals(codeowners=True)
    assert says(wanted, ("ann@example.org",), changed=("src/a.py",)) == "pass"
    assert says(wanted, ("cyn@example.org",), changed=("src/a.py",)) == "pass"
    assert says(wanted, ("dan@a.org",), changed=("src/a.py",)) == "fail"
    assert says(wanted, ("ann@example.org",), changed=("src/a.py", "docs/a.md")) == "fail"
    assert says(wanted, ("ann@example.org", "dan@a.org"), changed=("src/a.py", "docs/a.md")) == "pass"
    assert says(wanted, ("x@x.org",), changed=("free/a",)) == "pass"


def test_owners_or_changes_that_are_not_known_leave_it_unknown() -> None:
    wanted = Approvals(codeowners=True)
    assert says(wanted, ("ann@example.org",), changed=None) == "unknown"
    assert says(wanted, ("ann@example.org",), changed=("src/a",), rules=Rules()) == "unknown"


NAMES = st.sampled_from(["ann", "ben", "ann@x.org", "ben@x.org", "Ann@X.org", "cyn@y.org"])


@given(st.lists(NAMES), st.lists(NAMES))
def test_a_name_said_twice_or_in_another_order_counts_no_more(people: list[str], more: list[str]) -> None:
    once = distinct(people)
    assert distinct(reversed(people)) == once == distinct([*people, *once])
    assert not any(same_person(a, b) for a in once for b in once if a is not b)
    assert len(distinct([*people, *more])) >= len(once)


@given(st.lists(NAMES).map(tuple), st.lists(NAMES, min_size=1).map(tuple), st.integers(1, 3))
def test_the_driver_never_makes_the_difference(people: tuple[str, ...], driver: tuple[str, ...], count: int) -> None:
    wanted = Approvals(count, kind="weak")
    without = tuple(person for person in people if not any(same_person(person, each) for each in driver))
    assert says(wanted, weak=people, driver=driver) == says(wanted, weak=without, driver=driver)


def test_who_is_meant_by_a_handle_that_nobody_explained_is_asked_for_and_of_others_it_is_not() -> None:
    facts: dict[str, Value | None] = {"approvals.strong": ("eve@x.org",), "driver": ("zoe",)}
    rules = Rules(owners=(Owned("a", ("@nobody",)), Owned("b", ("@ann", "ben@x.org"))), people=RULES.people)
    for path, nameless in (("a", "nobody is known as @nobody"), ("b", "")):
        told = approved(Approvals(codeowners=True), (facts | {"changed.paths": (path,)}).get, rules)[1]
        assert told[0] == f"{path} needs " + ("@nobody" if nameless else "@ann or ben@x.org")
        assert (len(told) == 2 and told[1].startswith(nameless)) if nameless else len(told) == 1


def test_people_that_are_no_list_are_an_error() -> None:
    with pytest.raises(CannotEvaluate, match="people are no list"):
        says(Approvals(), "ann@example.org")  # type: ignore[arg-type]
