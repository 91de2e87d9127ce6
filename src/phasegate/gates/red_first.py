"""Open when tests that failed for the right reason earlier in this phase pass now."""

from __future__ import annotations

from phasegate.evidence.tests import RIGHT_REASONS
from phasegate.gates import tests_ran
from phasegate.gates.interface import Moment, Verdict, failed, passed, some


def gate(moment: Moment) -> Verdict:
    """Every test seen red for the right reason in this phase is green, and there is at least one."""
    if moment.listed is not None and moment.listed.no_new_behaviour:
        return passed("the plan says that this phase has no new behaviour")
    ran = tests_ran.gate(moment)
    found = moment.tests(moment.subject)
    if not ran.passes or found is None:
        return ran
    evidence, tests = found
    seen = [id for id, cause in moment.phase.red_seen.items() if cause in RIGHT_REASONS]
    if not seen:
        remedy = "Write a test that fails without the change, run `phasegate check tests`, then make it pass."
        return failed("no test of this phase was seen red before it was green", remedy=remedy)
    red = {test.id for test in tests.red} | set(tests.gone)
    still = [id for id in seen if id in red]
    if still:
        return failed(f"still red: {some(still)}", remedy="Make them pass.", evidence=(evidence.id,))
    return passed(f"red first, green now: {some(seen)}", evidence=(evidence.id,))
