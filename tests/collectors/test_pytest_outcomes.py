"""From frames to a test run, for what no installed plugin produces here."""

from __future__ import annotations

import msgspec
import pytest

from phasegate.collectors.process import Ended
from phasegate.collectors.pytest_frames import read_frames
from phasegate.collectors.pytest_outcomes import Observed, as_test_run
from phasegate.collectors.why_red import FirstParty
from phasegate.evidence.tests import TestRun

Said = tuple[str, str, str]


def seen(*reports: Said, collected: tuple[str, ...] = ("a",), exit_code: int = 0) -> TestRun:
    """The run of a reporter that wrote `reports`: (id, when, outcome)."""
    bodies: list[dict[str, object]] = [{"kind": "start", "pytest": "9", "python": "3.11", "rootdir": "/r"}]
    bodies.append({"kind": "inventory", "ids": collected})
    bodies += [{"kind": "report", "id": id, "when": when, "outcome": outcome} for id, when, outcome in reports]
    bodies.append({"kind": "end", "exit_code": exit_code, "deselected": 0})
    lines = [msgspec.json.encode({**body, "nonce": "n", "seq": seq}) + b"\n" for seq, body in enumerate(bodies)]
    observed = Observed(("pytest",), "/r", read_frames(b"".join(lines), "n"), Ended(exit_code, b""), 60)
    return as_test_run(observed, FirstParty((), frozenset()))


SETUP, TEARDOWN = ("a", "setup", "passed"), ("a", "teardown", "passed")


def test_a_test_that_passes_on_another_try_is_green_and_noted() -> None:
    run = seen(SETUP, ("a", "call", "rerun"), TEARDOWN, SETUP, ("a", "call", "passed"), TEARDOWN)
    assert run.all_green and run.notes == ("1 tests were tried again after failing, the first is a",)


@pytest.mark.parametrize("word", ["failed", "odd", ""])
def test_one_red_or_unknown_word_outweighs_the_others(word: str) -> None:
    run = seen(SETUP, ("a", "call", word), ("a", "call", "passed"), TEARDOWN, exit_code=1)
    assert run.red == ("a",) and run.complete


def test_a_test_that_never_said_how_its_call_went_is_no_pass() -> None:
    assert seen(SETUP, TEARDOWN).red == ("a",)
    assert not seen(SETUP, ("a", "call", "passed")).complete


def test_a_report_of_a_test_that_was_not_collected_is_noticed() -> None:
    run = seen(SETUP, ("a", "call", "passed"), TEARDOWN, ("b", "call", "passed"), ("b", "teardown", "passed"))
    assert run.why_incomplete == "b was reported but never collected"


@pytest.mark.parametrize("exit_code", [2, 3, 4, -9])
def test_other_exit_codes_are_never_complete(exit_code: int) -> None:
    assert not seen(SETUP, ("a", "call", "passed"), TEARDOWN, exit_code=exit_code).complete


def test_no_tests_is_not_believed_of_a_run_that_collected_some() -> None:
    assert not seen(SETUP, ("a", "call", "passed"), TEARDOWN, exit_code=5).complete
