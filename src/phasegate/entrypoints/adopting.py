"""Records how a repository is before anything changes in it: its tests, what is flaky, its findings."""

from __future__ import annotations

import time
from collections.abc import Callable

from phasegate.engine.advance import observe
from phasegate.entrypoints import checking, scanning
from phasegate.errors import Failure
from phasegate.evidence.items import CoverageSeen, NoCoverage, TestsSeen
from phasegate.ledger.facts import BaselineTaken
from phasegate.wiring import RealDesk

TWICE_BELOW = 300.0
"""Seconds: a suite that takes longer is run once, and nobody knows which of its tests are flaky."""

Say = Callable[[str], None]


def take_baseline(desk: RealDesk, say: Say) -> tuple[BaselineTaken, str]:
    """Run tests and scanners on the tree as it is, and record the whole; with why the tests say nothing, if they do."""
    why_not = ""
    flaky: tuple[str, ...] = ()
    try:
        flaky = _flaky(desk, say)
    except Failure as failure:
        why_not = f"{failure.message} {failure.hint}"
    findings: dict[str, str] = {scanner: scanning.scan(desk, scanner, say).id for scanner in desk.settings.scanners}
    state, now = observe(desk, desk.state())
    tests = state.newest(TestsSeen, subject=now.subject)
    coverage = state.newest((CoverageSeen, NoCoverage), subject=now.subject)  # type: ignore[arg-type]
    taken = BaselineTaken(
        now.subject, now.tree, tests.id if tests else "", coverage.id if coverage else "", findings, flaky
    )
    desk.record([taken], relying_on=None)
    if tests is not None and isinstance(tests.seen, TestsSeen) and not tests.seen.complete:
        why_not = why_not or tests.seen.why_incomplete
    return taken, why_not


def _flaky(desk: RealDesk, say: Say) -> tuple[str, ...]:
    """The tests that were red in one run and not in another of the same tree; a slow suite is run once."""
    began = time.monotonic()
    first, _ = checking.check_here(desk, say)
    if not first.complete or time.monotonic() - began > TWICE_BELOW:
        return ()
    second, _ = checking.check_here(desk, lambda line: say(f"once more, to know what is flaky: {line}"))
    return tuple(sorted({test.id for test in first.red} ^ {test.id for test in second.red})) if second.complete else ()
