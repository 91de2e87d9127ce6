"""Open when this phase has new tests that fail for the right reason: red first."""

from __future__ import annotations

from phasegate.evidence.tests import RIGHT_REASONS, rightly_red
from phasegate.gates import tests_ran
from phasegate.gates.interface import Moment, Verdict, failed, passed, some


def gate(moment: Moment) -> Verdict:
    """A test that is newly red by an assertion, a name the code under test lacks, or an exception out of that code.

    A phase with `no new behaviour` has nothing to show red. A new test that is red by a fault of its own holds it shut.
    In a later loop the tests that were red earlier in the phase are enough.
    """
    if moment.listed is not None and moment.listed.no_new_behaviour:
        return passed("the plan says that this phase has no new behaviour")
    ran = tests_ran.gate(moment)
    found = moment.tests(moment.subject)
    if found is None or not found[1].complete:
        return ran
    evidence, tests = found
    fresh = [test for test in tests.red if test.id in tests.newly_red or test.id in tests.new]
    wrong = [f"{test.id} ({test.cause})" for test in fresh if test.cause not in RIGHT_REASONS]
    right = [test.id for test in fresh if test.cause in RIGHT_REASONS]
    if wrong:
        remedy = "Mend these tests so that they fail only by what the code lacks."
        return failed(f"red by a fault of the test itself: {some(wrong)}", remedy=remedy, evidence=(evidence.id,))
    earlier = rightly_red(moment.phase.red_seen)
    if not right and earlier:
        return passed(f"failed as they should earlier in this phase: {some(earlier)}", evidence=(evidence.id,))
    if not right:
        remedy = "Write a test that fails because the behaviour is missing, then `phasegate check tests`."
        return failed("no new test fails", remedy=remedy, evidence=(evidence.id,))
    return passed(f"fails as it should: {some(right)}", evidence=(evidence.id,))
