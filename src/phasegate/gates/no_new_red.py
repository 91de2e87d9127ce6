"""Open when no test is red that was not red at the start, and no test has disappeared."""

from __future__ import annotations

from phasegate.evidence.tests import among
from phasegate.gates import tests_ran
from phasegate.gates.interface import Moment, Verdict, failed, passed, some, unknown


def gate(moment: Moment) -> Verdict:
    """Compares the newest run on this tree with the phase's baseline; tests red at the start may only become fewer."""
    ran = tests_ran.gate(moment)
    if not ran.passes:
        return ran
    found, baseline = moment.tests(moment.subject), moment.baseline()
    if found is None or baseline is None:
        return unknown("the phase has no baseline to compare with", remedy="Run `phasegate check tests`.")
    evidence, tests = found
    if evidence.id not in baseline.evidence and tests.compared_to not in baseline.evidence:
        return unknown(
            "the newest run on this tree was not compared with the start of this phase",
            remedy="Run `phasegate check tests --again`.",
            evidence=(evidence.id,),
        )
    red = [test.id for test in tests.red if not among(test.id, baseline.red) and test.id not in tests.excused]
    ids = (evidence.id, *baseline.evidence)
    if red:
        return failed(f"newly red: {some(red)}", remedy="Mend the code until they pass.", evidence=ids)
    if tests.gone:
        return failed(
            f"tests that existed at the start, or were red since, are gone: {some(tests.gone)}",
            remedy="Bring them back; deleting or renaming a test needs a person's approval.",
            evidence=ids,
        )
    if tests.newly_skipped:
        return failed(
            f"tests that ran at the start, or were red since, are skipped now: {some(tests.newly_skipped)}",
            remedy="Let them run again; skipping a test needs a person's approval.",
            evidence=ids,
        )
    hollow = [f"{test.id} ({test.why})" for test in tests.hollow]
    if hollow:
        return failed(
            f"tests pass and show nothing: {some(hollow)}",
            remedy="Let each assert what the code has to do; a test without an assertion needs a person's approval.",
            evidence=ids,
        )
    flaky = (f"red, and passed when they ran again: {some(tests.flaky)}",) if tests.flaky else ()
    return passed(f"nothing is newly red, {len(baseline.red)} tests were red before", *flaky, evidence=ids)
