"""Open when a refactoring leaves the tests as they were: the same ones, green before and after."""

from __future__ import annotations

from phasegate.gates import no_new_red
from phasegate.gates.interface import Moment, Verdict, failed, passed


def gate(moment: Moment) -> Verdict:
    """Nothing newly red, nothing gone or skipped, and the baseline had green tests to hold on to."""
    verdict = no_new_red.gate(moment)
    baseline = moment.baseline()
    if not verdict.passes or baseline is None:
        return verdict
    if not baseline.passed:
        return failed(
            "no test was green before the refactoring, so nothing holds the behaviour",
            remedy="Make this a feature phase that writes the missing tests first.",
        )
    return passed(f"{baseline.passed} tests green before and after", evidence=verdict.evidence)
