"""Open when tests that failed for the right reason earlier in this phase pass now."""

from __future__ import annotations

from phasegate.evidence.tests import rightly_red
from phasegate.gates import tests_ran
from phasegate.gates.interface import Moment, Verdict, failed, passed, some


def gate(moment: Moment) -> Verdict:
    """Every test seen red for the right reason in this phase passed in the newest run, and there is at least one."""
    if moment.listed is not None and moment.listed.no_new_behaviour:
        return passed("the plan says that this phase has no new behaviour")
    ran = tests_ran.gate(moment)
    found = moment.tests(moment.subject)
    if not ran.passes or found is None:
        return ran
    evidence, tests = found
    seen = rightly_red(moment.phase.red_seen)
    if not seen:
        remedy = "Write a test that fails without the change, run `phasegate check tests`, then make it pass."
        return failed("no test of this phase was seen red before it was green", remedy=remedy)
    red = {test.id for test in tests.red}
    still = [id for id in seen if id in red]
    if still:
        return failed(f"still red: {some(still)}", remedy="Make them pass.", evidence=(evidence.id,))
    unheld = [id for id in seen if id not in tests.held]
    if unheld:
        return failed(
            f"red earlier in this phase, and not seen to pass: {some(unheld)}",
            remedy="Bring them back under these names, run and not skipped, then `phasegate check tests --again`.",
            evidence=(evidence.id,),
        )
    return passed(f"red first, green now: {some(seen)}", evidence=(evidence.id,))
