"""Open when a test of this phase was seen to fail for the right reason, whatever it does now."""

from __future__ import annotations

from phasegate.evidence.tests import rightly_red
from phasegate.gates.interface import Moment, Verdict, failed, passed, some


def gate(moment: Moment) -> Verdict:
    """Looks at every test run recorded in this phase; a phase with `no new behaviour` has nothing to show red."""
    if moment.listed is not None and moment.listed.no_new_behaviour:
        return passed("the plan says that this phase has no new behaviour")
    seen = rightly_red(moment.phase.red_seen)
    if seen:
        return passed(f"seen to fail as they should: {some(seen)}")
    remedy = "Put the change aside, write a test that fails without it, `phasegate check tests`, bring the change back."
    return failed("no test of this phase was seen to fail without the change", remedy=remedy)
