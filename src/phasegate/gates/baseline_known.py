"""Open when it is known which tests were red before the phase began."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, passed, unknown

UNTESTED = ("docs", "spike")


def gate(moment: Moment) -> Verdict:
    """Whether a complete test run speaks for the tree on which the phase started; kinds without tests need none."""
    if moment.kind in UNTESTED:
        return passed(f"a {moment.kind} phase needs no baseline")
    found = moment.tests(moment.phase.subject)
    if found is None or not found[1].complete:
        why = f": {found[1].why_incomplete}" if found else ""
        return unknown(
            f"the tests have not been run to their end on the tree the phase starts from{why}",
            remedy="Run `phasegate check tests` before changing anything.",
        )
    evidence, tests = found
    return passed(f"{tests.collected} tests known, {len(tests.red)} of them red", evidence=(evidence.id,))
