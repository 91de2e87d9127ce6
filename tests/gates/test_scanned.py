"""The gates of scanners: open for what somebody looked at, on this very tree, and found no worse than it was."""

from __future__ import annotations

from datetime import datetime

import pytest
from moments import BEFORE, NOW, World
from msgspec.structs import replace

from phasegate.evidence.findings import Finding, seen
from phasegate.gates.catalog import ask
from phasegate.ledger.facts import BaselineTaken
from phasegate.ledger.state import Waiver

GATES = {"sast_clean": "sast", "no_known_vulnerabilities": "deps", "licences_allowed": "licences"}
FOUND = Finding("S602", "a.py", 1, "shell", "0" * 16, "ruff", "high")


@pytest.fixture(params=GATES)
def gate(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def says(world: World, gate: str) -> str:
    [verdict] = ask((gate,), world.at())
    assert verdict.passes or verdict.remedy
    return verdict.says


def test_a_tree_that_nobody_looked_at_is_unknown_whatever_was_seen_of_another(gate: str) -> None:
    world = World()
    assert says(world, gate) == "unknown"
    world.saw(seen(GATES[gate], 3, ()), BEFORE)
    world.saw(seen("secrets", 3, ()))
    world.saw(seen(GATES[gate], 3, ()), assurance="claimed")
    assert says(world, gate) == "unknown"
    world.saw(seen(GATES[gate], 3, ()))
    assert says(world, gate) == "pass"


def test_what_is_new_shuts_it_and_the_newest_look_counts(gate: str) -> None:
    world = World()
    world.saw(seen(GATES[gate], 3, (FOUND,)))
    assert says(world, gate) == "fail"
    world.saw(seen(GATES[gate], 3, ()))
    assert says(world, gate) == "pass"
    world.saw(seen(GATES[gate], 3, (), why_unknown=("it crashed",)))
    assert says(world, gate) == "unknown"


def test_what_was_there_when_phasegate_came_may_stay(gate: str) -> None:
    world = World()
    old = world.saw(seen(GATES[gate], 3, (FOUND,)), BEFORE)
    world.state.baseline = BaselineTaken(BEFORE, "tree", findings={GATES[gate]: old})
    world.saw(seen(GATES[gate], 3, (FOUND,)), NOW)
    assert says(world, gate) == "pass"


def test_a_scanner_that_is_newer_than_the_baseline_says_how_to_take_one(gate: str) -> None:
    world = World()
    world.state.baseline = BaselineTaken(BEFORE, "tree")
    world.saw(seen(GATES[gate], 3, (FOUND,)))
    [verdict] = ask((gate,), world.at())
    assert verdict.says == "fail" and "phasegate init --baseline" in verdict.remedy


@pytest.mark.parametrize(
    ("subject", "word"), [("0" * 16, "pass"), ("0" * 16 + "@1", "pass"), ("0" * 16 + "@2", "fail")]
)
def test_a_waiver_of_a_finding_holds_for_good_or_in_its_phase(gate: str, subject: str, word: str) -> None:
    world = World()
    world.state.waivers["w"] = Waiver("w", "finding", subject, "ann", "why", "", "weak", "ann", 0)
    world.saw(seen(GATES[gate], 3, (FOUND,)))
    assert says(world, gate) == word


def test_what_was_asked_of_something_old_says_nothing_after_its_day_by_the_clock_or_by_the_newest_event(
    gate: str,
) -> None:
    world = World()
    world.saw(seen(GATES[gate], 3, (), until="2026-03-10"))
    for day, now in (("2026-03-10T23:59:59", "pass"), ("2026-03-11T00:00:00", "unknown")):
        ms = int(datetime.fromisoformat(f"{day}+00:00").timestamp() * 1000)
        assert [each.says for each in ask((gate,), replace(world.at(), now_ms=ms))] == [now]
        world.state.now_ms = ms
        assert says(world, gate) == now
    [verdict] = ask((gate,), world.at())
    assert "2026-03-10" in verdict.reasons[0] and "--update" in verdict.remedy


def test_a_hole_stays_one_however_old_what_told_of_it_is(gate: str) -> None:
    world = World()
    world.saw(seen(GATES[gate], 3, (FOUND,), until="1999-01-01"))
    assert says(world, gate) == "fail"
